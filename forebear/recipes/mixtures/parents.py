"""The set of parents: candidates tested one after another, those that add nothing taken out (METHODS §20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import numpy as np

from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.mixtures.gram import Gram, grams, total
from forebear.recipes.mixtures.in_place import LEVEL_LOG10, related_in_place
from forebear.recipes.mixtures.thresholds import FLOOR, LAYER_FLOOR, MOST_CANDIDATES, NEAR_WHOLE, SMALL_GAIN
from forebear.recipes.mixtures.weights import Fit, Floats, by, distances, fit, solve
from forebear.stats.normal import normal_z


@dataclass(frozen=True)
class ParentSet:
    """Which candidates are needed.

    places:  of the candidates in the set, in the order given. fit: their weights; None for an empty set.
    related: places of the candidates that lie in place, distinct or not: those weighed.
    in_place: log10 of the chance of each candidate's agreement in place, None where it could not be tested.
    said:    what was left out and why; what the set promises.
    """

    places: tuple[int, ...]
    fit: Fit | None
    in_place: tuple[float | None, ...]
    said: tuple[Message, ...]
    found: tuple[Gram, ...] = ()
    related: tuple[int, ...] = ()


def parents(subject: Checkpoint, candidates: Sequence[Checkpoint], level: float = 0.05) -> ParentSet:
    """The candidates that a weighted sum needs to give the subject.

    level: chance that a source of weight 0.05 or more is left out, for one source (normal errors over places).
    Covers: sources among the candidates whose weights lie in place; each candidate's own relation is tested first, so that an
            independent is never in the set (chance 1e-9 for all of them together). Where a source is not among the candidates,
            its ancestor or sibling may be there instead.
    Null:   a candidate is taken out when its weight is below 0.05 at this level, overall, and below 0.25 in every layer; or where
            the sum is no merge and the candidate takes away less than 3 % of what is left.
    Raises: RefusedError when a file cannot be read.
    """
    chances = related_in_place(subject, candidates)
    kept = [place for place, chance in enumerate(chances) if chance is not None and chance <= LEVEL_LOG10]
    said: list[Message] = []
    if len(kept) < len(candidates):
        said.append(message("mixture.not_in_place", count=len(candidates) - len(kept)))
    found = grams(subject, [candidates[place] for place in kept]) if kept else []
    if not found:
        return ParentSet((), None, tuple(chances), tuple(said))
    inner, repeated = _distinct(found, len(kept))
    if repeated:
        said.append(message("mixture.repeated", count=repeated))
    if len(inner) > MOST_CANDIDATES:
        far = distances(total(found, len(kept) + 2))
        inner = sorted(sorted(inner, key=lambda one: far[one])[:MOST_CANDIDATES])
        said.append(message("mixture.nearest_only", count=MOST_CANDIDATES))
    chosen, made = needed(found, inner, level)
    said.append(message("mixture.covers", floor=FLOOR, level=level))
    return ParentSet(tuple(kept[one] for one in chosen), made, tuple(chances), tuple(said), tuple(found), tuple(kept))


def needed(found: Sequence[Gram], inner: Sequence[int], level: float) -> tuple[list[int], Fit]:
    """The candidates that are left when what adds nothing was taken out, the least first.

    Where the sum is no merge, most of the subject's own change stays: then a candidate that takes away less than 3 % of what is
    left only shares the direction of like training, and goes too.
    """
    reach = normal_z(log10(level))
    chosen = list(inner)
    while True:
        made = fit(found, chosen)
        if len(chosen) == 1:
            return chosen, made
        high = {one: abs(float(made.weights[one])) + reach * float(made.errors[one]) for one in chosen}
        least = min(chosen, key=lambda one: high[one])
        if not high[least] < FLOOR and made.unexplained > NEAR_WHOLE / len(chosen):
            rise = {one: _rise(found, chosen, one) for one in chosen}
            least = min(chosen, key=lambda one: rise[one])
            if not rise[least] < SMALL_GAIN:
                return chosen, made
        elif not high[least] < FLOOR:
            return chosen, made
        if _in_a_layer(found, chosen, least, reach):
            return chosen, made
        chosen.remove(least)


def _rise(found: Sequence[Gram], chosen: Sequence[int], without: int) -> float:
    """By how much of itself the squared residual grows without a candidate."""
    whole = total(found, len(found[0].table))
    left, more = solve(whole, chosen)[1], solve(whole, [one for one in chosen if one != without])[1]
    return more / left - 1 if left > 0 else float("inf")


def _in_a_layer(found: Sequence[Gram], chosen: Sequence[int], candidate: int, reach: float) -> bool:
    """Whether some layer needs a candidate that the whole does not."""
    for made in by(found, chosen, lambda one: one.place.layer).values():
        if abs(float(made.weights[candidate])) - reach * float(made.errors[candidate]) > LAYER_FLOOR:
            return True
    return False


def _distinct(found: Sequence[Gram], count: int) -> tuple[list[int], int]:
    """Candidates without those that repeat an earlier one value for value."""
    whole = total(found, count + 2)
    kept: list[int] = []
    for one in range(count):
        same = [other for other in kept if _apart(whole, one, other) <= 1e-12 * float(whole[-1, -1])]
        if not same:
            kept.append(one)
    return kept, count - len(kept)


def _apart(table: Floats, one: int, other: int) -> float:
    """Squared distance of two candidates."""
    aim = np.zeros(len(table))
    for place, sign in ((one, 1.0), (other, -1.0)):
        if place:
            aim[1 + place] += sign
    return float(aim @ table @ aim)
