"""Sealing a case as a BagIt bag (RFC 8493), with an optional signature by a local key, and naming every altered byte."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from forebear.casefile.folder.signature import fits, public_key, sign
from forebear.core.documents import write_whole
from forebear.core.errors import RefusedError, UsageError

MANIFEST, TAGS, BLOCKS, SIGNATURE = (
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
    "block-sha256.txt",
    "signature-ed25519.txt",
)
BLOCK = 256
"""Bytes of one digest in the block list, by which an altered place is found without the old file."""
SEARCHED = 20
"""Altered blocks in which the one altered byte is looked for by trying."""
KEY_BYTES = 32
MOST_KEY_BYTES = 2**20
_CONTEXT = b"forebear case seal 1\n"
"""Put before what is signed, and before a key file, so that neither serves any other purpose."""
_PUBLIC = re.compile(rb"\s*ed25519 ([0-9a-f]{64})\s*")


@dataclass(frozen=True)
class Change:
    """One difference from the seal: file, what (altered, missing, added, longer, shorter), byte ranges [start, end)."""

    file: str
    what: str
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Seal:
    """What was sealed: the files, and the public key of the signature ("" without one)."""

    files: tuple[str, ...]
    public: str = ""


def seal_case(folder: Path, target: Path, key: Path | None = None, part: str = "") -> Seal:
    """Copy a case into `target` as a bag: data/..., manifests, block digests, and a signature when a key is given.

    key: a file of at least 32 bytes that stays with its owner; part: a folder of the case to seal instead of the whole.
    Raises: RefusedError when the target exists, or a file is a link or cannot be read; UsageError for a short key.
    """
    if target.exists():
        raise RefusedError("exists already", where=str(target), todo="A seal is never written over.")
    secret = _secret(key) if key else b""
    files = [n for n in _files(folder, target) if n.startswith(f"{part}/" if part else "")]
    if not files:
        raise RefusedError("holds no file to seal", where=str(folder / part), todo="Run `forebear case report` first.")
    (target / "data").mkdir(parents=True)
    sums, blocks = [], []
    for name in files:
        data = (folder / name).read_bytes()
        place = target / "data" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, data)
        sums.append(f"{hashlib.sha256(data).hexdigest()}  data/{_encoded(name)}")
        blocks.append(f"{len(data)} {' '.join(_blocks(data))}  data/{_encoded(name)}")
    total = sum((folder / n).stat().st_size for n in files)
    tags = {
        "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": f"Payload-Oxum: {total}.{len(files)}\nBagging-Software: forebear\n",
        MANIFEST: "\n".join(sums) + "\n",
        BLOCKS: "\n".join(blocks) + "\n",
    }
    for name, text in tags.items():
        write_whole(target / name, text.encode())
    listed = "".join(f"{hashlib.sha256(t.encode()).hexdigest()}  {n}\n" for n, t in sorted(tags.items())).encode()
    write_whole(target / TAGS, listed)
    if not secret:
        return Seal(tuple(files))
    public = public_key(secret).hex()
    signature = f"ed25519 {public}\nsignature {sign(secret, _CONTEXT + listed).hex()}\n"
    write_whole(target / SIGNATURE, signature.encode())
    return Seal(tuple(files), public)


def _secret(key: Path) -> bytes:
    data = _key_bytes(key)
    if len(data) < KEY_BYTES:
        raise UsageError(f"the key has {len(data)} bytes; {KEY_BYTES} or more are wanted")
    if _PUBLIC.fullmatch(data):
        raise UsageError("this is a public key: it checks seals and cannot make one")
    return hashlib.sha256(_CONTEXT + data).digest()


def _key_bytes(key: Path) -> bytes:
    try:
        with key.open("rb") as file:
            data = file.read(MOST_KEY_BYTES + 1)
    except OSError as error:
        raise RefusedError(f"the key cannot be read ({error.strerror})", where=str(key)) from error
    if len(data) > MOST_KEY_BYTES:
        raise UsageError(f"the key has more than {MOST_KEY_BYTES} bytes")
    return data


def signer(bag: Path, key: Path | None = None) -> str:
    """The public key that signed a bag, or "" when none did.

    key: the owner's key file, or a file with the line `ed25519 PUBLIC`.
    Raises: RefusedError when the signature is not of these manifests, or not of this key, or there is none and a key is given.
    """
    if not (bag / SIGNATURE).exists():
        if key is not None:
            raise RefusedError("has no signature, though a key was given", where=str(bag))
        return ""
    match = re.fullmatch(rb"ed25519 ([0-9a-f]{64})\nsignature ([0-9a-f]{128})\n", _read(bag / SIGNATURE))
    if match is None:
        raise RefusedError("the signature file was altered", where=str(bag / SIGNATURE))
    public, signature = (bytes.fromhex(part.decode()) for part in match.groups())
    if not fits(public, _CONTEXT + _read(bag / TAGS), signature):
        raise RefusedError("the signature does not fit these manifests: one of them was altered", where=str(bag))
    if key is not None:
        given = _PUBLIC.fullmatch(_key_bytes(key))
        wanted = bytes.fromhex(given[1].decode()) if given else public_key(_secret(key))
        if wanted != public:
            raise RefusedError("the signature does not fit this key: another key made it", where=str(bag))
    return public.hex()


def _files(folder: Path, target: Path) -> list[str]:
    names = []
    for path in sorted(folder.rglob("*")):
        if target in (path, *path.parents) or any(p.startswith(".") for p in path.relative_to(folder).parts):
            continue
        if path.is_symlink():
            raise RefusedError("is a link; a seal holds plain files", where=str(path))
        if path.is_file():
            names.append(path.relative_to(folder).as_posix())
    return names


def _encoded(name: str) -> str:
    return name.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def _decoded(name: str) -> str:
    return name.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _blocks(data: bytes) -> list[str]:
    return [hashlib.sha256(data[i : i + BLOCK]).hexdigest()[:16] for i in range(0, len(data), BLOCK)]


def verify_seal(bag: Path, original: Path | None = None) -> list[Change]:
    """Every difference between a bag and its seal; empty when none. Whether it is signed, `signer` says.

    original: an unaltered copy of the case, with which the ranges are exact to the byte. Without it they are exact where
    one byte of a block of 256 was changed, else to the block. Raises: RefusedError when the bag has no seal.
    """
    tags = _read(bag / TAGS)
    changes = [
        Change(name, "altered", ())
        for digest, name in _lines(tags)
        if hashlib.sha256(_read(bag / name)).hexdigest() != digest
    ]
    sealed = {_decoded(n[5:]): d for d, n in _lines(_read(bag / MANIFEST)) if n.startswith("data/")}
    known = {_decoded(line.rsplit("  data/", 1)[1]): line.rsplit("  data/", 1)[0].split(" ")
             for line in _read(bag / BLOCKS).decode().splitlines() if "  data/" in line}  # fmt: skip
    here = set(_files(bag / "data", bag / "none")) if (bag / "data").is_dir() else set()
    changes += [Change(n, "missing") for n in sorted(sealed.keys() - here)]
    changes += [Change(n, "added") for n in sorted(here - sealed.keys())]
    for name in sorted(here & sealed.keys()):
        data = (bag / "data" / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != sealed[name]:
            changes.append(_change(name, data, known.get(name, ["0"]), original))
    return changes


def _change(name: str, data: bytes, entry: list[str], original: Path | None) -> Change:
    size, digests = int(entry[0]), entry[1:]
    old = original / name if original else None
    if old is not None and old.is_file():
        ranges = _exact(old.read_bytes(), data)
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
    what = (
        "altered"
        if size == len(data)
        else f"{'longer' if len(data) > size else 'shorter'} by {abs(len(data) - size)} bytes"
    )
    return Change(name, what, tuple(ranges))


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
    if len(old) == len(new):
        return _joined([(i, i + 1) for i, (x, y) in enumerate(zip(old, new, strict=True)) if x != y])
    head = next((i for i, (x, y) in enumerate(zip(old, new, strict=False)) if x != y), min(len(old), len(new)))
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return [(head, len(new) - tail)]


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for a, b in ranges:
        if out and out[-1][1] == a:
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedError(f"the seal is incomplete ({error.strerror})", where=str(path)) from error


def _lines(text: bytes) -> list[tuple[str, str]]:
    pairs = [line.split("  ", 1) for line in text.decode("utf-8", "replace").splitlines()]
    return [(p[0], p[1]) for p in pairs if len(p) == 2]
