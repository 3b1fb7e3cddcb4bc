"""Strength beside significance: do neurons agree more closely than an aligned independent would? (METHODS §17, decision 0012)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.norms import norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.strength_outcome import BUDGET, Cell, StrengthOutcome, gain_bytes
from forebear.comparison.tests.strength_sample import by_sample, sure
from forebear.core.errors import IncomparableError
from forebear.core.messages import message
from forebear.stats.arrays import F32
from forebear.stats.strength_thresholds import LEAST_LAYERS, SURE_BYTES


def measure_strength(
    pair: Pair, belong: Sequence[Cell], rows: SharedRows | None, rotation: F32 | None
) -> StrengthOutcome:
    """Strength of the layer pairs that belong together, as cheaply as it can be shown.

    Every neuron in place against the ceiling of this pair; then after the aligner. Where a side is at an address, or the budget
    does not pay for that, a few neurons in place against a bound; of larger models these first, which settle what is nearly
    equal (decision 0051). rows: shared embedding rows. rotation: that of gauge fixing, where it decided.
    Reads within the pair's allowance. Never raises for what a file lacks: the outcome says why nothing was measured.
    """
    rules = norm_rule(pair.subject), norm_rule(pair.candidate)
    if rules[0] is None or rules[1] is None:
        return StrengthOutcome(False, why=message("strength.no_rule"))
    sides = Side(pair.subject, rules[0]), Side(pair.candidate, rules[1])
    cells = [(a, b) for a, b in completed(belong, *(c.layers for c in (pair.subject, pair.candidate)))]
    cells = [(a, b) for a, b in cells if sides[0].places(a) and sides[1].places(b)]
    if not cells:
        return StrengthOutcome(False, why=message("strength.no_neurons"))
    counts = [sum(bool(side.places(n)) for n in range(side.checkpoint.layers)) for side in sides]
    few = len(cells) < LEAST_LAYERS * min(counts)  # the other layers have no partner: those that have one are named
    cost = [sum(side.pooled_cost(c[k]) + gain_bytes(side.checkpoint) for c in cells) for k, side in enumerate(sides)]
    left = pair.allowance.left()
    payable = left is None or max(cost) <= left
    pressed = not pair.plan.reads_whole or not payable
    sample = None
    if not few and rotation is None and (pressed or min(cost) >= SURE_BYTES):
        sample = by_sample(pair, sides, cells)
        if sample is not None and sample.holds and (pressed or sure(sample, len(cells))):
            return sample
        sample = sample if pressed else None
    if not pair.allowance.allows(cost[0], cost[1], BUDGET):
        return sample or _unpaid(pair)
    from forebear.comparison.tests.strength_whole import (  # a sample may have settled it
        by_every_neuron,
        starting_rotations,
    )

    try:
        with np.errstate(all="ignore"):  # values at the end of the range
            return by_every_neuron(sides, cells, starting_rotations(pair, sides, rows), rotation, min(counts))
    except IncomparableError:
        return StrengthOutcome(False, why=message("strength.kinds"))


def completed(belong: Sequence[Cell], subject: int, candidate: int) -> list[Cell]:
    """The map with the layers between two pairs, or before the first and after the last, where they are as many on both sides."""
    found: list[Cell] = []
    before = (-1, -1)
    for a, b in [*sorted(belong), (subject, candidate)]:
        if a - before[0] == b - before[1]:
            found += [(before[0] + k, before[1] + k) for k in range(1, a - before[0])]
        found.append((a, b))
        before = (a, b)
    return found[:-1]


def _unpaid(pair: Pair) -> StrengthOutcome:
    return StrengthOutcome(False, why=pair.plan.unpaid)
