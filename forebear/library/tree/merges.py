"""Which members of a family are weighted sums of others: proposed from samples, then put to `recipes.mixtures`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.library.tree.distances import Key, Sample, tail_of
from forebear.library.tree.thresholds import LEAST_WEIGHT, NEAR_WHOLE, ON_LINE, UNSEPARATED
from forebear.models.checkpoint import Place, open_checkpoint
from forebear.recipes.mixtures import mixed

Floats = NDArray[np.float64]
MOST_PARENTS = 3


@dataclass(frozen=True)
class Merge:
    """A member that others give. weights: of the parents, in their order; left: share of the distance to the nearest that stays."""

    child: int
    parents: tuple[int, ...]
    weights: tuple[float, ...]
    left: float


@dataclass(frozen=True)
class Alike:
    """Members that hold the same matrices. members: their numbers; keys: places; table: (n, n) squared distances."""

    members: tuple[int, ...]
    keys: tuple[Key, ...]
    table: Floats
    samples: Mapping[int, Sample]


def alike(members: Sequence[int], samples: Mapping[int, Sample]) -> Iterator[Alike]:
    """Members of a family by what matrices they hold; groups of fewer than three are left out."""
    groups: dict[tuple[tuple[Key, tuple[int, ...]], ...], list[int]] = {}
    for member in members:
        if member in samples:
            blocks = samples[member].blocks
            groups.setdefault(tuple((key, blocks[key].shape) for key in sorted(blocks, key=repr)), []).append(member)
    for signature, group in groups.items():
        if len(group) < 3 or not signature:
            continue
        keys = tuple(key for key, _ in signature)
        products = np.zeros((len(group), len(group)))
        for key in keys:
            values = np.stack([samples[member].blocks[key].reshape(-1) for member in group]).astype(np.float64)
            scale = float((values**2).sum(axis=1).mean())
            products += (values - values[0]) @ (values - values[0]).T / scale if scale > 0 else 0.0
        squares = np.diag(products)
        yield Alike(tuple(group), keys, np.maximum(0.0, squares[:, None] + squares - 2 * products), samples)


def proposed(group: Alike) -> list[Merge]:
    """Members that a sum of two or three others gives, in all directions and in weak ones; fewest parents first.

    A member that is itself such a sum is taken for a parent only where no others do: on one line through two models, all between
    them are sums of the two ends. Weights are positive: a parent is no sum of its merge and the other parent.
    """
    every: dict[int, list[Merge]] = {}
    for place, member in enumerate(group.members):
        others = [at for at in range(len(group.members)) if at != place]
        found = [one for count in range(2, MOST_PARENTS + 1) for chosen in _near(group, place, others, count)
                 if (one := _fit(group, place, chosen)) is not None]  # fmt: skip
        if found:
            every[member] = found
    out = []
    for _, found in every.items():
        found.sort(key=lambda one: (len(one.parents), sum(parent in every for parent in one.parents), one.left))
        out.append(found[0])
    return _without_circles(out)


def _near(group: Alike, place: int, others: Sequence[int], count: int) -> Iterator[tuple[int, ...]]:
    """Sets of parents worth a fit: all pairs; threes among the nearest dozen."""
    few = sorted(others, key=lambda at: group.table[place, at])[: 12 if count > 2 else len(others)]
    yield from combinations(sorted(few), count)


def _fit(group: Alike, place: int, chosen: tuple[int, ...]) -> Merge | None:
    weights, left = weights_on(group.table, place, chosen)
    nearest = float(group.table[place, list(chosen)].min())
    least = NEAR_WHOLE / len(chosen)
    if nearest <= 0 or (weights < LEAST_WEIGHT).any() or left > least * nearest:
        return None
    member, parents = group.members[place], tuple(group.members[at] for at in chosen)
    if any(group.table[place, at] < left for at in range(len(group.members)) if at != place):
        return None  # another member is nearer than the sum is
    if _weak_left(group, member, parents, weights) > least:
        return None
    return Merge(member, parents, tuple(float(weight) for weight in weights), left / nearest)


def weights_on(table: Floats, place: int, chosen: Sequence[int]) -> tuple[Floats, float]:
    """Weights that sum to one, and the squared distance they leave. Shapes: table (n, n) squared distances."""
    first, rest = chosen[0], list(chosen[1:])
    inner = (table[first, rest][:, None] + table[first, rest] - table[np.ix_(rest, rest)]) / 2
    aim = (table[first, rest] + table[first, place] - table[rest, place]) / 2
    found = np.linalg.lstsq(inner, aim, rcond=None)[0]
    left = float(table[first, place] - 2 * found @ aim + found @ inner @ found)
    return np.concatenate([[1 - found.sum()], found]), max(0.0, left)


def _weak_left(group: Alike, member: int, parents: Sequence[int], weights: Floats) -> float:
    """What the sum leaves in weak directions, share of what the nearest parent leaves there (mean of logarithms over matrices)."""
    logs = []
    for key in group.keys:
        own = group.samples[member].blocks[key].astype(np.float64)
        sides = [group.samples[parent].blocks[key].astype(np.float64) for parent in parents]
        rest = own - sum(weight * side for weight, side in zip(weights, sides, strict=True))
        near = min(tail_of(own - side) for side in sides)
        if near > 0:
            logs.append(np.log(max(tail_of(rest), 1e-9 * near) / near))
    return float(np.exp(np.mean(logs))) if logs else 1.0


def _without_circles(found: Sequence[Merge]) -> list[Merge]:
    """Merges of which none is a parent, over others, of its own parent: the ones that leave least first."""
    kept: list[Merge] = []
    for one in sorted(found, key=lambda merge: (len(merge.parents), merge.left)):
        above = set(one.parents)
        while more := {parent for other in kept if other.child in above for parent in other.parents} - above:
            above |= more
        if one.child not in above:
            kept.append(one)
    return kept


def on_line(merge: Merge, table: Floats) -> bool:
    """Whether a model stands on a merge's parents as the merge does: as one made from it would, and no ancestor of the parents.

    Shapes: table (k + 1, k + 1): ways in weak directions between the model (first) and the parents.
    """
    weights, _ = weights_on(table, 0, range(1, len(table)))
    near = bool((np.abs(weights - np.array(merge.weights)) <= ON_LINE).all())
    common = (table[0, 1] + table[0, 2] - table[1, 2]) / 2
    return near and abs(common) > UNSEPARATED * min(table[0, 1], table[0, 2])


def proven(places: Sequence[Place], ids: Sequence[str]) -> tuple[dict[str, Any] | None, list[Message]]:
    """The merge as the weights show it, by the mixtures of a recipe (decision 0037); None where they do not claim one.

    places: weights of the child, then of the parents. ids: names of the parents.
    """
    try:
        with ExitStack() as opened:
            sides = [opened.enter_context(closing(open_checkpoint(place))) for place in places]
            found = mixed(sides[0], sides[1:], ids)
    except RefusedError as error:
        return None, [message("tree.merge_unread", why=error.message())]
    for one in found.found:
        if one.op in ("merged", "layers-stacked") and len(found.parents) > 1:
            return {
                "method": str(one.parameters["method"]),
                "grade": one.grade,
                "parents": [dict(row) for row in found.parents],
            }, []
    return None, []


__all__ = ["Alike", "Merge", "alike", "on_line", "proposed", "proven", "weights_on"]
