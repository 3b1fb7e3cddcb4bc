"""Embedding rows beside a vocabulary: which look untrained, and what became of kept and new ones. Describes, never decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Ids = NDArray[np.intp]
LOW = 5.0
"""Robust deviations of the log norm below the middle from which a row counts as small."""
ALIKE = 0.98
"""Cosine to the middle of the small rows from which a row counts as one of them (rows never trained stay alike)."""


def undertrained_in(blocks: Callable[[], Iterator[Rows]], *, least: int = 50) -> Ids:
    """Rows that training hardly touched: far smaller than the rest, or alike to those that are; ascending ids.

    blocks: reads all rows (V, d) in order; called once, and twice more when small rows stand out. Memory: one block and
             three numbers a row.
    Returns: nothing when no row stands out or there are fewer than `least` rows.
    Source:  METHODS §15; rows that never occur decay together or stay near one start.
    """
    norms = _each(blocks, lambda block: np.linalg.norm(block, axis=1))
    finite = np.isfinite(norms)
    if int(finite.sum()) < least:
        return np.zeros(0, dtype=np.intp)
    logs = np.log(np.maximum(np.where(finite, norms, 1.0), np.finfo(np.float64).tiny))
    middle = float(np.median(logs[finite]))
    spread = max(float(np.median(np.abs(logs[finite] - middle))) * 1.4826, 1e-3)
    small = finite & (logs < middle - LOW * spread)
    if not small.any():
        return np.zeros(0, dtype=np.intp)
    centre = _mean_of(blocks, small & (norms > 0))
    size = float(np.linalg.norm(centre))
    if size == 0:
        return np.flatnonzero(small)
    along = _each(blocks, lambda block: block @ centre)
    alike = finite & (along >= ALIKE * size * np.maximum(norms, 1e-30))
    return np.flatnonzero(small | alike)


def _each(
    blocks: Callable[[], Iterator[Rows]], figure: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        found = [figure(block.astype(np.float64)) for block in blocks()]
    return np.concatenate(found) if found else np.zeros(0)


def _mean_of(blocks: Callable[[], Iterator[Rows]], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean of the chosen rows; 0 when none is chosen."""
    total, start = np.zeros(1), 0
    for block in blocks():
        total = total + block[chosen[start : start + len(block)]].astype(np.float64).sum(axis=0)
        start += len(block)
    found: NDArray[np.float64] = total / max(1, int(chosen.sum()))
    return found


@dataclass(frozen=True)
class Fates:
    """What became of embedding rows. kept_cosine: quantiles (5, 50, 95 %) of cosine between rows of shared tokens.

    norm_ratio: median norm of new rows over that of kept rows; new_to_mean: median cosine of new rows to the mean kept row;
    equal: shared rows that are bitwise equal. None where there are no such rows.
    """

    kept: int
    new: int
    dropped: int
    equal: int
    kept_cosine: tuple[float, float, float] | None
    norm_ratio: float | None
    new_to_mean: float | None


def fates(subject: Rows, candidate: Rows, subject_ids: Ids, candidate_ids: Ids) -> Fates:
    """Rows of kept, new and dropped tokens.

    Shapes: subject (V, d), candidate (W, e); ids (n,) of shared tokens on each side, in the same order. Cosines need d = e.
    """
    ours, theirs = np.asarray(subject)[subject_ids], np.asarray(candidate)[candidate_ids]
    rest = np.setdiff1d(np.arange(len(subject)), subject_ids)
    cosine, equal = None, 0
    if len(ours) and ours.shape == theirs.shape:
        equal = int((ours == theirs).all(axis=1).sum())
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        size = np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-30)
        low, middle, high = np.quantile((a * b).sum(axis=1) / size, [0.05, 0.5, 0.95])
        cosine = (float(low), float(middle), float(high))
    ratio = to_mean = None
    if len(ours) and len(rest):
        new = np.asarray(subject)[rest].astype(np.float64)
        norms = np.linalg.norm(new, axis=1)
        usual = float(np.median(np.linalg.norm(ours.astype(np.float64), axis=1)))
        ratio = float(np.median(norms) / usual) if usual > 0 else None
        mean = ours.astype(np.float64).mean(axis=0)
        size = np.maximum(norms * np.linalg.norm(mean), 1e-30)
        to_mean = float(np.median(new @ mean / size))
    return Fates(len(ours), len(rest), len(candidate) - len(candidate_ids), equal, cosine, ratio, to_mean)
