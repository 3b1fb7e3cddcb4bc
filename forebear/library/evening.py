"""A geometry of anchor tokens, evened: what is left of it when what strangers share is cut down (decision 0136).

What tokens mean lies in few directions of a model's rows, what its start left lies in all of them. So a geometry is evened by the
model's own numbers alone, and no library, whatever it holds, changes what a print says.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from forebear.library.hashing import Float64, hashed

ANCHORS = tuple(bytes([code]) for code in range(33, 127))
PAIRS = len(ANCHORS) * (len(ANCHORS) - 1) // 2
LEAST = 24
"""Anchors that a vocabulary must have for a geometry."""
LEAST_DIRECTION = 0.01
"""Share of the mean from which a direction of a geometry counts: below it lies what float16 rounds."""
LARGE_DIRECTION = 5.0
"""So many times as large as the middle one, a direction is what tokens mean, and becomes as large as the others are on average."""
ANCHOR_NUMBERS = 160
"""Bytes of a code."""
CODE_BITS = 8 * ANCHOR_NUMBERS
TIMES = 4
"""Sums of a code that each pair of anchors is part of."""
_PLACES = np.triu_indices(len(ANCHORS), 1)


def _kinds_met() -> NDArray[np.intp]:
    """Of which two kinds the characters of each pair are: digits, capitals, small letters, others. Shape (PAIRS,)."""
    kinds = np.array([0 if a.isdigit() else 1 if a.isupper() else 2 if a.islower() else 3 for a in ANCHORS])
    low, high = np.minimum(*kinds[np.stack(_PLACES)]), np.maximum(*kinds[np.stack(_PLACES)])
    return np.asarray(4 * low + high, dtype=np.intp)


_KINDS_MET = _kinds_met()


def evened(cosines: NDArray[np.generic]) -> NDArray[np.int8]:
    """A geometry with its larger directions cut down to the middle one, and what kinds of character have in common taken away.

    cosines: as a print holds them, shape (PAIRS, 1); zero where an anchor is absent. Returns: shape (PAIRS,), the largest 127.
    Strangers of one text agree at 0.03 in it, where their whole geometries agree at 0.3 to 0.9; source: decision 0136.
    """
    full = np.zeros((len(ANCHORS), len(ANCHORS)))
    full[_PLACES] = np.clip(np.nan_to_num(np.asarray(cosines, dtype=np.float64).reshape(-1)), -1.0, 1.0)
    there = (full + full.T).any(axis=1)
    some = (full + full.T)[np.ix_(there, there)] + np.eye(int(there.sum()))
    out = np.zeros_like(full)
    values, vectors = np.linalg.eigh(some) if len(some) else (np.zeros(0), some)
    held = values > LEAST_DIRECTION
    if not held.any():
        return np.zeros(PAIRS, np.int8)
    middle = np.median(values[held])
    large = values > LARGE_DIRECTION * middle
    level = np.clip(values, 0.0, middle)
    level[large] = level[held & ~large].mean()
    cut = (vectors * level) @ vectors.T
    length = np.sqrt(np.maximum(np.diag(cut), np.finfo(np.float64).tiny))
    out[np.ix_(there, there)] = cut / length / length[:, None]
    left = out[_PLACES]
    both = np.logical_and.outer(there, there)[_PLACES]
    count = np.bincount(_KINDS_MET, both, _KINDS_MET.max() + 1)
    mean = np.bincount(_KINDS_MET, left, _KINDS_MET.max() + 1) / np.maximum(count, 1)
    return as_bytes(np.where(both, left - mean[_KINDS_MET], 0.0))


@lru_cache(maxsize=1)
def _sums() -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.intp]]:
    """Which pairs are added, with which signs; where the sum for each bit begins. Shapes: (TIMES * PAIRS,) twice, (CODE_BITS,)."""
    word = hashed(TIMES * PAIRS, 0xA9C05)
    bucket = ((word >> np.uint64(8)) % np.uint64(CODE_BITS)).astype(np.intp)
    order = np.argsort(bucket, kind="stable")
    sign = np.where(word >> np.uint64(63), np.float32(1), np.float32(-1))
    return order % PAIRS, sign[order], np.searchsorted(bucket[order], np.arange(CODE_BITS))


def projected(even: NDArray[np.int8]) -> NDArray[np.float32]:
    """Signed sums of an evened geometry over fixed sets of pairs. Shapes: (PAIRS,) or (PAIRS, 1); returns (CODE_BITS,)."""
    pairs, sign, begins = _sums()
    return np.add.reduceat(even.reshape(-1)[pairs] * sign, begins)


def code(even: NDArray[np.int8]) -> NDArray[np.int8]:
    """The signs of the sums of an evened geometry, eight in a byte. Shape (ANCHOR_NUMBERS,); zero where there is none."""
    if not even.any():
        return np.zeros(ANCHOR_NUMBERS, np.int8)
    return np.packbits(projected(even) > 0, bitorder="little").view(np.int8)


def likeness(even: NDArray[np.int8], other: NDArray[np.int8]) -> float | None:
    """Cosine of two evened geometries over pairs of anchors that both have; None when fewer than LEAST anchors are shared.

    Shapes: (PAIRS, 1), or without rows where there is no geometry.
    """
    if len(even) != PAIRS or len(other) != PAIRS:
        return None
    x, y = (side.astype(np.float64).reshape(-1) for side in (even, other))
    both = (x != 0) & (y != 0)
    if both.sum() < LEAST * (LEAST - 1) // 4:  # a number may be zero by rounding
        return None
    length = float(np.linalg.norm(x[both]) * np.linalg.norm(y[both]))
    return float(x[both] @ y[both]) / length if length > 0 else None


def as_bytes(values: Float64) -> NDArray[np.int8]:
    """Numbers scaled so that the largest is 127, rounded to int8; all zero stays zero."""
    most = float(np.abs(values).max(initial=0.0))
    return np.rint(values * (127.0 / most)).astype(np.int8) if most > 0 else np.zeros(len(values), np.int8)
