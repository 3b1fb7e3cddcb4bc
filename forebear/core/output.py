"""Files written whole or not at all, never in the place of a device, a pipe, a link or something that was read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from forebear.core.errors import RefusedError, UsageError, refusal, saying
from forebear.core.messages import message
from forebear.core.stopping import unfinished

_EXCLUSIVE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_EXCLUSIVE |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_KINDS = (
    (stat.S_ISLNK, "link"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)
State = tuple[int, int, int, int]
"""Device, inode, bytes and time of change (ns) of a file: the number of a deleted file is used again by the system."""

_read: set[State] = set()
"""Every file that was opened for reading in this process or in a worker of it, as it was then."""


def state(status: os.stat_result) -> State:
    """What tells a file, as it stands, from every other and from what has taken its number since."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def note_input(file: State) -> None:
    """Remember a file that is read, so that no result is written in its place."""
    _read.add(file)


def inputs() -> frozenset[State]:
    """Every file read so far."""
    return frozenset(_read)


def check_output(path: Path) -> None:
    """Whether a person may have a result written to `path`; asked before the work begins, and again before writing.

    Raises: UsageError for a link, folder, device, pipe or socket, for a file read in this run (by any of its names), and
            for one that this user may not write; RefusedError where there is no such folder.
    """
    status = _status(path)
    if status is None:
        if not os.path.isdir(path.parent):
            raise refusal(message("written.no_folder"), where=str(path), todo=message("written.make_folder"))
        return
    _refuse_kind(path, status, UsageError)
    if state(status) in _read:
        raise UsageError("is an input of this run", where=str(path), todo="Name another file with -o.")


def write_whole(path: Path, data: bytes) -> None:
    """Write a regular file so that a reader sees all of it or nothing; see `whole_file`."""
    with whole_file(path) as out:
        out.write(data)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A regular file to write in a block, so that a reader sees all of it or nothing: a temporary file in the same folder,
    then a rename.

    A new file has the mode that the umask gives; one that exists keeps its own. SIGINT, SIGTERM or an error leave the old
    file and no other; after SIGKILL a file whose name begins with a dot may be left, which disturbs no later run.
    Raises: RefusedError when something else than a regular file is there, the folder is missing, full or not ours to write.
    """
    status = _status(path)
    if status is not None:
        _refuse_kind(path, status, RefusedError)
    temporary = path.with_name(f".{path.name[:40]}.{os.urandom(8).hex()}.part")
    try:
        with unfinished(temporary):
            with os.fdopen(os.open(temporary, _EXCLUSIVE, 0o666), "wb") as out:
                if status is not None:
                    _keep_owner_and_mode(out.fileno(), status)
                yield out
                out.flush()
                os.fsync(out.fileno())
            os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise refusal(message("written.failed", why=reason), where=str(path), todo=message("written.room")) from error


def _status(path: Path) -> os.stat_result | None:
    """Of what is there, links not followed; None where nothing is, or nothing can be seen (writing then says why).

    Raises: RefusedError for a name that no file can have.
    """
    try:
        return os.lstat(path)
    except OSError:
        return None
    except ValueError:  # a zero byte, or half a surrogate pair
        raise refusal(message("written.no_name"), where=str(path), todo=message("written.another")) from None


def _refuse_kind(path: Path, status: os.stat_result, error: type[RefusedError] | type[UsageError]) -> None:
    for is_kind, what in _KINDS:
        if is_kind(status.st_mode):
            raise saying(error, message(f"written.{what}"), where=str(path), todo=message("written.regular"))
    if not os.access(path, os.W_OK):
        raise saying(error, message("written.mode"), where=str(path), todo=message("written.change_mode"))


def _keep_owner_and_mode(handle: int, status: os.stat_result) -> None:
    """Give a file that takes the place of another its mode, and its owner where this user may (root)."""
    if hasattr(os, "fchown") and (status.st_uid, status.st_gid) != (os.fstat(handle).st_uid, os.fstat(handle).st_gid):
        with suppress(PermissionError):
            os.fchown(handle, status.st_uid, status.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(handle, status.st_mode & 0o777)
