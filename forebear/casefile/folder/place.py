"""Plain names, and files inside one folder: nothing that a received case names leaves it, and no link is followed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from forebear.core.bounded import read_bounded
from forebear.core.documents import write_whole
from forebear.core.errors import ForebearError, RefusedError, refusal
from forebear.core.messages import message

PLAIN_RULE = (
    "A plain name has 1 to 64 letters (a-z, A-Z), digits, '.', '_' or '-', begins with a letter or digit, does not end in "
    "'.', and is not the name of a device (con, nul, com1, ...)."
)
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.I | re.S)
MAX_FILES = 100_000
"""Most files of one folder that are sealed or verified."""
MAX_DEPTH = 32
"""Most folders inside each other."""


def is_plain(name: str) -> bool:
    """Whether a text is a plain name (PLAIN_RULE)."""
    return bool(_PLAIN.fullmatch(name)) and not _DEVICE.fullmatch(name)


def check_plain(what: str, name: str, where: str = "", error: type[ForebearError] = RefusedError) -> None:
    """Raise `error` with the rule unless a name is plain."""
    if not is_plain(name):
        raise error(f"{what} {name[:80]!r} is not a plain name", where=where, todo=PLAIN_RULE)


def is_file_name(name: str) -> bool:
    """Whether a text is one plain file name (`case_advice.file_rule`), in any script."""
    if not name or not name.isprintable() or re.search(r"[/\\:]", name) or name[0] == "." or name[-1] in ". ":
        return False
    return len(name.encode("utf-8", "surrogatepass")) <= 200 and not _DEVICE.fullmatch(name)


def check_relative(name: str, where: str = "") -> None:
    """Refuse a name with '/' between its parts unless every part is a plain file name."""
    parts = name.split("/")
    if len(parts) > MAX_DEPTH or not all(is_file_name(part) for part in parts):
        raise refusal(
            message("case_refused.file_outside", name=repr(name[:120])),
            where=where,
            todo=message("case_advice.file_rule"),
        )


def inside(folder: Path, name: str) -> Path:
    """The place of a plain relative name in a folder, with no link on the way to it below the folder.

    Raises: RefusedError when a part is not plain, or when a part that exists is a link.
    """
    check_relative(name, str(folder))
    path = folder
    for part in name.split("/"):
        path = path / part
        if path.is_symlink():
            raise refusal(message("case_refused.link"), where=str(path), todo=message("case_advice.put_file"))
    return path


def exists_inside(folder: Path, name: str) -> bool:
    """Whether something is there, a dangling link included."""
    return os.path.lexists(inside(folder, name))


def read_inside(folder: Path, name: str, limit_bytes: int) -> bytes:
    """The bytes of a regular file of a folder.

    Raises: RefusedError as `inside` and `read_bounded` do.
    """
    return read_bounded(inside(folder, name), limit_bytes, links=False)


def write_inside(folder: Path, name: str, data: bytes) -> None:
    """Write a file of a folder whole or not at all; folders on the way are made.

    Raises: RefusedError as `inside` and `write_whole` do, and when a folder cannot be made.
    """
    path = inside(folder, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(message("case_refused.not_made", why=str(error.strerror)), where=str(path.parent)) from error
    write_whole(path, data)


def files_of(folder: Path, *, hidden: bool = True, leave: Path | None = None) -> list[str]:
    """Names of all files of a folder, sorted; hidden: those that begin with '.' too; leave: a folder not entered.

    Raises: RefusedError at a link, at anything that is neither file nor folder, and past MAX_FILES or MAX_DEPTH.
    """
    found: list[str] = []
    for name in _walk(folder, "", hidden, leave, 0):
        found.append(name)
        if len(found) > MAX_FILES:
            raise refusal(message("case_refused.many_files", most=MAX_FILES), where=str(folder))
    return sorted(found)


def _walk(folder: Path, prefix: str, hidden: bool, leave: Path | None, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise refusal(message("case_refused.deep", most=MAX_DEPTH), where=str(folder))
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError as error:
        raise refusal(message("case_refused.not_listed", why=str(error.strerror)), where=str(folder)) from error
    for entry in entries:
        if (not hidden and entry.name.startswith(".")) or (leave is not None and Path(entry.path) == leave):
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", hidden, leave, depth + 1)
        elif stat.S_ISREG(mode):
            yield f"{prefix}{entry.name}"
        else:
            raise refusal(
                message("case_refused.is_link" if stat.S_ISLNK(mode) else "case_refused.no_file"),
                where=entry.path,
            )
