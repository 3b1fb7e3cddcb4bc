"""How a fused tensor may be cut into its parts: in which order they come, and after how many rows the order begins again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import gcd, isqrt
from typing import NamedTuple

import numpy as np

from forebear.models.architecture.pieces import Indices, Span

MAX_RUNS = 24
"""Numbers of runs that are tried, the smallest and the largest first."""


class Cut(NamedTuple):
    """order: which part comes first, second...; runs: how often that order is gone through."""

    order: tuple[int, ...]
    runs: int

    def span(self, lengths: Sequence[int], part: int) -> Span:
        """Where a part lies along the fused axis."""
        before = sum(lengths[other] for other in self.order[: self.order.index(part)]) // self.runs
        return Span(before, lengths[part] // self.runs, sum(lengths) // self.runs, self.runs)

    def rows(self, lengths: Sequence[int], part: int) -> Indices:
        """The same as positions, in the order of the part."""
        return self.span(lengths, part).positions()


def admissible(lengths: Sequence[int]) -> list[Cut]:
    """Every cut of parts of these lengths, the plain one first: any order, and any number of runs that divides every part."""
    common = gcd(*lengths)
    small = [n for n in range(1, isqrt(common) + 1) if common % n == 0]
    runs = sorted({*small, *(common // n for n in small)})
    if len(runs) > MAX_RUNS:
        runs = runs[: MAX_RUNS // 2] + runs[-(MAX_RUNS // 2) :]
    return [Cut(order, n) for n in runs for order in permutations(range(len(lengths)))]


def cut_of(spans: Sequence[Span]) -> Cut | None:
    """The cut that spans along one axis make; None where they are none."""
    runs = spans[0].repeats
    order = tuple(int(at) for at in np.argsort([span.start for span in spans]))
    lengths = [span.count for span in spans]
    made = Cut(order, runs)
    same = all(length % runs == 0 for length in lengths) and all(
        np.array_equal(made.rows(lengths, part), span.positions()) for part, span in enumerate(spans)
    )
    return made if same else None
