"""Layers a screen of few neurons left over: asked again with many, then paired or named as copies (METHODS §10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import log10

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.gauge.cells import Cell, Tested, affordable, ask, hold, neurons_asked
from forebear.comparison.gauge.thresholds import COPY_LOG10_P, SCREEN_SHARE
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.pair import Pair
from forebear.stats.arrays import F32
from forebear.stats.gauge import chance_rate, poisson_tail_log10


@dataclass(frozen=True)
class LeftOver:
    """pairs: further pairs in order with the map. repeats: layer of the subject -> the candidate's; copies: the other way."""

    pairs: tuple[Cell, ...] = ()
    repeats: dict[int, int] = field(default_factory=dict)
    copies: dict[int, int] = field(default_factory=dict)


def left_over(
    pair: Pair,
    sides: tuple[Side, Side],
    rotation: F32,
    shares: NDArray[np.float64],
    paired: Sequence[Cell],
    tested: Tested,
) -> LeftOver:
    """What became of the layers that a map leaves over on either side.

    shares: (subject's layers, candidate's) of the screen. A layer with a cell of SCREEN_SHARE or more is known already; of the
    others the largest cell is asked again. It counts when its agreements pass COPY_LOG10_P against the rate of layers that do
    not belong together, multiplied by every cell of the screen. It describes the map; the pair has been decided before.
    """
    weak = shares.max(axis=1) < SCREEN_SHARE, shares.max(axis=0) < SCREEN_SHARE
    lone = [[i for i in range(shares.shape[k]) if weak[k][i] and all(i != cell[k] for cell in paired)] for k in (0, 1)]
    wanted = {(a, int(np.argmax(shares[a]))) for a in lone[0]} | {(int(np.argmax(shares[:, b])), b) for b in lone[1]}
    found = _asked(pair, sides, rotation, sorted(c for c in wanted if 0 < shares[c] < SCREEN_SHARE), tested)
    return placed(found, paired, lone[0], lone[1])


def placed(
    found: Mapping[Cell, int], paired: Sequence[Cell], lone_a: Collection[int], lone_b: Collection[int]
) -> LeftOver:
    """Cells in which many neurons agree, as pairs where both layers are free and the order holds, else as copies.

    found: cell -> neurons that agree; those with most are placed first. lone_a, lone_b: layers of which nothing is known yet.
    """
    pairs: list[Cell] = []
    repeats: dict[int, int] = {}
    copies: dict[int, int] = {}
    for a, b in sorted(found, key=lambda cell: (-found[cell], cell)):
        known = (*paired, *pairs)
        free = a in lone_a and b in lone_b and a not in repeats and b not in copies
        if free and all((a - x) * (b - y) > 0 for x, y in known):
            pairs.append((a, b))
            continue
        if a in lone_a and all(a != x for x, _ in known):
            repeats.setdefault(a, b)
        if b in lone_b and all(b != y for _, y in known):
            copies.setdefault(b, a)
    return LeftOver(tuple(sorted(pairs)), repeats, copies)


def _asked(
    pair: Pair, sides: tuple[Side, Side], rotation: F32, wanted: Sequence[Cell], tested: Tested
) -> dict[Cell, int]:
    """The cells in which more neurons agree than layers that do not belong together give, with how many."""
    strange = [r.agreement.matched for r in tested.mismatched]
    rate = chance_rate(strange)
    looks = log10(max(1, sides[0].checkpoint.layers * sides[1].checkpoint.layers))
    count = neurons_asked(tested.layer_size)  # as many as gave the rate
    found: dict[Cell, int] = {}
    for a, b in affordable(pair, sides, wanted, False) if wanted and strange else ():
        result = hold(ask(sides[0], [a], rotation, count).get(a, []), sides[1].layer(b), (a, b))
        if result is not None:
            matched = result.agreement.matched
            log10_p = poisson_tail_log10(matched, rate) + looks + log10(max(1, result.tried))
            found |= {(a, b): matched} if log10_p <= COPY_LOG10_P else {}
    return found
