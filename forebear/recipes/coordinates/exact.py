"""A rotation met exactly although every value was changed: fitted to what an operation on values makes of the candidate.

A cast, a grid or a mask shows only once the rotation is undone to within its step. Where no row was left as it was, none is met
exactly by a fit to the candidate's own values; to those that the operation gives all of them are, which no other operation does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError
from forebear.recipes.coordinates.invariants import Floats, Folded, folded
from forebear.recipes.coordinates.rotation import Turn, agreed, best, rows, some
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

EXACT = 2e-6
"""Lower quartile of what a fit leaves of rows, as a share of each, below which it is exact: rounding of float32 alone."""
NEARER = 0.8
"""What is left beside values an operation gives, as a share of what is left beside the candidate's own, to try a fit to them."""
NEAR_ROW = 0.9
"""Cosine of a row of the table, carried over, with the one in its place from which it is that one."""
MOST_VALUES, ROUNDS = 50_000_000, 6
Operations = tuple[tuple[str, dict[str, Any]], ...]
CASTS: Operations = (("resaved", {"dtype": "BF16"}), ("resaved", {"dtype": "F16"}))
TRIED: Operations = (
    *(("pruned-in-groups", {"keep": keep, "group": group}) for keep, group in ((2, 4), (4, 8), (1, 4), (1, 2))),
    *(("quantised-int8", {"bits": bits}) for bits in range(2, 9)),
    *(("quantised-int4", {"bits": bits, "group": group}) for bits in range(2, 7) for group in (8, 16, 32, 64, 128)),
    *(("quantised-fp8", {"block": block}) for block in (None, 16, 32, 64, 128)),
)  # fmt: skip


def exact(subject: Folded, model: Model, candidate: Folded, turn: Turn) -> Turn:
    """The rotation, fitted again to what one of TRIED or a mask makes of the candidate, where that alone is met exactly.

    model: the candidate; candidate: the same, folded.
    Null: none: accepted only where a quarter of the rows is met to float32, which has no chance of its own.
    """
    if _left(subject, candidate, turn) < EXACT or sum(values.size for values in model.arrays.values()) > MOST_VALUES:
        return turn
    for other in _made(model, CASTS):
        if (carried := _by_table(subject, other, turn)) is not None:
            return replace(turn, carried=carried)
    plain = _apart(subject, candidate, turn)
    tried = [(_apart(subject, other, turn), other) for other in (*_made(model, TRIED), _masked(subject, candidate, turn))]
    least, other = min(tried, key=lambda one: one[0])
    if least > NEARER * plain:
        return turn
    masked = other is tried[-1][1]
    for _ in range(ROUNDS):
        turn = replace(turn, carried=agreed(*rows(subject, other, turn.carried, turn.pairs), turn.carried))
        if _left(subject, other, turn) < EXACT:
            return turn
        other = _masked(subject, candidate, turn) if masked else other
    return turn


def _made(model: Model, operations: Operations) -> Iterator[Folded]:
    for op, parameters in operations:
        try:
            yield folded(apply(op, model, 0, **parameters))
        except RefusedError:
            continue  # inputs that are no whole groups


def _by_table(subject: Folded, candidate: Folded, turn: Turn) -> Floats | None:
    """The fit to rows of the table in place alone, which no gain stands before; None where most are not met exactly."""
    count = min(len(subject.embedding), len(candidate.embedding))
    mine, theirs = subject.embedding[:count], candidate.embedding[:count]
    sizes = np.maximum(np.linalg.norm(theirs, axis=1, keepdims=True), 1e-12)
    mine, theirs = mine / sizes, theirs / sizes
    carried = mine @ turn.carried
    near = np.einsum("ij,ij->i", carried, theirs) > NEAR_ROW * np.linalg.norm(carried, axis=1)  # other rows were drawn since
    if int(near.sum()) <= 2 * subject.width:
        return None
    mine, theirs, carried = mine[near], theirs[near], turn.carried
    for _ in range(ROUNDS):
        scale = float(np.median(np.linalg.norm(mine @ carried, axis=1)))
        carried = agreed(mine / scale, theirs, carried)
    apart = np.linalg.norm(mine @ carried / scale - theirs, axis=1)
    return carried if float(np.median(apart)) < EXACT else None


def _left(subject: Folded, candidate: Folded, turn: Turn) -> float:
    mine, theirs = rows(subject, candidate, turn.carried, turn.pairs)
    return float(np.quantile(np.linalg.norm(mine @ turn.carried - theirs, axis=1), 0.25)) if len(mine) else 1.0


def _named(subject: Folded, candidate: Folded, turn: Turn, pair: tuple[int, int]) -> tuple[Floats, np.ndarray]:
    """Neurons of the subject, carried over, and which of the candidate's they are."""
    partner, _, looked = best(subject, candidate, turn.carried, pair)
    sure = partner >= 0
    return subject.neurons[pair[0]][looked[sure]] @ turn.carried, partner[sure]


def _apart(subject: Folded, candidate: Folded, turn: Turn) -> float:
    """What is left of neurons that name each other, as a share, whatever they were multiplied by."""
    left = size = 0.0
    for pair in some(turn.pairs):
        mine, partner = _named(subject, candidate, turn, pair)
        theirs = candidate.neurons[pair[1]][partner]
        mine = mine * (float((mine * theirs).sum()) / max(1e-30, float((mine**2).sum())))
        left, size = left + float(np.linalg.norm(mine - theirs) ** 2), size + float(np.linalg.norm(theirs) ** 2)
    return float(np.sqrt(left / size)) if size else 1.0


def _masked(subject: Folded, candidate: Folded, turn: Turn) -> Folded:
    """The candidate with zeros where the subject's neurons, carried over, have next to nothing."""
    made = list(candidate.neurons)
    for pair in some(turn.pairs):
        mine, partner = _named(subject, candidate, turn, pair)
        values = made[pair[1]].copy()
        mine = mine * (float(np.linalg.norm(values[partner])) / max(1e-30, float(np.linalg.norm(mine))))
        values[partner] *= np.abs(mine) > np.abs(values[partner]) / 2
        made[pair[1]] = values
    return replace(candidate, neurons=tuple(made))
