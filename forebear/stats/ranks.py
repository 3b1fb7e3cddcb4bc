"""Ranks with ties averaged, and Spearman's correlation."""

from __future__ import annotations

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.arrays import F64, Floats, as_float64


def average_ranks(values: Floats) -> F64:
    """Ranks from 1; equal values share the mean of their places.

    Shapes: (n,) -> (n,). All values finite.
    """
    flat = as_float64(values).ravel()
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    out = np.empty(len(flat))
    changes = ordered[1:] != ordered[:-1]
    if changes.all():
        out[order] = np.arange(1.0, len(flat) + 1)
        return out
    starts = np.append(0, np.flatnonzero(changes) + 1)
    ends = np.append(starts[1:], len(flat))
    means = (starts + ends - 1) / 2 + 1
    out[order] = np.repeat(means, ends - starts)
    return out


def spearman(x: Floats, y: Floats) -> float | None:
    """Spearman's rank correlation over positions where both are finite; None where either side is constant.

    Shapes:  (n,), (n,).
    Raises:  IncomparableError if lengths differ.
    Source:  METHODS §7.
    """
    left, right = both_finite(x, y)
    a, b = centred_ranks(left), centred_ranks(right)
    return None if a is None or b is None else float(np.clip(a @ b, -1.0, 1.0))


def centred_ranks(values: Floats) -> F64 | None:
    """Ranks minus their mean, scaled to length one; None if fewer than two values differ. Ties of equal values only."""
    if len(values) < 2:
        return None
    return _scaled(average_ranks(values))


def rising_ranks(count: int) -> F64 | None:
    """`centred_ranks` of any values that rise throughout. Shapes: (count,)."""
    return _scaled(np.arange(1, count + 1, dtype=np.float64)) if count > 1 else None


def _scaled(ranks: F64) -> F64 | None:
    ranks -= ranks.mean()
    size = float(np.sqrt(ranks @ ranks))
    return ranks / size if size > 0 else None


def both_finite(x: Floats, y: Floats) -> tuple[F64, F64]:
    """The positions finite on both sides, flattened.

    Raises: IncomparableError if lengths differ.
    """
    left, right = as_float64(x).ravel(), as_float64(y).ravel()
    if left.shape != right.shape:
        raise incomparable(message("arrays.correlation", a=len(left), b=len(right)))
    known = np.isfinite(left) & np.isfinite(right)
    return left[known], right[known]
