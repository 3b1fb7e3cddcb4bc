"""Deck and order tests (METHODS §3, §4): two shuffled decks do not come out in the same order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from math import lgamma, log, log10
from typing import NamedTuple

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.core.threads import side_by_side
from forebear.stats.arrays import BLOCK_ELEMENTS, F32, I32, LN10, Floats, Usable, usable_rows

TIE_GAP = 1e-6
"""Two best cosines nearer than this are a tie, and a tie is no match: rounding must not let position decide."""
_ABSENT = np.float32(-2.0)  # below every cosine: marks units of B that cannot be compared


class DeckResult(NamedTuple):
    """How many units of A find their best partner in B at their own position.

    matched:    number of i with best[i] == i.
    of:         positions that exist on both sides.
    best:       (n,) best position in B of every unit of A, -1 where there is no match (tie, zero row, NaN).
    cosine:     (of,) signed cosine of a_i with b_i, in place; 0 where either row is unusable.
    top_cosine: (n,) cosine of the best partner (its absolute value if the search was absolute); 0 where unusable.
    """

    matched: int
    of: int
    best: I32
    cosine: F32
    top_cosine: F32

    @property
    def log10_p(self) -> float:
        """log10 of the exact bound 1/k! for this one look."""
        return deck_log10_p(self.matched)


def deck(a: Floats, b: Floats, *, absolute: bool = True) -> DeckResult:
    """Count the units of A whose best partner among all units of B sits at their own position.

    Shapes:   a (n, k), b (m, k): rows are units, position i of one belongs to position i of the other.
    absolute: best by |cos|; else by cos.
    Assumes:  under H0 B's order is a uniform shuffle (METHODS §2); then P(matched >= k) <= 1/k! whatever n, m and
              the values, because any rule that follows B's relabelling is allowed.
    Memory:   blocks of at most 4 MB besides the input, for rows of ordinary size.
    Raises:   IncomparableError if the rows have different lengths.
    Source:   METHODS §3.
    """
    _check(a, b)
    left, right = usable_rows(a), usable_rows(b)
    best, top = nearest(left, right, absolute=absolute)
    of = min(len(a), len(b))
    in_place = np.einsum("ij,ij->i", left[0][:of], right[0][:of]) * left[1][:of] * right[1][:of]
    matched = int(np.count_nonzero(best[:of] == np.arange(of)))
    return DeckResult(matched, of, best, np.clip(in_place, -1.0, 1.0), np.clip(top, -1.0, 1.0))


def nearest(left: Usable, right: Usable, *, absolute: bool) -> tuple[I32, F32]:
    """Which unit of B is nearest to each of A, as `deck` finds it; nothing is counted.

    Shapes:  (n, k), (m, k) -> (n,) position of the one best partner, -1 where there is none or others come as near; (n,) its
             cosine, 0 where unusable.
    Raises:  IncomparableError if the rows have different lengths.
    """
    _check(left.flat, right.flat)
    n = len(left.flat)
    best = np.full(n, -1, dtype=np.int32)
    top = np.full(n, _ABSENT, dtype=np.float32)
    second = np.full(n, _ABSENT, dtype=np.float32)

    def part(rows: slice) -> None:
        for here, columns, cosines in _blocks(left.take(rows), right, absolute):
            _keep_two_best(cosines, columns.start, here, best[rows], top[rows], second[rows])  # views of what is filled

    height = _sizes(left, right)[1]
    for _ in side_by_side(part, [slice(top, top + height) for top in range(0, n, height)]):
        pass
    sound = (top - second >= TIE_GAP) & (top > _ABSENT) & left.sound
    best[~sound] = -1
    top[(top <= _ABSENT) | ~left.sound] = 0.0
    return best, top


def deck_in_place(a: Floats, b: Floats, *, absolute: bool = True) -> DeckResult | None:
    """The deck where every unit of A finds its partner at its own position; None as soon as one does not.

    What `deck` would give, for a third of its work: only whether another unit comes as near has to be seen.
    Shapes and Raises: as `deck`. Source: METHODS §3.
    """
    _check(a, b)
    left, right = usable_rows(a), usable_rows(b)
    if len(a) != len(b) or not len(a) or not left[2].all() or not right[2].all():
        return None
    in_place = np.einsum("ij,ij->i", left[0], right[0]) * left[1] * right[1]
    own = np.abs(in_place) if absolute else in_place
    scaled = Usable(right.unit, np.ones_like(right.factors), right.sound)
    for rows, columns, cosines in _blocks(left, scaled, absolute, scale=False):
        here = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
        cosines[here - rows.start, here - columns.start] = _ABSENT
        if not (own[rows] - cosines.max(axis=1) >= TIE_GAP).all():
            return None
    best = np.arange(len(a), dtype=np.int32)
    return DeckResult(len(a), len(a), best, np.clip(in_place, -1.0, 1.0), np.clip(own, -1.0, 1.0))


def deck_log10_p(k: int, looks: float = 1) -> float:
    """log10 of the bound min(1, looks / k!): valid under any dependence between the looks.

    k:      matches in the best of the looks.
    looks:  layer pairs (and other choices) looked at before this one was picked.
    Source: METHODS §3.
    """
    return min(0.0, log10(max(looks, 1)) - lgamma(max(k, 0) + 1) / LN10)


def deck_layers_log10_p(total: int, layers: int) -> float:
    """log10 of the bound L^(k-L) L! / k! on P(sum of matches >= k) over L layers shuffled independently.

    It is the best of E[C(X, j)] / C(k, j) <= L^j (k-j)! / k!, at j = k - L. Each layer of B may be used once, on a map
    fixed in advance; else use `deck_log10_p` with the best layer.
    Returns: 0 (no evidence) for k < L.
    Source:  METHODS §3.
    """
    if layers < 1 or total < layers:
        return 0.0
    value = (total - layers) * log(layers) + lgamma(layers + 1) - lgamma(total + 1)
    return min(0.0, value / LN10)


def longest_increasing(best: I32) -> int:
    """Length of the longest strictly increasing subsequence of the positions, unmatched (-1) skipped.

    Shapes: (n,). Source: METHODS §4.
    """
    tails: list[int] = []
    for value in np.asarray(best).tolist():
        if value < 0:
            continue
        place = bisect_left(tails, value)
        if place == len(tails):
            tails.append(value)
        else:
            tails[place] = value
    return len(tails)


def order_log10_p(increasing: int, n: int, looks: float = 1) -> float:
    """log10 of the bound looks * C(n, k) / k! that n shuffled positions hold an increasing run of k.

    n: matched positions that entered `longest_increasing`. Says nothing below k of about e * sqrt(n).
    Raises: IncomparableError if increasing > n.
    Source: METHODS §4.
    """
    if increasing > n:
        raise incomparable(message("arrays.subsequence", length=increasing, count=n))
    k = max(increasing, 0)
    log_choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return min(0.0, log10(max(looks, 1)) + (log_choose - lgamma(k + 1)) / LN10)


def mutual_best(a: Floats, b: Floats, *, absolute: bool = True) -> tuple[I32, I32, F32]:
    """Pairs that are each other's best partner, ties on either side left out.

    Shapes:  a (n, k), b (m, k) -> positions in A ascending (p,), positions in B (p,), cosines (p,).
    absolute: as in `deck`; the cosines returned are then absolute values.
    Raises:  IncomparableError if the rows have different lengths.
    Source:  METHODS §4.
    """
    _check(a, b)
    n, m = len(a), len(b)
    left, right = usable_rows(a), usable_rows(b)
    to_b, to_a = np.full(n, -1, np.int32), np.full(m, -1, np.int32)
    top_a, second_a = np.full(n, _ABSENT, np.float32), np.full(n, _ABSENT, np.float32)
    top_b, second_b = np.full(m, _ABSENT, np.float32), np.full(m, _ABSENT, np.float32)
    for rows, columns, cosines in _blocks(left, right, absolute):
        cosines[~left[2][rows]] = _ABSENT
        _keep_two_best(cosines.T.copy(), rows.start, columns, to_a, top_b, second_b)
        _keep_two_best(cosines, columns.start, rows, to_b, top_a, second_a)
    sound_a = (top_a - second_a >= TIE_GAP) & left[2] & (top_a > _ABSENT)
    sound_b = (top_b - second_b >= TIE_GAP) & right[2] & (top_b > _ABSENT)
    where = np.flatnonzero(sound_a)
    partner = to_b[where]
    keep = sound_b[partner] & (to_a[partner] == where)
    where, partner = where[keep].astype(np.int32), partner[keep]
    return where, partner, np.clip(top_a[where], -1.0, 1.0)


def nearest_other(units: Floats) -> tuple[I32, F32, I32]:
    """Every unit's nearest other unit of the same layer by |cos|, for the index audit.

    Shapes:  (n, k) -> (n,) position of the nearest other, -1 where the unit is unusable or ties; (n,) its |cos|;
             (n,) how many others are that near: 1 without a tie, 0 for unusable units, 3 for four exact copies.
    Source:  METHODS §8.
    """
    _check(units, units)
    n = len(units)
    side = usable_rows(units)
    best = np.full(n, -1, dtype=np.int32)
    top, second = np.full(n, _ABSENT, np.float32), np.full(n, _ABSENT, np.float32)
    for rows, columns, cosines in _blocks(side, side, True):
        own = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
        cosines[own - rows.start, own - columns.start] = _ABSENT
        _keep_two_best(cosines, columns.start, rows, best, top, second)
    lost = (top <= _ABSENT) | ~side[2]
    tied = np.flatnonzero((top - second < TIE_GAP) & ~lost)
    best[lost] = -1
    best[tied] = -1
    top[lost] = 0.0
    many = np.where(lost, 0, 1).astype(np.int32)
    for rows, columns, cosines in _blocks(side.take(tied), side, True):
        own = tied[rows]
        here = np.flatnonzero((own >= columns.start) & (own < columns.stop))
        cosines[here, own[here] - columns.start] = _ABSENT
        near = np.count_nonzero(cosines >= (top[own] - TIE_GAP)[:, None], axis=1)
        many[own] += near - (columns.start == 0)  # the 1 each row began with is one of them
    return best, np.clip(top, 0.0, 1.0), many


def _check(a: Floats, b: Floats) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise incomparable(message("arrays.row_lengths", a=str(a.shape), b=str(b.shape)), todo=message("arrays.align_other"))


def _sizes(left: Usable, right: Usable) -> tuple[int, int]:
    """(columns, rows) of a block of the cosine matrix."""
    width = max(1, min(len(right[0]), BLOCK_ELEMENTS // 128))
    return width, max(1, min(len(left[0]), BLOCK_ELEMENTS // (2 * max(width, left[0].shape[1], 1))))


def _blocks(
    left: Usable, right: Usable, absolute: bool, scale: bool = True
) -> Iterator[tuple[slice, slice, F32]]:
    """Blocks of the cosine matrix, each a fresh array the caller may overwrite; scale: False for rows of B of length one."""
    (a, scale_a, _), (b, scale_b, usable_b) = left, right
    n, m = len(a), len(b)
    width, height = _sizes(left, right)
    spoiled = np.flatnonzero(~usable_b)
    for top in range(0, n, height):
        rows = slice(top, min(top + height, n))
        unit: F32 = a[rows] * scale_a[rows, None]
        for start in range(0, m, width):
            columns = slice(start, min(start + width, m))
            cosines: F32 = unit @ b[columns].T  # (rows, columns)
            if scale:
                cosines *= scale_b[columns]
            if absolute:
                np.abs(cosines, out=cosines)
            if len(spoiled):
                here = spoiled[(spoiled >= columns.start) & (spoiled < columns.stop)] - columns.start
                cosines[:, here] = _ABSENT
            yield rows, columns, cosines


def _keep_two_best(cosines: F32, offset: int, rows: slice, best: I32, top: F32, second: F32) -> None:
    """Merge one block into the running best and second best of its rows; overwrites the block."""
    line = np.arange(len(cosines))
    place = np.argmax(cosines, axis=1)
    value = cosines[line, place]
    cosines[line, place] = _ABSENT
    runner_up = cosines.max(axis=1)
    better = value > top[rows]
    second[rows] = np.maximum(np.where(better, top[rows], value), np.maximum(second[rows], runner_up))
    best[rows] = np.where(better, place + offset, best[rows])
    top[rows] = np.maximum(top[rows], value)
