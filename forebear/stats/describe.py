"""Figures that describe and never decide (METHODS §16): moments and quantiles of a tensor read in blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from forebear.stats.arrays import F64, Floats, as_float64

QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
SAMPLE = 1 << 16
"""Values kept for the quantiles of a tensor with more; evenly spaced, so no randomness."""


@dataclass(frozen=True)
class Description:
    """Moments of one tensor.

    count:      finite values; non_finite: NaN and Inf, left out of everything else.
    mean, std:  of the population (divided by count); kurtosis: excess, 0 for a normal, None where the spread is 0.
    low, high:  extremes; zeros: how many are exactly 0.
    quantiles:  (level, value) pairs; exact up to 65,536 values, else of evenly spaced ones; empty where count is 0.
    """

    count: int
    non_finite: int
    mean: float
    std: float
    kurtosis: float | None
    low: float
    high: float
    zeros: int
    quantiles: tuple[tuple[float, float], ...]


@dataclass
class Moments:
    """Moments of a stream, merged block by block so that neither memory nor cancellation grows (Chan; Pebay 2008)."""

    count: int = 0
    non_finite: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    low: float = 0.0
    high: float = 0.0
    zeros: int = 0
    _kept: list[F64] = field(default_factory=list)
    _stride: int = 1
    _seen: int = 0

    def add(self, block: Floats) -> None:
        """Take in one block of any shape."""
        values = as_float64(block).ravel()
        finite = values[np.isfinite(values)]
        self.non_finite += len(values) - len(finite)
        if not len(finite):
            return
        self._keep(finite)
        low, high = float(finite.min()), float(finite.max())
        self.low = min(self.low, low) if self.count else low
        self.high = max(self.high, high) if self.count else high
        self.zeros += int(np.count_nonzero(finite == 0))
        mean = float(finite.mean())
        centred = finite - mean
        squares = centred * centred
        self._merge(len(finite), mean, float(squares.sum()), float(squares @ centred), float(squares @ squares))

    def _merge(self, n: int, mean: float, m2: float, m3: float, m4: float) -> None:
        old, total = self.count, self.count + n
        gap = mean - self.mean
        share = gap / total
        self.m4 += m4 + gap * share**3 * old * n * (old * old - old * n + n * n)
        self.m4 += 6 * share**2 * (old * old * m2 + n * n * self.m2) + 4 * share * (old * m3 - n * self.m3)
        self.m3 += m3 + gap * share**2 * old * n * (old - n) + 3 * share * (old * m2 - n * self.m2)
        self.m2 += m2 + gap * share * old * n
        self.mean += n * share
        self.count = total

    def _keep(self, finite: F64) -> None:
        first = -self._seen % self._stride
        self._kept.append(finite[first :: self._stride].copy())
        self._seen += len(finite)
        while sum(len(k) for k in self._kept) > SAMPLE:
            self._kept = [np.concatenate(self._kept)[::2]]
            self._stride *= 2

    def done(self) -> Description:
        """What was seen so far."""
        sample = np.sort(np.concatenate(self._kept)) if self._kept else np.zeros(0)
        levels = np.quantile(sample, QUANTILES).tolist() if len(sample) else []
        variance = self.m2 / self.count if self.count else 0.0
        flat = self.m2 <= 0 or sqrt(variance) <= 1e-12 * max(abs(self.low), abs(self.high))
        return Description(
            count=self.count,
            non_finite=self.non_finite,
            mean=self.mean,
            std=0.0 if flat else sqrt(variance),
            kurtosis=None if flat else self.count * self.m4 / self.m2**2 - 3.0,
            low=self.low,
            high=self.high,
            zeros=self.zeros,
            quantiles=tuple(zip(QUANTILES, levels, strict=False)),
        )


def describe(blocks: Iterable[Floats]) -> Description:
    """Moments and quantiles of a tensor given in blocks.

    Shapes: each block of any shape; memory stays that of one block and the sample.
    Source: METHODS §16.
    """
    moments = Moments()
    for block in blocks:
        moments.add(block)
    return moments.done()
