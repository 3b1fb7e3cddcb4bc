"""WHAT IS COMPARED (METHODS §5): one sentence that says why chance alone would rarely give it."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

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


def log10_p(count: int, of: int, looks: float = 1) -> float:
    """log10 of the bound looks * exp(-2 (k - n/2)^2 / n) on so many heads among n fair coins; at most 0.

    Assumes: under H0 each sign is a fair coin of its own (METHODS §5). looks: figures among which this one was chosen.
    Source:  Hoeffding 1963, theorem 1.
    """
    excess = count - of / 2
    if excess <= 0:
        return 0.0
    return min(0.0, log(max(looks, 1)) / LN10 - 2 * excess * excess / of / LN10)  # REPLACE: the bound of your statistic
