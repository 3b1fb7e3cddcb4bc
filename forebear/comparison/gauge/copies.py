"""Layers that stand twice on one side and answer too weakly for a screen of few neurons: asked again with many (METHODS §10)."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.gauge.cells import Cell, Tested, affordable, ask, hold, read_layer
from forebear.comparison.gauge.folded import Side
from forebear.comparison.gauge.thresholds import NEURONS, SCREEN_SHARE
from forebear.comparison.pair import Pair
from forebear.stats.arrays import F32
from forebear.stats.gauge import poisson_tail_log10
from forebear.stats.gauge_thresholds import GAUGE_LOG10_P, LEAST_RATE, RATE_FACTOR


def weaker_copies(
    pair: Pair,
    sides: tuple[Side, Side],
    rotation: F32,
    shares: NDArray[np.float64],
    unmatched: tuple[Sequence[int], Sequence[int]],
    tested: Tested,
) -> tuple[dict[int, int], dict[int, int]]:
    """({layer of the subject: the candidate's}, {layer of the candidate: the subject's}) of layers the map left over.

    shares: (subject's layers, candidate's) of the screen, whose largest below SCREEN_SHARE says which cell to ask again. A cell
    is named when its agreements pass the level of the test itself, against the rate of the same layers held against strange
    ones, multiplied by every cell of the screen. It describes the map; the test of the pair is not touched by it.
    """
    rows = {a: int(np.argmax(shares[a])) for a in unmatched[0] if 0 < shares[a].max() < SCREEN_SHARE}
    columns = {b: int(np.argmax(shares[:, b])) for b in unmatched[1] if 0 < shares[:, b].max() < SCREEN_SHARE}
    wanted = sorted({*rows.items(), *((a, b) for b, a in columns.items())})
    asked = _asked(pair, sides, rotation, wanted, tested)
    return {a: b for a, b in rows.items() if (a, b) in asked}, {b: a for b, a in columns.items() if (a, b) in asked}


def _asked(pair: Pair, sides: tuple[Side, Side], rotation: F32, wanted: Sequence[Cell], tested: Tested) -> set[Cell]:
    """The cells in which more neurons agree than layers that do not belong together give."""
    strange = [r.agreement.matched for r in tested.mismatched]
    rate = max(LEAST_RATE, RATE_FACTOR * float(np.mean(strange)) if strange else 0.0)
    looks = log10(max(1, sides[0].checkpoint.layers * sides[1].checkpoint.layers))
    found = set()
    for a, b in affordable(pair, sides, wanted, False) if wanted and strange else ():
        result = hold(ask(sides[0], [a], rotation, NEURONS).get(a, []), read_layer(sides[1], b), (a, b))
        if result is not None:
            log10_p = poisson_tail_log10(result.agreement.matched, rate) + looks + log10(max(1, result.tried))
            found |= {(a, b)} if log10_p <= GAUGE_LOG10_P else set()
    return found
