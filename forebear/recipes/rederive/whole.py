"""Is the subject what a known conversion of the candidate leaves? Recomputed place by place, compared bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from forebear.core.messages import Message, message
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.found import Found
from forebear.recipes.placed import EXACT, Place, is_constant, places, read, row_blocks, shared_places, spread, where_of
from forebear.recipes.rederive.casts import CASTS, NEAREST, SHIFTED, UNCHANGED
from forebear.recipes.rederive.gguf_types import gguf_ways
from forebear.recipes.rederive.grids import grids
from forebear.recipes.rederive.way import Way, equal, same

SAMPLED_VALUES = 2**14
"""Values of a place on which a way is tried before the place is read whole."""
COLUMNS = 8
SMALL_VALUES = 2**22
"""Places up to this size are tried with ways that need a whole matrix; larger ones only with those that smaller ones had."""
WHOLE_VALUES = 2**27
"""Largest place that is held whole, values: half a GiB a side."""
LEAST_COSINE = 0.3
"""A place farther from its counterpart than any grid of two bits leaves it is tried with no grid: it was not converted."""
LEAST_SHARE = 0.5
"""Share of the compared values that must be recomputed before a conversion is spoken of; frozen parts are another matter."""
PARTLY_EQUAL = 0.5
"""Share of a place's values that a grid must recompute to be named where some differ: what error-correcting quantisers leave."""


@dataclass
class Recomputed:
    """One place: the ways that give its values exactly; the nearest grid where none does.

    squared: sum of the squared differences between subject and candidate there.
    """

    place: Place
    ways: list[Way] = field(default_factory=list)
    near: tuple[Way, float] | None = None
    squared: float = 0.0
    constant: bool = False


def rederived(subject: Checkpoint, candidate: Checkpoint, *, wholly: bool = False) -> list[Found]:
    """The conversions that lead from the candidate to the subject, each with its places; [] where fewer than half of the
    values are what any known conversion leaves.

    wholly: [] too where a place is what no known conversion leaves, found without a look at the places after it.
    Grade `re-derived` only when every value of the subject that is not constant was recomputed bit for bit; else `partly`.
    Memory: a few blocks of 16 MiB, or a matrix whole (up to 512 MiB a side) where its scale needs it.
    Direction does not follow: whoever has the subject can build a candidate that converts to it (METHODS §11); said with each.
    Raises: RefusedError when a file cannot be read.
    """
    pairs = [(left, right) for left, right in shared_places([subject, candidate]) if left.size]
    found: list[Recomputed] = []
    known: Counter[Way] = Counter()
    for left, right in sorted(pairs, key=lambda pair: pair[0].size):
        one = _recomputed(subject, candidate, left, right, [way for way, _ in known.most_common()])
        if wholly and not one.ways and not one.constant:
            return []
        known.update(one.ways)
        found.append(one)
    lone = len(places(subject, by_name=subject.family != candidate.family)) - len(pairs)
    return _told(subject, candidate, [one for one in found if not one.constant], lone)


def _recomputed(
    subject: Checkpoint, candidate: Checkpoint, left: Place, right: Place, known: Sequence[Way]
) -> Recomputed:
    rows = spread(left, SAMPLED_VALUES)
    here, there = read(subject, left, rows), read(candidate, right, rows)
    one = Recomputed(left)
    if is_constant(here) and all(is_constant(block) for block in _all_blocks(subject, left)):
        one.constant = True
        return one
    one.squared = sum(
        float(np.sum((a.astype(np.float64) - b) ** 2, where=np.isfinite(a) & np.isfinite(b)))
        for a, b in zip(_all_blocks(subject, left), _all_blocks(candidate, right), strict=True)
    )
    small = left.size <= SMALL_VALUES
    ways = [way for way in known if way.by == "row" or left.size <= WHOLE_VALUES]
    ways += [way for way in _candidates(left, here, there) if way not in ways and (small or way.by == "row")]
    whole: tuple[Float32, Float32] | None = None
    for way in ways:
        if way.by == "row":
            sampled = (here, there)
        else:
            if whole is None:
                whole = read(subject, left), read(candidate, right)
            sampled = _screen(way, *whole)
        if not _levels(way, sampled[0]):
            continue
        got = _tried(way, sampled[1])
        if got is None:
            continue
        share = float(same(sampled[0], got).mean())
        if share == 1.0 and _holds(way, subject, candidate, left, right, whole):
            one.ways.append(way)
            if way is UNCHANGED:
                break
        elif way.levels and share >= max(PARTLY_EQUAL, one.near[1] if one.near else 0.0):
            one.near = (way, share)
    return one


def _tried(way: Way, values: Float32) -> Float32 | None:
    """What a way leaves of values; None for a shape that it cannot have (a scalar, groups that do not fit)."""
    unit = way.parameters.get("per", "")
    if values.ndim < 2 and way.levels:
        return None
    if isinstance(unit, str) and unit.startswith("group of ") and values.shape[-1] % int(unit[9:]):
        return None
    return way.change(values)


def _candidates(place: Place, here: Float32, there: Float32) -> Iterator[Way]:
    """The ways that a place of this type and shape may have come by, the usual ones first."""
    yield from CASTS
    if place.kind == "gain":
        yield SHIFTED
    a, b = here.astype(np.float64).reshape(-1), there.astype(np.float64).reshape(-1)
    good = np.isfinite(a) & np.isfinite(b)
    size = float(np.sqrt(np.sum(a[good] ** 2) * np.sum(b[good] ** 2)))
    if len(place.shape) < 2 or size == 0 or float(np.sum(a[good] * b[good])) < LEAST_COSINE * size:
        return
    plain = [*gguf_ways(place.shape, place.dtype), *grids(place.shape)]
    after = {"BF16": NEAREST[:1], "F16": NEAREST[1:]}.get(place.dtype, ())
    for way in plain:
        yield way
        yield from (way.then(cast) for cast in after)


def _screen(way: Way, here: Float32, there: Float32) -> tuple[Float32, Float32]:
    """The part of a whole place on which a way is tried first."""
    if way.by == "column":
        return here[..., :COLUMNS], there[..., :COLUMNS]
    if way.by == "block":
        return here[:128, :128], there[:128, :128]
    return here, there


def _levels(way: Way, values: Float32) -> bool:
    """Whether so few values differ in what shares a scale that the way may have made them."""
    if not way.levels:
        return True
    if values.ndim < 2:
        return False
    if way.by == "row":
        return all(len(np.unique(row)) <= max(way.levels, values.shape[-1] // 16 * way.levels) for row in values[:4])
    if way.by == "column":
        return all(len(np.unique(column)) <= way.levels for column in np.moveaxis(values, -1, 0)[:2])
    return len(np.unique(values)) <= way.levels


def _holds(
    way: Way, subject: Checkpoint, candidate: Checkpoint, left: Place, right: Place, whole: tuple[Float32, Float32] | None
) -> bool:
    """Whether a way gives every value of the place."""
    if way.by != "row":
        here, there = whole if whole is not None else (read(subject, left), read(candidate, right))
        return equal(here, way.change(there))
    return all(
        equal(here, way.change(there))
        for here, there in zip(_all_blocks(subject, left), _all_blocks(candidate, right), strict=True)
    )


def _all_blocks(side: Checkpoint, place: Place) -> Iterator[Float32]:
    return (read(side, place, rows) for rows in row_blocks(place))


def _told(subject: Checkpoint, candidate: Checkpoint, found: Sequence[Recomputed], lone: int) -> list[Found]:
    """Operations that cover the places between them, those that cover most first."""
    values = sum(one.place.size for one in found)
    exact = [one for one in found if one.ways]
    covered = sum(one.place.size for one in exact)
    near = [one for one in found if one.near and not one.ways]
    if not values or covered + sum(one.place.size for one in near) < LEAST_SHARE * values or not _moved(exact + near):
        return []
    whole = covered == values and not lone
    total = sum(one.squared for one in found)
    said: list[Message] = [message("rederive.exact", places=len(exact), of=len(found)), message("rederive.direction")]
    if lone:
        said.append(message("rederive.lone", count=lone))
    told: list[Found] = []
    left = list(exact)
    while left:
        counts: Counter[Way] = Counter(way for one in left for way in one.ways)
        best = max(counts, key=lambda way: (counts[way], way is UNCHANGED))
        mine = [one for one in left if best in one.ways]
        left = [one for one in left if best not in one.ways]
        if best is UNCHANGED and (told or left) and total:
            continue  # places that stayed as they were, beside others: nothing was done to them
        told.append(_one(best, mine, total, "re-derived" if whole else "partly", said, subject, candidate))
    for way in dict.fromkeys(one.near[0] for one in near if one.near):
        mine = [one for one in near if one.near and one.near[0] == way]
        share = sum(one.near[1] * one.place.size for one in mine if one.near) / sum(one.place.size for one in mine)
        nearly = [message("rederive.nearly", share=share), message("rederive.direction")]
        told.append(_one(way, mine, 0.0, "partly", nearly, subject, candidate))
    return told


def _moved(found: Sequence[Recomputed]) -> bool:
    """Whether a matrix is among the places: gains and biases alone prove no conversion."""
    return any(one.place.kind == "matrix" for one in found)


def _one(
    way: Way, mine: Sequence[Recomputed], total: float, grade: str, said: Sequence[Message], subject: Checkpoint,
    candidate: Checkpoint,
) -> Found:  # fmt: skip
    explains = sum(one.squared for one in mine) / total if total else None
    where = where_of(one.place for one in mine)
    if way is not UNCHANGED:
        return Found(way.op, where, way.parameters, explains, "re-derived" if grade == "re-derived" else "partly", tuple(said))
    kept = {"from": _container(candidate), "to": _container(subject)}
    return Found("repacked", where, kept, None, "re-derived" if grade == "re-derived" else "partly", tuple(said))


def _container(side: Checkpoint) -> str:
    """Kind and number of files of a side's container."""
    count = len(side.container.paths)
    return f"{side.container.kind}, {count} files" if count > 1 else side.container.kind


__all__ = ["EXACT", "Recomputed", "rederived"]
