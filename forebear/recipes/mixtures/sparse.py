"""Merges that keep some changes whole and leave others out: TIES (the largest are kept, signs agree) and DARE (kept by chance).

A change of the subject divided by a parent's change, value by value, has a spike where that parent's change alone was kept. What is
read off it needs the subject as it was merged, or rounded to BF16 or F16 where changes are large beside its steps; after rounding
to a coarser grid, or further training, nothing here is identifiable.
Source: TIES 2306.01708, DARE 2311.03099.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.models.checkpoint import Checkpoint
from forebear.recipes.mixtures.thresholds import NAMED, ORDERED, SPIKE, UNORDERED
from forebear.recipes.narrow import narrow_type, steps_of
from forebear.recipes.placed import read, shared_places, spread

SAMPLED_VALUES = 2**15
PLACES = 12
MOST = 7
BINS, NARROW_BINS = 3200, 400
"""Of the logarithms of ratios from 1e-3 to 1e3; where rounding to a narrow type spreads them."""
HALF, ABOVE = 0.51, 24
"""Half a step of a narrow type, and a little; a change in halves of a step from which its ratio says something."""
CLOSE = 2e-3
"""Two ratios are one when they differ by at most this share."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sparse:
    """A sparse merge.

    method:    "ties", "dare" or "sparse" where size does not decide.
    base:      place of the base among the candidates. parents: of the others, in order.
    densities, weights: (k,), one each: share of a change that was kept; factor of a kept change times its density under DARE, the
               factor itself under TIES (where the published formula divides by the weights, only their ratio is identifiable).
    explained: share of the sampled values that some subset of changes gives. untouched: share equal to the base.
    """

    method: str
    base: int
    parents: tuple[int, ...]
    densities: tuple[float, ...]
    weights: tuple[float, ...]
    explained: float
    untouched: float


def sparse(
    subject: Checkpoint, candidates: Sequence[Checkpoint], chosen: Sequence[int], related: Sequence[int]
) -> Sparse | None:
    """The sparse merge of the chosen candidates about a base among the related ones; None where there is no such pattern.

    The base need not be chosen: its weight is nothing where the others' weights add to one. Reads at most 2^15 values of 12
    matrices a side.
    """
    listed = [*chosen, *(one for one in related if one not in chosen)][:MOST]
    sides = [subject, *(candidates[one] for one in listed)]
    rows = [row for row in shared_places(sides) if row[0].kind == "matrix" and len(row[0].shape) > 1 and row[0].size]
    values: list[Floats] = []
    for row in rows[:: max(1, len(rows) // PLACES)][:PLACES]:
        where = spread(row[0], SAMPLED_VALUES)
        taken = [read(side, place, where).reshape(-1).astype(np.float64) for side, place in zip(sides, row, strict=True)]
        if all(np.isfinite(side).all() for side in taken):
            values.append(np.stack(taken))
    exact = _best(values, chosen, listed, "")
    dtype = narrow_type([one[0].astype(np.float32) for one in values])
    return exact if not dtype or (exact is not None and exact.explained >= NAMED) else _best(values, chosen, listed, dtype)


def _best(values: Sequence[Floats], chosen: Sequence[int], listed: Sequence[int], dtype: str) -> Sparse | None:
    """The pattern about the base that explains most. dtype: of BF16 and F16 the one whose rounding is allowed for, "" for none."""
    found = [
        one for base in range(len(listed)) if values
        if (one := _about(values, base, [place for place in range(len(chosen)) if place != base], listed, dtype)) is not None
    ]  # fmt: skip
    return max(found, key=lambda one: one.explained, default=None)


@dataclass(frozen=True)
class _Changes:
    """One matrix: changes of the subject and of the parents from a base, and which of them say something.

    mine: (n,); theirs: (k, n); zero: the subject's change is none; clear: every parent's change stands far above rounding;
    rounding: (n,) what a change may be off by, 0 where that is float32's alone.
    """

    mine: Floats
    theirs: Floats
    zero: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    rounding: Floats


def _changes(values: Floats, base: int, others: Sequence[int], dtype: str) -> _Changes:
    mine, theirs = values[0] - values[1 + base], values[[1 + one for one in others]] - values[1 + base]
    rounding = 4e-7 * np.abs(values).max(axis=0)
    if dtype:
        rounding = HALF * steps_of(values[0].astype(np.float32), dtype).astype(np.float64)
    clear = (np.abs(theirs) > (ABOVE if dtype else 500) * rounding).all(axis=0)
    return _Changes(mine, theirs, np.abs(mine) <= rounding, clear, rounding if dtype else np.zeros_like(mine))


def _about(
    values: Sequence[Floats], base: int, others: Sequence[int], listed: Sequence[int], dtype: str = ""
) -> Sparse | None:
    """The pattern about one base."""
    if not 1 <= len(others) <= 4:
        return None
    each = [_changes(one, base, others, dtype) for one in values]
    mine, theirs = np.concatenate([one.mine for one in each]), np.concatenate([one.theirs for one in each], axis=1)
    zero, clear, off = (np.concatenate([getattr(one, name) for one in each]) for name in ("zero", "clear", "rounding"))
    if not clear.any() or float(zero[clear].mean()) < SPIKE:
        return None
    factors = [_spike(mine[clear & ~zero] / one[clear & ~zero], NARROW_BINS if dtype else BINS) for one in theirs]
    if None in factors:
        return None
    known = [factor for factor in factors if factor is not None]
    spikes = [_at(mine, one, factor, off) & clear & ~zero for one, factor in zip(theirs, known, strict=True)]
    if min(float(spike[clear].mean()) for spike in spikes) < SPIKE:
        return None
    ordered = [_chance(np.abs(size[spike]), np.abs(size[zero & clear])) for size, spike in zip(theirs, spikes, strict=True)]
    method = "ties" if min(ordered) >= ORDERED else "dare" if max(ordered) <= UNORDERED else "sparse"
    explained = np.logical_or.reduce([zero, *spikes]) | _both(mine, theirs, np.array(known), method, off)
    densities = [_density(method, each, place, factor) for place, factor in enumerate(known)]
    weights = [factor * (density if method == "dare" else 1.0) for factor, density in zip(known, densities, strict=True)]
    if method == "ties" and len(known) == 2:
        weights = _ratio(mine, theirs, np.array(known), clear & ~zero & ~spikes[0] & ~spikes[1], off) or weights
    return Sparse(
        method, listed[base], tuple(listed[one] for one in others), tuple(densities), tuple(weights),
        float(explained[clear].mean()), float(zero[clear].mean()),
    )  # fmt: skip


def _at(mine: Floats, theirs: Floats, factor: float, off: Floats) -> NDArray[np.bool_]:
    """Where a change is a factor of another."""
    return np.asarray(np.abs(mine - factor * theirs) <= np.maximum(CLOSE * np.abs(mine), off))


def _ratio(mine: Floats, theirs: Floats, factors: Floats, both: NDArray[np.bool_], off: Floats) -> list[float] | None:
    """Shares of two parents where both changes were kept and divided by the weights; None where they were summed or are too few."""
    first, second = factors[0] * theirs[0][both], factors[1] * theirs[1][both]
    if first.size < 100:
        return None
    apart = np.where(np.abs(first - second) > 0, first - second, np.nan)
    share = (mine[both] - second) / apart
    middle = float(np.nanmedian(share))
    near = float(np.nanmean(np.abs(share - middle) < np.maximum(0.01, off[both] / np.abs(apart))))
    return [middle, 1 - middle] if 0 < middle < 1 and near > 0.5 else None


def _spike(ratios: Floats, bins: int) -> float | None:
    """The ratio at which most lie at once; None where no hundredth of an octave holds a clear excess."""
    good = ratios[np.isfinite(ratios) & (ratios > 1e-3) & (ratios < 1e3)]
    if good.size < 100:
        return None
    logs = np.log(good)
    counts, edges = np.histogram(logs, bins=bins, range=(float(np.log(1e-3)), float(np.log(1e3))))
    top = int(np.argmax(counts))
    around = np.concatenate([counts[max(0, top - 20) : max(0, top - 3)], counts[top + 4 : top + 21]])
    if counts[top] < SPIKE * 0.5 * good.size or counts[top] < 4 * (np.median(around) + 1):
        return None
    inside = good[(logs >= edges[max(0, top - 1)]) & (logs <= edges[min(len(edges) - 1, top + 2)])]
    return float(np.median(inside))


def _chance(kept: Floats, dropped: Floats) -> float:
    """Chance that a kept change is larger than a dropped one."""
    order = np.sort(dropped)
    return float(np.searchsorted(order, kept).mean() / max(1, order.size)) if kept.size and order.size else 0.5


def _density(method: str, each: Sequence[_Changes], place: int, factor: float) -> float:
    """Share of a change that was kept: by the least size kept in each matrix (TIES), or by how often it was kept alone (DARE)."""
    found, alone, none = [], 0, 0
    for one in each:
        spike = _at(one.mine, one.theirs[place], factor, one.rounding) & one.clear & ~one.zero
        if method == "ties" and spike.sum() >= 50:
            sizes = np.abs(one.theirs[place])
            found.append(float((sizes >= np.quantile(sizes[spike], 0.002)).mean()))
        alone, none = alone + int(spike.sum()), none + int((one.zero & one.clear).sum())
    return float(np.median(found)) if found else alone / max(1, alone + none)


def _both(changes: Floats, theirs: Floats, factors: Floats, method: str, off: Floats) -> NDArray[np.bool_]:
    """Values that more than one change gives: their sum, or under TIES their mean (two weights alike) where signs agree."""
    fits = np.zeros(changes.size, dtype=bool)
    count = len(theirs)
    for chosen in range(1, 2**count):
        mask = np.array([chosen >> place & 1 for place in range(count)], dtype=bool)
        if mask.sum() < 2:
            continue
        total = (factors[mask, None] * theirs[mask]).sum(axis=0)
        fits |= np.abs(changes - total) <= np.maximum(CLOSE * np.abs(changes), off)
        if method == "ties":
            low, high = (factors[mask, None] * theirs[mask]).min(axis=0), (factors[mask, None] * theirs[mask]).max(axis=0)
            slack = np.maximum(CLOSE * np.abs(changes), off)
            fits |= (changes >= low - slack) & (changes <= high + slack) & (low * high > 0)
    return fits
