"""What would have been found (METHODS §11): the smallest correlation that each test finds at least half of the time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, lgamma, log, log10, sqrt
from statistics import NormalDist

import numpy as np

from forebear.core.errors import UsageError
from forebear.stats.arrays import LN10
from forebear.stats.deck import deck_layers_log10_p
from forebear.stats.trace import soules_steps

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Power:
    """Smallest correlation r between matching units found at least half of the time, per test; None: never found.

    deck, sign, trace: r, to be printed rounded up (`rounded_up`).
    deck_matches:      matches needed.
    log10_threshold:   the level each test had to reach, after multiplying by the looks.
    d_eff:             effective dimension measured on this pair.
    """

    deck: float | None
    sign: float | None
    trace: float | None
    deck_matches: int
    log10_threshold: float
    d_eff: float


def smallest_found(
    n: int,
    d_eff: float,
    *,
    layers: int = 1,
    signs: int | None = None,
    log10_level: float = -9.0,
    looks: float = 1,
) -> Power:
    """The power statement that a verdict of no evidence owes its reader.

    n:           units per layer in the deck and trace test.
    d_eff:       1 / mean(off-diagonal cos^2), measured on this pair (`effect.effective_dimension`).
    layers:      layers pooled, each with its own shuffle.
    signs:       coins of the sign test; default n * layers.
    log10_level: level before correction; looks: what it is divided by.
    Says nothing of reparameterised copies.
    Raises:      UsageError on sizes below one.
    Source:      METHODS §11.
    """
    if n < 1 or layers < 1 or not d_eff > 0 or (signs is not None and signs < 0):
        raise UsageError(f"power needs positive sizes, not n={n}, layers={layers}, d_eff={d_eff}, signs={signs}")
    level = log10_level - log10(max(looks, 1))
    needed = matches_needed(level, layers)
    return Power(
        deck=deck_smallest(n, d_eff, layers, needed),
        sign=sign_smallest(n * layers if signs is None else signs, d_eff, level),
        trace=trace_smallest(n, d_eff, layers, level),
        deck_matches=needed,
        log10_threshold=level,
        d_eff=float(d_eff),
    )


def matches_needed(log10_level: float, layers: int = 1) -> int:
    """Fewest matches in all for which the layered deck bound reaches the level (13 for one layer at -9)."""
    k = layers
    while deck_layers_log10_p(k, layers) > log10_level:
        k += 1
    return k


def deck_smallest(n: int, d_eff: float, layers: int, needed: int) -> float | None:
    """r at which the expected matches reach `needed`: [m + PhiInv((k-L)/(nL))] / sqrt(d_eff); None if n is too small.

    m is the median of the largest of n cosines times sqrt(d_eff); about one match a layer is chance.
    Source: METHODS §11.
    """
    share = (needed - layers) / (n * layers)
    if needed > n * layers or share >= 1:
        return None
    if share <= 0:
        return 0.0
    middle = _NORMAL.inv_cdf(1 - log(2) / (2 * n)) if n > 1 else 0.0
    return _possible((middle + _NORMAL.inv_cdf(share)) / sqrt(d_eff))


def sign_smallest(signs: int, d_eff: float, log10_level: float) -> float | None:
    """r = z / sqrt((N - z^2) d_eff) with z = sqrt(2 ln(1/level)), 6.44 at 1e-9; None if z > sqrt(N) is out of reach.

    For N far above z^2 this is 6.44 / sqrt(N d_eff) of METHODS §11. The z^2 is owed: the test divides by sqrt(sum c^2), which
    the correlation itself enlarges; without it only 31 % of copies were found at N = 256, with it 50 % (600 simulated).
    Source: METHODS §5, §11.
    """
    z = sqrt(2 * -log10_level * LN10)
    if signs <= z * z:
        return None
    return _possible(z / sqrt((signs - z * z) * d_eff))


def trace_smallest(n: int, d_eff: float, layers: int, log10_level: float) -> float | None:
    """r = z / sqrt(L (n-1) d_eff), z the effect at which the permanent bound reaches the level; None if n!^L cannot.

    The 6.0 at 1e-9 of METHODS §11 is the z an exact normal tail would need (`normal.normal_z`). The bound that decides asks
    for more (`bound_z`: 7.1 at n = 256), and only what it finds may be promised.
    Source: METHODS §6, §11.
    """
    if n < 2 or layers * lgamma(n + 1) / LN10 < -log10_level:
        return None
    return _possible(bound_z(n, layers, log10_level) / sqrt(layers * (n - 1) * d_eff))


@lru_cache(maxsize=512)
def bound_z(n: int, layers: int, log10_level: float) -> float:
    """Hoeffding z at which the permanent bound of `trace.trace_test` reaches the level, for normal similarities.

    A row tilted by exp(t x), x at normal quantiles, costs log E exp(t x) plus what Soules' bound exceeds the flat row
    by; z = min over t of (ln(1/level) + n L cost(t)) / (t sqrt(n L)). Simulated: 7.1 for 7.0-7.2 (n = 256, L = 1),
    7.7 for 7.6-7.9 (n = 256, L = 6), 8.5 for 8.3-8.6 (n = 128, L = 12).
    """
    size = min(n, 2048)  # beyond, quantiles cost time and change z by less than 1 %
    x = np.array([_NORMAL.inv_cdf((size - k - 0.5) / size) for k in range(size)])
    steps = soules_steps(size)
    flat = log(steps.sum() / size)
    target, units = -log10_level * LN10, n * layers
    best = inf
    for tilt in np.geomspace(0.005, 8.0, 120).tolist():
        weights = np.exp(tilt * x - tilt * x[0])
        total = float(weights.sum())
        cost = log(total / size) + tilt * float(x[0]) + log(float(weights @ steps) / total) - flat
        best = min(best, (target + units * cost) / (tilt * sqrt(units)))
    return best


def rounded_up(r: float, digits: int = 3) -> float:
    """r for print: rounded up, so that the printed correlation really would have been found."""
    scale = 10.0**digits
    return ceil(r * scale - 1e-9) / scale


def _possible(r: float) -> float | None:
    """A correlation above one is none."""
    return None if r > 1 else max(r, 0.0)
