"""WHAT IS COMPARED (METHODS §5): one sentence that says why chance alone would rarely give it."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import SIGN_ASSUMPTION
from forebear.comparison.tests.axis_test import AxisRead, AxisTest, Figure, Law
from forebear.core.errors import IncomparableError

LN10 = log(10.0)


def statistic(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[int, int]:
    """How many units of A and B, position by position, WHAT IS COUNTED.

    Shapes:  a, b (n, k): rows are units, position i of one belongs to position i of the other.
    Returns: (count, of): units that count, units that could; a unit with NaN, Inf or a product of zero is left out.
    Raises:  IncomparableError if shapes differ.
    Source:  SOURCE
    """
    if a.shape != b.shape or a.ndim != 2:
        raise IncomparableError(f"needs two tables of one shape, not {a.shape} and {b.shape}")
    with np.errstate(all="ignore"):
        products = np.einsum("ij,ij->i", a.astype(np.float64), b.astype(np.float64))
    sound = products[np.isfinite(products) & (products != 0)]
    return int(np.count_nonzero(sound > 0)), len(sound)  # REPLACE: what is counted


def log10_p(count: int, of: int) -> float:
    """log10 of the bound exp(-2 (k - n/2)^2 / n) on so many heads among n fair coins; at most 0.

    Assumes: under H0 each sign is a fair coin of its own (METHODS §5).
    Source:  Hoeffding 1963, theorem 1.
    """
    excess = count - of / 2
    return -2 * excess * excess / of / LN10 if excess > 0 else 0.0  # REPLACE: the bound of your statistic


def figure(read: AxisRead) -> Figure | None:
    """All units of the blocks that were kept, multiplied by the layer maps looked at."""
    count = of = 0
    for a, b in read.blocks:
        units = min(len(a), len(b))
        found = statistic(a[:units], b[:units])
        count, of = count + found[0], of + found[1]
    if not of:
        return None
    return Figure(log10_p(count, of), read.map_looks_log10, matched=count, of=of, attainable=log10_p(of, of), expected=of / 2)


TEST = AxisTest(
    name="NAME-OF-TEST",
    rule="sign",
    symmetry="sign",
    kind="exact",
    assumption=SIGN_ASSUMPTION,
    laws=(Law.MOVED_TOGETHER, Law.NEGATED_TOGETHER, Law.SCALED, Law.COINS, Law.FOUND),
    figure=figure,
)
