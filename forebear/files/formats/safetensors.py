"""safetensors files: header first, then rows of one tensor on demand."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import MAX_ARRAY_BYTES, MAX_HEADER_BYTES, READ_BLOCK_BYTES
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32
from forebear.files.bytes.access import PositionedFile
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.dtypes import DTYPES, Dtype, decode
from forebear.files.formats.header import PlacedEntry, parse_header
from forebear.files.refusing import AGAIN, complex_numbers, no_such_row, no_tensor, too_many_rows

_BLOCK_VALUES = READ_BLOCK_BYTES // 4
_LITTLE = sys.byteorder == "little"


class SafetensorsContainer(Container):
    """One safetensors file. Memory: the header and at most READ_BLOCK_BYTES beside what a call returns."""

    tensors: dict[str, PlacedEntry]

    def __init__(
        self, path: Path, *, max_header: int | None = None, shard: int = 0, file: ByteSource | None = None
    ) -> None:
        """Open and check the header.

        max_header: largest header read, bytes (default MAX_HEADER_BYTES); shard: this file's place among shards;
        file: bytes from elsewhere than `path` (a member of an archive, a remote address).
        Raises: RefusedError when the file cannot be read or its header breaks a rule of `parse_header`.
        """
        self._file = PositionedFile(path) if file is None else file
        try:
            raw = self._read_header(MAX_HEADER_BYTES if max_header is None else max_header)
            header = parse_header(raw, data_begin=8 + len(raw), file_size=self._file.size, where=str(path), shard=shard)
        except BaseException:
            self._file.close()
            raise
        super().__init__("safetensors", (path,), header.tensors, header.metadata, [*_oddities(header.tensors), *header.odd])
        self.header_digest = hashlib.sha256(raw).hexdigest()
        self.grain_bytes = getattr(self._file, "grain_bytes", 1)
        self.bytes_read = self._file.bytes_read

    def _read_header(self, cap: int) -> bytes:
        """The header's bytes, once its length fits both the file and the cap."""
        where, size = str(self._file.path), self._file.size
        if size == 0:
            raise refusal(message("unfit.empty"), where=where, todo=AGAIN)
        if size < 10:
            short = message("unfit.too_small", size=size, what=message("thing.safetensors_header"))
            raise refusal(short, where=where, todo=AGAIN)
        length = int.from_bytes(self._file.read(0, 8), "little")
        if length > size - 8:
            raise refusal(message("unfit.header_length", length=length, left=size - 8), where=where, todo=AGAIN)
        if length > cap:
            long = message("most.long", what=message("thing.header"), length=length, most=cap)
            raise refusal(long, where=where, todo=message("advice.cap", size=length))
        return bytes(self._file.read(8, length))

    def _entry(self, name: str) -> PlacedEntry:
        try:
            return self.tensors[name]
        except KeyError:
            raise no_tensor(self, name) from None

    def _layout(self, name: str) -> tuple[PlacedEntry, Dtype, int, int]:
        """(entry, dtype, rows, values per row); a scalar is one row of one value."""
        entry = self._entry(name)
        dtype = DTYPES[entry.dtype]
        if dtype.tag == "C64":
            raise complex_numbers(self, name)
        rows = entry.shape[0] if entry.shape else 1
        return entry, dtype, rows, entry.parameters // rows if rows else 0

    def _room(self, name: str, rows: int, width: int) -> Float32:
        """An array for so many rows. Shape (rows, width)."""
        if rows * width * 4 > MAX_ARRAY_BYTES:
            raise too_many_rows(self, name, rows, width)
        return np.empty((rows, width), dtype=np.float32)

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Float32:
        """Rows start..stop as float32; see `Container.rows`. C64 is refused; sub-byte types may start inside a byte."""
        entry, dtype, count, width = self._layout(name)
        first, last, _ = slice(start, stop).indices(count)
        last = max(first, last)
        out = self._room(name, last - first, width).reshape(-1)
        self._fill(entry, dtype, first * width, out)
        return out.reshape(last - first, *entry.shape[1:])

    def take(self, name: str, indices: Sequence[int] | NDArray[np.intp]) -> Float32:
        """The named rows in the given order, repeats allowed; see `Container.take`.

        Raises: RefusedError for an index out of range.
        """
        entry, dtype, count, width = self._layout(name)
        wanted = np.asarray(indices, dtype=np.intp).reshape(-1)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= count):
            raise no_such_row(self, name, count, int(wanted.max()))
        block = max(1, _BLOCK_VALUES // max(1, width))
        if wanted.size <= block and (wanted[1:] > wanted[:-1]).all():  # rising, as most callers ask
            out = self._room(name, wanted.size, width)
            if wanted.size:
                self._gather(entry, dtype, wanted, out)
            self.bytes_read = self._file.bytes_read
            return out.reshape(wanted.size, *entry.shape[1:])
        order = np.argsort(wanted, kind="stable")
        rows = wanted[order]
        if rows.size and not np.diff(rows).all():  # repeats: read each row once
            unique, places = np.unique(wanted, return_inverse=True)
            return self.take(name, unique)[places]
        out = self._room(name, wanted.size, width)
        for begin in range(0, rows.size, block):
            part = rows[begin : begin + block]
            values = np.empty((part.size, width), dtype=np.float32)
            self._gather(entry, dtype, part, values)
            out[order[begin : begin + block]] = values
        self.bytes_read = self._file.bytes_read
        return out.reshape(wanted.size, *entry.shape[1:])

    def _gather(self, entry: PlacedEntry, dtype: Dtype, rows: NDArray[np.intp], out: Float32) -> None:
        """Sorted, distinct rows of a tensor into `out`. Shapes: rows (n,), out (n, width)."""
        width = out.shape[1]
        if width % dtype.group:  # rows that begin inside a byte
            for place, row in enumerate(rows.tolist()):
                self._fill(entry, dtype, row * width, out[place])
            return
        row_bytes = width * dtype.bits // 8
        direct = dtype.tag == "F32" and _LITTLE
        raw = np.empty((rows.size, row_bytes), dtype=np.uint8) if not direct else out.view(np.uint8)
        flat = memoryview(raw.reshape(-1).data)
        first, last = rows[0], rows[-1] + 1
        if (last - first) * row_bytes <= 2 * len(flat):  # dense: one read, then pick
            span = np.empty((int(last - first), row_bytes), dtype=np.uint8)
            self._file.read_into(entry.begin + int(first) * row_bytes, memoryview(span.reshape(-1).data))
            np.take(span, rows - first, axis=0, out=raw)
        else:
            parts = [
                (entry.begin + row * row_bytes, flat[place * row_bytes : (place + count) * row_bytes])
                for place, row, count in _runs(rows.tolist())
            ]
            self._file.read_parts(parts)
        if not direct:
            out[...] = decode(raw.reshape(-1), dtype).reshape(out.shape)

    def _fill(self, entry: PlacedEntry, dtype: Dtype, first: int, out: Float32) -> None:
        """Values first..first+len(out) of a tensor into `out`, a block at a time. `first` may lie inside a byte."""
        if dtype.tag == "F32" and _LITTLE:
            self._file.read_into(entry.begin + 4 * first, _bytes_of(out))
        else:
            skip = first % dtype.group
            group = (first - skip) // dtype.group
            done = -skip
            while done < out.size:
                groups = -(-min(_BLOCK_VALUES, out.size - done) // dtype.group)
                raw = np.empty(groups * dtype.group_bytes, dtype=np.uint8)
                self._file.read_into(entry.begin + group * dtype.group_bytes, _bytes_of(raw))
                values = decode(raw, dtype)
                low, high = max(0, done), min(out.size, done + values.size)
                out[low:high] = values[low - done : high - done]
                done += values.size
                group += groups
        self.bytes_read = self._file.bytes_read

    def stored(self, name: str) -> Iterator[memoryview]:
        """The stored bytes in pieces that hold whole values; each piece is valid until the next is asked for."""
        entry = self._entry(name)
        piece = DTYPES[entry.dtype].group_bytes
        buffer = memoryview(bytearray(min(entry.stored_bytes, READ_BLOCK_BYTES // piece * piece)))
        for offset in range(0, entry.stored_bytes, len(buffer) or 1):
            part = buffer[: min(len(buffer), entry.stored_bytes - offset)]
            self._file.read_into(entry.begin + offset, part)
            self.bytes_read = self._file.bytes_read
            yield part.toreadonly()

    def spans(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> list[tuple[int, int]]:
        """(offset, count) in the file of the rows wanted; names it lacks are passed over."""
        found: list[tuple[int, int]] = []
        for name, rows in wanted:
            entry = self.tensors.get(name)
            if entry is None or not entry.shape or not rows.size:
                continue
            row_bytes = entry.stored_bytes // max(1, entry.shape[0])
            cuts = np.flatnonzero(np.diff(rows) != 1) + 1
            for some in np.split(rows, cuts):
                found.append((entry.begin + int(some[0]) * row_bytes, some.size * row_bytes))
        return found

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`."""
        fetch = getattr(self._file, "prefetch", None)
        if fetch is not None:
            fetch(self.spans(wanted))

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`."""
        told = getattr(self._file, "fetch_cost", None)
        return super().cost(name, rows) if told is None else int(told(self.spans([(name, rows)])))

    def raw(self, name: str, begin: int, end: int) -> bytes:
        """See `Container.raw`; reads those bytes only."""
        entry = self._entry(name)
        end = min(end, entry.stored_bytes)
        data = bytes(self._file.read(entry.begin + begin, max(0, end - begin)))
        self.bytes_read = self._file.bytes_read
        return data

    def release(self) -> None:
        """Give the file descriptor back until the next read."""
        self._file.release()

    def close(self) -> None:
        """Release the file; reading afterwards is an error."""
        self._file.close()


def _runs(rows: list[int]) -> Iterator[tuple[int, int, int]]:
    """(place of the first, first row, rows) of every run of neighbours among sorted, distinct rows; one read each."""
    begin = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place] != rows[place - 1] + 1:
            yield begin, rows[begin], place - begin
            begin = place


def _bytes_of(array: NDArray[Any]) -> memoryview:
    """An array's own memory, writable, as bytes. Shape (n,), contiguous."""
    return memoryview(array.view(np.uint8).data)


def _oddities(tensors: dict[str, PlacedEntry]) -> list[Message]:
    """Odd but harmless: one message for each kind."""
    odd = []
    if not tensors:
        odd.append(message("odd.no_tensors"))
    unprintable = sum(not name.isprintable() or not name for name in tensors)
    if unprintable:
        odd.append(message("odd.names", count=unprintable))
    empty = sum(entry.stored_bytes == 0 for entry in tensors.values())
    if empty:
        odd.append(message("odd.empty", count=empty))
    return odd
