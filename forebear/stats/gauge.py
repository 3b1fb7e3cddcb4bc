"""Gauge fixing (METHODS §9): undo rewritings that leave the outputs unchanged, then count agreements of separate views."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from math import exp, lgamma, log
from typing import NamedTuple

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.core.threads import all_cores
from forebear.stats.arrays import F32, F64, I32, LN10, Bools, Floats, Usable, as_float64, unit_rows, usable_rows
from forebear.stats.deck import TIE_GAP, nearest
from forebear.stats.gauge_thresholds import (
    GAUGE_LOG10_P,
    LEAST_LAYERS,
    LEAST_RATE,
    LEAST_SHARE,
    MISMATCHED_SHARE,
    MOST_MISMATCHED,
    RATE_FACTOR,
)

LARGE = 1024
"""Size from which a decomposition is worth every core of the linear algebra."""
_RANK_CUT = 1e-5
"""Singular directions below this share of the largest carry rounding only."""


def fold(rows: Floats, gain: Floats | None = None, *, mean_subtracted: bool = False) -> F32:
    """Rows of a matrix in the coordinates of the bare residual stream.

    Shapes:  rows (n, d): one vector of d channels per row, of a reader or a writer. gain (d,): of the norm a reader reads
             through, None for writers and embeddings.
    mean_subtracted: LayerNorm takes the mean over channels away, so the part along the all-ones vector never acts.
    Raises:  IncomparableError if the gain has another length.
    Source:  METHODS §9 (1).
    """
    out = np.array(rows, dtype=np.float32)
    if gain is not None:
        if gain.shape != (out.shape[1],):
            raise incomparable(message("arrays.gain", shape=str(gain.shape), width=out.shape[1]))
        out *= np.asarray(gain, dtype=np.float32)
    if mean_subtracted:
        out -= out.mean(axis=1, keepdims=True)
    return out


def polar(a: Floats, b: Floats) -> F32:
    """The partial isometry R that carries rows of A nearest to the rows of B: the polar factor of AᵀB.

    Shapes:  a (t, d_a), b (t, d_b): the same tokens in the same order, centred by the caller -> (d_a, d_b). Rank at most
             min(t, d_a, d_b); directions that carry rounding only are left out, so R maps them to zero.
    Cost:    (d_a + d_b) t² + min(t, d)³.
    Raises:  IncomparableError if rows differ in number, there are none, or a value is not finite.
    Source:  METHODS §9 (2); orthogonal Procrustes (Schönemann 1966).
    """
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b) or not len(a):
        raise incomparable(message("arrays.rotation", a=str(a.shape), b=str(b.shape)))
    x, y = as_float64(a), as_float64(b)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise incomparable(message("arrays.not_finite"))
    if len(x) >= min(x.shape[1], y.shape[1]):
        return isometry(x.T @ y)
    left, small_a = np.linalg.qr(x.T)  # (d_a, t), (t, t)
    right, small_b = np.linalg.qr(y.T)
    inner = as_float64(isometry(small_a @ small_b.T))
    out: F32 = (left @ inner @ right.T).astype(np.float32)
    return out


def isometry(cross: F64) -> F32:
    """The polar factor of a cross product AᵀB, (d_a, d_b); directions that carry rounding only are left out."""
    with all_cores() if min(cross.shape) >= LARGE else nullcontext():
        u, s, vt = np.linalg.svd(cross, full_matrices=False)
    rank = int(np.count_nonzero(s > _RANK_CUT * max(float(s[0]), 1e-300)))
    out: F32 = (u[:, :rank] @ vt[:rank]).astype(np.float32)
    return out


def rotation_fit(a: Floats, b: Floats, rotation: Floats) -> float:
    """Mean cosine of rows of B with rows of A carried over: 1 for an exact rotation, near 0 for strangers.

    Shapes: a (t, d_a), b (t, d_b), rotation (d_a, d_b). Rows that played no part in the fit, centred alike.
    Source: METHODS §9 (2).
    """
    (x, sound_a), (y, sound_b) = unit_rows(np.asarray(a, dtype=np.float32) @ rotation), unit_rows(b)
    sound = sound_a & sound_b
    return float(np.einsum("ij,ij->i", x[sound], y[sound]).mean()) if sound.any() else 0.0


def residual(rows: Floats, *others: Floats) -> F32:
    """Each row made orthogonal to the rows at its place in `others`, so that what is left is separate evidence.

    Shapes:  all (n, d) -> (n, d). Training couples a neuron's rows by itself (mean |cos| of gate and up reaches 0.49 in
             toys): without this step two views are one.
    Source:  METHODS §9 (3).
    """
    out = np.array(rows, dtype=np.float32)
    basis: list[F32] = []
    for other in others:
        direction = np.array(other, dtype=np.float32)
        for earlier in basis:
            direction -= np.einsum("ij,ij->i", direction, earlier)[:, None] * earlier
        unit, _ = unit_rows(direction)
        basis.append(unit)
    for unit in basis:
        out -= np.einsum("ij,ij->i", out, unit)[:, None] * unit
    return out


class Agreement(NamedTuple):
    """How many neurons of A two views send to the same neuron of B.

    matched: neurons both views name alike; of: neurons asked.
    first, second: (n,) partner each view names, -1 where it names none; the second also where it was not asked, since it
             names another one than the first.
    """

    matched: int
    of: int
    first: I32
    second: I32

    @property
    def partners(self) -> I32:
        """(n,) the partner both views name, -1 elsewhere."""
        return np.where(self.first == self.second, self.first, -1)

    @property
    def share(self) -> float:
        """Share of the neurons asked."""
        return self.matched / self.of if self.of else 0.0


COMPLETED_FROM = 0.5
"""Share of agreements from which the neurons left over are asked again; it adds to what is plain and decides nothing."""
FEW = 64
"""Neurons of B that show whether another than the partner named by the first view is nearer in the second; only speed."""
View = tuple[F32 | Usable, F32 | Usable, bool]
"""Rows of A, rows of B in the same coordinates (or what `usable_rows` found of them), and whether a sign may have been flipped."""


def two_views(first: View, second: View, best: I32 | None = None, few: F32 | None = None) -> Agreement:
    """Name a partner in B for every neuron of A twice, from separate evidence, and count the agreements.

    A partner counts only where it names the neuron back among those asked, so that a neuron of B near to everything (a hub)
    is named once at most. Where at least half agree, both views are asked again about the neurons left over on either side, until
    no more agree: a neuron that stands in another's light finds its partner (toys, further trained with the base's own
    compute, rotation from neurons alone: 352 of 352 for 19 of 20 seeds instead of 1). Strangers never get there.
    Of layers that share nothing the second view is asked only about the few neurons that could agree with the first: the
    count is the same.
    Shapes:  each view (n, k) of A and (m, k) of B. best: (n,) what `deck` names in the first view, where that is known.
             few: `few_of` the second view's rows of B, where that is known.
    Chance:  under one agreement; with one-sided naming toys give 1.7 to 1.8 (hubs), mismatched layers 1.1 to 1.4. Not exact.
    Source:  METHODS §9 (4).
    """
    first, second = ((usable_rows(a), usable_rows(b), flips) for a, b, flips in (first, second))
    one = mutual(first, best)
    able = _able_to_agree(second, one, few)
    if not able.any():
        return Agreement(0, len(able), one, _unnamed(len(able)))
    sparse = np.count_nonzero(able) < COMPLETED_FROM * len(able)  # then none is asked again, and only these may agree
    asked = np.flatnonzero(able) if sparse else np.arange(len(able))
    other = _unnamed(len(able))
    other[asked] = nearest(second[0].take(asked), second[1], absolute=second[2])[0]
    named = one, mutual(second, other)
    while True:
        agreed = (named[0] == named[1]) & (named[0] >= 0)
        count = int(np.count_nonzero(agreed))
        left_a, left_b = np.flatnonzero(~agreed), np.setdiff1d(np.arange(len(first[1].flat)), named[0][agreed])
        if count < COMPLETED_FROM * len(agreed) or not len(left_a) or not len(left_b):
            return Agreement(count, len(agreed), *named)
        rest = [mutual((a.take(left_a), b.take(left_b), flips)) for a, b, flips in (first, second)]
        if not ((rest[0] == rest[1]) & (rest[0] >= 0)).any():
            return Agreement(count, len(agreed), *named)
        for names, found in zip(named, rest, strict=True):
            names[left_a] = np.where(found >= 0, left_b[found], -1)


def _unnamed(count: int) -> I32:
    return np.full(count, -1, dtype=np.int32)


def few_of(rows: Usable) -> F32:
    """FEW of the rows, evenly spaced, at length one: what shows quickly that two neurons are not each other's. (FEW, k)"""
    return rows.take(evenly(len(rows.flat), FEW)).unit


def _able_to_agree(view: tuple[Usable, Usable, bool], partner: I32, few: F32 | None) -> Bools:
    """Which neurons of A may name the partner that another view named: none of a few neurons of B is nearer to them. (n,)

    Exact for those it leaves out; of layers that share nothing it leaves out nearly all.
    """
    a, b, flips = view
    able = partner >= 0
    rows = np.flatnonzero(able)
    if not len(rows) or len(b.flat) <= FEW:
        return able
    mine, own = a.take(rows).unit, b.take(partner[rows]).unit
    there, elsewhere = np.einsum("ij,ij->i", mine, own), mine @ (few_of(b) if few is None else few).T
    if flips:
        there, elsewhere = np.abs(there), np.abs(elsewhere)
    able[rows] = elsewhere.max(axis=1) <= there + TIE_GAP
    return able


def mutual(view: View, best: I32 | None = None) -> I32:
    """The best partner in B of every neuron of A, -1 where it does not name that neuron back. (n,)

    best: (n,) what `deck` names, where that is known; -1 leaves a neuron out.
    """
    a, b = (usable_rows(rows) for rows in view[:2])
    if best is None:
        best = nearest(a, b, absolute=view[2])[0]
    named = np.unique(best[best >= 0])
    back = _unnamed(len(b.flat))
    back[named] = nearest(b.take(named), a, absolute=view[2])[0]
    kept = (best >= 0) & (back[best] == np.arange(len(best)))
    return np.where(kept, best, -1).astype(np.int32)


def poisson_tail_log10(k: int, mean: float) -> float:
    """log10 P(Poisson(mean) >= k), exact to rounding; 0 for k <= 0.

    Raises: IncomparableError unless the mean is positive and finite.
    """
    if not (np.isfinite(mean) and mean > 0):
        raise incomparable(message("arrays.rate", mean=str(mean)))
    if k <= 0:
        return 0.0
    if k <= mean:  # the short side is below k
        below = sum(exp(i * log(mean) - mean - lgamma(i + 1)) for i in range(k))
        return min(0.0, log(max(1.0 - below, 1e-300)) / LN10)
    first = k * log(mean) - mean - lgamma(k + 1)
    series = term = 1.0
    step = k + 1
    while term > 1e-17 * series:
        term *= mean / step
        series += term
        step += 1
    return min(0.0, (first + log(series)) / LN10)


class Calibrated(NamedTuple):
    """The agreements of all layer pairs held against a rate measured on this very pair.

    log10_p:   of the Poisson tail times the looks. Calibrated, not exact.
    rate:      agreements per layer pair that chance is credited with (λ0).
    mismatched: mean agreements of layers that do not belong together; None when none could be formed.
    broad:     whether enough neurons agree in enough layers; decides: whether every condition holds; why: what failed.
    """

    log10_p: float
    rate: float
    mismatched: float | None
    broad: bool
    decides: bool
    why: Message | None


def chance_rate(mismatched: Sequence[int]) -> float:
    """Agreements that chance is credited with in one layer pair (λ0), from those of layers that do not belong together.

    Source: METHODS §9.
    """
    return max(LEAST_RATE, RATE_FACTOR * float(np.mean(mismatched)) if len(mismatched) else 0.0)


def calibrated(matched: Sequence[int], of: Sequence[int], mismatched: Sequence[int], looks_log10: float) -> Calibrated:
    """Is the number of agreements more than chance, by the rule of METHODS §9?

    matched, of: agreements and neurons asked, by layer pair. mismatched: agreements of layers that do not belong together, as
    many neurons asked. looks_log10: log10 of the maps and pairs looked at.
    Decides only if p <= 1e-9, at least a tenth of the neurons agree in at least half of the layer pairs, and the mismatched
    mean is at most 3 (or a twentieth of the agreements of the pairs); without mismatched layers it never decides.
    Raises: IncomparableError without a layer pair, or if the lists differ in length.
    """
    if not matched or len(matched) != len(of):
        raise incomparable(message("arrays.agreements"))
    mean = float(np.mean(mismatched)) if len(mismatched) else None
    rate = chance_rate(mismatched)
    log10_p = min(0.0, poisson_tail_log10(int(sum(matched)), rate * len(matched)) + looks_log10)
    wide = sum(m >= LEAST_SHARE * n for m, n in zip(matched, of, strict=True))
    broad = wide >= LEAST_LAYERS * len(matched)
    why = None
    if mean is None:
        why = message("views.no_mismatched")
    elif mean > max(MOST_MISMATCHED, MISMATCHED_SHARE * sum(matched) / len(matched)):
        why = message("views.not_separate", mean=mean)
    elif log10_p > GAUGE_LOG10_P:
        why = message("views.chance")
    elif not broad:
        why = message("views.few_layers", count=wide, of=len(matched))
    return Calibrated(log10_p, rate, mean, broad, why is None, why)
