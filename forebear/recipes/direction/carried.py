"""How much of what one model changed since an older one another carries: the third-checkpoint rule in figures (METHODS §11).

X older, C and S later. If S was made from C, all that C changed since X is still in S, beside what was added: the regression
of S - C on C - X is near 0, also where C - X holds little. If both were made from X apart, they may share a common
direction, since training on like text moves alike; what each has of its own is missing in the other, most of all in the directions
that hold little. If C was made from S, S - C takes back a part of C - X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.models.checkpoint import Checkpoint
from forebear.recipes.placed import is_constant, read, shared_places

SIDE = 256
"""Rows and columns of a matrix that are looked at, spread evenly: fixed before anything is looked at."""
PLACES = 48
LEADING = 0.75
"""Share of the directions of a change, strongest first, that are left out to see what each model has of its own."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Carried:
    """Regressions of one model's step on another's, over some matrices.

    all_directions: of S - C on C - X. own_directions: the same without the strongest three quarters of the directions of C - X.
    step: size of S - C as a share of that of C - X. places: matrices looked at.
    """

    all_directions: float
    own_directions: float
    step: float
    places: int


def carried(older: Checkpoint, sides: tuple[Checkpoint, Checkpoint]) -> tuple[Carried, Carried] | None:
    """The figures with the first side in the place of C, and with the second; None where nothing can be laid side by side.

    Reads at most 256 rows of 48 matrices a side.
    """
    sums = np.zeros((2, 5))
    count = 0
    rows = [row for row in shared_places([older, *sides]) if row[0].kind == "matrix" and len(row[0].shape) == 2]
    for row in rows[:: max(1, -(-len(rows) // PLACES))]:
        picked = np.unique(np.linspace(0, row[0].shape[0] - 1, min(SIDE, row[0].shape[0])).astype(np.intp))
        columns = np.unique(np.linspace(0, row[0].shape[1] - 1, min(SIDE, row[0].shape[1])).astype(np.intp))
        x, a, b = (
            read(side, place, picked)[:, columns].astype(np.float64) for side, place in zip([older, *sides], row, strict=True)
        )
        if not all(np.isfinite(one).all() for one in (x, a, b)) or is_constant(x.astype(np.float32)):
            continue
        scale = 1.0 / float(x.var())
        for which, (c, s) in enumerate(((a, b), (b, a))):
            sums[which] += scale * _products(c - x, s - c)
        count += 1
    if not count or (sums[:, 1] <= 0).any() or (sums[:, 3] <= 0).any():
        return None
    first, second = (
        Carried(float(s[0] / s[1]), float(s[2] / s[3]), float(np.sqrt(s[4] / s[1])), count) for s in sums
    )
    return first, second


def _products(change: Floats, step: Floats) -> Floats:
    """<step, change>, <change, change>, the same two without the strongest directions of the change, <step, step>."""
    left, sizes, right = np.linalg.svd(change, full_matrices=False)
    along = np.einsum("ij,ij->j", left, step @ right.T) * sizes
    cut = int(LEADING * len(sizes))
    return np.array(
        [along.sum(), float(np.sum(sizes**2)), along[cut:].sum(), float(np.sum(sizes[cut:] ** 2)), float(np.sum(step**2))]
    )

