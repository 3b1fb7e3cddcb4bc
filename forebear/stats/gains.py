"""Norm gains and biases (METHODS §7): ranks, never raw cosines, since gains of strangers are all near one."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, sqrt

import numpy as np

from forebear.core.errors import UsageError
from forebear.core.seeds import generator
from forebear.stats.arrays import BLOCK_ELEMENTS, F64, Floats
from forebear.stats.normal import normal_log10_p
from forebear.stats.ranks import both_finite, centred_ranks

_TIE = 1e-12


@dataclass(frozen=True)
class GainsResult:
    """Rank agreement of one pair of gain (or bias) vectors.

    applicable:       False where either side is constant (folded or never trained): no figure, not a zero.
    rho:              Spearman's rho; None where not applicable.
    of:               positions finite on both sides.
    log10_p:          log10 of the exact one-sided permutation p, (1 + reached) / (T + 1); 0 where not applicable.
    reached:          shuffles whose rho was as large; shuffles: T.
    log10_p_normal:   log10 of the normal tail of rho sqrt(n - 1): for large n, an approximation that never decides.
    reason:           why it doesn't apply, or empty.
    """

    applicable: bool
    rho: float | None
    of: int
    log10_p: float
    reached: int
    shuffles: int
    log10_p_normal: float
    reason: str = ""


def gains_test(a: Floats, b: Floats, purpose: str, *key: int | str, shuffles: int = 9999) -> GainsResult:
    """Spearman's rho of two gain vectors against every shuffle of one of them.

    Shapes:  (d,), (d,): the same norm of two models.
    Assumes: under H0 the channels of B stand in random order (METHODS §2). The same shuffle acts on every layer, so
             several layers are not independent evidence: take the largest p times the layers, or say which was chosen.
    purpose, key: name the random stream (`core.seeds.generator`).
    Raises:  IncomparableError if lengths differ; UsageError if shuffles < 1.
    Source:  METHODS §7.
    """
    if shuffles < 1:
        raise UsageError(f"a permutation test needs at least one shuffle, not {shuffles}")
    left, right = both_finite(a, b)
    x, y = centred_ranks(left), centred_ranks(right)
    if x is None or y is None:
        side = "both sides are" if x is None and y is None else "the subject is" if x is None else "the candidate is"
        return GainsResult(False, None, len(left), 0.0, 0, 0, 0.0, f"{side} constant, so there is no order to compare")
    rho = float(np.clip(x @ y, -1.0, 1.0))
    reached = _reached(x, y, rho - _TIE, shuffles, generator(purpose, *key))
    return GainsResult(
        applicable=True,
        rho=rho,
        of=len(left),
        log10_p=log10((1 + reached) / (shuffles + 1)),
        reached=reached,
        shuffles=shuffles,
        log10_p_normal=normal_log10_p(rho * sqrt(len(left) - 1)),
    )


def _reached(x: F64, y: F64, level: float, shuffles: int, draws: np.random.Generator) -> int:
    step = max(1, BLOCK_ELEMENTS // max(len(y), 1))
    count = 0
    for start in range(0, shuffles, step):
        rows = min(step, shuffles - start)
        count += int(np.count_nonzero(draws.permuted(np.broadcast_to(y, (rows, len(y))), axis=1) @ x >= level))
    return count
