"""GGUF files: header first, then rows of one tensor, dequantised by row blocks."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, Float32, TensorEntry
from forebear.files.bytes.access import PositionedFile
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.formats.gguf_header import GgufArray, GgufEntry, Scalar, parse_gguf
from forebear.files.formats.gguf_types import BLOCKS, NUMBERS, dequantise
from forebear.files.rowwise import PlacedContainer, RowwiseContainer, row_count

PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)
"""Name of a part, as llama.cpp splits a checkpoint: name-00001-of-00003.gguf."""


class GgufContainer(PlacedContainer):
    """One GGUF file under its own names, shapes rows first. Memory: the header and a block of rows.

    values: the metadata, arrays unbuilt (`GgufArray.build`).
    """

    tensors: dict[str, GgufEntry]

    def __init__(self, path: Path, *, max_header: int | None = None, file: ByteSource | None = None) -> None:
        """Open and check the header.

        max_header: largest header read, bytes (default MAX_HEADER_BYTES); file: bytes from elsewhere than `path`.
        Raises: RefusedError when the file cannot be read or its header breaks a rule of `parse_gguf`.
        """
        self._file = PositionedFile(path) if file is None else file
        try:
            header = parse_gguf(
                lambda offset, count: bytes(self._file.read(offset, count)),
                size=self._file.size, max_header=max_header or MAX_HEADER_BYTES, where=str(path),
            )  # fmt: skip
        except BaseException:
            self._file.close()
            raise
        metadata = {key: str(value) for key, value in header.values.items()}
        super().__init__("gguf", (path,), header.tensors, metadata, header.odd)
        self.values: dict[str, Scalar | GgufArray] = dict(header.values)
        self.header_digest = hashlib.sha256(header.raw).hexdigest()
        self.grain_bytes = getattr(self._file, "grain_bytes", 1)
        self._count()

    def _place(self, entry: TensorEntry) -> tuple[int, int]:
        assert isinstance(entry, GgufEntry)
        return entry.begin, entry.stored_bytes // max(1, row_count(entry)[0])

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        block, block_bytes = BLOCKS[NUMBERS[entry.dtype]]
        if len(entry.shape) != 1 or block == 1:
            return super()._run(entry, first, last)
        begin, end = first // block, -(-last // block)  # values of a vector begin inside a block
        raw = self._file.read(self.tensors[entry.name].begin + begin * block_bytes, (end - begin) * block_bytes)
        values = dequantise(np.frombuffer(raw, dtype=np.uint8).reshape(1, -1), entry.dtype, self._where()).reshape(-1)
        return values[first - begin * block : last - begin * block]

    def _some(self, entry: TensorEntry, rows: NDArray[np.intp], out: Float32) -> None:
        if len(entry.shape) == 1:
            RowwiseContainer._some(self, entry, rows, out)
        else:
            super()._some(entry, rows, out)

    def _decode(self, entry: TensorEntry, raw: NDArray[np.uint8]) -> Float32:
        return dequantise(raw, entry.dtype, str(self.paths[0]))


def open_gguf(file: ByteSource, max_header: int | None) -> Container:
    """A GGUF file, or one part of a checkpoint in several (gguf_split.py joins them).

    Raises: RefusedError for a part whose name does not say which it is: nobody could look for the others.
    """
    container = GgufContainer(file.path, max_header=max_header, file=file)
    count = container.values.get("split.count")
    if count not in (None, 0, 1) and PART.fullmatch(file.path.name) is None:
        said = message("gguf.part_name", count=str(count)[:40])
        raise refusal(said, where=str(file.path), todo=message("advice.part_name"))
    return container
