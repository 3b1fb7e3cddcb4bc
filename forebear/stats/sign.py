"""Sign test (METHODS §5): negating a unit changes nothing, so under H0 signs are fair coins."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import NamedTuple

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.arrays import BLOCK_ELEMENTS, F64, LN10, Floats, as_float64, same_shape


class SignResult(NamedTuple):
    """The sum of contributions against the coin flips that H0 says their signs are.

    z:           sum c / sqrt(sum c^2); 0 where nothing contributes.
    log10_p:     log10 of the exact bound exp(-z^2 / 2) for z > 0, else 0: agreement is looked for on one side only. A
                 large negative z is no sign of descent (further training keeps signs); z itself still shows it.
    of:          contributions that are finite and not zero: the number of coins.
    positive:    how many of them are positive.
    non_finite:  contributions left out because they are NaN or Inf.
    max_z:       largest z these coins could give for any sizes, sqrt(of).
    """

    z: float
    log10_p: float
    of: int
    positive: int
    non_finite: int
    max_z: float


def sign_z(contributions: Floats) -> SignResult:
    """Hoeffding's bound on a sum whose signs are independent fair coins, given the sizes.

    Shapes:  (N,) one contribution per unit that H0 could have negated on its own; units of several layers one after
             the other. Everything that flips together must be one contribution (`pooled`), never two.
    Returns: SignResult. Leaving out NaN, Inf and zeros is fair: no negation makes or cures them. Overflow is avoided
             by scaling, which changes neither z nor p.
    Source:  METHODS §5.
    """
    values = as_float64(contributions).ravel()
    finite = values[np.isfinite(values)]
    finite = finite[finite != 0]
    non_finite = int(np.count_nonzero(~np.isfinite(values)))
    if not len(finite):
        return SignResult(0.0, 0.0, 0, 0, non_finite, 0.0)
    finite = finite / np.max(np.abs(finite))
    z = float(finite.sum() / np.sqrt(np.dot(finite, finite)))
    return SignResult(
        z=z,
        log10_p=sign_log10_p(z),
        of=len(finite),
        positive=int(np.count_nonzero(finite > 0)),
        non_finite=non_finite,
        max_z=sqrt(len(finite)),
    )


def sign_log10_p(z: float, looks: float = 1) -> float:
    """log10 of min(1, looks * exp(-z^2/2)) for z > 0; 0 (no evidence) otherwise. Source: METHODS §5."""
    if not z > 0:
        return 0.0
    return min(0.0, float(np.log10(max(looks, 1))) - z * z / 2 / LN10)


def unit_products(a: Floats, b: Floats, *, centred: bool = False) -> F64:
    """c_i = <A_i, B_i> for every unit, summed in float64.

    Shapes:  a, b (n, k), rows are units already aligned -> (n,).
    centred: subtract each row's own mean first; the only centring that keeps signs fair (never across units).
    Returns: NaN where a row holds NaN or Inf, which `sign_z` then counts and leaves out.
    Raises:  IncomparableError if shapes differ.
    Source:  METHODS §5.
    """
    same_shape(a, b)
    out = np.empty(len(a))
    step = max(1, BLOCK_ELEMENTS // max(1, a.shape[1]))
    with np.errstate(all="ignore"):
        for start in range(0, len(a), step):
            left, right = as_float64(a[start : start + step]), as_float64(b[start : start + step])
            if centred and left.shape[1]:
                left = left - left.mean(axis=1, keepdims=True)
                right = right - right.mean(axis=1, keepdims=True)
            out[start : start + step] = np.einsum("ij,ij->i", left, right)
    out[~np.isfinite(out)] = np.nan
    return out


def pooled(pieces: Iterable[Floats]) -> F64:
    """One contribution per unit from several tensors that its negation flips together (V row and O column, ...).

    Shapes:  each piece (n,), from `unit_products` -> (n,).
    Each piece is first divided by its own root mean square over units, so that no tensor drowns another by its scale
    alone; the divisor doesn't see signs, so the coins stay fair. Non-finite entries of a piece are left out of the sum;
    a unit without any finite entry becomes NaN.
    Raises:  IncomparableError if there is no piece or the lengths differ.
    Source:  METHODS §5.
    """
    stack = [as_float64(piece).ravel() for piece in pieces]
    if not stack or len({len(piece) for piece in stack}) != 1:
        raise incomparable(message("arrays.pooling"))
    table = np.stack(stack)  # (pieces, n)
    if not table.size:
        return np.zeros(0)
    known = np.isfinite(table)
    table = np.where(known, table, 0.0)
    largest = np.max(np.abs(table), axis=1, keepdims=True, initial=0.0)
    table = table / np.where(largest > 0, largest, 1.0)
    spread = np.sqrt(np.mean(table**2, axis=1, keepdims=True))
    total = (table / np.where(spread > 0, spread, 1.0)).sum(axis=0)
    total[~known.any(axis=0)] = np.nan
    return np.asarray(total, dtype=np.float64)
