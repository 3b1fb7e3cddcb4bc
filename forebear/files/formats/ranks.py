"""A checkpoint cut across the ranks that trained it (consolidated.00.pth, consolidated.01.pth, ...): matrices put together.

Source: fairscale's model-parallel layers, as Meta's reference implementation uses them: ColumnParallelLinear keeps rows of a
matrix on each rank, RowParallelLinear and ParallelEmbedding keep columns, everything else is the same on every rank.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import READ_BLOCK_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, CountedBelow, Float32, TensorEntry
from forebear.files.formats.joined import JoinedContainer
from forebear.files.refusing import of_tensor, refuse_tensor
from forebear.files.rowwise import RowwiseContainer

ROW_PARALLEL = (".wo.weight", ".w2.weight")
"""Ends of the names of matrices cut by columns, asked only where both sides of a matrix are as wide as the model."""
_CONVERT = message("advice.release_tool")


class RankedContainer(CountedBelow, RowwiseContainer):
    """Ranks of one checkpoint seen as one. axes: by tensor, the axis it is cut along; None when every rank has all of it."""

    def __init__(self, parts: Sequence[Container], axes: dict[str, int | None]) -> None:
        self._parts, self._axes = tuple(parts), axes
        self._sources = self._parts
        entries = {name: _whole(entry, axes[name], len(parts)) for name, entry in parts[0].tensors.items()}
        odd = [message("odd.in_file", file=part.paths[0].name, what=said) for part in parts for said in part.odd]
        super().__init__(parts[0].kind, tuple(p for part in parts for p in part.paths), entries, parts[0].metadata, odd)
        self.said.append(message("folder.ranks", count=len(parts)))
        self.grain_bytes = max(part.grain_bytes for part in parts)
        self.header_digest = hashlib.sha256("".join(part.header_digest for part in parts).encode()).hexdigest()

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        axis = self._axes[entry.name]
        if axis is None:
            return self._parts[0].rows(entry.name, first, last)
        if axis == 1:
            return np.concatenate([part.rows(entry.name, first, last) for part in self._parts], axis=1)
        each = max(1, entry.shape[0] // len(self._parts))
        blocks = [
            self._parts[rank].rows(entry.name, max(0, first - rank * each), min(each, last - rank * each))
            for rank in range(first // each, -(-last // each))
        ]
        return np.concatenate(blocks) if blocks else self._parts[0].rows(entry.name, 0, 0)

    def _shares(self, name: str, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Rows of each rank that hold rows of the whole."""
        none, axis = rows[:0], self._axes.get(name)
        if axis is None:
            return [rows, *(none for _ in self._parts[1:])]
        if axis == 1:
            return [rows for _ in self._parts]
        each = max(1, self.tensors[name].shape[0] // len(self._parts))
        return [rows[rows // each == rank] - rank * each for rank in range(len(self._parts))]

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`."""
        asked = [(name, self._shares(name, rows)) for name, rows in wanted]
        for rank, part in enumerate(self._parts):
            part.prefetch([(name, shares[rank]) for name, shares in asked if shares[rank].size])

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`."""
        shares = self._shares(name, rows)
        return sum(part.cost(name, mine) for part, mine in zip(self._parts, shares, strict=True) if mine.size)

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`: the bytes of the whole tensor, in the order of its rows."""
        axis = self._axes[self._entry(name).name]
        if axis is None:
            yield from self._parts[0].stored(name)
        elif axis == 0:
            for part in self._parts:
                yield from part.stored(name)
        else:
            yield from self._interleaved(name)

    def _interleaved(self, name: str) -> Iterator[memoryview]:
        entry = self._parts[0].tensors[name]
        row_bytes = entry.stored_bytes // max(1, entry.shape[0])
        if row_bytes >= READ_BLOCK_BYTES:
            raise refuse_tensor(self, name, message("ranks.rows", size=row_bytes), _CONVERT)
        for pieces in zip(*(part.stored(name) for part in self._parts), strict=True):
            blocks = [np.frombuffer(piece, dtype=np.uint8).reshape(-1, row_bytes) for piece in pieces]
            yield memoryview(np.concatenate(blocks, axis=1).reshape(-1).data)


def joined_ranks(parts: Sequence[Container], where: str) -> Container:
    """The checkpoint that the files of several ranks make: put together where all name the same tensors, else side by side.

    Raises: RefusedError when the files do not agree, or a matrix does not show along which axis it is cut.
    """
    first = parts[0].tensors
    if any(part.tensors.keys() != first.keys() for part in parts):
        return JoinedContainer(parts, where=where)
    for part in parts:
        for name, entry in part.tensors.items():
            if entry.shape != first[name].shape or entry.dtype != first[name].dtype:
                said = of_tensor(name, message("ranks.shape", file=part.paths[0].name))
                raise refusal(said, where=where, todo=message("advice.one_checkpoint"))
    vectors = Counter(entry.shape[0] for entry in first.values() if len(entry.shape) == 1)
    width = vectors.most_common(1)[0][0] if vectors else 0
    axes = {name: _axis(entry, width, len(parts), where) for name, entry in first.items() if len(entry.shape) != 1}
    axes |= {name: _axis_of_vector(parts, name, axes, where) for name in first if name not in axes}
    return RankedContainer(parts, axes)


def _axis_of_vector(parts: Sequence[Container], name: str, axes: Mapping[str, int | None], where: str) -> int | None:
    """0 for the bias of a matrix whose rows are cut; None for a vector that every rank has whole, and none other is read."""
    first = parts[0].tensors
    matrix = f"{name.removesuffix('.bias')}.weight"
    if name.endswith(".bias") and axes.get(matrix) == 0 and first[matrix].shape[0] == first[name].shape[0]:
        return 0
    if len({hashlib.sha256(b"".join(part.stored(name))).digest() for part in parts}) > 1:
        raise refusal(of_tensor(name, message("ranks.axis", count=len(parts))), where=where, todo=_CONVERT)
    return None


def _axis(entry: TensorEntry, width: int, ranks: int, where: str) -> int | None:
    """The axis a tensor is cut along; the other one is as wide as the model, or the model's width itself is cut."""
    shape = entry.shape
    if len(shape) < 2:
        return None
    whole = [axis for axis, size in enumerate(shape) if size == width]
    shares = [axis for axis, size in enumerate(shape) if size * ranks == width]
    if len(shape) == 2 and len(whole) == 1:
        return 1 - whole[0]
    if len(shape) == 2 and len(whole) == 2:
        return 1 if entry.name.endswith(ROW_PARALLEL) else 0
    if len(shape) == 2 and len(shares) == 1:
        return shares[0]
    raise refusal(of_tensor(entry.name, message("ranks.axis", count=ranks)), where=where, todo=_CONVERT)


def _whole(entry: TensorEntry, axis: int | None, ranks: int) -> TensorEntry:
    if axis is None:
        return TensorEntry(entry.name, entry.dtype, entry.shape, entry.stored_bytes)
    shape = tuple(size * ranks if place == axis else size for place, size in enumerate(entry.shape))
    return TensorEntry(entry.name, entry.dtype, shape, entry.stored_bytes * ranks)
