"""Trace test (METHODS §6): the sum of in-place similarities against every order the shuffle could have given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, lgamma, log, sqrt
from typing import NamedTuple

import numpy as np

from forebear.core.errors import UsageError, incomparable
from forebear.core.messages import message
from forebear.core.seeds import generator
from forebear.stats.arrays import BLOCK_ELEMENTS, F64, LN10, Floats, as_float64, unit_rows

_FLOOR = -400.0
"""Exponents are raised to this: a larger K only enlarges the permanent, an underflow to zero would void the bound."""
_SINKHORN_ROUNDS = 4
_DOUBLINGS = 30
_GOLDEN_ROUNDS = 2
_TIE = 1e-9
"""Share of the summed sizes by which a shuffled sum may fall short and still count as a tie: rounding must not help."""


class TraceResult(NamedTuple):
    """Sum of in-place similarities, and the bound on its tail over all shuffles.

    total, expected: S and its mean over shuffles, summed over layers.
    z:        Hoeffding's (S - E S) / sd: an effect size that never decides (a true 1e-5 can read as 1e-10).
    log10_p:  log10 of the permanent bound, valid for any similarities; 0 where it says nothing.
    scale:    the lambda at which it was reached.
    """

    total: float
    expected: float
    z: float
    log10_p: float
    scale: float


def similarity(a: Floats, b: Floats) -> F64:
    """Cosines of every unit of A with every unit of B; 0 where a row is zero or not finite.

    Shapes: (n, k), (n, k) -> (n, n).
    Raises: IncomparableError if shapes differ.
    """
    if a.ndim != 2 or a.shape != b.shape:
        raise incomparable(message("arrays.trace_shapes", a=str(a.shape), b=str(b.shape)))
    left, right = unit_rows(a)[0], unit_rows(b)[0]
    return as_float64(left @ right.T)


def trace_test(layers: Floats | Sequence[Floats], *, refined: bool = True) -> TraceResult:
    """S, its effect size and the permanent bound, with one lambda for all layers.

    Shapes:  one (n, n) or several (n_l, n_l), each with its own independent shuffle; rows units of A, columns of B.
    refined: Soules' extension of Bregman's bound row by row, never above the floor form of METHODS §6, which False gives.
    Assumes: under H0 the columns of each layer stand in uniformly random order.
    NaN and Inf count as similarity 0: a shuffle carries them along.
    Raises:  IncomparableError unless every layer is square.
    Source:  METHODS §6.
    """
    tables = _tables(layers)
    total = sum(float(np.trace(c)) for c in tables)
    expected = sum(float(c.sum()) / max(len(c), 1) for c in tables)
    spread = sqrt(sum(_shuffle_variance(c) for c in tables))
    z = (total - expected) / spread if spread > 0 else 0.0
    if z <= 0:
        return TraceResult(total, expected, z, 0.0, 0.0)
    start = (total - expected) / spread**2

    def bound(scale: float) -> float:
        return sum(layer_log_bound(c, scale, refined=refined) for c in tables)

    scale, value = _lowest(bound, start) if z >= _WORTH_SEEKING else (start, bound(start))
    return TraceResult(total, expected, z, min(0.0, value / LN10), scale)


def shuffle_p(
    layers: Floats | Sequence[Floats], purpose: str, *key: int | str, shuffles: int = 9999
) -> tuple[float, int]:
    """Exact permutation p (1 + #{S_pi >= S}) / (T + 1); never below 1 / (T + 1).

    Shapes:  as `trace_test`; layers are shuffled independently.
    purpose, key: name the random stream (`core.seeds.generator`), so that the same input gives the same p everywhere.
    Returns: p, number of shuffles that reached S.
    Raises:  UsageError if shuffles < 1.
    Source:  METHODS §6.
    """
    if shuffles < 1:
        raise UsageError(f"a permutation test needs at least one shuffle, not {shuffles}")
    tables = _tables(layers)
    draws = generator(purpose, *key)
    sums = np.zeros(shuffles)
    observed = 0.0
    slack = 0.0
    for table in tables:
        observed += float(np.trace(table))
        slack += _TIE * float(np.abs(table).sum()) / max(len(table), 1)
        sums += _shuffled_sums(table, shuffles, draws)
    reached = int(np.count_nonzero(sums >= observed - slack))
    return (1 + reached) / (shuffles + 1), reached


def layer_log_bound(table: F64, scale: float, *, refined: bool = True) -> float:
    """Natural log of the bound exp(-lambda S) per(exp(lambda C)) / n! of one layer, for this lambda > 0.

    For any y > 0, per(K) = per(K diag(y)) / prod y. With rows of M = diag(x) K diag(y) summing to one:
      floor:   row i lies in {0 <= m <= 1/b_i, sum 1}, whose corners hold b_i entries 1/b_i; the permanent is linear in
               each row, so it is largest at corners, where Bregman gives prod (b_i!)^(1/b_i) / b_i.
      refined: row i is a sum of multiples of indicators of its k largest entries; linear again, so with Bregman
               per <= prod_i sum_k m_(k) (g_k - g_(k-1)), g_k = (k!)^(1/k), m_(1) >= m_(2) >= ... (Soules 2000). The
               steps of g fall, so this is convex in the row, equals the floor form at corners and never exceeds it.
    Neither needs the scaling to have converged: x follows from y exactly, and y may be anything positive.
    """
    n = len(table)
    if not n:
        return 0.0
    shift = table.max(axis=1)  # taken out of K's rows, given back below: keeps exp in range
    kernel = np.exp(np.maximum(scale * (table - shift[:, None]), _FLOOR))
    y = _column_factors(kernel)
    kernel *= y
    sums = kernel.sum(axis=1)
    kernel /= sums[:, None]
    rows = _soules_rows(kernel) if refined else _floor_rows(kernel)
    log_permanent = float(scale * shift.sum() + np.log(sums).sum() - np.log(y).sum() + rows)
    return log_permanent - scale * float(np.trace(table)) - lgamma(n + 1)


def _column_factors(kernel: F64) -> F64:
    """Sinkhorn's column factors after some rounds; kept within a range in which nothing over- or underflows."""
    y = np.ones(len(kernel))
    for _ in range(_SINKHORN_ROUNDS):
        x = 1.0 / (kernel @ y)
        columns = x @ kernel
        y = np.clip(1.0 / np.maximum(columns, 1e-300), 1e-100, 1e100)
    y /= np.exp(np.mean(np.log(y)))
    return np.clip(y, 1e-100, 1e100)


def _floor_rows(rows: F64) -> float:
    """Sum of log((b_i!)^(1/b_i) / b_i), b_i = floor(1 / largest entry), rounded down when in doubt."""
    n = len(rows)
    b = np.floor((1.0 - 1e-9) / rows.max(axis=1) + 1e-12)
    b = np.clip(b, 1, n).astype(np.int64)
    table = np.array([lgamma(k + 1) / k - log(k) for k in range(1, n + 1)])
    return float(table[b - 1].sum())


def _soules_rows(rows: F64) -> float:
    """Sum over rows of log sum_k m_(k) (g_k - g_(k-1))."""
    ordered = np.sort(rows, axis=1)  # ascending
    return float(np.log(ordered @ soules_steps(rows.shape[1])[::-1]).sum())


def soules_steps(n: int) -> F64:
    """g_k - g_(k-1) for k = 1..n, g_k = (k!)^(1/k), g_0 = 0."""
    roots = np.exp(np.array([lgamma(k + 1) / k for k in range(1, n + 1)]))
    return np.diff(roots, prepend=0.0)


_WORTH_SEEKING = 3.0
"""Effect size from which the best lambda is sought; below, one lambda gives a bound as valid and as far from any level."""
_WEAK = -9.2
"""Natural logarithm of a bound (1e-4) above which lambda is not sought more closely."""


def _lowest(bound: Callable[[float], float], start: float) -> tuple[float, float]:
    """Smallest bound over lambda: doubling or halving from the normal guess, then golden section in log lambda.

    Any lambda is valid, and the bound is a function of S alone, so the smallest may be taken without a correction.
    """
    step = log(2.0)
    at, value = log(start), bound(start)
    neighbours = [(at - step, bound(exp(at - step))), (at + step, bound(exp(at + step)))]
    way = step if neighbours[1][1] < neighbours[0][1] else -step
    for _ in range(_DOUBLINGS):
        ahead, better = neighbours[way > 0]
        if better >= value:
            break
        neighbours = [(at, value)] * 2
        at, value = ahead, better
        neighbours[way > 0] = (at + way, bound(exp(at + way)))
    if value > _WEAK:  # no lambda near by makes this a finding; any lambda is valid
        return exp(at), value
    low, high = sorted((neighbours[0][0], neighbours[1][0]))
    return _golden(bound, low, high, at, value)


def _golden(bound: Callable[[float], float], low: float, high: float, at: float, value: float) -> tuple[float, float]:
    """Golden section between two logarithms of lambda around a known point; returns the best lambda met."""
    ratio = (sqrt(5.0) - 1) / 2
    inner = [high - ratio * (high - low), low + ratio * (high - low)]
    scores = [bound(exp(t)) for t in inner]
    for remaining in range(_GOLDEN_ROUNDS, -1, -1):
        side = int(scores[1] < scores[0])
        if scores[side] < value:
            at, value = inner[side], scores[side]
        if not remaining:
            break
        if side:
            low, inner[0], scores[0] = inner[0], inner[1], scores[1]
            inner[1] = low + ratio * (high - low)
        else:
            high, inner[1], scores[1] = inner[1], inner[0], scores[0]
            inner[0] = high - ratio * (high - low)
        scores[side] = bound(exp(inner[side]))
    return exp(at), value


def _tables(layers: Floats | Sequence[Floats]) -> list[F64]:
    several = [layers] if isinstance(layers, np.ndarray) and layers.ndim == 2 else list(layers)
    out: list[F64] = []
    for table in several:
        values = as_float64(np.asarray(table))
        if values.ndim != 2 or values.shape[0] != values.shape[1]:
            raise incomparable(message("arrays.trace_square", shape=str(values.shape)))
        out.append(np.where(np.isfinite(values), values, 0.0))
    return out


def _shuffle_variance(table: F64) -> float:
    """Variance of the trace over shuffles of the columns: sum of squares after double centring, over n - 1."""
    n = len(table)
    if n < 2:
        return 0.0
    centred = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    if np.abs(centred).max() <= 1e-12 * np.abs(table).max(initial=0.0):
        return 0.0  # only rounding is left
    return float((centred**2).sum() / (n - 1))


def _shuffled_sums(table: F64, shuffles: int, draws: np.random.Generator) -> F64:
    n = len(table)
    step = max(1, BLOCK_ELEMENTS // max(n, 1))
    line = np.arange(n)
    out = np.empty(shuffles)
    for start in range(0, shuffles, step):
        stop = min(start + step, shuffles)
        orders = draws.permuted(np.broadcast_to(line, (stop - start, n)), axis=1)
        out[start:stop] = table[line, orders].sum(axis=1)
    return out
