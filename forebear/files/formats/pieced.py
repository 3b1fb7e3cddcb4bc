"""Tensors whose values lie in several places, of one file or of several, seen whole: boxes of them, or runs of their values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import MAX_TENSORS, READ_BLOCK_BYTES
from forebear.core.messages import Message, message
from forebear.files.base import Container, CountedBelow, Float32, TensorEntry
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.dtypes import DTYPES, decode
from forebear.files.formats.records import DISAGREE
from forebear.files.refusing import of_tensor
from forebear.files.rowwise import RowwiseContainer, row_count, runs

MAX_PIECES = 4 * MAX_TENSORS
"""Most pieces that all tensors of a checkpoint may have together."""
MAX_SPAN_BYTES = 256 * 2**20
"""Largest stretch read at once: a row, or what holds the rows of a piece that is not row-major."""
MAX_PLACES = 2**20
"""Most places that the cuts of one tensor's pieces may make of it."""
OPEN_AT_ONCE = 32
"""Sources whose file descriptors are kept; the others open again when read."""
Bytes = NDArray[np.uint8]
_JOIN = message("joining.tool")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a tensor. source: which source; begin: byte of its first value there; strides: in values, () when row-major.

    offsets, sizes: the box of the tensor that it is, one number an axis; of `flat` ones the run of the tensor's values.
    """

    source: int
    begin: int
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    strides: tuple[int, ...] = ()
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """A tensor and its pieces."""

    dtype: str
    shape: tuple[int, ...]
    pieces: tuple[Piece, ...]


class PiecedContainer(CountedBelow, RowwiseContainer):
    """Tensors in pieces; every value has exactly one place.

    Raises: RefusedError for pieces that overlap, leave a gap, leave the tensor, or lie outside their source.
    """

    _sources: tuple[ByteSource, ...]  # type: ignore[assignment]  # they count, release and close as containers do

    def __init__(
        self, kind: str, sources: Sequence[ByteSource], tensors: Mapping[str, Whole], *, where: str, digest: str,
        odd: Sequence[Message] = (), said: Sequence[Message] = (), metadata: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        if sum(len(whole.pieces) for whole in tensors.values()) > MAX_PIECES:
            raise refusal(message("pieces.most", most=MAX_PIECES), where=where, todo=_JOIN)
        self._sources, self._recent = tuple(sources), list[int]()
        self._pieces: dict[str, tuple[Piece, ...]] = {}
        entries: dict[str, TensorEntry] = {}
        for name, whole in tensors.items():
            self._pieces[name] = tuple(sorted((_shaped(piece) for piece in whole.pieces), key=lambda p: p.offsets))
            item = DTYPES[whole.dtype].bits // 8
            if (wrong := self._wrong(whole, self._pieces[name], item)) is not None:
                raise refusal(of_tensor(name, wrong), where=where, todo=DISAGREE)
            entries[name] = TensorEntry(name, whole.dtype, whole.shape, prod(whole.shape) * item)
        super().__init__(kind, tuple(source.path for source in sources), entries, dict(metadata or {}), list(odd))
        self.said += said
        self.header_digest = digest
        self.grain_bytes = max((getattr(source, "grain_bytes", 1) for source in sources), default=1)

    def _wrong(self, whole: Whole, pieces: Sequence[Piece], item: int) -> Message | None:
        shape = (prod(whole.shape),) if any(piece.flat for piece in pieces) else whole.shape or (1,)
        for piece in pieces:
            size = self._sources[piece.source].size
            reach = 0 if 0 in piece.sizes else _reach(piece) * item
            if piece.begin < 0 or piece.begin + reach > size:
                name = self._sources[piece.source].path.name
                return message("pieces.behind_end", byte=piece.begin + reach, size=size, name=name)
        return uncovered(shape, pieces)

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        return decode(self._raw(entry, first, last), DTYPES[entry.dtype])

    def _raw(self, entry: TensorEntry, first: int, last: int) -> Bytes:
        """Stored bytes of rows first..last. Shape ((last - first) * bytes per row,)."""
        width, item = row_count(entry)[1], DTYPES[entry.dtype].bits // 8
        pieces = self._pieces[entry.name]
        if pieces and pieces[0].flat:
            return self._values(pieces, first * width, last * width, item)
        out = np.empty((last - first, *(entry.shape or (1,))[1:], item), dtype=np.uint8)
        for piece in pieces:
            begin, end = max(first, piece.offsets[0]), min(last, piece.offsets[0] + piece.sizes[0])
            if begin < end and 0 not in piece.sizes:
                inner = tuple(slice(o, o + s) for o, s in zip(piece.offsets[1:], piece.sizes[1:], strict=True))
                rows = self._box(piece, begin - piece.offsets[0], end - piece.offsets[0], item)
                out[(slice(begin - first, end - first), *inner)] = rows
        return out.reshape(-1)

    def _values(self, pieces: Sequence[Piece], first: int, last: int, item: int) -> Bytes:
        """Values first..last of a tensor cut into runs. Shape ((last - first) * item,)."""
        out = np.empty((last - first) * item, dtype=np.uint8)
        at = max(0, bisect_left(pieces, first, key=lambda piece: piece.offsets[0]) - 1)
        for piece in pieces[at:]:
            start = piece.offsets[0]
            if start >= last:
                break
            begin, end = max(first, start), min(last, start + piece.sizes[0])
            if begin < end:
                view = memoryview(out.data)[(begin - first) * item : (end - first) * item]
                self._source(piece.source).read_into(piece.begin + (begin - start) * item, view)
        return out

    def _box(self, piece: Piece, first: int, last: int, item: int) -> Bytes:
        """Rows first..last of a piece. Shape (last - first, *sizes[1:], item)."""
        shape = (last - first, *piece.sizes[1:])
        strides = piece.strides or _row_major(piece.sizes)
        span = (1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))) * item
        if span > MAX_SPAN_BYTES:
            raise refusal(message("pieces.spread", size=span), where=self._where(), todo=_JOIN)
        raw = np.frombuffer(self._source(piece.source).read(piece.begin + first * strides[0] * item, span), dtype=np.uint8)
        steps = (*(stride * item for stride in strides), 1)
        return np.lib.stride_tricks.as_strided(raw, (*shape, item), steps, writeable=False)

    def _source(self, number: int) -> ByteSource:
        if len(self._sources) > OPEN_AT_ONCE and number not in self._recent:
            self._recent.append(number)
            if len(self._recent) > OPEN_AT_ONCE:
                self._sources[self._recent.pop(0)].release()
        return self._sources[number]

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`: the bytes of the whole tensor, in the order of its rows."""
        entry = self._entry(name)
        rows, width = row_count(entry)
        row_bytes = width * DTYPES[entry.dtype].bits // 8
        step = max(1, READ_BLOCK_BYTES // max(1, row_bytes))
        for first in range(0, rows if row_bytes else 0, step):
            raw = self._raw(entry, first, min(rows, first + step)).data
            for at in range(0, len(raw), READ_BLOCK_BYTES):
                yield raw[at : at + READ_BLOCK_BYTES]

    def _spans(self, name: str, rows: NDArray[np.intp]) -> dict[int, list[tuple[int, int]]]:
        """By source, the (offset, count) that hold these rows (sorted, distinct)."""
        entry, found = self.tensors[name], dict[int, list[tuple[int, int]]]()
        width, item = row_count(entry)[1], DTYPES[entry.dtype].bits // 8
        for a, b in runs(rows, rows.size) if rows.size else ():
            first, last = int(rows[a]), int(rows[b - 1]) + 1
            for piece in self._pieces[name]:
                scale = width if piece.flat else 1
                start, end = piece.offsets[0], piece.offsets[0] + piece.sizes[0]
                low, high = max(first * scale, start) - start, min(last * scale, end) - start
                if low < high and not piece.strides:
                    inner = prod(piece.sizes[1:]) * item
                    found.setdefault(piece.source, []).append((piece.begin + low * inner, (high - low) * inner))
        return found

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`."""
        jobs: dict[int, list[tuple[int, int]]] = {}
        if any(hasattr(source, "prefetch") for source in self._sources):
            for name, rows in wanted:
                for number, spans in self._spans(name, rows).items():
                    jobs.setdefault(number, []).extend(spans)
        for number, spans in jobs.items():
            if (fetch := getattr(self._sources[number], "prefetch", None)) is not None:
                fetch(sorted(spans))

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`."""
        if not any(hasattr(source, "fetch_cost") for source in self._sources):
            return super().cost(name, rows)
        costs = [(getattr(self._sources[number], "fetch_cost", None), spans) for number, spans in self._spans(name, rows).items()]
        return sum(int(told(spans)) if told is not None else sum(count for _, count in spans) for told, spans in costs)


def _shaped(piece: Piece) -> Piece:
    """A scalar is one row of one value."""
    return piece if piece.sizes else replace(piece, offsets=(0,), sizes=(1,), strides=())


def _row_major(sizes: Sequence[int]) -> tuple[int, ...]:
    return tuple(prod(sizes[axis + 1 :]) for axis in range(len(sizes)))


def _reach(piece: Piece) -> int:
    """Values from the first to the last, both counted."""
    strides = piece.strides or _row_major(piece.sizes)
    return 1 + sum((size - 1) * stride for size, stride in zip(piece.sizes, strides, strict=True))


def uncovered(shape: Sequence[int], pieces: Sequence[Piece]) -> Message | None:
    """What is wrong with boxes that should cover a shape once; None when they do. Time and memory: MAX_PLACES."""
    full = [piece for piece in pieces if 0 not in piece.sizes]
    for piece in pieces:
        if len(piece.offsets) != len(shape) or len(piece.sizes) != len(shape):
            return message("pieces.axes", axes=len(shape), found=len(piece.sizes))
        if any(o < 0 or s < 0 or o + s > n for o, s, n in zip(piece.offsets, piece.sizes, shape, strict=True)):
            given = {"at": str(piece.offsets), "size": str(piece.sizes), "shape": str(tuple(shape))}
            return message("pieces.outside", **given)
    if 0 in shape:
        return None
    total = sum(prod(piece.sizes) for piece in full)
    if total != prod(shape):
        return message("pieces.values", values=prod(shape), found=total)
    if len(shape) == 1:
        ordered = sorted((piece.offsets[0], piece.offsets[0] + piece.sizes[0]) for piece in full)
        return message("pieces.overlap") if any(a[1] > b[0] for a, b in pairwise(ordered)) else None
    axes = range(len(shape))
    cuts = [sorted({edge for p in full for edge in (p.offsets[at], p.offsets[at] + p.sizes[at])}) for at in axes]
    if prod(len(edges) for edges in cuts) > MAX_PLACES:
        return message("pieces.kinds")
    places = [{edge: number for number, edge in enumerate(edges)} for edges in cuts]
    taken = np.zeros([len(edges) for edges in cuts], dtype=bool)
    for piece in full:
        box = tuple(slice(at[o], at[o + s]) for at, o, s in zip(places, piece.offsets, piece.sizes, strict=True))
        if taken[box].any():
            return message("pieces.overlap")
        taken[box] = True
    return None  # no overlap and as many values as the shape has: all of it


def container_of(sources: Sequence[ByteSource], container: Container) -> Container:
    """A container whose sources are watched like those of one file (see `registry.open_source`)."""
    for source in sources:
        if (watch := getattr(source, "watch", None)) is not None:
            watch(container)
    return container
