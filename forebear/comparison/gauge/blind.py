"""No embedding: the rotation from neurons of some layers, tested on layers that played no part (METHODS §9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.gauge.cells import Cell, ask, at_once, hold, map_cost
from forebear.comparison.gauge.rotation import Rotation
from forebear.comparison.gauge.thresholds import (
    BLIND_HOPE,
    BLIND_LAYERS,
    BLIND_LOOKS,
    BLIND_ROUNDS,
    KINSHIP,
    NEURONS,
)
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.pair import Pair
from forebear.core.errors import IncomparableError
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.core.threads import side_by_side
from forebear.stats.alignment import align_layers
from forebear.stats.arrays import F32
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
    if not all(made) or len({len(layer) for side in made for layer in side}) != 1:  # no layers on a side; MLPs of two kinds
        return None
    kinship = layer_kinship(made[0], made[1])
    return list(align_layers(kinship, KINSHIP).pairs), kinship


def split(pairs: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """(fitted, held out): every other pair, first ones first, at most BLIND_LAYERS of them fitted."""
    every_other = list(pairs[::2])
    fitted = [every_other[i] for i in evenly(len(every_other), BLIND_LAYERS)]
    return fitted, [p for p in pairs if p not in fitted]


def blind_rotation(
    pair: Pair, sides: tuple[Side, Side], fitted: Sequence[Cell], held_out: Sequence[Cell], *, full: bool
) -> Rotation | None:
    """The rotation from the neurons of some layer pairs; None where they cannot be read or differ in kind.

    held_out: pairs that test it; where those looked at early show nothing, it is given up. full: whether it never is.
    """
    costs = [sum(side.pooled_cost(cell[k]) for cell in fitted) for k, side in enumerate(sides)]
    if not fitted or not pair.allowance.allows(costs[0], costs[1], BLIND_BUDGET, slow=True):
        return None
    look = None if full else Look.affordable(pair, sides, held_out)
    try:
        read = (side.pooled(cell[k]) for cell in fitted for k, side in enumerate(sides))
        made = side_by_side(bundle, read, most=at_once(sides[1], [b for _, b in fitted]))
        fit = fit_rotation(list(zip(made, made, strict=True)), worth=None if look is None else look.worth)
    except (IncomparableError, IndexError):
        return None
    how = message("rotation.neurons" if len(fitted) > 1 else "rotation.neurons_one", layers=len(fitted))
    seen = {"rounds": fit.rounds, **look.seen} if look is not None and fit.given_up else None
    return Rotation(fit.matrix, fit.kept, 0, how, seen)


@dataclass
class Look:
    """A look at some pairs that play no part in a fit, to see whether it leads anywhere. seen: layers, and neurons that agree."""

    sides: tuple[Side, Side]
    pairs: Sequence[Cell]
    seen: dict[str, int] = field(default_factory=dict)

    @classmethod
    def affordable(cls, pair: Pair, sides: tuple[Side, Side], held_out: Sequence[Cell]) -> Look | None:
        """None where the budget would pay for less of the test after it."""
        few = [held_out[i] for i in evenly(len(held_out), BLIND_LOOKS)]
        cost = max(map(sum, zip(map_cost(sides, few, True), map_cost(sides, held_out, True), strict=True)))
        left = pair.allowance.left()
        return cls(sides, few) if left is None or cost <= left else None

    def worth(self, rounds: int, rotation: F32) -> bool:
        """Whether to go on: before BLIND_ROUNDS, or where more neurons agree than chance gives."""
        if rounds != BLIND_ROUNDS:
            return True
        found = []
        for a, b in self.pairs:
            mine = ask(self.sides[0], [a], rotation, NEURONS).get(a, [])
            found.append(hold(mine, self.sides[1].layer(b), (a, b)))
        known = [result.agreement for result in found if result is not None]
        self.seen = {"layers": len(known), "matched": sum(k.matched for k in known), "of": sum(k.of for k in known)}
        return not known or self.seen["matched"] > BLIND_HOPE * len(known)
