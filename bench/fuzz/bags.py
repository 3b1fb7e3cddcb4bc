"""Sealed cases as they are received: manifests, block digests, signature and payload, through the verb `case verify`."""

from __future__ import annotations

import hashlib
import random
import re
import tempfile
from pathlib import Path

from bench.fuzz import mutate
from bench.fuzz.target import Files, Folder, Plant, Target
from bench.fuzz.under_test import case_seal, case_verbs

MANIFESTS = (case_seal.MANIFEST, case_seal.TAGS, case_seal.BLOCKS)
_PAYLOAD = {"case.toml": b"title = 1\n", "sources/s.md": b"six layers\n", "sources/50%.md": b"x"}
_WORDS = ("data/case.toml", "data/sources/s.md", "data/../case.toml", "data//etc/passwd", "data/", "data/none", "../../etc/passwd",
          "/etc/passwd", "bagit.txt", "data", "manifest-sha256.txt", "%00", "%0A", "%25", "data/sources", "data/%2e%2e/x", "0",
          "-1", "9" * 4999, "9" * 5001, "1e3", "\u0663", "\u00b2", " ", "  data/", "a" * 64, "A" * 64, "e3b0c442" * 8, "a" * 16,
          "data/" + "x" * 300, "data/\x00", "data/\udcff")  # fmt: skip
_LINE = re.compile(r"[0-9a-f][0-9a-f ]*  [^\n]+")
LARGE, REMOVED = 3e-5, "-"
"""Share of inputs with larger payload that was altered everywhere; the entry that names files taken away."""


class _Bag:
    """A sound sealed case of three small files, its signature kept apart: most inputs have none, since checking one takes long."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            case, key = Path(folder) / "case", Path(folder) / "key"
            for name, data in _PAYLOAD.items():
                (case / name).parent.mkdir(parents=True, exist_ok=True)
                (case / name).write_bytes(data)
            key.write_bytes(bytes(64))
            case_seal.seal_case(case, Path(folder) / "bag", key)
            bag = Path(folder) / "bag"
            files = {p.relative_to(bag).as_posix(): p.read_bytes() for p in sorted(bag.rglob("*")) if p.is_file()}
        self.signature = files.pop(case_seal.SIGNATURE)
        self.files = files
        self.folder = Folder(files)


_BAGS: list[_Bag] = []


def bag() -> _Bag:
    """The sound bag of this process."""
    if not _BAGS:
        _BAGS.append(_Bag())
    return _BAGS[0]


def make(rng: random.Random) -> Files:
    """A manifest changed in nine of ten, payload altered, put in or taken away, now and then a signature."""
    sound = bag().files
    files: Files = {}
    if rng.random() < LARGE:
        return _large(rng)
    if rng.random() < 0.9:
        for name in rng.sample(MANIFESTS, 1 if rng.random() < 0.8 else 2):
            data = sound[name]
            files[name] = (
                mutate.raw(rng, [data]) if rng.random() < 0.15 else mutate.lines(rng, data.decode(), _WORDS, 2)
            )
    if rng.random() < 0.12:
        name = rng.choice(list(_PAYLOAD))
        files[f"data/{name}"] = mutate.raw(rng, [_PAYLOAD[name]], 24)
    if rng.random() < 0.05:
        files[f"data/{rng.choice(('new', 'a/b', 'x%0Ay', 'case.toml.bak'))}"] = b"new"
    if rng.random() < 0.08:
        files[REMOVED] = rng.choice(list(sound)).encode()
    if rng.random() < 0.02:
        signature = bag().signature
        files[case_seal.SIGNATURE] = mutate.raw(rng, [signature]) if rng.random() < 0.9 else signature
    return files


def _large(rng: random.Random) -> Files:
    """Several files of some kilobytes, their blocks sealed, then every block altered in two places."""
    files: Files = {}
    sums, blocks = [], []
    for number in range(rng.randint(1, 6)):
        data = bytearray(rng.randbytes(rng.choice((2560, 5120, 10240))))
        blocks.append(f"{len(data)} {' '.join(_digests(bytes(data)))}  data/large{number}")
        sums.append(f"{'0' * 64}  data/large{number}")
        for at in range(0, len(data) - 1, case_seal.BLOCK):
            data[at] ^= 1
            data[at + 1] ^= 1
        files[f"data/large{number}"] = bytes(data)
    return files | {case_seal.MANIFEST: "\n".join(sums).encode(), case_seal.BLOCKS: "\n".join(blocks).encode()}


def _digests(data: bytes) -> list[str]:
    blocks = (data[at : at + case_seal.BLOCK] for at in range(0, len(data), case_seal.BLOCK))
    return [hashlib.sha256(block).hexdigest()[:16] for block in blocks]


def run(files: Files) -> None:
    """`case verify` of the bag, without a key."""
    folder = bag().folder
    path = folder.put({name: data for name, data in files.items() if name != REMOVED})
    if REMOVED in files:
        folder.remove(files[REMOVED].decode())
    case_verbs.case_verify(path)


def outer(files: Files) -> bool:
    """Whether every changed manifest is lines of digests and names in UTF-8."""
    for name in MANIFESTS:
        if name in files:
            try:
                lines = files[name].decode().splitlines()
            except UnicodeDecodeError:
                return False
            if not all(_LINE.fullmatch(line) for line in lines):
                return False
    return True


BAGS = Target(
    name="bags", make=make, run=run, outer=outer,
    plant=Plant(case_verbs, "verify_seal", lambda changes: len(changes) == 4),
    measured=("forebear.casefile.folder.seal", "forebear.casefile.folder.signature"),
    reads="what `case verify` reads of a bag: tag manifest, manifest, block digests, payload, signature (one in fifty)",
)  # fmt: skip
