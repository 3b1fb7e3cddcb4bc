"""A container over arrays already in memory: for tests, replays and callers who made the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError
from forebear.core.limits import READ_BLOCK_BYTES
from forebear.files.base import Container, Float32, TensorEntry

_TAGS = {"f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64",
         "u1": "U8", "u2": "U16", "u4": "U32", "u8": "U64", "b1": "BOOL"}  # fmt: skip


class MemoryContainer(Container):
    """Named arrays seen as a container; nothing is copied until rows are asked for.

    Raises: RefusedError for an array whose kind has no place in a checkpoint (objects, text, complex numbers).
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> None:
        entries: dict[str, TensorEntry] = {}
        self._arrays = {name: np.asarray(array) for name, array in arrays.items()}
        for name, array in self._arrays.items():
            tag = _TAGS.get(array.dtype.str[1:])
            if tag is None:
                raise RefusedError(f"holds values of type {array.dtype}, which are no weights", where=name)
            entries[name] = TensorEntry(name, tag, tuple(array.shape), array.nbytes)
        super().__init__("memory", (), entries, dict(metadata or {}))

    def _rows_of(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            raise RefusedError("there is no such tensor", where=name)
        array = self._arrays[name]
        return array.reshape(1) if array.ndim == 0 else array

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Float32:
        """See `Container.rows`."""
        part = self._rows_of(name)[start:stop]
        self.bytes_read += part.nbytes
        return np.ascontiguousarray(part, dtype=np.float32)

    def take(self, name: str, indices: Sequence[int] | NDArray[np.intp]) -> Float32:
        """See `Container.take`."""
        part = self._rows_of(name)[np.asarray(indices, dtype=np.intp)]
        self.bytes_read += part.nbytes
        return np.ascontiguousarray(part, dtype=np.float32)

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`: little-endian bytes in row-major order."""
        array = np.ascontiguousarray(self._rows_of(name))
        data = memoryview(array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8).data)
        self.bytes_read += len(data)
        for start in range(0, len(data), READ_BLOCK_BYTES):
            yield data[start : start + READ_BLOCK_BYTES]

    def close(self) -> None:
        """Let go of the arrays."""
        self._arrays = {}
