"""Which values are zero, how many, and how far zeros at the same places lengthen a cosine (METHODS §17, decision 0117)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.core.spacing import evenly
from forebear.stats.arrays import F32, Bools
from forebear.stats.strength import Neurons
from forebear.stats.strength_thresholds import LEAST_ZEROS, NEAR_ZERO

Cell = tuple[int, int]
LOOKED = 64
"""Rows of a layer that show whether it holds zeros."""
NARROW = 32
"""Below this width a tenth of a row is too few values to be alike by rule."""


def common_zeros(a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell]) -> float:
    """Largest share of zeros that both layers of a pair hold, so that they may coincide; 0 below LEAST_ZEROS.

    Source: METHODS §17; decision 0117.
    """
    share = max((min(share_of_zeros(a[i]), share_of_zeros(b[j])) for i, j in belong), default=0.0)
    return share if share >= LEAST_ZEROS else 0.0


def lengthened(ceiling: float, share: float) -> float:
    """c over all places, as zeros at the same places lengthen it where they know nothing of values; 1 at the most."""
    return min(1.0, ceiling / float(np.sqrt(max(1 - share, 1e-3))))


def zero_share(rows: F32) -> float:
    """Share of the values of a few rows that are zero, or what zeros became where a mean was taken out; 0 without rows."""
    few = rows[evenly(len(rows), LOOKED)].astype(np.float32)
    length = np.linalg.norm(few, axis=1, keepdims=True)
    known = few[length[:, 0] > 0] / length[length[:, 0] > 0]
    return float(1 - _not_zero(known).mean()) if len(known) else 0.0


def share_of_zeros(layer: Neurons) -> float:
    few = layer.take(np.flatnonzero(layer.usable)[:LOOKED])
    return float(np.mean([1 - kept.mean() for kept in kept_places(few)])) if len(few) else 0.0


def kept_places(layer: Neurons) -> tuple[Bools, ...]:
    """Places of every row that are not zero: not the value that most of a row's zeros became where its mean was taken out."""
    return tuple(_not_zero(view) for view in layer.views)


def _not_zero(rows: F32) -> Bools:
    """(n, d): away from the commonest value of each row, by NEAR_ZERO of its spread."""
    if not rows.size:
        return np.ones(rows.shape, dtype=bool)
    near = NEAR_ZERO / np.sqrt(rows.shape[1])
    plain: Bools = np.abs(rows) > near
    if 1 - plain.mean() >= LEAST_ZEROS or rows.shape[1] < NARROW:
        return plain
    ordered = np.sort(rows, axis=1)
    window = max(2, int(LEAST_ZEROS * rows.shape[1]))
    spans = ordered[:, window - 1 :] - ordered[:, : ordered.shape[1] - window + 1]
    at = spans.argmin(axis=1)
    middle = ordered[np.arange(len(rows)), at + window // 2]
    out: Bools = np.abs(rows - middle[:, None]) > near
    return out
