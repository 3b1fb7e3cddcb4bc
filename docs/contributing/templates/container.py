"""KIND files: the header first, then rows of one tensor on demand.

Source: SOURCE
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, Float32, TensorEntry
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.dtypes import DTYPES, decode
from forebear.files.formats.format import Format
from forebear.files.formats.header import PlacedEntry, parse_header
from forebear.files.refusing import AGAIN
from forebear.files.rowwise import PlacedContainer, row_count

MAGIC = b"MAGIC"


class OwnContainer(PlacedContainer):
    """One KIND file: MAGIC, length of the header (8 bytes), header, values. Its rows are whole runs of bytes.

    The base class reads rows in blocks, checks bounds and takes rows in any order; only two things are left to say:
    where a tensor lies and how its bytes become float32.
    """

    tensors: dict[str, PlacedEntry]

    def __init__(self, file: ByteSource, max_header: int | None) -> None:
        """Read and check the header; believe no length before it fits the file.

        Raises: RefusedError when the header is longer than the file or than allowed, or breaks a rule of `parse_header`.
        """
        self._file = file
        where, start, cap = str(file.path), len(MAGIC) + 8, MAX_HEADER_BYTES if max_header is None else max_header
        if file.size < start:
            raise refusal(message("unfit.too_small", size=file.size, what=message("thing.header")), where=where, todo=AGAIN)
        length = int.from_bytes(file.read(len(MAGIC), 8), "little")
        if length > file.size - start:
            raise refusal(message("unfit.header_length", length=length, left=file.size - start), where=where, todo=AGAIN)
        if length > cap:
            long = message("most.long", what=message("thing.header"), length=length, most=cap)
            raise refusal(long, where=where, todo=message("advice.cap", size=length))
        raw = bytes(file.read(start, length))
        header = parse_header(raw, data_begin=start + length, file_size=file.size, where=where)
        super().__init__("KIND", (file.path,), header.tensors, header.metadata)
        self.header_digest = hashlib.sha256(raw).hexdigest()
        self._count()

    def _place(self, entry: TensorEntry) -> tuple[int, int]:
        """(where the tensor begins in the file, bytes per row)."""
        assert isinstance(entry, PlacedEntry)
        return entry.begin, entry.stored_bytes // max(1, row_count(entry)[0])

    def _decode(self, entry: TensorEntry, raw: NDArray[np.uint8]) -> Float32:
        """Stored rows as float32."""
        return decode(raw.reshape(-1), DTYPES[entry.dtype])


def open_own(file: ByteSource, max_header: int | None) -> Container:
    """The container of a file whose first bytes are MAGIC."""
    return OwnContainer(file, max_header)


FORMAT = Format("KIND", lambda head, size: head.startswith(MAGIC), ("SUFFIX",), open_own)
