"""Units along an axis, read by rows of the tensor and never more than a block of them at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import READ_BLOCK_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, Float32, notice
from forebear.models.architecture.pieces import Indices, Piece


def read_units(
    container: Container, piece: Piece, axis: str, scope: Sequence[str],
    select: NDArray[np.intp] | None, only: Mapping[str, NDArray[np.intp]],
) -> Float32:  # fmt: skip
    """See `Checkpoint.units`; scope: the axis's, whose atoms become blocks."""
    if not piece.has(axis):
        raise refusal(message("axis.none", part=piece.part, axis=repr(axis)), where=piece.tensor)
    wanted = dict(only) if select is None else {**only, axis: select}
    shape, labels, indices = [], [], []
    for dimension in range(len(piece.shape)):
        grid, names = _cut(piece, dimension, axis, wanted)
        indices.append(grid.reshape(-1))
        shape += list(grid.shape)
        labels += names
    values = _gather(container, piece.tensor, indices).reshape(shape)
    at = labels.index(axis)
    blocks = [i for i, name in enumerate(labels) if name in scope and name != axis]
    rest = [i for i in range(len(labels)) if i != at and i not in blocks]
    ordered = values.transpose(*blocks, at, *rest)
    features = math.prod(shape[i] for i in rest)
    return np.ascontiguousarray(ordered).reshape(math.prod(shape[i] for i in blocks), shape[at], features)


def rows_needed(piece: Piece, axis: str, count: int | None) -> int:
    """Rows of the first tensor dimension that `count` units along an axis lie in (all units for None)."""
    if not piece.spans:
        return 1
    atoms, sizes, whole = piece.atoms[0], piece.sizes[0], piece.spans[0].count
    if count is None or axis not in atoms or 0 in sizes:
        return whole
    size = sizes[atoms.index(axis)]
    return whole // size * min(count, size)


def rows_read(piece: Piece, axis: str, count: int | None, only: Mapping[str, Indices]) -> Indices:
    """The rows themselves: positions along the first tensor dimension that the first `count` units lie in, sorted."""
    if not piece.spans:
        return np.zeros(1, dtype=np.intp)
    wanted = dict(only) if count is None else {**only, axis: np.arange(count, dtype=np.intp)}
    if 0 in piece.sizes[0]:
        return _distinct(piece.spans[0].positions())
    here = {atom: chosen for atom, chosen in wanted.items() if atom in piece.atoms[0]}
    sizes = dict(zip(piece.atoms[0], piece.sizes[0], strict=True))
    return _distinct(_cut(piece, 0, axis, {atom: chosen[chosen < sizes[atom]] for atom, chosen in here.items()})[0])


def _distinct(positions: Indices) -> Indices:
    """Sorted, each once; np.unique by itself loads numpy's masked arrays, a twentieth of a quick comparison."""
    rows: Indices = np.sort(positions, axis=None)
    return rows[np.append(True, rows[1:] != rows[:-1])] if len(rows) else rows


def _cut(piece: Piece, dimension: int, axis: str, wanted: Mapping[str, NDArray[np.intp]]) -> tuple[Indices, list[str]]:
    """Positions along a dimension, shaped by its atoms and cut to the wanted indices."""
    atoms, sizes = piece.atoms[dimension], piece.sizes[dimension]
    if 0 in sizes:
        if axis in atoms or any(atom in wanted for atom in atoms):
            raise refusal(message("axis.sizes", names=" × ".join(atoms)), where=piece.tensor)
        return piece.spans[dimension].positions(), ["×".join(atoms)]
    grid = piece.grid(dimension)
    for place, atom in enumerate(atoms):
        if atom in wanted:
            chosen = np.asarray(wanted[atom], dtype=np.intp)
            if chosen.ndim != 1 or (chosen.size and not 0 <= chosen.min() <= chosen.max() < sizes[place]):
                raise refusal(message("axis.index", name=atom, most=sizes[place] - 1), where=piece.tensor)
            grid = np.take(grid, chosen, axis=place)
    return grid, list(atoms)


def _gather(container: Container, name: str, indices: list[Indices]) -> Float32:
    """tensor[indices[0], indices[1], ...] as an outer product of positions."""
    full = container.tensors[name].shape
    out = np.empty(tuple(len(index) for index in indices), dtype=np.float32)
    if out.size == 0 or not full:
        return out if full else container.read(name)
    inner = [
        None if len(index) == size and (index == np.arange(size)).all() else index
        for index, size in zip(indices[1:], full[1:], strict=True)
    ]
    per_row = 4 * max(1, math.prod(full[1:]))
    for start, rows in _row_blocks(indices[0], max(1, READ_BLOCK_BYTES // per_row)):
        first, last = int(rows[0]), int(rows[-1])
        run = last - first + 1 == len(rows) and bool((np.diff(rows) == 1).all())
        block = container.rows(name, first, last + 1) if run else container.take(name, rows)
        block = block.reshape(len(rows), *full[1:])
        notice(container, name, rows, block)
        for dimension, index in enumerate(inner, start=1):
            if index is not None:
                block = np.take(block, index, axis=dimension)
        if len(rows) == len(out):
            return block
        out[start : start + len(rows)] = block
    return out


def _row_blocks(rows: Indices, most: int) -> Iterator[tuple[int, Indices]]:
    for start in range(0, len(rows), most):
        yield start, rows[start : start + most]
