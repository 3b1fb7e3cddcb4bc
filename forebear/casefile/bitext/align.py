"""Alignment of two sequences of segments by dynamic programming over length and shared anchors, many-to-many, with gaps.

Cost: O(n x band) array operations; the band follows a chain of rare shared anchors, so that a long omission does not
leave it. Source of the idea: Gale and Church 1993 (length), with the anchors of this room.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Features = Counter[str]

MOST = 8
"""Most segments of one side in a link."""
BEADS = tuple((k, q) for k in range(1, MOST + 1) for q in range(1, MOST + 1))
"""Numbers of left and right segments that may be linked; (1, 0) and (0, 1) are gaps."""
REACH = MOST
"""Columns beyond the band whose overlap is kept, for beads that reach over its edge."""
GAP_COST = 1.1
"""Cost of leaving a paragraph without a partner; a link of no likeness at all costs 1 a segment."""
CROSS_COST = 0.4
"""Cost, besides, of a link that takes several segments of both sides: two plain links are the better story."""
SENTENCE_GAP_COST = 0.75
"""The same for a sentence inside linked paragraphs: sentences go missing more often than paragraphs do."""
TWIN_GAP_COST = 0.4
"""The same between two texts in one language, whose sentences are nearly equal."""
EXTRA_COST = 0.5
"""Cost of each segment beyond 1-1."""
LENGTH_WEIGHT = 0.9
"""Weight of length likeness against one unit of anchor mass."""
MEANING_WEIGHT = 1.0
"""The same of the likeness that a sentence model sees, where one was given."""
MISSING_WEIGHT = 0.3
"""Weight of anchors only one side has, against 1.5 for shared ones: translations drop and add words."""
IDLE_COST = 0.5
"""Cost of a segment in a link of several that has anchors and shares none of them: it is better left alone."""
LEAST_MASS = 0.15
"""Anchor mass from which a segment can be told to share nothing."""
KIND_WEIGHTS = {"h1": 0.15, "h2": 1.0}
"""Weight of a single shared Han character and of a pair; every other kind of anchor counts 1."""
BAND = 40
SLACK = 4.0
"""Characters added to both lengths before they are compared."""
SPREAD, SPREAD_SHORT = 0.38, 4.0
"""Usual spread of the log ratio of two lengths, and what is added to its square over the characters of both: short segments
tell less by their length (Gale and Church 1993 let the spread grow so)."""


@dataclass(frozen=True)
class Link:
    """Indices of the left and right segments that say the same; an empty side is a gap. score in 0..1; by: rule, model (a
    sentence model had a say) or hand."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    score: float
    by: str = "rule"


@dataclass(frozen=True)
class Side:
    """One side to align: lengths in characters (n,), the anchors of each segment with their counts, and, where a sentence model was
    given, its vectors (n, d)."""

    lengths: Floats
    anchors: Sequence[Features]
    vectors: NDArray[np.float32] | None = None


def align(left: Side, right: Side, band: int = BAND, gap: float | None = None) -> list[Link]:
    """The cheapest monotone alignment of two texts.

    Returns: links in order, covering every segment of both sides once.
    """
    n, m = len(left.lengths), len(right.lengths)
    if not n or not m:
        return [Link((i,), (), 0.0) for i in range(n)] + [Link((), (j,), 0.0) for j in range(m)]
    weights = _weights(left.anchors, right.anchors)
    centre = _centre(left, right, weights)
    similarity = _Similarity(left, right, weights, centre, max(band, 8))
    return _trace(_forward(similarity, GAP_COST if gap is None else gap), similarity, n, m)


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
    """Costs of links within a band around the expected place, computed for many left segments at a time."""

    def __init__(self, left: Side, right: Side, weights: dict[str, float], centre: Floats, band: int) -> None:
        n, m = len(left.lengths), len(right.lengths)
        place = np.round(centre).astype(np.int64)
        # (n + 1,): first and last right index of each row; a row reaches back and on to its neighbours' centres
        self.low = np.maximum(0, np.minimum(place, np.concatenate([[0], place[:-1]])) - band)
        self.high = np.minimum(m, np.maximum(place, np.concatenate([place[1:], [m]])) + band)
        self.n, self.m = n, m
        self.a, self.b = _prefix(left.lengths), _prefix(right.lengths)
        self.mass_a, self.mass_b = _prefix(_masses(left.anchors, weights)), _prefix(_masses(right.anchors, weights))
        self.ratio = max(1e-9, self.b[-1]) / max(1.0, self.a[-1])
        self.rows = self._overlap(left.anchors, right.anchors, weights)
        self.meaning: _Meaning | None = None
        if left.vectors is not None and right.vectors is not None:
            self.meaning = _Meaning(left.vectors, right.vectors, self)

    def _overlap(self, a: Sequence[Features], b: Sequence[Features], weights: dict[str, float]) -> list[Floats]:
        """For each left segment the running sum over its band of the anchor weight shared with each right segment."""
        postings: dict[str, list[tuple[int, int]]] = {}
        for j, features in enumerate(b):
            for key, count in features.items():
                postings.setdefault(key, []).append((j, count))
        rows = []
        for i in range(self.n):
            low = max(0, int(self.low[i]) - REACH)
            row = np.zeros(max(0, min(self.m, int(self.high[i + 1]) + REACH) - low) + 1)
            for key, count in a[i].items():
                entries = postings.get(key, ())
                for j, other in entries[bisect.bisect_left(entries, (low, 0)) :]:
                    if j - low >= len(row) - 1:
                        break
                    row[j - low + 1] += weights[key] * min(count, other)
            rows.append(np.cumsum(row))
        return rows

    def costs(self, first: int, last: int) -> Floats:
        """Cost of each bead that ends at left i (first <= i < last) and right low[i] + t: (beads, rows, columns).

        Cost: segments linked times their unlikeness, plus what _extra says; infinite when the
        bead would reach before the beginning.
        """
        i = np.arange(first, last)[:, None]
        j = self.low[first:last, None] + np.arange(int((self.high - self.low)[first:last].max()) + 1)[None, :]
        j = np.minimum(j, self.m)
        shared, idle = self._shared(i, j)
        alike_in_meaning = self.meaning.likeness(i, j) if self.meaning else None
        out = np.full((len(BEADS), *j.shape), np.inf)
        for number, (k, q) in enumerate(BEADS):
            start_i, start_j = np.maximum(i - k, 0), np.maximum(j - q, 0)
            left, right = self.mass_a[i] - self.mass_a[start_i], self.mass_b[j] - self.mass_b[start_j]
            size, other = (self.a[i] - self.a[start_i]) * self.ratio, self.b[j] - self.b[start_j]
            both = 2 * np.minimum(shared[k - 1][q - 1], np.minimum(left, right))
            spread = SPREAD**2 + SPREAD_SHORT / (size + other + 2 * SLACK)
            length = np.exp(-0.5 * np.log((size + SLACK) / (other + SLACK)) ** 2 / spread)
            told, most = 1.5 * both + LENGTH_WEIGHT * length, LENGTH_WEIGHT
            if alike_in_meaning is not None:
                told, most = told + MEANING_WEIGHT * alike_in_meaning[k - 1][q - 1], most + MEANING_WEIGHT
            alike = told / (1.5 * both + MISSING_WEIGHT * (left + right - both) + most)
            cost = (k + q) * (1 - alike) + _extra(k, q) + IDLE_COST * idle[k - 1][q - 1]
            out[number] = np.where((i < k) | (j < q), np.inf, cost)
        return out

    def _shared(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> tuple[list[list[Floats]], list[list[Floats]]]:
        """[k - 1][q - 1]: anchor weight shared by left [i - k, i) and right [j - q, j), and how many of the left segments
        have anchors and share none (counted only where a link takes several)."""
        begin, table = _table(self.rows, i)
        width = table.shape[1]
        sums: list[list[Floats]] = []
        idle: list[list[Floats]] = []
        for k in range(1, MOST + 1):
            source = i - k
            at = np.minimum(np.maximum(source - begin, 0), len(table) - 1)
            low = np.maximum(0, self.low[np.maximum(source, 0)] - REACH)
            mass = self.mass_a[np.maximum(source + 1, 0)] - self.mass_a[np.maximum(source, 0)]
            top = table[at, np.minimum(np.maximum(j - low, 0), width - 1)]
            line, empty = [], []
            for q in range(1, MOST + 1):
                piece = top - table[at, np.minimum(np.maximum(j - q - low, 0), width - 1)]
                line.append(np.where(source >= 0, piece, 0.0) + (sums[-1][q - 1] if sums else 0.0))
                alone = (piece < 0.1 * mass) & (mass > LEAST_MASS)
                empty.append(alone.astype(np.float64) + (idle[-1][q - 1] if idle else 0.0))
            sums.append(line)
            idle.append(empty)
        idle[0] = [np.zeros_like(e) for e in idle[0]]
        return sums, idle


class _Meaning:
    """Likeness of sums of neighbouring vectors, within the band of a _Similarity."""

    def __init__(self, a: NDArray[np.float32], b: NDArray[np.float32], band: _Similarity) -> None:
        self.band = band
        self.sizes_a, self.sizes_b = _sizes(a), _sizes(b)
        self.rows = []
        for i in range(band.n):
            low = max(0, int(band.low[i]) - REACH)
            high = max(low, min(band.m, int(band.high[i + 1]) + REACH))
            self.rows.append(_prefix((b[low:high] @ a[i]).astype(np.float64)))

    def likeness(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> list[list[Floats]]:
        """[k - 1][q - 1]: cosine of the sums over left [i - k, i) and right [j - q, j), 0 where it is negative."""
        begin, table = _table(self.rows, i)
        found, sums = [], np.zeros((MOST, *j.shape))
        for k in range(1, MOST + 1):
            source = i - k
            at = np.minimum(np.maximum(source - begin, 0), len(table) - 1)
            low = np.maximum(0, self.band.low[np.maximum(source, 0)] - REACH)
            top = table[at, np.minimum(np.maximum(j - low, 0), table.shape[1] - 1)]
            line = []
            for q in range(1, MOST + 1):
                piece = top - table[at, np.minimum(np.maximum(j - q - low, 0), table.shape[1] - 1)]
                sums[q - 1] += np.where(source >= 0, piece, 0.0)
                size = self.sizes_a[k - 1, i] * self.sizes_b[q - 1, j]
                line.append(np.clip(sums[q - 1] / np.maximum(1e-9, size), 0.0, 1.0))
            found.append(line)
        return found


def _sizes(vectors: NDArray[np.float32]) -> Floats:
    """(MOST, n + 1): length of the sum of the k vectors before each index."""
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    ends = np.arange(len(sums))
    return np.stack([np.linalg.norm(sums - sums[np.maximum(0, ends - k)], axis=1) for k in range(1, MOST + 1)])


def _table(rows: Sequence[Floats], i: NDArray[np.int64]) -> tuple[int, Floats]:
    """Rows that beads ending at `i` reach back to: index of the first, and a table of them, each continued by its last value."""
    begin, end = max(0, int(i[0, 0]) - MOST), int(i[-1, 0])
    width = max((len(row) for row in rows[begin:end]), default=1)
    table = np.zeros((max(1, end - begin), width))
    for r, row in enumerate(rows[begin:end]):
        table[r, : len(row)], table[r, len(row) :] = row, row[-1]
    return begin, table


CHUNK = 128
"""Left segments whose costs are computed at once."""


def _extra(k: int, q: int) -> float:
    """What a bead costs for taking more than one segment of a side, and of both."""
    return EXTRA_COST * (k + q - 2) + (CROSS_COST if k > 1 and q > 1 else 0.0)


def _prefix(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def _masses(side: Sequence[Features], weights: dict[str, float]) -> Floats:
    return np.array([sum(weights[k] * c for k, c in f.items()) for f in side], dtype=np.float64)


def _forward(sim: _Similarity, gap_cost: float) -> list[tuple[NDArray[np.int64], Floats]]:
    """For every row the chosen bead of its cells, (columns,), and the cost of that bead alone."""
    best: list[Floats] = [gap_cost * np.arange(int(sim.high[0] - sim.low[0]) + 1, dtype=np.float64)]
    chosen = [(np.where(best[0] > 0, -3, -1), np.zeros(len(best[0])))]
    for first in range(1, sim.n + 1, CHUNK):
        last = min(sim.n + 1, first + CHUNK)
        costs = sim.costs(first, last)
        for i in range(first, last):
            columns = np.arange(sim.low[i], sim.high[i] + 1)
            own = costs[:, i - first, : len(columns)]
            before = np.stack([_at(best[max(0, i - k)], int(sim.low[max(0, i - k)]), columns - q) for k, q in BEADS])
            total = before + own
            number = np.argmin(total, axis=0)
            value = total[number, np.arange(len(columns))]
            gap = _at(best[i - 1], int(sim.low[i - 1]), columns) + gap_cost
            row = np.minimum(value, gap)
            pick = np.where(gap <= value, -2, number)
            # gaps on the right side run along the row: a running minimum of cost less the gaps so far
            steps = gap_cost * np.arange(len(columns))
            lowest = np.minimum.accumulate(row - steps) + steps
            pick[lowest < row - 1e-12] = -3
            best.append(lowest)
            chosen.append((pick, own[number, np.arange(len(columns))]))
    return chosen


def _at(row: Floats, low: int, columns: NDArray[np.int64]) -> Floats:
    """Entries of a stored row at the given right indices; infinite outside it."""
    first = int(columns[0]) - low
    values = np.full(len(columns), np.inf)
    start, stop = max(0, -first), min(len(columns), len(row) - first)
    if start < stop:
        values[start:stop] = row[first + start : first + stop]
    return values


def _trace(chosen: list[tuple[NDArray[np.int64], Floats]], sim: _Similarity, n: int, m: int) -> list[Link]:
    links: list[Link] = []
    i, j = n, m
    while i > 0 or j > 0:
        at = j - int(sim.low[i])
        name = int(chosen[i][0][at]) if 0 <= at < len(chosen[i][0]) else -9
        if name == -2 or (name == -9 and i > 0):
            links.append(Link((i - 1,), (), 0.0))
            i -= 1
        elif name < 0:
            links.append(Link((), (j - 1,), 0.0))
            j -= 1
        else:
            k, q = BEADS[name]
            cost = float(chosen[i][1][at]) - _extra(k, q)
            links.append(Link(tuple(range(i - k, i)), tuple(range(j - q, j)), round(1 - cost / (k + q), 4)))
            i, j = i - k, j - q
    return links[::-1]
