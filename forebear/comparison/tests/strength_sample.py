"""Strength by a few neurons in place, where not all can be read: at places nobody could know before (decision 0015)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.strength_outcome import BUDGET, Cell, Sides, StrengthOutcome, gain_bytes, judged
from forebear.core.errors import IncomparableError
from forebear.core.seeds import Draws, unforeseen_key
from forebear.models.checkpoint import Piece
from forebear.stats.arrays import F32
from forebear.stats.effect import effective_dimension
from forebear.stats.strength import Neurons, neurons, strength
from forebear.stats.strength_thresholds import (
    FACTOR,
    FAR_CEILING,
    FAR_LAYERS,
    FAR_ROTATION,
    FAR_ROWS,
    FAR_USABLE,
    SURE_LAYER,
    SURE_VALUE,
)
from forebear.stats.zero_share import common_zeros, lengthened

LEAST_FAR = 16
"""Neurons a layer below which a small budget shows nothing."""
Pieces = list[tuple[Piece, Piece]]
Known = Sequence[tuple[Cell, Pieces]]


def by_sample(pair: Pair, sides: Sides, cells: Sequence[Cell]) -> StrengthOutcome | None:
    """A few neurons of a few layers in place, beside a bound on what an aligner of all of them reaches; None where that cannot be.

    Layers and places are drawn anew each time, so nobody can have aimed at them; the document states the key.
    """
    key = unforeseen_key()
    drawn = Draws("comparison/strength/sample", key)
    looked = sorted(cells[i] for i in islice(drawn.order(len(cells)), FAR_LAYERS))
    known = [(cell, pieces) for cell, pieces in ((c, _leading(sides, c)) for c in looked) if pieces]
    sizes = [_size(pieces) for _, pieces in known]
    width = max(side.checkpoint.width or 0 for side in sides)
    total = sum(size * len(pieces) for size, (_, pieces) in zip(sizes, known, strict=True))
    count = _affordable(pair, known)
    if len(known) < len(looked) or not width or total < FAR_ROWS * width or count < LEAST_FAR:
        return None
    picks = [pair.plan.draw(drawn, size, count) for size in sizes]
    picked = [(pieces, pick) for (_, pieces), pick in zip(known, picks, strict=True)]
    gains = len(known) * gain_bytes(pair.subject), len(known) * gain_bytes(pair.candidate)
    if not pair.plan.pays_for_neurons(pair, picked, gains, BUDGET):
        return None
    both = [_few(sides, cell, pieces, pick) for (cell, pieces), pick in zip(known, picks, strict=True)]
    if any(a.width != b.width for a, b in both):
        return None
    try:
        by_layer = np.array([strength(a, b) for a, b in both])
    except IncomparableError:
        return None
    bound = _bound(both, total / width, max(_choices(sides, cell) for cell, _ in known))
    own = [cell for cell, _ in known]
    if bound is None:
        return None
    zeros = common_zeros([a for a, _ in both], [b for _, b in both], [(k, k) for k in range(len(both))])
    return judged(by_layer, lengthened(bound, zeros), own, "far", True, len(own), drawn=key)


def sure(sample: StrengthOutcome, layers: int) -> bool:
    """Whether a sample leaves nothing for all neurons to settle: nearly equal, in every layer, far above any ceiling.

    Source: decision 0051.
    """
    figures = sample.figures
    return (
        figures is not None
        and len(figures.by_layer) == layers
        and figures.value >= SURE_VALUE
        and min(figures.by_layer) >= SURE_LAYER
        and (figures.ratio or 0.0) >= FACTOR
    )


def _bound(both: Sequence[tuple[Neurons, Neurons]], rows_per_channel: float, choices: int) -> float | None:
    """What no aligner of all neurons of these layers exceeds: a common direction, one rotation, the best of many partners.

    Never below FAR_CEILING. None where too few neurons can be used for it to hold: then the rest would decide alone.
    Assumes: rows beyond the common direction spread over their effective dimension as normal ones do.
    """
    usable = min(float((x.usable & y.usable).mean()) for x, y in both)
    if usable < FAR_USABLE or usable * rows_per_channel < FAR_ROWS:
        return None
    views = [view[side.usable] for pair in both for side in pair for view in side.views]
    common = float(np.mean([_common(view) for view in views]))
    spread = min(effective_dimension(view, view) or 1.0 for view in views)
    partner = sqrt(2 * log(max(2, choices)) / (spread * len(both[0][0].views)))
    return max(FAR_CEILING, common + FAR_ROTATION / sqrt(usable * rows_per_channel) + partner)


def _common(view: F32) -> float:
    """Squared length of the mean of unit rows, less what chance gives: the cosine that one direction common to all brings."""
    return max(0.0, float(np.square(view.mean(axis=0, dtype=np.float64)).sum()) - 1 / max(1, len(view)))


def _choices(sides: Sides, cell: Cell) -> int:
    """Neurons of the wider side of a layer pair: from so many an aligner may take a partner."""
    return max(
        sum(side.neurons(place) for place in side.places(layer)) for side, layer in zip(sides, cell, strict=True)
    )


def _size(pieces: Pieces) -> int:
    return min(p.size("neuron") for two in pieces for p in two)


def _leading(sides: Sides, cell: Cell) -> Pieces:
    """Gate and up (or up) of a layer pair, of a mixture's first expert; empty where the two differ in kind."""
    found = []
    experts = [side.places(layer)[0][1] for side, layer in zip(sides, cell, strict=True)]
    for part in ("gate", "up"):
        pieces = [s.checkpoint.piece(part, n, e) for s, n, e in zip(sides, cell, experts, strict=True)]
        if pieces[0] is not None and pieces[1] is not None:
            found.append((pieces[0], pieces[1]))
        elif pieces[0] is not None or pieces[1] is not None or part == "up":
            return []
    return found if all(p.has("neuron") and p.size("neuron") for two in found for p in two) else []


def _affordable(pair: Pair, known: Known) -> int:
    """Neurons a layer that the budget pays for, at most those wanted; at an address they lie together."""
    each = [
        sum(side.cost(two[k], "neuron", 1) for _, pieces in known for two in pieces)
        for k, side in enumerate((pair.subject, pair.candidate))
    ]
    return pair.plan.affordable(pair, pair.plan.far_neurons, max(each))


def _few(sides: Sides, cell: Cell, pieces: Pieces, pick: NDArray[np.intp]) -> tuple[Neurons, Neurons]:
    """Those neurons of both sides, gains folded."""
    first, second = (
        _folded(side, layer, [two[k] for two in pieces], pick)
        for k, (side, layer) in enumerate(zip(sides, cell, strict=True))
    )
    return first, second


def _folded(side: Side, layer: int, pieces: Sequence[Piece], pick: NDArray[np.intp]) -> Neurons:
    own = [side.checkpoint.units(piece, "neuron", pick)[0] for piece in pieces]
    return neurons([side.folded(rows, layer, directions=True) for rows in own], gated=len(pieces) == 2)
