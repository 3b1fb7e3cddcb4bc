"""No embedding: the rotation from neurons of some layers, tested on layers that played no part (METHODS §9)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.gauge.cells import Cell
from forebear.comparison.gauge.folded import Side
from forebear.comparison.gauge.rotation import Rotation
from forebear.comparison.gauge.thresholds import BLIND_LAYERS, KINSHIP
from forebear.comparison.reading.pair import Pair
from forebear.core.errors import IncomparableError
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.stats.alignment import align_layers
from forebear.stats.gauge_blind import bundle, fit_rotation, layer_kinship, moments

BLIND_BUDGET = message("budget.blind")


def propose_layers(pair: Pair, sides: tuple[Side, Side]) -> tuple[list[Cell], NDArray[np.float64]] | None:
    """Layers paired by what no rotation changes; None when the budget cannot read them all or their MLPs differ in kind."""
    counts = [side.checkpoint.layers for side in sides]
    costs = [sum(side.pooled_cost(i) for i in range(n)) for side, n in zip(sides, counts, strict=True)]
    if not pair.allowance.allows(costs[0], costs[1], BLIND_BUDGET, slow=True):
        return None
    try:
        made = [[moments(bundle(side.pooled(i))) for i in range(n)] for side, n in zip(sides, counts, strict=True)]
    except (IncomparableError, IndexError):  # a layer without an MLP
        return None
    if len({len(layer) for side in made for layer in side}) != 1:  # MLPs of two kinds, or a side without layers
        return None
    kinship = layer_kinship(made[0], made[1])
    return list(align_layers(kinship, KINSHIP).pairs), kinship


def split(pairs: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """(fitted, held out): every other pair, first ones first, at most BLIND_LAYERS of them fitted."""
    every_other = list(pairs[::2])
    fitted = [every_other[i] for i in evenly(len(every_other), BLIND_LAYERS)]
    return fitted, [p for p in pairs if p not in fitted]


def blind_rotation(pair: Pair, sides: tuple[Side, Side], fitted: Sequence[Cell]) -> Rotation | None:
    """The rotation from the neurons of some layer pairs; None where they cannot be read or differ in kind."""
    costs = [sum(side.pooled_cost(cell[k]) for cell in fitted) for k, side in enumerate(sides)]
    if not fitted or not pair.allowance.allows(costs[0], costs[1], BLIND_BUDGET, slow=True):
        return None
    try:
        bundles = [tuple(bundle(side.pooled(cell[k])) for k, side in enumerate(sides)) for cell in fitted]
        fit = fit_rotation([(a, b) for a, b in bundles])
    except (IncomparableError, IndexError):
        return None
    how = message("rotation.neurons" if len(fitted) > 1 else "rotation.neurons_one", layers=len(fitted))
    return Rotation(fit.matrix, fit.kept, 0, how)
