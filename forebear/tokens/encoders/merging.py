"""Joining neighbours, best pair first and leftmost among equals: what every byte-pair encoder does."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

Join = Callable[[int, int], tuple[float, int] | None]
"""(left id, right id) → (rank, joined id), the lowest rank first; None when the two do not join."""
SHORT = 48
"""Up to this many symbols a plain search is quicker than a heap."""


def merge(symbols: Sequence[int], join: Join) -> list[int]:
    """Join until nothing joins. Cost: n log n for long rows."""
    if len(symbols) < 2:
        return list(symbols)
    return _merge_short(list(symbols), join) if len(symbols) <= SHORT else _merge_long(list(symbols), join)


def _merge_short(row: list[int], join: Join) -> list[int]:
    found = [join(row[at], row[at + 1]) for at in range(len(row) - 1)]
    while True:
        best, where = None, -1
        for at, pair in enumerate(found):
            if pair is not None and (best is None or pair[0] < best[0]):
                best, where = pair, at
        if best is None:
            return row
        row[where : where + 2] = [best[1]]
        del found[where]
        if where < len(found):
            found[where] = join(row[where], row[where + 1])
        if where > 0:
            found[where - 1] = join(row[where - 1], row[where])


def _merge_long(row: list[int], join: Join) -> list[int]:
    n = len(row)
    after, before = list(range(1, n + 1)), list(range(-1, n - 1))
    alive = [True] * n
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(left: int) -> None:
        right = after[left]
        if right < n:
            pair = join(row[left], row[right])
            if pair is not None:
                heapq.heappush(heap, (pair[0], left, pair[1], row[left], row[right]))

    for at in range(n - 1):
        offer(at)
    while heap:
        _, left, joined, was_left, was_right = heapq.heappop(heap)
        right = after[left]
        if not alive[left] or right >= n or row[left] != was_left or row[right] != was_right:
            continue
        row[left] = joined
        alive[right] = False
        after[left] = after[right]
        if after[right] < n:
            before[after[right]] = left
        offer(left)
        if before[left] >= 0:
            offer(before[left])
    return [id_ for id_, living in zip(row, alive, strict=True) if living]
