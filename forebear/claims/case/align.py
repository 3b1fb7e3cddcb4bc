"""Alignment of two sequences of segments by dynamic programming over length and shared anchors, many-to-many, with gaps.

Cost: O(n x band) array operations; the band follows a chain of rare shared anchors, so that a long omission does not
leave it. Source of the idea: Gale and Church 1993 (length), with the anchors of this room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Features = Counter[str]

BEADS = ((1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1), (1, 4), (4, 1), (2, 3), (3, 2))
"""Numbers of left and right segments that may be linked; (1, 0) and (0, 1) are gaps."""
GAP_COST = 1.0
"""Cost of leaving a segment without a partner; a link of no likeness at all costs 1 a segment."""
EXTRA_COST = 0.5
"""Cost of each segment beyond 1-1."""
LENGTH_WEIGHT = 0.9
"""Weight of length likeness against one unit of anchor mass."""
MISSING_WEIGHT = 0.3
"""Weight of anchors only one side has, against 1.5 for shared ones: translations drop and add words."""
KIND_WEIGHTS = {"h1": 0.15, "h2": 1.0}
"""Weight of a single shared Han character and of a pair; every other kind of anchor counts 1."""
BAND = 40


@dataclass(frozen=True)
class Link:
    """Indices of the left and right segments that say the same; an empty side is a gap. score in 0..1; by: rule or hand."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    score: float
    by: str = "rule"


@dataclass(frozen=True)
class Side:
    """One side to align: lengths in characters (n,), and the anchors of each segment with their counts."""

    lengths: Floats
    anchors: Sequence[Features]


def align(left: Side, right: Side, band: int = BAND) -> list[Link]:
    """The cheapest monotone alignment of two texts.

    Returns: links in order, covering every segment of both sides once.
    """
    n, m = len(left.lengths), len(right.lengths)
    if not n or not m:
        return [Link((i,), (), 0.0) for i in range(n)] + [Link((), (j,), 0.0) for j in range(m)]
    weights = _weights(left.anchors, right.anchors)
    centre = _centre(left, right, weights)
    similarity = _Similarity(left, right, weights, centre, max(band, 8))
    return _trace(_forward(similarity, n, m), similarity, n, m)


def _weights(a: Sequence[Features], b: Sequence[Features]) -> dict[str, float]:
    """Rarity of an anchor over both sides: 1 when it stands in few segments, towards 0 when everywhere."""
    counts: Counter[str] = Counter()
    for features in (*a, *b):
        counts.update(features.keys())
    total = max(2.0, float(len(a) + len(b)))
    both = _keys(a) & _keys(b)
    # an anchor only one side has is weak evidence: the other language may simply not write it
    return {k: _rarity(k, c, total) * (1.0 if k in both else 0.35) for k, c in counts.items()}


def _rarity(key: str, count: int, total: float) -> float:
    kind = f"h{len(key) - 2}" if key.startswith("h:") else key[:1]
    return max(0.05, float(np.log(total / count) / np.log(total))) * KIND_WEIGHTS.get(kind, 1.0)


def _keys(side: Sequence[Features]) -> set[str]:
    keys: set[str] = set()
    for features in side:
        keys.update(features)
    return keys


def _centre(left: Side, right: Side, weights: dict[str, float]) -> Floats:
    """For each left index 0..n the right index the band is centred on: anchor chain first, lengths between."""
    n, m = len(left.lengths), len(right.lengths)
    where_a, where_b = _unique(left.anchors), _unique(right.anchors)
    pairs = sorted({(where_a[k], where_b[k]) for k in where_a.keys() & where_b.keys() if weights[k] > 0.3})
    a, b = np.concatenate([[0.0], np.cumsum(left.lengths)]), np.concatenate([[0.0], np.cumsum(right.lengths)])
    chain = [(0, 0), *((i, j) for i, j in _increasing(pairs, n, m)), (n, m)]
    centre = np.zeros(n + 1)
    for (i, j), (k, q) in pairwise(chain):
        if k <= i:
            continue
        share = (a[i : k + 1] - a[i]) / max(1.0, a[k] - a[i])
        centre[i : k + 1] = np.interp(b[j] + share * (b[q] - b[j]), b[j : q + 1], np.arange(j, q + 1))
    return centre


def _unique(side: Sequence[Features]) -> dict[str, int]:
    seen: dict[str, int] = {}
    for i, features in enumerate(side):
        for key in features:
            seen[key] = -1 if key in seen else i
    return {k: i for k, i in seen.items() if i >= 0}


def _increasing(pairs: list[tuple[int, int]], n: int, m: int) -> list[tuple[int, int]]:
    """A longest chain of pairs that rises on both sides, after dropping pairs far off the diagonal of their neighbours."""
    import bisect

    tails: list[int] = []
    places: list[int] = []
    back: list[int] = []
    for index, (i, j) in enumerate(pairs):
        at = bisect.bisect_left(tails, j)
        if at and pairs[places[at - 1]][0] == i:
            back.append(-2)
            continue
        back.append(places[at - 1] if at else -1)
        if at == len(tails):
            tails.append(j)
            places.append(index)
        else:
            tails[at], places[at] = j, index
    chain: list[tuple[int, int]] = []
    index = places[-1] if places else -1
    while index >= 0:
        chain.append(pairs[index])
        index = back[index]
    return [(i, j) for i, j in reversed(chain) if 0 < i < n and 0 < j < m]


class _Similarity:
    """Anchor overlap S[i, j] for j within the band, and costs of links made from it."""

    def __init__(self, left: Side, right: Side, weights: dict[str, float], centre: Floats, band: int) -> None:
        n, m = len(left.lengths), len(right.lengths)
        place = np.round(centre).astype(int)
        # (n + 1,): first and last right index of each row; a row reaches back and on to its neighbours' centres
        self.low = np.maximum(0, np.minimum(place, np.concatenate([[0], place[:-1]])) - band)
        self.high = np.minimum(m, np.maximum(place, np.concatenate([place[1:], [m]])) + band)
        self.a, self.b = _prefix(left.lengths), _prefix(right.lengths)
        self.mass_a, self.mass_b = _prefix(_masses(left.anchors, weights)), _prefix(_masses(right.anchors, weights))
        self.ratio = max(1e-9, self.b[-1]) / max(1.0, self.a[-1])
        self.rows = self._overlap(left.anchors, right.anchors, weights, n, m)

    def _overlap(
        self, a: Sequence[Features], b: Sequence[Features], weights: dict[str, float], n: int, m: int
    ) -> list[Floats]:
        postings: dict[str, list[tuple[int, int]]] = {}
        for j, features in enumerate(b):
            for key, count in features.items():
                postings.setdefault(key, []).append((j, count))
        import bisect

        rows = []
        for i in range(n):
            low = max(0, int(self.low[i]) - 4)
            row = np.zeros(max(0, min(m, int(self.high[i]) + 4) - low))
            for key, count in a[i].items():
                entries = postings.get(key)
                if not entries:
                    continue
                weight = weights[key]
                for j, other in entries[bisect.bisect_left(entries, (low, 0)) :]:
                    if j - low >= len(row):
                        break
                    row[j - low] += weight * min(count, other)
            rows.append(np.concatenate([[0.0], np.cumsum(row)]))
        return rows

    def block(self, i: int, k: int, j: NDArray[np.int64], q: int) -> Floats:
        """Overlap of left [i, i+k) with right [j, j+q) for every j."""
        total = np.zeros(len(j))
        for row in range(i, i + k):
            sums, low = self.rows[row], max(0, int(self.low[row]) - 4)
            top = len(sums) - 1
            begin, end = np.minimum(np.maximum(j - low, 0), top), np.minimum(np.maximum(j + q - low, 0), top)
            total += sums[end] - sums[begin]
        return total

    def cost(self, i: int, k: int, j: NDArray[np.int64], q: int) -> Floats:
        """Cost of linking left [i, i+k) with right [j, j+q): segments times unlikeness."""
        mass_a, mass_b = self.mass_a[i + k] - self.mass_a[i], self.mass_b[j + q] - self.mass_b[j]
        mass = mass_a + mass_b
        shared = 2 * np.minimum(self.block(i, k, j, q), np.minimum(mass_a, mass_b))
        x = (self.a[i + k] - self.a[i]) * self.ratio
        y = self.b[j + q] - self.b[j]
        length = np.exp(-0.5 * (np.log((x + 4) / (y + 4)) / 0.45) ** 2)
        # missing anchors tell less than shared ones: translations drop and add words
        alike = (1.5 * shared + LENGTH_WEIGHT * length) / (
            1.5 * shared + MISSING_WEIGHT * (mass - shared) + LENGTH_WEIGHT
        )
        return np.asarray((k + q) * (1 - alike) + EXTRA_COST * (k + q - 2), dtype=np.float64)


def _prefix(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def _masses(side: Sequence[Features], weights: dict[str, float]) -> Floats:
    return np.array([sum(weights[k] * c for k, c in f.items()) for f in side], dtype=np.float64)


def _forward(sim: _Similarity, n: int, m: int) -> tuple[list[Floats], list[NDArray[np.int64]]]:
    """Best cost and chosen bead of every cell (i, low[i] + t)."""
    best: list[Floats] = []
    chosen: list[NDArray[np.int64]] = []
    for i in range(n + 1):
        columns = np.arange(sim.low[i], sim.high[i] + 1)
        row = np.full(len(columns), np.inf)
        pick = np.full(len(columns), -9, dtype=np.int64)
        if i == 0 and sim.low[0] == 0:
            row[0], pick[0] = 0.0, -1
        if i > 0:
            _improve(row, pick, _at(best[i - 1], int(sim.low[i - 1]), columns) + GAP_COST, -2)
        for number, (k, q) in enumerate(BEADS):
            if i < k or q > m:
                continue
            start = columns - q
            before = _at(best[i - k], int(sim.low[i - k]), start)
            usable = np.isfinite(before)
            if usable.any():
                value = np.full(len(columns), np.inf)
                value[usable] = before[usable] + sim.cost(i - k, k, start[usable], q)
                _improve(row, pick, value, number)
        # gaps on the right side run along the row: a running minimum of cost less the gaps so far
        steps = GAP_COST * np.arange(len(columns))
        lowest = np.minimum.accumulate(row - steps) + steps
        pick[lowest < row - 1e-12] = -3
        best.append(lowest)
        chosen.append(pick)
    return best, chosen


def _at(row: Floats, low: int, columns: NDArray[np.int64]) -> Floats:
    index = columns - low
    inside = (index >= 0) & (index < len(row))
    values = np.full(len(columns), np.inf)
    values[inside] = row[index[inside]]
    return values


def _improve(row: Floats, pick: NDArray[np.int64], value: Floats, name: int) -> None:
    better = value < row
    row[better] = value[better]
    pick[better] = name


def _trace(tables: tuple[list[Floats], list[NDArray[np.int64]]], sim: _Similarity, n: int, m: int) -> list[Link]:
    chosen = tables[1]
    links: list[Link] = []
    i, j = n, m
    while i > 0 or j > 0:
        at = j - int(sim.low[i])
        name = int(chosen[i][at]) if 0 <= at < len(chosen[i]) else -9
        if name == -2 or (name == -9 and i > 0):
            links.append(Link((i - 1,), (), 0.0))
            i -= 1
        elif name == -3 or name < 0:
            links.append(Link((), (j - 1,), 0.0))
            j -= 1
        else:
            k, q = BEADS[name]
            cost = float(sim.cost(i - k, k, np.array([j - q]), q)[0]) - EXTRA_COST * (k + q - 2)
            links.append(Link(tuple(range(i - k, i)), tuple(range(j - q, j)), round(1 - cost / (k + q), 4)))
            i, j = i - k, j - q
    return links[::-1]
