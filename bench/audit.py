"""Statistics of the bench itself: do p-values keep their promise, how well are two classes told apart (METHODS §13)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
LEVELS = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
ALARM = 1e-3
"""Chance at which an honest statistic would raise an alarm in one row of an audit."""


def disjoint(count: int) -> list[tuple[int, int]]:
    """Pairs of 0..count-1 in which no model is used twice, so that what they give is independent."""
    return [(i, i + 1) for i in range(0, count - 1, 2)]


def ks_p(values: Values, uniform: Values) -> tuple[float, float]:
    """Kolmogorov-Smirnov: largest distance of an empirical distribution from a continuous one, and its p.

    values:  the sample; uniform: its probability transform, which the null says is uniform on 0..1.
    Returns: (distance, p), p by the Kolmogorov series with Stephens' correction, good from about five values.
    Raises:  ValueError for an empty sample.
    """
    n = len(values)
    if n == 0:
        raise ValueError("no values to test")
    u = np.sort(uniform)
    steps = np.arange(1, n + 1) / n
    distance = float(max((steps - u).max(), (u - steps + 1 / n).max()))
    scaled = distance * (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n))
    if scaled < 0.3:  # the series is slow here and the answer is 1 to five places
        return distance, 1.0
    series = sum((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return distance, min(1.0, max(0.0, 2 * series))


def normal_cdf(z: Values) -> Values:
    """Standard normal distribution function."""
    return np.array([0.5 * math.erfc(-float(v) / math.sqrt(2)) for v in z])


def binomial_upper(n: int, p: float, chance: float = ALARM) -> int:
    """Smallest c with P(Binomial(n, p) > c) <= chance: more than c is an alarm."""
    total = 0.0
    for c in range(n + 1):
        total += math.exp(
            math.lgamma(n + 1)
            - math.lgamma(c + 1)
            - math.lgamma(n - c + 1)
            + c * math.log(p)
            + (n - c) * math.log1p(-p)
        )
        if 1 - total <= chance:
            return c
    return n


def none_of(n: int) -> float:
    """Upper 95 % limit of a share of which nothing was seen in n tries: the rule of three."""
    return min(1.0, 3 / n) if n else 1.0


def share_interval(count: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share. z: 1.96 for 95 %. Raises: ZeroDivisionError without tries."""
    share, extra = count / n, z * z / n
    middle, half = share + extra / 2, z * math.sqrt(share * (1 - share) / n + extra / n / 4)
    return max(0.0, (middle - half) / (1 + extra)), min(1.0, (middle + half) / (1 + extra))


def share_words(count: int, n: int) -> str:
    """ "0 of 50 (< 0.06)" or "3 of 50 (0.06)": nothing seen is not nothing there."""
    return f"0 of {n} (< {none_of(n):.2g})" if count == 0 else f"{count} of {n} ({count / n:.2g})"


def histogram(values: Values, bins: int = 24) -> dict[str, Any]:
    """Counts in equal bins, for drawing: {"edges": [...], "counts": [...]}."""
    counts, edges = np.histogram(values, bins=bins)
    return {"edges": [round(float(e), 6) for e in edges], "counts": [int(c) for c in counts]}


def levels(log10_p: Values) -> list[dict[str, Any]]:
    """How often p fell below each level among independent pairs, against what a valid p may do."""
    rows = []
    for level in LEVELS:
        count, limit = int((log10_p <= math.log10(level) + 1e-12).sum()), binomial_upper(len(log10_p), level)
        rows.append({"level": level, "count": count, "of": len(log10_p), "limit": limit, "alarm": count > limit})
    return rows


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Chance that a positive scores above a negative, ties counting half. Raises: ValueError if a side is empty."""
    if not positives or not negatives:
        raise ValueError("an AUC needs both classes")
    order = np.concatenate([np.asarray(negatives, dtype=np.float64), np.asarray(positives, dtype=np.float64)])
    below = np.searchsorted(np.sort(order[: len(negatives)]), order[len(negatives) :], side="left")
    upto = np.searchsorted(np.sort(order[: len(negatives)]), order[len(negatives) :], side="right")
    return float((below + upto).mean() / 2 / len(negatives))


def auc_interval(value: float, positives: int, negatives: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of an AUC that stays honest at 0 and 1: Newcombe 2006, method 5, solved by bisection.

    positives, negatives: how many *independent* scores each side has.
    """
    half = (positives + negatives) / 2

    def spread(t: float) -> float:
        inner = (2 * half - 1) - (3 * half - 3) / ((2 - t) * (1 + t))
        return z * math.sqrt(max(0.0, t * (1 - t) * inner / (positives * negatives)))

    def solve(inside: float, outside: float, towards: float) -> float:
        for _ in range(60):
            middle = (inside + outside) / 2
            if (value - middle) * towards <= spread(middle):
                inside = middle
            else:
                outside = middle
        return inside

    return solve(value, 0.0, 1.0), solve(value, 1.0, -1.0)
