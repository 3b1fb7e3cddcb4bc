"""Alignment of layers in order, and assignment of units (METHODS §10)."""

from __future__ import annotations

from math import lgamma
from typing import NamedTuple

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.arrays import F64, I64, LN10, Floats, as_float64


class LayerAlignment(NamedTuple):
    """Layers of A and B paired in order, each used at most once.

    pairs:       (layer of A, layer of B), both strictly increasing.
    unmatched_a: layers of A without a partner; unmatched_b: of B.
    score:       sum over pairs of similarity minus threshold.
    """

    pairs: tuple[tuple[int, int], ...]
    unmatched_a: tuple[int, ...]
    unmatched_b: tuple[int, ...]
    score: float


def align_layers(similarity: Floats, threshold: float = 0.0) -> LayerAlignment:
    """The ordered one-to-one map with the largest total similarity above the threshold; gaps cost nothing.

    Shapes:    (L_a, L_b). NaN counts as no similarity; a pair is made only where similarity > threshold.
    Choosing the map on the tested data looks at `monotone_maps_log10` maps: correct for it, or align on other data.
    Raises:    IncomparableError unless two-dimensional.
    Source:    METHODS §10; Needleman-Wunsch with free gaps.
    """
    if similarity.ndim != 2:
        raise incomparable(message("arrays.similarity", shape=str(similarity.shape)))
    raw = as_float64(similarity)
    gain = np.where(np.isfinite(raw), raw - threshold, np.where(raw == np.inf, np.inf, -np.inf))
    gain = np.clip(gain, -np.inf, 1e300)
    rows, columns = gain.shape
    best = np.zeros((rows + 1, columns + 1))
    for i in range(rows):
        through = best[i, :-1] + np.where(gain[i] > 0, gain[i], -np.inf)
        best[i + 1, 1:] = np.maximum.accumulate(np.maximum(best[i, 1:], through))
    pairs: list[tuple[int, int]] = []
    i, j = rows, columns
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    pairs.reverse()
    used_a, used_b = {p[0] for p in pairs}, {p[1] for p in pairs}
    return LayerAlignment(
        tuple(pairs),
        tuple(k for k in range(rows) if k not in used_a),
        tuple(k for k in range(columns) if k not in used_b),
        float(best[rows, columns]),
    )


def monotone_maps_log10(layers_a: int, layers_b: int) -> float:
    """log10 of C(L_a + L_b, L_a), the number of ordered one-to-one maps between parts of two stacks of layers.

    Sum over k of C(L_a, k) C(L_b, k), by Vandermonde. A Bonferroni factor for a map chosen on the tested data.
    """
    return (lgamma(layers_a + layers_b + 1) - lgamma(layers_a + 1) - lgamma(layers_b + 1)) / LN10


def assign(score: Floats) -> I64:
    """The one-to-one assignment of rows to columns with the largest total score.

    Shapes:  (n, m), n <= m, all finite -> (n,) column of every row.
    Cost:    at most O(n^2 m); on pure noise 352 x 352 takes 0.03 s, 1536 x 1536 0.4 s.
    Raises:  IncomparableError if n > m or a score is not finite.
    Source:  shortest augmenting paths with potentials (Kuhn; Jonker and Volgenant 1987).
    """
    cost = -as_float64(score)
    if cost.ndim != 2 or cost.shape[0] > cost.shape[1] or not np.isfinite(cost).all():
        raise incomparable(message("arrays.assignment", shape=str(cost.shape)))
    n = len(cost)
    if not n:
        return np.zeros(0, dtype=np.int64)
    u, v, row_of = _greedy_start(cost)
    column_of = np.full(n, -1, dtype=np.int64)
    taken = row_of >= 0
    column_of[row_of[taken]] = np.flatnonzero(taken)
    _push(cost, u, v, row_of, column_of)
    for row in np.flatnonzero(column_of < 0):
        _augment(cost, int(row), u, v, row_of, column_of)
    return column_of


def _greedy_start(cost: F64) -> tuple[F64, F64, I64]:
    """Feasible potentials and the rows that get their cheapest column for nothing."""
    n, m = cost.shape
    v = cost.min(axis=0) if n == m else np.zeros(m)
    reduced = cost - v
    u = reduced.min(axis=1)
    row_of = np.full(m, -1, dtype=np.int64)
    for row, column in enumerate(np.argmin(reduced, axis=1).tolist()):
        if row_of[column] < 0:
            row_of[column] = row
    return u, v, row_of


def _push(cost: F64, u: F64, v: F64, row_of: I64, column_of: I64) -> None:
    """Rows without a column take their cheapest, made cheaper by what their second one costs more; whoever had it goes on.

    Two passes ("augmenting row reduction", Jonker and Volgenant 1987), of a bounded number of steps; every step keeps reduced
    costs non-negative. It leaves a third of the free rows, or none, to the search for paths.
    """
    free = np.flatnonzero(column_of < 0).tolist()
    steps = 8 * len(free)
    for _ in range(2):
        todo, free = free[::-1], []
        while todo and steps:
            steps -= 1
            row = todo.pop()
            reduced = cost[row] - v
            column = int(reduced.argmin())
            low, reduced[column] = float(reduced[column]), np.inf
            second = int(reduced.argmin())
            u[row] = beyond = float(reduced[second])
            if low < beyond:
                v[column] -= beyond - low
            elif row_of[column] >= 0:
                column = second
            out = int(row_of[column])
            row_of[column], column_of[row] = row, column
            if out >= 0:
                column_of[out] = -1
                (todo if low < beyond else free).append(out)


def _augment(cost: F64, start: int, u: F64, v: F64, row_of: I64, column_of: I64) -> None:
    """Give one free row a column along the shortest alternating path, keeping reduced costs non-negative."""
    m = cost.shape[1]
    distance = cost[start] - u[start] - v  # inf where done
    before = np.full(m, start, dtype=np.int64)
    left, nearer, candidate = v.copy(), np.empty(m, dtype=bool), np.empty(m)  # left: -inf where done, so none is near again
    done: list[int] = []
    reached_at: list[float] = []
    while True:
        column = int(distance.argmin())
        reached = float(distance[column])
        row = int(row_of[column])
        if row < 0:
            break
        left[column], distance[column] = -np.inf, np.inf
        done.append(column)
        reached_at.append(reached)
        np.subtract(cost[row], left, out=candidate)
        candidate -= u[row] - reached
        np.less(candidate, distance, out=nearer)
        np.minimum(distance, candidate, out=distance)
        np.putmask(before, nearer, row)
    u[start] += reached
    if done:
        slack = reached - np.asarray(reached_at)
        u[row_of[done]] += slack
        v[done] -= slack
    while True:
        row = int(before[column])
        row_of[column] = row
        column_of[row], column = column, int(column_of[row])
        if row == start:
            return
