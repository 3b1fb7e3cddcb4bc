"""Grids that values of a matrix stand on: whole numbers a row, even steps a group, 8-bit floats; zeros in groups (METHODS §16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forebear.stats.arrays import F32

OFF = 0.01
"""Distance from a grid point, in steps, up to which a value stands on it: rounding of float32 alone."""
GROUPS = (256, 128, 64, 32, 16, 8)
SIDES: tuple[int | None, ...] = (None, 128, 64, 32, 16)
Grid = tuple[str, dict[str, Any]]


def group_pattern(matrices: Sequence[F32], before: Sequence[F32]) -> tuple[int, int] | None:
    """(keep, group): of every group of consecutive inputs so many are not zero, in every matrix; the smallest group.

    before: the same before the mask; groups that had a zero then say nothing."""
    for group in (2, 4, 8, 16, 32):
        counts = [_counts(m, group, old) for m, old in zip(matrices, before, strict=True) if m.any()]
        if any(c is None for c in counts):
            continue
        known = np.concatenate([c for c in counts if c is not None])
        if not known.size:
            continue
        keep = int(known.max())
        empty = float(np.mean(known == 0))  # what writes nothing was zero before: whole columns, few of them
        if keep < group and float(np.mean(known == keep)) + (empty if empty < 0.4 and keep > 1 else 0.0) > 0.98:
            return keep, group
    return None


def _counts(matrix: F32, group: int, before: F32) -> np.ndarray | None:
    if matrix.shape[1] % group:
        return None
    now, old = ((m.reshape(m.shape[0], -1, group) != 0).sum(axis=2).ravel() for m in (matrix, before))
    return np.asarray(now[old == group])


def common_grid(mine: Sequence[F32], theirs: Sequence[F32], blur: float = 0.0) -> Grid | None:
    """The grid that every matrix stands on and the candidate's do not; None without one.

    blur: what a value may be off by besides, as a share of its matrix's root mean square: rounding of what was turned back.
    """
    looked, before = _some(mine), _some(theirs)
    if not looked or not before:
        return None
    tries: list[tuple[str, dict[str, Any], Callable[[F32], bool]]] = [
        *(("quantised-int8", {"bits": bits}, _rows(bits, blur)) for bits in range(2, 9)),
        *(
            ("quantised-int4", {"bits": bits, "group": group}, _groups(bits, group, blur))
            for bits in range(2, 9)
            for group in GROUPS
        ),
        *(("quantised-fp8", {"block": side}, _floats(side, blur)) for side in SIDES),
    ]
    for op, said, stands in tries:
        if all(map(stands, looked)) and not any(map(stands, before)):
            return op, said
    return None


def _some(matrices: Sequence[F32]) -> list[F32]:
    """Up to twelve of them, spread evenly; what writes nothing stands on every grid and is left out."""
    filled = [m for m in matrices if m.any()]
    return [filled[int(i)] for i in np.linspace(0, len(filled) - 1, min(12, len(filled)))]


def _rows(bits: int, blur: float = 0.0) -> Callable[[F32], bool]:
    top = 2 ** (bits - 1) - 1

    def stands(matrix: F32) -> bool:
        scale = np.abs(matrix).max(axis=1, keepdims=True).astype(np.float64) / top
        steps = np.divide(matrix, scale, out=np.zeros(matrix.shape), where=scale > 0)
        return _near(steps, scale, blur * _size(matrix)) and bool(matrix.any())

    return stands


def _size(matrix: F32) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(matrix.astype(np.float64) ** 2)))


def _near(steps: np.ndarray, step: np.ndarray, blur: float) -> bool:
    """Whether numbers of steps are whole but for rounding and a blur of so much of a value."""
    off = np.abs(steps - np.rint(steps))
    return bool((off * step < OFF * step + blur).all()) if blur else bool(off.max() < OFF)


def on_rows(matrix: F32, bits: int) -> bool:
    """Whether every row stands on a symmetric grid of whole numbers of its own."""
    return _rows(bits)(matrix)


def _groups(bits: int, group: int, blur: float = 0.0) -> Callable[[F32], bool]:
    top = 2**bits - 1

    def stands(matrix: F32) -> bool:
        if matrix.shape[1] % group:
            return False
        cells = matrix.reshape(matrix.shape[0], -1, group).astype(np.float64)
        low, high = cells.min(axis=2, keepdims=True), cells.max(axis=2, keepdims=True)
        step = (high - low) / top
        levels = np.divide(cells - low, step, out=np.zeros(cells.shape), where=step > 0)
        return _near(levels, step, 2 * blur * _size(matrix)) and bool(matrix.any())  # both ends of a group are blurred

    return stands


def _floats(side: int | None, blur: float = 0.0) -> Callable[[F32], bool]:
    def stands(matrix: F32) -> bool:
        size, error = side or max(matrix.shape), blur * _size(matrix)
        for row in range(0, matrix.shape[0], size):
            for column in range(0, matrix.shape[1], size):
                if not _e4m3(matrix[row : row + size, column : column + size], error):
                    return False
        return bool(matrix.any())

    return stands


def _e4m3(cell: F32, blur: float) -> bool:
    """Whether values over their largest size, times 448, are 8-bit floats with three bits of mantissa."""
    top = float(np.abs(cell).max())
    if not top:
        return True
    scaled = np.abs(cell.astype(np.float64)) * (448 / top)
    _, exponents = np.frexp(np.maximum(scaled, 2.0**-6))
    steps = scaled / np.ldexp(1.0, exponents - 4)
    return _near(steps, np.ldexp(top / 448, exponents - 4), blur)
