"""How much two tensors share (METHODS §10, §11): effects describe, they never decide."""

from __future__ import annotations

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.stats.arrays import F64, Floats, same_shape, unit_rows


def effective_dimension(a: Floats, b: Floats, *, most: int = 512) -> float | None:
    """d_eff = 1 / mean(off-diagonal cos^2) of one pair, measured on at most `most` evenly spaced units a side.

    Shapes:  a (n, k), b (m, k), rows are units at the same positions; pairs at the same position are left out.
    Returns: None where no pair of usable rows is left. Random rows give k; real embedding columns far less (259 of
             28,526).
    Source:  METHODS §11.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise incomparable(message("arrays.row_lengths", a=str(a.shape), b=str(b.shape)))
    rows, columns = _spaced(len(a), most), _spaced(len(b), most)
    (left, usable_a), (right, usable_b) = unit_rows(a[rows]), unit_rows(b[columns])  # unusable rows are zero
    cosines = left @ right.T
    _, same_a, same_b = np.intersect1d(rows, columns, assume_unique=True, return_indices=True)
    cosines[same_a, same_b] = 0.0
    kept = int(usable_a.sum()) * int(usable_b.sum()) - int((usable_a[same_a] & usable_b[same_b]).sum())
    total = float(np.einsum("ij,ij->i", cosines, cosines).sum(dtype=np.float64))
    return kept / total if kept and total > 0 else None


def row_cosines(a: Floats, b: Floats) -> F64:
    """Cosine of every row of A with the row of B at its place; NaN where either is unusable.

    Shapes: (n, k), (n, k) -> (n,).
    Raises: IncomparableError if shapes differ.
    """
    same_shape(a, b)
    (left, usable_a), (right, usable_b) = unit_rows(a), unit_rows(b)
    cosines = np.clip(np.einsum("ij,ij->i", left, right, dtype=np.float64), -1.0, 1.0)
    return np.where(usable_a & usable_b, cosines, np.nan)


def _spaced(n: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return evenly(n, most).astype(np.int64)
