"""Inner products of a subject and its candidates, place by place: what every least squares of a mixture is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.narrow import narrow_type, steps_of
from forebear.recipes.placed import BLOCK_VALUES, Place, is_constant, read, shared_places, spread

Floats = NDArray[np.float64]
SAMPLED_VALUES = 2**18
"""Values of one place that are read, in rows spread evenly: fixed before anything is looked at."""
GROUP = 32
"""Neighbouring values that certainly share a scale in every common quantiser."""
ON_GRID = 0.02
"""A value lies on a grid when it is at most this share of a step away from one of its points."""


@dataclass(frozen=True)
class Gram:
    """One place of a subject and its candidates, in units of the subject's mean square there.

    table:  (k + 2, k + 2) mean products of: subject less first candidate, first candidate, the others less the first, and (last)
            the subject itself; as sums over the values divided by the subject's mean square.
    count:  values read. noise: what rounding to the subject's grid leaves of the table's first entry, 0 where it is on none;
    narrow: the same of a narrow type that it stands in.
    """

    place: Place
    table: Floats
    count: int
    noise: float
    narrow: float = 0.0


def grams(subject: Checkpoint, candidates: Sequence[Checkpoint]) -> list[Gram]:
    """The products of every matrix that all sides have in one shape. Vectors are left out: they lie near one or zero in any model.

    Memory: one place of every side, at most 2^18 values of each (whole rows: 4 MiB at 2^20 inputs).
    Raises: RefusedError when a file cannot be read.
    """
    return [found for row in shared_places([subject, *candidates]) if (found := _gram(subject, candidates, row)) is not None]


def _gram(subject: Checkpoint, candidates: Sequence[Checkpoint], row: tuple[Place, ...]) -> Gram | None:
    place = row[0]
    if place.kind != "matrix" or len(place.shape) < 2 or not place.size or place.shape[-1] > BLOCK_VALUES:
        return None
    rows = spread(place, SAMPLED_VALUES)
    values = [read(side, at, rows).reshape(-1).astype(np.float64) for side, at in zip([subject, *candidates], row, strict=True)]
    finite = np.isfinite(np.stack(values)).all(axis=0)
    values = [side[finite] for side in values]
    if values[0].size < 2 or any(is_constant(side.astype(np.float32)) for side in values):
        return None
    first, square = values[1], float(values[0] @ values[0]) / values[0].size
    columns = np.stack([values[0] - first, first, *(side - first for side in values[2:]), values[0]])
    mine = values[0].astype(np.float32)
    noise = 0.0 if not finite.all() else rounding_noise(mine.reshape(-1, place.shape[-1]))
    share = values[0].size / square
    return Gram(place, columns @ columns.T / square, values[0].size, noise * share, 0.0 if noise else narrow_noise(mine) * share)


def rounding_noise(rows: Float32) -> float:
    """Mean square of what rounding left of the values, where they lie on even grids: step²/12; 0 where they do not.

    Looked for in groups of neighbours, then in whole rows. Shapes: (rows, inputs).
    Assumes: errors of rounding are spread evenly over a step, which holds where a step is small beside the spread of the values.
    Source: METHODS §16 (value grid).
    """
    some = rows[:: max(1, len(rows) // 64)]
    found = [_square_step(group) for row in some for group in _groups(row)]
    return float(np.mean([step for step in found if step is not None])) if found and None not in found else 0.0


def narrow_noise(values: Float32) -> float:
    """Mean square of what rounding to BF16 or F16 left of values that all stand in it: step²/12; 0 where they stand in neither."""
    dtype = narrow_type([values])
    return float(np.mean(steps_of(values, dtype).astype(np.float64) ** 2)) / 12 if dtype else 0.0


def _groups(row: Float32) -> Iterable[Float32]:
    return row.reshape(-1, GROUP)[:8] if row.size % GROUP == 0 else (row,)


def _square_step(values: Float32) -> float | None:
    """step²/12 of the grid that a few values lie on; None where they lie on none with fewer points than values."""
    levels = np.unique(values.astype(np.float64))
    if len(levels) < 2:
        return 0.0
    gaps = np.diff(levels)
    step = float(gaps[gaps > 1e-6 * float(levels[-1] - levels[0])].min(initial=np.inf))
    points = (levels - levels[0]) / step
    if len(levels) > 0.75 * values.size or not np.isfinite(step) or np.abs(points - np.rint(points)).max() > ON_GRID * 4:
        return None
    return step**2 / 12


def total(some: Iterable[Gram], size: int) -> Floats:
    """The sum of tables. size: their sides, for none at all."""
    out = np.zeros((size, size))
    for one in some:
        out += one.table
    return out


__all__ = ["Gram", "grams", "rounding_noise", "total"]
