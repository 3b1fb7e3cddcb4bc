"""Order two vocabularies share: longest increasing chains, stretches where it is exact, and the chance of it (METHODS §15, §4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import lgamma, log
from operator import lt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


def longest_chain(places: Sequence[int] | Ints) -> Bools:
    """Which members form one longest strictly increasing subsequence.

    places: (n,) distinct positions in the other vocabulary, in this one's order. Returns: (n,) True for members.
    """
    row = np.asarray(places, dtype=np.intp)
    if len(row) < 2 or (row[1:] > row[:-1]).all():
        return np.ones(len(row), dtype=np.bool_)
    values: list[int] = row.tolist()
    tops: list[int] = []  # smallest last value of a chain of each length
    holders: list[int] = []  # who holds that value
    before = [-1] * len(values)
    for at, value in enumerate(values):
        if not tops or value > tops[-1]:  # the common case when order is kept
            before[at] = holders[-1] if holders else -1
            tops.append(value)
            holders.append(at)
            continue
        length = bisect_left(tops, value)
        before[at] = holders[length - 1] if length else -1
        tops[length] = value
        holders[length] = at
    members = np.zeros(len(values), dtype=np.bool_)
    at = holders[-1] if holders else -1
    while at >= 0:
        members[at] = True
        at = before[at]
    return members


def log10_chance(kept: int, shared: int) -> float:
    """log10 of the bound C(n,k)/k! on a chain of k among n if the order were a random shuffle (METHODS §4); at most 0."""
    if kept <= 0 or shared <= 0:
        return 0.0
    choose = lgamma(shared + 1) - lgamma(kept + 1) - lgamma(shared - kept + 1)
    return min(0.0, (choose - lgamma(kept + 1)) / log(10))


def segments(labels: NDArray[Any], *, least: int = 48, penalty: float = 4.0) -> list[tuple[int, int]]:
    """Stretches of constant mixture in a row of labels, by binary splitting on the multinomial likelihood.

    labels:  (n,) small non-negative integers or booleans.
    least:   shortest stretch; penalty: gain in log likelihood a cut must bring, in units of log n.
    Returns: [(start, stop), ...] covering 0..n in order; one stretch when nothing changes.
    """
    n = len(labels)
    kinds = [labels == kind for kind in range(int(labels.max()) + 1)] if n else []
    totals = [np.concatenate([[0], np.cumsum(kind, dtype=np.int64)]) for kind in kinds if kind.any()]
    price = penalty * log(max(2, n))
    cuts: list[int] = []
    open_stretches = [(0, n)]
    while open_stretches:
        start, stop = open_stretches.pop()
        # a stretch all of one kind has nothing to gain, and most of a copied vocabulary is one
        mixed = [total for total in totals if 0 < total[stop] - total[start] < stop - start]
        if stop - start < 2 * least or not mixed:
            continue
        ends = np.arange(start + least, stop - least + 1)
        gain = np.zeros(len(ends))
        for total in mixed:
            gain += _likelihood(total[ends] - total[start], ends - start)
            gain += _likelihood(total[stop] - total[ends], stop - ends)
            gain -= _likelihood(total[stop] - total[start], np.asarray(stop - start))
        best = int(np.argmax(gain))
        if gain[best] > price:
            cut = int(ends[best])
            cuts.append(cut)
            open_stretches += [(start, cut), (cut, stop)]
    edges = [0, *sorted(cuts), n]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def _likelihood(hits: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.float64]:
    """One label's share of the multinomial log likelihood at its best rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(hits > 0, hits * np.log(hits / of), 0.0), dtype=np.float64)


def exact_stretches(flags: Bools, *, rate: float, least: int) -> Bools:
    """Members of the chain that lie in a stretch where at least `rate` of everything shared is in the chain.

    Shapes: (n,) in and out. Chance alone fills 2/√n of a row; copying fills all of it.
    """
    kept = np.zeros(len(flags), dtype=np.bool_)
    for start, stop in segments(flags, least=least):
        inside = flags[start:stop]
        if stop - start >= least and inside.mean() >= rate:
            kept[start:stop] = inside
    return kept


def in_byte_order(tokens: Sequence[bytes], *, run: int = 8) -> Bools:
    """Tokens that stand in a run of at least `run` in ascending byte order: an alphabet or a sorted list explains these.

    Shapes: (n,) for n tokens in order of id.
    """
    n = len(tokens)
    rising = np.fromiter(map(lt, tokens, tokens[1:]), dtype=np.bool_, count=max(0, n - 1))
    edges = np.flatnonzero(~rising)
    starts = np.concatenate([[0], edges + 1]).astype(np.intp)
    stops = np.concatenate([edges + 1, [n]]).astype(np.intp)
    found = np.zeros(n, dtype=np.bool_)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if stop - start >= run:
            found[start:stop] = True
    return found
