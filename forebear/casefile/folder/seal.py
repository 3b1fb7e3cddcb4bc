"""Sealing a case as a BagIt bag (RFC 8493), with an optional signature by a local key, and naming every altered byte."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forebear.casefile.folder.folder import MAX_BYTES_SOURCE
from forebear.casefile.folder.place import (
    check_relative,
    exists_inside,
    files_of,
    inside,
    read_inside,
    write_inside,
)
from forebear.casefile.folder.signature import can_sign, fits, public_key, sign
from forebear.core.bounded import read_bounded, refuse_os_error
from forebear.core.errors import RefusedError, UsageError, refusal
from forebear.core.messages import message
from forebear.core.stopping import unfinished

MANIFEST, TAGS, BLOCKS, SIGNATURE = (
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
    "block-sha256.txt",
    "signature-ed25519.txt",
)
BLOCK = 256
"""Bytes of one digest in the block list, by which an altered place is found without the old file."""
MAX_RANGES = 10_000
"""Most altered stretches of one file that are listed; the last one then takes in the rest."""
SEARCHED = 20
"""Altered blocks in which the one altered byte is looked for by trying."""
PRIVACY = "Forebear-Privacy"
PRIVATE = "PRIVATE: the sources as received, with every name in them. Give out a seal of the report alone."
MAX_MANIFEST_BYTES = 512 * 2**20
"""Largest manifest or block list that is read: the blocks of 5 GB."""
KEY_BYTES = 32
MOST_KEY_BYTES = 2**20
_CONTEXT = b"forebear case seal 1\n"
"""Put before what is signed, and before a key file, so that neither serves any other purpose."""
_LINE = re.compile(r"([0-9a-f]{64})  (\S[^\x00-\x1f]*)")
_BLOCK_LINE = re.compile(r"([0-9]{1,12})((?: [0-9a-f]{16})*) ?  (data/[^\x00-\x1f]+)")
_PUBLIC = re.compile(rb"\s*ed25519 ([0-9a-f]{64})\s*")


@dataclass(frozen=True)
class Change:
    """One difference from the seal: file, what (altered, missing, added, longer, shorter), byte ranges [start, end).

    by: bytes by which the file is longer or shorter.
    """

    file: str
    what: str
    ranges: tuple[tuple[int, int], ...] = ()
    by: int = 0

    def told(self) -> str:
        """The difference in a line; at most five ranges."""
        by = f" by {self.by} bytes" if self.by else ""
        return f"{self.file} {self.what}{by} {', '.join(f'bytes {a}-{b - 1}' for a, b in self.ranges[:5])}".strip()


@dataclass(frozen=True)
class Seal:
    """What was sealed: the files, the public key of the signature ("" without one), what killed tries left beside it."""

    files: tuple[str, ...]
    public: str = ""
    unfinished: tuple[str, ...] = ()


def seal_case(folder: Path, target: Path, key: Path | None = None, part: str = "") -> Seal:
    """Copy a case into `target` as a bag: data/..., manifests, block digests, and a signature when a key is given.

    The bag is built beside the target under a hidden name and renamed when it is whole and on the disk.

    key: a file of at least 32 bytes that stays with its owner; part: a folder of the case to seal instead of the whole.
    Raises: RefusedError when the target exists, or a file is a link or cannot be read; UsageError for a short key.
    """
    if os.path.lexists(target):
        raise refusal(
            message("case_refused.seal_exists"),
            where=str(target),
            todo=message("case_advice.never_over"),
        )
    secret = _secret(key) if key else b""
    own = public_key(secret).hex() if secret else ""  # before anything is written: it needs the library
    root = inside(folder, part) if part else folder
    files = [f"{part}/{n}" if part else n for n in files_of(root, hidden=False, leave=target)] if root.is_dir() else []
    if not files:
        raise refusal(
            message("case_refused.nothing_to_seal"),
            where=str(root),
            todo=message("case_advice.report_first"),
        )
    for name in files:
        check_relative(name, str(folder))
    beside = target.parent / f".{target.name[:100]}.unfinished-{secrets.token_hex(4)}"
    try:
        with unfinished(beside):  # a signal removes it as well
            beside.mkdir()
            _fill(beside, folder, files, PRIVATE if not part else "")
            if secret:
                signed = sign(secret, _CONTEXT + read_inside(beside, TAGS, MAX_MANIFEST_BYTES)).hex()
                write_inside(beside, SIGNATURE, f"ed25519 {own}\nsignature {signed}\n".encode())
            _flush(beside)
            os.rename(beside, target)
        flush_folder(target.parent)
    except OSError as error:
        raise refusal(message("case_refused.not_made", why=str(error.strerror)), where=str(target)) from error
    return Seal(tuple(files), own, tuple(left_behind(target)))


def left_behind(target: Path) -> list[str]:
    """Names beside a target that earlier tries left there when they were killed."""
    start = f".{target.name[:100]}.unfinished-"
    return sorted(p.name for p in target.parent.iterdir() if p.name.startswith(start))


def _fill(bag: Path, folder: Path, files: Sequence[str], privacy: str) -> None:
    """Write the payload of a bag and its tag files."""
    sums, blocks, total = [], [], 0
    for name in files:
        data = read_inside(folder, name, MAX_BYTES_SOURCE)
        write_inside(bag, f"data/{name}", data)
        total += len(data)
        sums.append(f"{hashlib.sha256(data).hexdigest()}  data/{_encoded(name)}")
        blocks.append(f"{' '.join([str(len(data)), *_blocks(data)])}  data/{_encoded(name)}")
    marked = f"{PRIVACY}: {privacy}\n" if privacy else ""
    tags = {
        "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": f"Payload-Oxum: {total}.{len(files)}\nBagging-Software: forebear\n{marked}",
        MANIFEST: "\n".join(sums) + "\n",
        BLOCKS: "\n".join(blocks) + "\n",
    }
    for name, text in tags.items():
        write_inside(bag, name, text.encode())
    listed = "".join(f"{hashlib.sha256(t.encode()).hexdigest()}  {n}\n" for n, t in sorted(tags.items())).encode()
    write_inside(bag, TAGS, listed)


def _flush(folder: Path) -> None:
    """Folders of a bag on the disk, the innermost first (the files are: write_whole flushes each)."""
    for base, _, _ in os.walk(folder, topdown=False):
        flush_folder(Path(base))


def flush_folder(folder: Path) -> None:
    """The entries of a folder on the disk, where the system lets a folder be opened (Windows does not)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _secret(key: Path) -> bytes:
    if not key.exists():
        raise refusal(message("refused.missing"), where=str(key), todo=message("case_key.make", size=KEY_BYTES))
    data = _key_bytes(key)
    if len(data) < KEY_BYTES:
        raise UsageError(f"the key has {len(data)} bytes; {KEY_BYTES} or more are wanted")
    if _PUBLIC.fullmatch(data):
        raise UsageError("this is a public key: it checks seals and cannot make one")
    return hashlib.sha256(_CONTEXT + data).digest()


def _key_bytes(key: Path) -> bytes:
    return read_bounded(key, MOST_KEY_BYTES)


@dataclass(frozen=True)
class Signature:
    """What is known of a bag's signature: state is "valid", "not checked" (no library here) or "none"; public: whose key."""

    state: str
    public: str = ""


def signer(bag: Path, key: Path | None = None) -> Signature:
    """Who signed a bag.

    key: the owner's key file, or a file with the line `ed25519 PUBLIC`.
    Raises: RefusedError when the signature is not of these manifests, or not of this key, or when a key is given and there
            is no signature or no library to check it with.
    """
    if not exists_inside(bag, SIGNATURE):
        if key is not None:
            raise RefusedError(
                "has no signature, though a key was given", where=str(bag), said=message("refusal.unsigned")
            )
        return Signature("none")
    match = re.fullmatch(rb"ed25519 ([0-9a-f]{64})\nsignature ([0-9a-f]{128})\n", _read(bag, SIGNATURE))
    if match is None:
        raise RefusedError(
            "the signature file was altered", where=str(bag / SIGNATURE), said=message("refusal.signature_file")
        )
    public, signature = (bytes.fromhex(part.decode()) for part in match.groups())
    if key is None and not can_sign():
        return Signature("not checked")
    if not fits(public, _CONTEXT + _read(bag, TAGS), signature):
        raise RefusedError(
            "the signature does not fit these manifests: one of them was altered",
            where=str(bag),
            said=message("refusal.other_manifests"),
        )
    if key is not None:
        given = _PUBLIC.fullmatch(_key_bytes(key))
        wanted = bytes.fromhex(given[1].decode()) if given else public_key(_secret(key))
        if wanted != public:
            raise RefusedError(
                "the signature does not fit this key: another key made it",
                where=str(bag),
                said=message("refusal.other_key"),
            )
    return Signature("valid", public.hex())


def _encoded(name: str) -> str:
    return name.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def _decoded(name: str) -> str:
    return name.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _blocks(data: bytes) -> list[str]:
    return [hashlib.sha256(data[i : i + BLOCK]).hexdigest()[:16] for i in range(0, len(data), BLOCK)]


def verify_seal(bag: Path, original: Path | None = None) -> list[Change]:
    """Every difference between a bag and its seal; empty when none. Whether it is signed, `signer` says.

    original: an unaltered copy of the case, with which the ranges are exact to the byte. Without it they are exact where
    one byte of a block of 256 was changed, else to the block. Raises: RefusedError when the bag has no seal, a manifest is
    not one, or names a file outside the bag.
    """
    try:
        bag.stat()
    except OSError as error:  # else a wrong path reads like a seal that lost a file
        raise refuse_os_error(error, bag) from None
    tags = _manifest(bag, TAGS)
    if set(tags) != {"bagit.txt", "bag-info.txt", MANIFEST, BLOCKS}:
        raise refusal(message("case_refused.tag_files"), where=str(bag / TAGS))
    altered = [name for name, digest in tags.items() if hashlib.sha256(_read(bag, name)).hexdigest() != digest]
    changes = [Change(name, "altered", ()) for name in altered]
    sealed = {_payload(bag, name): digest for name, digest in _manifest(bag, MANIFEST).items()}
    known = {} if BLOCKS in altered else _block_lists(bag)
    here = set(files_of(inside(bag, "data"))) if inside(bag, "data").is_dir() else set()
    changes += [Change(n, "missing") for n in sorted(sealed.keys() - here)]
    changes += [Change(n, "added") for n in sorted(here - sealed.keys())]
    for name in sorted(here & sealed.keys()):
        data = read_inside(bag, f"data/{name}", MAX_BYTES_SOURCE)
        if hashlib.sha256(data).hexdigest() != sealed[name]:
            changes.append(_change(name, data, known.get(name), original))
    return changes


def _manifest(bag: Path, name: str) -> dict[str, str]:
    """File -> SHA-256 of a manifest.

    Raises: RefusedError when it is no text, a line of it is no digest and name, or a name stands twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_text(bag, name).splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in found:
            raise refusal(message("case_refused.manifest_line", line=number), where=str(bag / name))
        found[match[2]] = match[1]
    return found


def _payload(bag: Path, name: str) -> str:
    """The name inside data/ of a file that a manifest lists."""
    if not name.startswith("data/"):
        raise refusal(message("case_refused.not_in_data", name=repr(name[:120])), where=str(bag))
    plain = _decoded(name[len("data/") :])
    check_relative(plain, str(bag))
    return plain


def _block_lists(bag: Path) -> dict[str, tuple[int, list[str]]]:
    """File -> (size, digest of each block), as the block list has it.

    Raises: RefusedError when it is no text, or a line is not a size with as many digests as it needs.
    """
    found: dict[str, tuple[int, list[str]]] = {}
    for number, line in enumerate(_text(bag, BLOCKS).splitlines(), 1):
        match = _BLOCK_LINE.fullmatch(line)
        digests = match[2].split() if match else []
        if match is None or len(digests) != -(-int(match[1]) // BLOCK):
            raise refusal(message("case_refused.block_line", line=number), where=str(bag / BLOCKS))
        found[_payload(bag, match[3])] = (int(match[1]), digests)
    return found


def _change(name: str, data: bytes, entry: tuple[int, list[str]] | None, original: Path | None) -> Change:
    old = read_inside(original, name, MAX_BYTES_SOURCE) if original and exists_inside(original, name) else None
    size, digests = entry or (len(old) if old is not None else len(data), [])
    if old is not None:
        ranges = _exact(old, data)
    elif entry is None:
        ranges = []
    else:
        now = _blocks(data)
        count = max(len(digests), len(now))
        bad = [i for i in range(count) if i >= len(digests) or i >= len(now) or digests[i] != now[i]]
        places = [(i * BLOCK, min((i + 1) * BLOCK, max(size, len(data)))) for i in bad]
        if size == len(data):
            places = [
                _single(data, p, digests[i]) if n < SEARCHED else p
                for n, (p, i) in enumerate(zip(places, bad, strict=True))
            ]
        ranges = _joined(places)
    what = "altered" if size == len(data) else "longer" if len(data) > size else "shorter"
    return Change(name, what, tuple(ranges), abs(len(data) - size))


def _single(data: bytes, place: tuple[int, int], digest: str) -> tuple[int, int]:
    """The one byte of a block whose change explains its digest, by trying all; the whole block when more were changed."""
    block = bytearray(data[place[0] : place[1]])
    for at, now in enumerate(block):
        for value in range(256):
            block[at] = value
            if value != now and hashlib.sha256(block).hexdigest()[:16] == digest:
                return place[0] + at, place[0] + at + 1
        block[at] = now
    return place


def _exact(old: bytes, new: bytes) -> list[tuple[int, int]]:
    """Positions that differ; when the sizes differ, the stretch between the common beginning and the common end."""
    size = min(len(old), len(new))
    one, two = (np.frombuffer(data, dtype=np.uint8) for data in (old, new))
    if len(old) == len(new):
        steps = np.diff(np.concatenate([[0], (one != two).astype(np.int8), [0]]))
        starts, ends = (np.flatnonzero(steps == kind)[:MAX_RANGES].tolist() for kind in (1, -1))
        if len(ends) == MAX_RANGES:
            ends[-1] = int(np.flatnonzero(steps == -1)[-1])  # the last one shown takes in the rest
        return list(zip(starts, ends, strict=True))
    front = np.flatnonzero(one[:size] != two[:size])
    head = int(front[0]) if len(front) else size
    back = np.flatnonzero(one[len(old) - size + head :] != two[len(new) - size + head :])
    tail = size - head - 1 - int(back[-1]) if len(back) else size - head
    return [(head, len(new) - tail)]


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for a, b in ranges:
        if out and out[-1][1] == a:
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out


def _read(bag: Path, name: str) -> bytes:
    if not exists_inside(bag, name):
        raise refusal(message("case_refused.seal_incomplete"), where=str(bag / name))
    return read_inside(bag, name, MAX_MANIFEST_BYTES)


def _text(bag: Path, name: str) -> str:
    data = _read(bag, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(message("case_refused.no_text_at", byte=error.start), where=str(bag / name)) from None
