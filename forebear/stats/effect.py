"""How much two tensors share (METHODS §10, §11): effects describe, they never decide."""

from __future__ import annotations

import numpy as np

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.core.spacing import evenly
from forebear.stats.arrays import F64, Floats, as_float64, same_shape, unit_rows

_POWER_ROUNDS = 60
_SETTLED = 1e-6


def relative_distance(child: Floats, parent: Floats) -> float:
    """Size of the change from parent to child, as a share of the parent.

    Shapes:  equal, rows already aligned.
    Returns: ||child - parent|| / ||parent||; 0 equal, about 1.41 unrelated of equal norm.
    Raises:  IncomparableError if shapes differ, the parent is all zero, or a value is not finite.
    Source:  METHODS §10.
    """
    left, right = _finite_pair(child, parent)
    largest = float(np.max(np.abs(right), initial=0.0))
    if largest == 0:
        raise IncomparableError("a change has no size relative to a tensor that is all zero")
    return float(np.linalg.norm((left - right) / largest) / np.linalg.norm(right / largest))


def aligned_cosine(a: Floats, b: Floats) -> float | None:
    """Cosine of two whole tensors already aligned; None where either is all zero.

    Raises: IncomparableError if shapes differ or a value is not finite.
    Source: METHODS §10.
    """
    left, right = _finite_pair(a, b)
    sizes = float(np.max(np.abs(left), initial=0.0)), float(np.max(np.abs(right), initial=0.0))
    if min(sizes) == 0:
        return None
    x, y = left.ravel() / sizes[0], right.ravel() / sizes[1]
    return float(np.clip(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)), -1.0, 1.0))


def stable_rank(change: Floats, purpose: str = "effect/stable-rank") -> float:
    """||change||_F^2 / ||change||_2^2: about how many directions a change uses; 0 for no change.

    Shapes:  (rows, columns). A merged rank-r update gives at most r, further training many.
    The largest singular value comes from power iteration, from a start named by `purpose`; it is approached from below,
    so the figure may err upwards, by about 1e-6 of itself where it has settled.
    Raises:  IncomparableError unless two-dimensional and finite.
    Source:  METHODS §10.
    """
    matrix = as_float64(change)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise IncomparableError(f"stable rank needs a finite matrix, not shape {matrix.shape}")
    largest = float(np.max(np.abs(matrix), initial=0.0))
    if largest == 0:
        return 0.0
    matrix = matrix / largest
    total = float(np.einsum("ij,ij->", matrix, matrix))
    vector: F64 = generator(purpose, *matrix.shape).standard_normal((matrix.shape[1],))
    vector = vector / float(np.linalg.norm(vector))
    squared = 0.0
    for _ in range(_POWER_ROUNDS):
        vector = matrix.T @ (matrix @ vector)
        size = float(np.linalg.norm(vector))  # tends to the largest singular value squared
        if size == 0:
            break
        vector = vector / size
        settled = abs(size - squared) <= _SETTLED * size
        squared = size
        if settled:
            break
    return max(1.0, total / squared) if squared > 0 else 1.0


def bitwise_equal_rows(a: Floats, b: Floats) -> float:
    """Share of rows equal bit for bit (so -0 differs from 0, and NaN equals the same NaN).

    Shapes:  equal, (n, ...), one dtype; "frozen" is equality after the declared cast, which the caller makes.
    Raises:  IncomparableError if shapes or dtypes differ, or there are no rows.
    Source:  METHODS §10, §11.
    """
    if a.shape != b.shape or a.dtype != b.dtype or a.ndim < 1 or not len(a):
        raise IncomparableError(f"rows need one shape and dtype, not {a.shape} {a.dtype} and {b.shape} {b.dtype}")
    left = np.ascontiguousarray(a).reshape(len(a), -1).view(np.uint8)
    right = np.ascontiguousarray(b).reshape(len(b), -1).view(np.uint8)
    return float(np.mean((left == right).all(axis=1)))


def effective_dimension(a: Floats, b: Floats, *, most: int = 512) -> float | None:
    """d_eff = 1 / mean(off-diagonal cos^2) of one pair, measured on at most `most` evenly spaced units a side.

    Shapes:  a (n, k), b (m, k), rows are units at the same positions; pairs at the same position are left out.
    Returns: None where no pair of usable rows is left. Random rows give k; real embedding columns far less (259 of
             28,526).
    Source:  METHODS §11.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise IncomparableError(f"units need rows of equal length, not shapes {a.shape} and {b.shape}")
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
    same_shape(a, b, "row cosines")
    (left, usable_a), (right, usable_b) = unit_rows(a), unit_rows(b)
    cosines = np.clip(np.einsum("ij,ij->i", left, right, dtype=np.float64), -1.0, 1.0)
    return np.where(usable_a & usable_b, cosines, np.nan)


def _spaced(n: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return evenly(n, most).astype(np.int64)


def _finite_pair(a: Floats, b: Floats) -> tuple[F64, F64]:
    left, right = as_float64(a), as_float64(b)
    if left.shape != right.shape:
        raise IncomparableError(f"tensors need equal shapes, not {left.shape} and {right.shape}")
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        raise IncomparableError("a tensor holds NaN or Inf")
    return left, right
