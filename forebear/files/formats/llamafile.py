"""llamafile: a program with a zip archive behind it that holds a GGUF file, stored as it is.

Source: llamafile, README (zipalign), and the zip format: the end record lies at the end; where the archive was written by
itself and the program put before it, its offsets count from where it began.
"""

from __future__ import annotations

import struct
from pathlib import Path

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.files.base import Container
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.bytesource import ByteSource, Part
from forebear.files.formats.archive_open import inside
from forebear.files.formats.format import Packed

_END = struct.Struct("<4s8xII2x")


def open_llamafile(file: ByteSource, max_header: int | None) -> Container | Packed:
    """The one checkpoint in the archive behind a program.

    Raises: RefusedError where there is no archive, or as the archive is refused.
    """
    size = file.size
    tail_size = min(size, 22 + 0xFFFF)
    tail = bytes(file.read(size - tail_size, tail_size))
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > tail_size:
        said = message("format.no_weights_behind")
        raise refusal(said, where=str(file.path), todo=message("advice.gguf_it_runs"))
    _, length, begin = _END.unpack_from(tail, at)
    before = size - tail_size + at - length - begin
    known = 0xFFFFFFFF not in (length, begin) and 0 < before < size
    return inside(ZipArchive(Part(file, before, size - before, Path(file.path)) if known else file), max_header)
