"""Which row of one table every row of another is: the nearest, or, of long tables, the nearest between those around it; and the map
of rows as runs (METHODS §12)."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forebear.stats.arrays import F32

OWN_ROW = 0.45
"""Cosine, both tables centred, from which a row is taken for another's; rows of other tokens stay below (decision 0034)."""
SAMPLE = 512
BLOCK = 2048
ORDERED = 0.9
"""Share of a sample of rows that must be found, and found in the candidate's order, for the rest to be looked for between them."""
Ids = NDArray[np.intp]


def nearest(a: F32, b: F32) -> tuple[Ids, F32]:
    """The nearest row of B for every row of A, and its cosine. Shapes: (n, d), (m, d) -> (n,), (n,)."""
    best, value = np.zeros(len(a), dtype=np.intp), np.zeros(len(a), dtype=np.float32)
    for start in range(0, len(a), BLOCK):
        table = a[start : start + BLOCK] @ b.T
        best[start : start + BLOCK] = table.argmax(axis=1)
        value[start : start + BLOCK] = table.max(axis=1)
    return best, value


def in_order(a: F32, b: F32) -> Ids:
    """The row of B that every row of A is, where rows were kept in their order, as a trimmed table has them; -1 for none.

    A sample is looked for everywhere; where it is found in order, every other row is looked for between the two around it, so that
    long tables take seconds. Rows are of unit length, both tables centred. Shapes: (n, d), (m, d) -> (n,); all -1 in another order.
    """
    partner = np.full(len(a), -1, dtype=np.intp)
    at = np.unique(np.linspace(0, len(a) - 1, min(SAMPLE, len(a))).astype(np.intp))
    best, value = np.zeros(len(at), dtype=np.intp), np.full(len(at), -1.0, dtype=np.float32)
    for start in range(0, len(b), BLOCK):  # the long table in blocks
        table = a[at] @ b[start : start + BLOCK].T
        here, high = table.argmax(axis=1) + start, table.max(axis=1)
        best, value = np.where(high > value, here, best), np.maximum(high, value)
    sure = at[value > OWN_ROW]
    places = rising(best[value > OWN_ROW])
    if len(places) < ORDERED * len(at):
        return partner
    partner[sure[places]] = best[value > OWN_ROW][places]
    return between(a, b, partner, OWN_ROW)


def between(a: F32, b: F32, partner: Ids, least: float) -> Ids:
    """The partners, and those of rows without one that stand between two rows of A whose partners are in order: looked for between
    these, from a cosine of `least`. Shapes: (n, d), (m, d), (n,) -> (n,)."""
    kept = np.flatnonzero(partner >= 0)
    kept = kept[rising(partner[kept])]
    found = partner.copy()
    ends, places = [-1, *kept.tolist(), len(a)], [-1, *partner[kept].tolist(), len(b)]
    taken = np.zeros(len(b), dtype=bool)
    taken[partner[partner >= 0]] = True
    for (i, k), (p, r) in zip(pairwise(ends), pairwise(places), strict=True):
        rows = np.flatnonzero(partner[i + 1 : k] < 0) + i + 1
        free = np.flatnonzero(~taken[p + 1 : r]) + p + 1
        if len(rows) and len(free):
            own = _each_other(a[rows], b[free], least)
            found[rows] = np.where(own >= 0, free[own], -1)
    return found


def _each_other(a: F32, b: F32, least: float) -> Ids:
    """Rows that name each other, then, of what is left on both sides, again: of rows that are alike one is named at a time."""
    partner = np.full(len(a), -1, dtype=np.intp)
    table = a @ b.T
    while table.size:
        best, back = table.argmax(axis=1), table.argmax(axis=0)
        own = np.flatnonzero((back[best] == np.arange(len(a))) & (table.max(axis=1) > least))
        if not len(own):
            break
        partner[own] = best[own]
        table[own], table[:, best[own]] = -1.0, -1.0
    return partner


def rising(values: Ids) -> list[int]:
    """Places of the longest strictly rising run of values, not necessarily neighbours; patience sorting."""
    tails: list[int] = []
    ends: list[int] = []
    before = np.full(len(values), -1, dtype=np.intp)
    for place, value in enumerate(values.tolist()):
        at = bisect_left(ends, value)
        before[place] = tails[at - 1] if at else -1
        tails[at : at + 1], ends[at : at + 1] = [place], [value]
    found = []
    place = tails[-1] if tails else -1
    while place >= 0:
        found.append(place)
        place = int(before[place])
    return found[::-1]


def map_of(partner: Ids) -> str:
    """Runs of rows that follow each other on both sides: "subject's first:candidate's first:how many", with spaces between.

    Example:
        >>> map_of(np.array([0, 1, 5, 6, -1, 9]))
        '0:0:2 2:5:2 5:9:1'
    """
    kept = np.flatnonzero(partner >= 0)
    breaks = np.flatnonzero((np.diff(kept) != 1) | (np.diff(partner[kept]) != 1)) + 1
    return " ".join(f"{run[0]}:{partner[run[0]]}:{len(run)}" for run in np.split(kept, breaks) if len(run))
