"""The screens of a local library: records of one kilobyte in one file, read through a memory map."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.library.evening import ANCHOR_NUMBERS
from forebear.library.prints import SCREEN_NUMBERS, Print

RECORD = np.dtype(
    [
        ("screen", "i1", SCREEN_NUMBERS),
        ("anchors", "i1", ANCHOR_NUMBERS),
        ("live", "u1"),
        ("norm", "<f4"),
        ("ident", "<u8"),
        ("crc", "<u4"),
    ]
)
"""1024 bytes: the screen, the code of the anchors, whether it is used, the screen's length, first bytes of the id, a checksum."""
assert RECORD.itemsize == 1024


def path_of(folder: Path, generation: int) -> Path:
    """The file of a generation; `compact` begins a new one."""
    return folder / f"screens-{generation}.bin"


def record_of(one: Print) -> bytes | None:
    """The record of a print; None for a print without a screen."""
    if not len(one.arrays["screen"]):
        return None
    record = np.zeros(1, RECORD)
    record["screen"], record["anchors"], record["live"] = one.arrays["screen"], one.arrays["anchors"], 1
    record["norm"] = np.linalg.norm(one.arrays["screen"].astype(np.float64))
    record["ident"] = int(one.id[-64:][:16], 16)
    record["crc"] = zlib.crc32(record.tobytes()[:-4])
    return record.tobytes()


def write_record(path: Path, row: int, data: bytes) -> None:
    """Put a record in its place, on the disk when this returns. Raises: RefusedError when the disk is full or refuses."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o666)
        try:
            os.lseek(handle, row * RECORD.itemsize, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        said = message("library_refused.not_written", why=error.strerror)
        raise refusal(said, where=str(path), todo=message("library_advice.room")) from error


def mapped(path: Path) -> NDArray[Any]:
    """All whole records of a file, read where they lie. Shape (n,) of RECORD; empty when there is no file."""
    try:
        size = path.stat().st_size // RECORD.itemsize
    except FileNotFoundError:
        return np.zeros(0, RECORD)
    return np.memmap(path, dtype=RECORD, mode="r", shape=(size,)) if size else np.zeros(0, RECORD)
