"""Digests of the files of a checkpoint, and the root digest that stands for all of them.

The root digest is that of OpenSSF model signing (package model-signing, predicate signature/v1.0): SHA-256 over the SHA-256 of each
file, in the order of their names as POSIX paths.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from forebear.core.bounded import inner_parts, open_stream, read_piece
from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message

MOST_FILES = 10_000
MOST_DEPTH = 8
MOST_BYTES = 16 * 2**30
"""Bytes hashed without `--full`; more is said and left out."""
_PIECE = 4 * 2**20
_ANY_SIZE = 2**63
UNSIGNED = (".git", ".gitattributes", ".github", ".gitignore")
"""What the package model-signing leaves out of a signature."""
SIGNATURES = (".sig", ".sigstore", ".sigstore.json")


def names_below(folder: Path, limits: list[Message]) -> list[str]:
    """Names of the files below a folder, signatures and what git keeps aside; links that lead outside are left out and said."""
    found: list[str] = []
    root = folder.resolve()
    blobs = root.parent.parent / "blobs" if root.parent.name == "snapshots" else root
    waiting = [(folder, 1)]
    while waiting:
        place, depth = waiting.pop()
        for entry in sorted(os.scandir(place), key=lambda one: one.name):
            name = Path(entry.path).relative_to(folder).as_posix()
            if entry.name in UNSIGNED or entry.name.endswith(SIGNATURES) or inner_parts(name) is None:
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < MOST_DEPTH:
                    waiting.append((Path(entry.path), depth + 1))
                continue
            if entry.is_symlink() and not _leads_inside(entry.path, (root, blobs)):
                limits.append(message("unverified.outside", name=name))
                continue
            if entry.is_file():
                found.append(name)
            if len(found) > MOST_FILES:
                limits.append(message("unverified.many_files", count=MOST_FILES))
                return ordered(found[:MOST_FILES])
    return ordered(found)


def _leads_inside(link: str, folders: Iterable[Path]) -> bool:
    """Whether a link leads to something below one of the folders; a circle of links leads nowhere."""
    try:
        target = Path(link).resolve()
    except (OSError, RuntimeError):
        return False
    return any(target.is_relative_to(folder) for folder in folders)


def ordered(names: Iterable[str]) -> list[str]:
    """Names in the order in which a root digest takes them."""
    return sorted(names, key=PurePosixPath)


def file_digest(path: Path) -> tuple[str, int]:
    """SHA-256 of a regular file, read in pieces, and its size in bytes. Raises RefusedError when it cannot be read."""
    digest, size = hashlib.sha256(), 0
    with open_stream(path, _ANY_SIZE) as file:
        while piece := read_piece(file, _PIECE, path):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def root_digest(digests: Mapping[str, str]) -> str:
    """The root digest of files by name → SHA-256 in hexadecimal.

    >>> root_digest({"a": "00" * 32})[:12]
    '66687aadf862'
    """
    whole = hashlib.sha256()
    for name in ordered(digests):
        whole.update(bytes.fromhex(digests[name]))
    return whole.hexdigest()


def digests_of(path: Path, *, full: bool, limits: list[Message]) -> dict[str, tuple[str, int]]:
    """Digest and size of every file of a checkpoint, by name.

    {} and a limit for an address, and for files of more than MOST_BYTES together when not `full`.
    """
    if not path.exists():  # an address: what it leads to is no folder here
        limits.append(message("unverified.address"))
        return {}
    names = names_below(path, limits) if path.is_dir() else [path.name]
    folder = path if path.is_dir() else path.parent
    total = sum((folder / name).stat().st_size for name in names)
    if total > MOST_BYTES and not full:
        limits.append(message("unverified.not_hashed", size=total, limit=MOST_BYTES))
        return {}
    found = {}
    for name in names:
        try:
            found[name] = file_digest(folder / name)
        except RefusedError as error:
            limits.append(message("unverified.file", why=error.message()))
    return found
