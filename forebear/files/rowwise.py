"""A container whose format gives any run of a tensor's rows: rows, takes and whole reads made of such runs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from forebear.core.limits import MAX_ARRAY_BYTES, READ_BLOCK_BYTES
from forebear.files.base import Container, Float32, TensorEntry
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.refusing import no_such_row, no_tensor, too_many_rows


def row_count(entry: TensorEntry) -> tuple[int, int]:
    """(rows, values per row) of a tensor; a scalar is one row of one value."""
    rows = entry.shape[0] if entry.shape else 1
    return rows, entry.parameters // rows if rows else 0


class RowwiseContainer(Container):
    """Subclasses say how a run of rows is read (`_run`); bounds, blocks and order are kept here."""

    @abstractmethod
    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        """Rows first..last of a tensor, flat or shaped (last - first, width). The bounds have been checked."""

    def _count(self) -> None:
        """Bring `bytes_read` up to date."""

    def _entry(self, name: str) -> TensorEntry:
        entry = self.tensors.get(name)
        if entry is None:
            raise no_tensor(self, name)
        return entry

    def _room(self, name: str, rows: int, width: int) -> Float32:
        """An array for so many rows. Shape (rows, width)."""
        if rows * width * 4 > MAX_ARRAY_BYTES:
            raise too_many_rows(self, name, rows, width)
        return np.empty((rows, width), dtype=np.float32)

    def _where(self) -> str:
        return str(self.paths[0]) if self.paths else self.kind

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Float32:
        """See `Container.rows`; read in blocks of at most READ_BLOCK_BYTES of float32."""
        entry = self._entry(name)
        count, width = row_count(entry)
        first, last, _ = slice(start, stop).indices(count)
        last = max(first, last)
        out = self._room(name, last - first, width)
        if width:
            step = max(1, READ_BLOCK_BYTES // (4 * width))
            for begin in range(first, last, step):
                end = min(last, begin + step)
                out[begin - first : end - first] = self._run(entry, begin, end).reshape(end - begin, width)
        self._count()
        return out.reshape(last - first, *entry.shape[1:])

    def take(self, name: str, indices: Sequence[int] | NDArray[np.intp]) -> Float32:
        """See `Container.take`; neighbouring rows are read together. Raises RefusedError for an index out of range."""
        entry = self._entry(name)
        count, width = row_count(entry)
        wanted = np.asarray(indices, dtype=np.intp).reshape(-1)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= count):
            raise no_such_row(self, name, count, int(wanted.max()))
        places: NDArray[np.intp] | None = None
        distinct = wanted
        if not (wanted[1:] > wanted[:-1]).all():
            distinct, places = np.unique(wanted, return_inverse=True)
        values = self._room(name, distinct.size, width)
        if values.size:
            self._some(entry, distinct, values)
        self._count()
        return (values if places is None else values[places]).reshape(wanted.size, *entry.shape[1:])

    def _some(self, entry: TensorEntry, rows: NDArray[np.intp], out: Float32) -> None:
        """Sorted, distinct rows of a tensor into `out`. Shapes: rows (n,), out (n, width), width > 0."""
        width = out.shape[1]
        for begin, end in runs(rows, max(1, READ_BLOCK_BYTES // (4 * width))):
            first, last = int(rows[begin]), int(rows[end - 1]) + 1
            out[begin:end] = self._run(entry, first, last).reshape(last - first, width)


class PlacedContainer(RowwiseContainer):
    """Tensors whose rows are whole runs of bytes in one source, at known places. Subclasses: `_place`, `_decode`."""

    _file: ByteSource

    @abstractmethod
    def _place(self, entry: TensorEntry) -> tuple[int, int]:
        """(where the tensor begins in the source, bytes per row)."""

    @abstractmethod
    def _decode(self, entry: TensorEntry, raw: NDArray[np.uint8]) -> Float32:
        """Stored rows as float32. Shapes: raw (n, row bytes), contiguous; returns n * width values in any shape."""

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`."""
        fetch = getattr(self._file, "prefetch", None)
        if fetch is not None:
            fetch([span for name, rows in wanted for span in self._spans(name, rows)])

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`."""
        told = getattr(self._file, "fetch_cost", None)
        spans = self._spans(name, rows) if told is not None else []
        return int(told(spans)) if told is not None and spans else super().cost(name, rows)

    def _spans(self, name: str, rows: NDArray[np.intp]) -> list[tuple[int, int]]:
        """(offset, count) of rows in this container's own file; none for a tensor that is elsewhere or not there."""
        entry = self.tensors.get(name)
        if entry is None or not rows.size or self._source(entry) is not self._file:
            return []
        begin, row_bytes = self._place(entry)
        return [(begin + int(rows[a]) * row_bytes, (b - a) * row_bytes) for a, b in runs(rows, rows.size)]

    def _source(self, entry: TensorEntry) -> ByteSource:
        """Where a tensor's bytes are; one file for all unless a subclass says otherwise."""
        return self._file

    def _count(self) -> None:
        self.bytes_read = self._file.bytes_read

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        begin, row_bytes = self._place(entry)
        raw = np.empty((last - first, row_bytes), dtype=np.uint8)
        self._source(entry).read_into(begin + first * row_bytes, memoryview(raw.reshape(-1).data))
        return self._decode(entry, raw)

    def _some(self, entry: TensorEntry, rows: NDArray[np.intp], out: Float32) -> None:
        """All runs of a block are asked for at once, so that a remote source can fetch them side by side."""
        width = out.shape[1]
        place, row_bytes = self._place(entry)
        step = max(1, READ_BLOCK_BYTES // (4 * width))
        for begin in range(0, rows.size, step):
            some = rows[begin : begin + step]
            raw = np.empty((some.size, row_bytes), dtype=np.uint8)
            flat = memoryview(raw.reshape(-1).data)
            self._source(entry).read_parts(
                [(place + int(some[a]) * row_bytes, flat[a * row_bytes : b * row_bytes]) for a, b in runs(some, step)]
            )
            out[begin : begin + some.size] = self._decode(entry, raw).reshape(some.size, width)

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`; each piece holds whole rows where a row is small, and is valid until the next."""
        entry = self._entry(name)
        begin, row_bytes = self._place(entry)
        piece = max(1, READ_BLOCK_BYTES // max(1, row_bytes)) * row_bytes if row_bytes < READ_BLOCK_BYTES else 0
        yield from stored_pieces(self._source(entry), begin, entry.stored_bytes, piece or READ_BLOCK_BYTES)
        self._count()

    def release(self) -> None:
        """Give the file descriptor back until the next read."""
        self._file.release()

    def close(self) -> None:
        """Release the source; reading afterwards is an error."""
        self._file.close()


def stored_pieces(file: ByteSource, begin: int, size: int, piece: int) -> Iterator[memoryview]:
    """`size` bytes from `begin` on in pieces of `piece` bytes; each is valid until the next is asked for."""
    buffer = memoryview(bytearray(min(size, piece)))
    for offset in range(0, size, piece):
        part = buffer[: min(piece, size - offset)]
        file.read_into(begin + offset, part)
        yield part.toreadonly()


def runs(rows: NDArray[np.intp], longest: int) -> Iterator[tuple[int, int]]:
    """Places begin..end of `rows` (sorted, distinct) that hold consecutive numbers, at most `longest` of them."""
    cuts = np.flatnonzero(np.diff(rows) != 1) + 1
    for begin, end in zip([0, *cuts.tolist()], [*cuts.tolist(), rows.size], strict=True):
        for at in range(begin, end, longest):
            yield at, min(end, at + longest)
