"""What a worker of a cluster is handed and hands back: plain words and bytes, whatever engine carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError
from forebear.core.messages import Message
from forebear.library.adding import Wanted, print_of
from forebear.library.evening import ANCHOR_NUMBERS
from forebear.library.local_store import LocalStore
from forebear.library.prints import SCREEN_NUMBERS, Print, pack, unpack
from forebear.library.search import nearest_rows
from forebear.library.store import Rows

Made = tuple[str, Print | RefusedError, float, int, list[Any]]


def print_packed(path: str, wanted: Wanted) -> dict[str, Any]:
    """The print of a path as bytes, or why there is none; see `forebear.library.adding.print_of`."""
    one, seconds, read, said = print_of(path, wanted)
    found: dict[str, Any] = {"path": path, "seconds": seconds, "read": read, "said": said}
    if isinstance(one, RefusedError):
        words = {name: None if (value := getattr(one, name)) is None else value.document() for name in ("said", "advice")}
        return found | {"refused": {"what": one.what, "where": one.where, "todo": one.todo, **words}}
    return found | {"print": pack(one)}


def unpacked(found: Mapping[str, Any]) -> Made:
    """What `print_packed` said, checked as a print read from a disk is. Raises: RefusedError when what came back is no print."""
    one: Print | RefusedError
    if "refused" in found:
        words = dict(found["refused"])
        for name in ("said", "advice"):
            words[name] = None if words[name] is None else Message(**words[name])
        one = RefusedError(words.pop("what"), **words)
    else:
        one = unpack(found["print"], str(found["path"]))
    return str(found["path"]), one, float(found["seconds"]), int(found["read"]), list(found["said"])


def nearest_packed(folder: str, screen: bytes, anchors: bytes, most: int) -> tuple[bytes, bytes, bytes, bytes]:
    """The rows of one library nearest to a screen and an anchor code, as bytes of handles, screens, anchor codes and norms."""
    rows = nearest_rows(LocalStore(folder), np.frombuffer(screen, np.int8), np.frombuffer(anchors, np.int8), most)
    return rows.handles.tobytes(), rows.screens.tobytes(), rows.anchors.tobytes(), rows.norms.tobytes()


def rows_of(found: tuple[bytes, bytes, bytes, bytes]) -> Rows:
    """What `nearest_packed` found."""
    handles, screens, anchors, norms = found
    return Rows(
        np.frombuffer(handles, np.int64), np.frombuffer(screens, np.int8).reshape(-1, SCREEN_NUMBERS),
        np.frombuffer(anchors, np.int8).reshape(-1, ANCHOR_NUMBERS), np.frombuffer(norms, np.float32),
    )  # fmt: skip
