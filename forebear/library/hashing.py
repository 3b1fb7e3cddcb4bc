"""Positions to buckets and signs by a fixed hash, and what such sums make of constants, identities and Hadamard matrices.

A hash of the *position* alone, never of a size or a layer: so the prints of a matrix and of the same matrix with rows appended
share every bucket (METHODS §14).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SKETCH = 16
"""Buckets a side of a sketch: 256 numbers a matrix (METHODS §14)."""
SCREEN = 11
"""Buckets a side of a part's screen: 121 numbers for each of seven parts (METHODS §18)."""
WIDTH = SKETCH + SCREEN
_SEEDS = {("row", SKETCH): 0x5EED1, ("column", SKETCH): 0x5EED2, ("row", SCREEN): 0x5EED3, ("column", SCREEN): 0x5EED4}
"""Named here once and never again changed: every print ever made depends on them (`PRINT_VERSION`)."""


def hashed(count: int, seed: int) -> NDArray[np.uint64]:
    """The splitmix64 hash of positions 0..count-1, the same on every machine. Shape (count,).

    Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators" (finaliser and increment).
    """
    with np.errstate(over="ignore"):
        word = (np.arange(count, dtype=np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
        word ^= word >> np.uint64(30)
        word *= np.uint64(0xBF58476D1CE4E5B9)
        word ^= word >> np.uint64(27)
        word *= np.uint64(0x94D049BB133111EB)
        word ^= word >> np.uint64(31)
    return word


def signed_buckets(side: str, buckets: int, count: int, part: int = 0) -> Float32:
    """The matrix that adds positions with their signs into buckets. Shapes: returns (count, buckets), one nonzero a row.

    side: "row" or "column"; part: parts of a model have seeds of their own.
    """
    word = hashed(count, _SEEDS[side, buckets] + (part << 24))
    out = np.zeros((count, buckets), dtype=np.float32)
    sign = np.where(word >> np.uint64(63), np.float32(1), np.float32(-1))
    out[np.arange(count), ((word >> np.uint64(8)) % np.uint64(buckets)).astype(np.intp)] = sign
    return out


@lru_cache(maxsize=96)
def both_grids(side: str, count: int, part: int) -> Float32:
    """Buckets of the sketch and of the screen side by side. Shapes: returns (count, WIDTH)."""
    grids = np.hstack([signed_buckets(side, SKETCH, count, part), signed_buckets(side, SCREEN, count, part)])
    grids.setflags(write=False)
    return grids


@lru_cache(maxsize=256)
def known_directions(rows: int, columns: int, part: int, buckets: int) -> Float64:
    """An orthonormal basis of what starts that are no draw leave in a sketch. Shapes: returns (buckets**2, k).

    The identity, and the Hadamard matrix of the next power of two cut to this shape (the start of ZerO): two strangers share
    these whole. Of both the means of rows and columns are taken away, as from every matrix (`forebear.library.cleaning.centred`).
    Source: METHODS §18; Zhao, Schäfer, Anandkumar 2021 (arXiv:2110.12661) for starts of identities and Hadamard matrices.
    """
    left = signed_buckets("row", buckets, rows, part).astype(np.float64)
    right = signed_buckets("column", buckets, columns, part).astype(np.float64)
    left -= left.mean(axis=0)
    right -= right.mean(axis=0)
    square = min(rows, columns)
    found = [left[:square].T @ right[:square]]
    found.append(left.T @ _hadamard_times(right, rows))
    basis = np.stack([matrix.reshape(-1) for matrix in found], axis=1)
    length = np.linalg.norm(basis, axis=0)
    kept = basis[:, length > 0] / length[length > 0]
    orthonormal, upper = np.linalg.qr(kept)
    return np.asarray(orthonormal[:, np.abs(np.diag(upper)) > 1e-6])


def _hadamard_times(right: Float64, rows: int) -> Float64:
    """H @ right for the Sylvester matrix H[i, j] = (-1)^popcount(i & j), by the fast transform. Shapes: (n, b) -> (rows, b)."""
    size = 1
    while size < max(rows, len(right)):
        size *= 2
    work = np.zeros((size, right.shape[1]))
    work[: len(right)] = right
    step = 1
    while step < size:
        pairs = work.reshape(size // (2 * step), 2, step, -1)
        work = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(size, -1)
        step *= 2
    return work[:rows]
