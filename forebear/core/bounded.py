"""Small files read whole, within bounds: no device, no pipe, no more bytes or values than the caller allows."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_JSON_VALUES

_CHECK = "Get the file again from its source."


def read_bounded(path: str | Path, limit_bytes: int, *, links: bool = True) -> bytes:
    """The whole of a regular file of at most `limit_bytes` bytes.

    links:  False refuses a path whose last part is a link (bags, archives and cases received from others).
    Raises: RefusedError when it is missing, a folder, no regular file, unreadable, or larger than the limit.
    """
    where = str(path)
    if not links and os.path.islink(path):
        raise RefusedError("is a link, which is not followed here", where=where, todo="Put the file itself there.")
    no_follow = 0 if links else getattr(os, "O_NOFOLLOW", 0)
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer who never comes.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | no_follow)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RefusedError(
            f"cannot be opened ({reason})", where=where, todo="Check the path and its permissions."
        ) from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):  # before fdopen, which raises in its own words on a folder
        os.close(handle)
        raise RefusedError("is not a regular file", where=where, todo="Name a file.")
    with os.fdopen(handle, "rb") as file:
        if status.st_size > limit_bytes:
            raise RefusedError(
                f"has {status.st_size:,} bytes, more than the {limit_bytes:,} allowed", where=where, todo=_CHECK
            )
        try:
            data = file.read(limit_bytes + 1)
        except OSError as error:
            raise RefusedError(f"cannot be read ({error.strerror})", where=where, todo="Check the disk.") from None
    if len(data) > limit_bytes:
        raise RefusedError(
            f"grew past the {limit_bytes:,} bytes allowed while it was read",
            where=where,
            todo="Read it when it is done.",
        )
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"the value {name} is not JSON")


def parse_json(data: bytes, *, where: str, max_values: int = MAX_JSON_VALUES) -> Any:
    """Strict JSON: UTF-8, no key twice in one object, no NaN, at most `max_values` values, bounded nesting.

    Raises: RefusedError, before anything is built when there are too many values.
    """
    # Every value but the first follows one of these bytes, so this bounds memory before the parser allocates any.
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > max_values:
        raise RefusedError(
            f"may hold {values:,} JSON values, more than the {max_values:,} allowed", where=where, todo=_CHECK
        )
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise RefusedError(f"is not UTF-8 (byte {error.start:,})", where=where, todo=_CHECK) from None
    except RecursionError:
        raise RefusedError("is JSON nested too deeply", where=where, todo=_CHECK) from None
    except ValueError as error:
        raise RefusedError(f"is not JSON we accept ({error})", where=where, todo=_CHECK) from None
