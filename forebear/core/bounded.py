"""Files that somebody names, opened in one place: regular files only, small ones read whole within the caller's bounds."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from itertools import chain
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

from forebear.core.errors import RefusedError, refusal
from forebear.core.limits import MAX_JSON_VALUES, MAX_NESTING
from forebear.core.messages import Message, message
from forebear.core.output import note_input, state
from forebear.core.stray import STRAY_BYTES, stray
from forebear.core.wording import in_english

_CHECK = message("advice.get_again")


_KINDS = (
    (stat.S_ISDIR, "refused.folder"),
    (stat.S_ISFIFO, "refused.pipe"),
    (stat.S_ISSOCK, "refused.socket"),
    (stat.S_ISCHR, "refused.device"),
    (stat.S_ISBLK, "refused.device"),
)
# O_NONBLOCK: opening a pipe without a writer would hang for ever; on regular files it means nothing.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


_OS_ERRORS = {
    errno.ENOENT: ("refused.missing", "check_path"),
    errno.ENOTDIR: ("refused.missing_part", "check_path"),
    errno.EACCES: ("refused.permission", "permission"),
    errno.EPERM: ("refused.permission", "permission"),
    errno.ELOOP: ("refused.loop", "link"),
    errno.ENAMETOOLONG: ("refused.long_path", "check_path"),
    errno.EMFILE: ("refused.many_open", "open_files"),
    errno.EISDIR: ("refused.folder", "give_file"),
    errno.ENXIO: ("refused.socket_or_device", "regular"),
}
"""Number of a system's refusal → the key of what it means, and the key of what to do (`advice`)."""


def refuse_os_error(error: OSError, path: str | Path) -> RefusedError:
    """The operating system's refusal in our words: what is wrong with `path` and what to do."""
    known = _OS_ERRORS.get(error.errno or 0)
    if known is None:
        reason = str(error.strerror or error)
        return refusal(message("refused.unreadable", reason=reason), where=str(path), todo=message("advice.disk"))
    key, todo = known
    return refusal(message(key), where=str(path), todo=message(f"advice.{todo}"))


def open_regular(path: str | Path, *, links: bool = True) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file and its status; the only place where a file that somebody names is opened.

    links: whether a symbolic link is followed to the file it names. A person's own folders are full of them (a hub
    cache is made of links); a bag, an archive or a received case has none. False refuses a path whose last part is one;
    whoever joins a name to a folder looks at the parts before it.
    Raises: RefusedError when it is missing, a link that is not followed, no regular file, or unreadable.
    """
    where = str(path)
    if not links and os.path.islink(path):  # looked at first: the system has one number for this and for a loop
        raise refusal(message("refused.link"), where=where, todo=message("advice.file_there"))
    try:
        handle = os.open(path, _FLAGS if links else _FLAGS | _NO_LINK)
    except OSError as error:
        raise refuse_os_error(error, path) from error
    except ValueError:
        raise refusal(message("refused.zero_byte"), where=where, todo=message("advice.check_path")) from None
    try:
        status = os.fstat(handle)
        for is_kind, key in _KINDS:
            if is_kind(status.st_mode):
                raise refusal(message(key), where=where, todo=message("advice.regular"))
    except BaseException:
        os.close(handle)
        raise
    note_input(state(status))
    return handle, status


def inner_parts(name: str) -> tuple[str, ...] | None:
    """The parts of a name that a document gives for a file below its own folder; None when it is no such name.

    Refused: an absolute path, `..`, a drive, a zero byte, a backslash (nothing here, but a separator where the same folder is
    opened next), half a surrogate pair, an empty or idle part (`a//b`, `./a`).
    """
    parts = PurePosixPath(name).parts
    if not parts or name != "/".join(parts) or ".." in parts or "\\" in name or not _fits_a_path(name):
        return None
    return None if PureWindowsPath(name).drive else parts


def _fits_a_path(name: str) -> bool:
    return "\0" not in name and not any("\ud800" <= character <= "\udfff" for character in name)


def read_bounded(path: str | Path, limit_bytes: int, *, links: bool = True) -> bytes:
    """The whole of a regular file of at most `limit_bytes` bytes.

    links: see `open_regular`.
    Raises: RefusedError when it is missing, a folder, no regular file, unreadable, or larger than the limit.
    """
    with open_stream(path, limit_bytes, links=links) as file:
        data = read_piece(file, limit_bytes + 1, path)
    if len(data) > limit_bytes:
        raise refusal(message("refused.grew", limit=limit_bytes), where=str(path), todo=message("advice.when_done"))
    return data


def open_stream(path: str | Path, limit_bytes: int, *, links: bool = True) -> BinaryIO:
    """A regular file of at most `limit_bytes` bytes, to be read in pieces; whoever opens it closes it.

    Raises: RefusedError as `read_bounded`.
    """
    handle, status = open_regular(path, links=links)
    if status.st_size > limit_bytes:
        os.close(handle)
        raise _too_large(status.st_size, limit_bytes, path)
    return os.fdopen(handle, "rb")


def read_head(path: str | Path, count: int) -> bytes:
    """The first `count` bytes of a regular file of any size. Raises RefusedError as `open_regular`."""
    handle, _ = open_regular(path)
    with os.fdopen(handle, "rb") as file:
        return read_piece(file, count, path)


def read_piece(file: BinaryIO, count: int, path: str | Path) -> bytes:
    """The next bytes of an open file, at most `count`. Raises RefusedError when the system cannot read them."""
    try:
        return file.read(count)
    except OSError as error:
        raise refuse_os_error(error, path) from error


def _too_large(size: int, limit: int, path: str | Path) -> RefusedError:
    return refusal(message("refused.too_large", size=size, limit=limit), where=str(path), todo=_CHECK)


class UnfitError(ValueError):
    """A value that the format allows and we do not; said: the same as a message."""

    def __init__(self, said: Message) -> None:
        super().__init__(in_english(said))
        self.said = said


def check_nesting(value: Any) -> None:
    """Raises ValueError when lists and dictionaries nest deeper than MAX_NESTING, before anything walks them by recursion."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise UnfitError(message("refused.nesting", levels=MAX_NESTING))
        inner = list(
            chain.from_iterable(i.values() if isinstance(i, dict) else i for i in level if isinstance(i, list | dict))
        )
        level = [i for i in inner if isinstance(i, list | dict)] if {list, dict} & set(map(type, inner)) else []


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise UnfitError(message("refused.twice", name=repr(twice)))
    return found


def _no_constant(name: str) -> Any:
    raise UnfitError(message("refused.constant", name=name))


def within_64_bits(value: int) -> int:
    """The number. Raises ValueError past 64 bits: no format here has one, and sums with it are no figures."""
    if not -(2**63) <= value < 2**64:
        raise _past_64_bits()
    return value


def _past_64_bits() -> UnfitError:
    return UnfitError(message("refused.past_64_bits"))


def finite(text: str) -> float:
    """The number that a text spells. Raises ValueError when it overflows or is no number."""
    value = float(text)
    if not math.isfinite(value):
        raise UnfitError(message("refused.infinite", text=text[:40]))
    return value


def _whole_number(text: str) -> int:
    if len(text) > 24:  # before it is converted, whose cost grows with the square of its digits
        raise _past_64_bits()
    return within_64_bits(int(text))


_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")


def _number_readers(data: bytes) -> dict[str, Any]:
    """Checked readers of numbers, when the text could hold one past 64 bits or past the largest float.

    Most files cannot: then the parser's own readers are used, which are several times as quick.
    """
    shape = data.translate(_SHAPE)
    large = any(mark in shape for mark in (b"0" * 19, b"0e000", b"0e+000"))
    return {"parse_int": _whole_number, "parse_float": finite} if large else {}


def parse_json(data: bytes, *, where: str, max_values: int = MAX_JSON_VALUES) -> Any:
    """Strict JSON: UTF-8, no key twice in one object, at most `max_values` values, bounded nesting, numbers that fit 64 bits.

    Raises: RefusedError, before anything is built when there are too many values.
    """
    # Every value but the first follows one of these bytes, so this bounds memory before the parser allocates any.
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > max_values:
        raise refusal(message("refused.json_values", count=values, limit=max_values), where=where, todo=_CHECK)
    try:
        found = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant,
                           **_number_readers(data))  # fmt: skip
        if data.count(b"[") + data.count(b"{") > MAX_NESTING:
            check_nesting(found)
        return found
    except UnicodeDecodeError as error:
        raise _no_json(data, message("refused.utf8", byte=error.start), where) from None
    except RecursionError:
        raise refusal(message("refused.json_nested"), where=where, todo=_CHECK) from None
    except ValueError as error:
        raise _no_json(data, message("refused.json", why=_why(error)), where) from None


def _no_json(data: bytes, what: Message, where: str) -> RefusedError:
    """A refusal that names what lies there instead (a pointer, a web page), where its first bytes tell."""
    found = stray(data[:STRAY_BYTES])
    if found is None or found.kind == "hub_error_json":  # a hub's error in JSON would have been read
        return refusal(what, where=where, todo=_CHECK)
    return refusal(found.this, where=where, todo=found.todo)


def _why(error: ValueError) -> Message:
    """What a parser found wrong, as a message: where in the text, or which of our rules it breaks."""
    if isinstance(error, json.JSONDecodeError):
        return message("refused.json_at", line=error.lineno, column=error.colno)
    return error.said if isinstance(error, UnfitError) else message("refused.english", what=str(error))
