"""A line or an arc between two parents: SLERP takes other factors in every matrix, by the angle there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.recipes.mixtures.gram import Gram
from forebear.recipes.mixtures.thresholds import ARC_ERRORS, EXACT

COLLINEAR = 0.9995
"""Cosine above which the published formula is a line."""
STEPS = 1001
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arc:
    """What fits better: "arc", "line" or "" where they cannot be told apart.

    t: share of the second parent on the better of the two; left: squared residual of the arc, of the line.
    """

    kind: str
    t: float
    left: tuple[float, float]


def arc(found: Sequence[Gram], pair: tuple[int, int]) -> Arc:
    """One t for all places, along the arc and along the line.

    Null: both leave the same; the difference of residuals is compared with its jackknife error over places.
    """
    tables = np.stack([_products(one.table, pair) for one in found])  # (places, 3, 3): subject, first, second
    t = np.linspace(0, 1, STEPS)
    cosine = tables[:, 1, 2] / np.sqrt(tables[:, 1, 1] * tables[:, 2, 2])
    angle = np.arccos(np.clip(cosine, -1, 1))[:, None]
    straight = (np.abs(cosine) > COLLINEAR)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        s0 = np.where(straight, 1 - t, np.sin((1 - t) * angle) / np.sin(angle))
        s1 = np.where(straight, t, np.sin(t * angle) / np.sin(angle))
    curved = _left(tables, s0, s1)  # (places, STEPS)
    lined = _left(tables, np.broadcast_to(1 - t, s0.shape), np.broadcast_to(t, s0.shape))
    best = int(np.argmin(curved.sum(axis=0))), int(np.argmin(lined.sum(axis=0)))
    gain = lined[:, best[1]] - curved[:, best[0]]
    error = float(np.sqrt(len(gain)) * gain.std(ddof=1)) if len(gain) > 1 else np.inf
    total = float(gain.sum())
    square = float(tables[:, 0, 0].sum())
    exact = [float(left) < EXACT * square for left in (curved[:, best[0]].sum(), lined[:, best[1]].sum())]
    kind = "arc" if exact == [True, False] else "line" if exact == [False, True] else ""
    kind = kind or ("arc" if total > ARC_ERRORS * error else "line" if -total > ARC_ERRORS * error else "")
    where = best[0] if kind == "arc" else best[1]
    return Arc(kind, float(t[where]), (float(curved[:, best[0]].sum()), float(lined[:, best[1]].sum())))


def _left(tables: Floats, s0: Floats, s1: Floats) -> Floats:
    """Squared residuals of s0 · first + s1 · second. Shapes: (places, 3, 3), (places, n) -> (places, n)."""
    cc, ca, cb = (tables[:, 0, one][:, None] for one in range(3))
    aa, ab, bb = tables[:, 1, 1][:, None], tables[:, 1, 2][:, None], tables[:, 2, 2][:, None]
    return np.asarray(np.maximum(cc - 2 * (s0 * ca + s1 * cb) + s0**2 * aa + 2 * s0 * s1 * ab + s1**2 * bb, 0))


def _products(table: Floats, pair: tuple[int, int]) -> Floats:
    """Products of the subject and two candidates, (3, 3)."""
    size = len(table)
    rows = np.zeros((3, size))
    rows[:, 1] = 1.0
    rows[0, 0] = 1.0
    for place, one in enumerate(pair, start=1):
        if one:
            rows[place, 1 + one] = 1.0
    return np.asarray(rows @ table @ rows.T)
