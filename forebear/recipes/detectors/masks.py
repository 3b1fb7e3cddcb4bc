"""Values zeroed by size, of a subject whose residual stream was grown and turned since: how many, where they are not zeros any more
(METHODS §12, decision 0124)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from forebear.stats.arrays import F32, Bools

BINS = 50
"""Bins of equal counts that the candidate's values are put in by size."""
GONE, KEPT = 0.2, (0.8, 1.25)
"""What is left of values, as a share of the candidate's, in bins that were zeroed; in those that stayed. A grid of few bits makes
the smallest of these larger by half."""


ONE_SHARE = 0.03
"""Difference of shares up to which they are one."""


class InPlace(Protocol):
    """One matrix of subject and state, (units, channels). known: values that no step drew; None: all."""

    @property
    def mine(self) -> F32: ...
    @property
    def theirs(self) -> F32: ...
    @property
    def known(self) -> Bools | None: ...


def old_channels(b: InPlace) -> Bools:
    """Channels that the candidate has, (d,): in others, which a growth made, a rotation is not known."""
    filled: Bools = np.asarray(b.theirs.any(axis=0))
    return filled if b.known is None else filled & b.known.any(axis=0)


def old_rows(b: InPlace) -> Bools:
    """Rows that no step drew, (n,)."""
    return np.ones(len(b.mine), dtype=bool) if b.known is None else np.asarray(b.known.any(axis=1))


def zeroed(pairs: Sequence[tuple[F32, F32]]) -> float | None:
    """The share of values that a mask by size took, of matrices of which every value is a little off; None without a mask.

    pairs: subject and candidate, one shape. By how the candidate's values, put in bins by size, are left: not at all in the
    smallest bins, whole in the others; noise beside them has no say in that.
    """
    left = np.median([_slopes(mine, theirs) for mine, theirs in pairs], axis=0)
    at = int(np.argmax(left >= 0.5))
    if at == 0 or at >= BINS - 2:
        return None
    below, above = left[: max(1, at - 1)], left[at + 1 :]
    if float(np.median(below)) > GONE or not KEPT[0] < float(np.median(above)) < KEPT[1] or float(above[:2].max()) > KEPT[1]:
        return None
    return (at + float(1 - left[at])) / BINS


def _slopes(mine: F32, theirs: F32) -> np.ndarray:
    """Bin by bin what is left of the candidate's values, (BINS,)."""
    order = np.argsort(np.abs(theirs), axis=None, kind="stable")
    a, b = mine.ravel()[order].astype(np.float64), theirs.ravel()[order].astype(np.float64)
    found = [(float(x @ y), float(y @ y)) for x, y in zip(np.array_split(a, BINS), np.array_split(b, BINS), strict=True)]
    return np.array([along / max(size, 1e-30) for along, size in found])


def shares(among: Sequence[tuple[InPlace, float]], layer_norm: bool, digits: int) -> dict[str, Any]:
    """The share of zeros as parameters of a step, from matrices and their shares among the candidate's channels.

    Channels that were held several times read, once turned, as empty ones at another scale, but where a norm subtracts the mean.
    What share of all that is depends on it: then none is told, with both.
    """
    told = [round(float(np.median([whole_share(b, share) for b, share in among])), digits)]
    old = old_channels(among[0][0])
    copies, fitting = len(old) // max(1, int(old.sum())), [whole_if_held(b, share) for b, share in among if b.known is None]
    if copies > 1 and fitting and not layer_norm:
        told.append(round(float(np.median(fitting)), digits))
    if max(told) - min(told) <= ONE_SHARE:
        return {"share": told[0]}
    return {"share": None, "share_one_of": sorted(told)}


def whole_if_held(b: InPlace, share: float) -> float:
    """The share of all values that is zero if every channel of the candidate is held as often as it fits, the rest empty."""
    width, kept = b.mine.shape[1], int(old_channels(b).sum())
    held = width // max(1, kept) * kept
    return float((held * share + width - held) / width)


def whole_share(b: InPlace, share: float) -> float:
    """The share of all values that is zero in a matrix, of which `share` is among the candidate's channels: in channels of a
    growth, which are turned among themselves, the values below the same size are counted as of a normal distribution.

    Null: none. Assumption: values of these channels are normal before the mask, of the size that what is left of them tells.
    """
    old = old_channels(b)
    if old.all() or not old.any() or not 0 < share < 1:
        return share
    size = float(np.quantile(np.abs(b.theirs[np.ix_(old_rows(b), old)]), share))
    power = float(np.mean(b.mine[:, ~old].astype(np.float64) ** 2)) / max(size**2, 1e-30)
    low, high = 0.0, 1e3
    for _ in range(60):  # their spread, in units of the size below which values are zero
        middle = (low + high) / 2
        low, high = (middle, high) if _above(middle) < power else (low, middle)
    new = math.erf(1 / (low * math.sqrt(2))) if low > 0 else 1.0
    return float(np.mean(old)) * share + float(np.mean(~old)) * new


def _above(spread: float) -> float:
    """Mean square of normal values of a spread after those below one in size are zeroed."""
    if spread <= 0:
        return 0.0
    edge = 1 / spread
    tail = math.erfc(edge / math.sqrt(2)) + 2 * edge * math.exp(-(edge**2) / 2) / math.sqrt(2 * math.pi)
    return spread**2 * tail
