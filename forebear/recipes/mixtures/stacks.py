"""Layers, experts and the rest, each from one candidate whole: which layer of which candidate is nearest in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.models.checkpoint import Checkpoint
from forebear.recipes.mixtures.gram import rounding_noise
from forebear.recipes.mixtures.thresholds import FAR_LAYER, WHOLE_LAYER
from forebear.recipes.placed import Place, places, read, spread

SAMPLED_VALUES = 2**13
Unit = tuple[Any, ...]
"""What comes from one place: ("layer", 3), ("expert", 3, 1) or ("rest", "embedding")."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Origin:
    """Where one unit of the subject comes from.

    candidate, unit: None where it comes from none whole. distance: squared, as a share of the unit's square, rounding taken off.
    second: weight of the next candidate unit in it, 0 for none at all; exact: every sampled value is equal.
    """

    unit: Unit
    candidate: int | None
    source: Unit | None
    distance: float
    second: float
    exact: bool


def origins(subject: Checkpoint, candidates: Sequence[Checkpoint]) -> list[Origin]:
    """The origin of every layer, expert and remaining matrix of the subject, by sampled values in place.

    Units are compared by the parts that both have in one shape; experts with experts and dense MLPs of the same layer.
    Shapes may differ between units. Reads 2^13 values of every matrix.
    """
    mine = _sampled(subject)
    theirs = [_sampled(one) for one in candidates]
    return [_origin(unit, values, theirs) for unit, values in mine.items()]


Sample = dict[tuple[Any, ...], tuple[Floats, float]]


def _sampled(side: Checkpoint) -> dict[Unit, Sample]:
    """Unit -> part -> (values, noise of rounding)."""
    found: dict[Unit, Sample] = {}
    for key, place in places(side).items():
        if place.kind != "matrix" or len(place.shape) < 2 or not place.size:
            continue
        values = read(side, place, spread(place, SAMPLED_VALUES))
        noise = rounding_noise(values.reshape(-1, place.shape[-1])) * values.size
        unit = _unit(key, place)
        part = (place.part, place.piece.role if place.piece else "", place.shape) if key[0] != "name" else (place.part, place.shape)
        found.setdefault(unit, {}).setdefault(part, (values.reshape(-1).astype(np.float64), noise))
    return found


def _unit(key: tuple[Any, ...], place: Place) -> Unit:
    if place.expert is not None:
        return ("expert", place.layer, place.expert)
    if place.layer is not None:
        return ("layer", place.layer)
    return ("rest", place.tensor if key[0] == "name" else place.part)


def _origin(unit: Unit, values: Sample, theirs: Sequence[Mapping[Unit, Sample]]) -> Origin:
    options = []
    for candidate, units in enumerate(theirs):
        for source, others in units.items():
            if not _may(unit, source):
                continue
            parts = [part for part in values if part in others]
            if parts and sum(values[part][0].size for part in parts) * 2 >= sum(v.size for v, _ in values.values()):
                options.append((_distance(values, others, parts), candidate, source, parts))
    options.sort(key=lambda option: option[0])
    if not options:
        return Origin(unit, None, None, 1.0, 0.0, False)
    far, candidate, source, parts = options[0]
    square = sum(float(values[part][0] @ values[part][0]) for part in parts)
    noise = sum(values[part][1] for part in parts) / max(square, 1e-300)
    best = theirs[candidate][source]
    second = 0.0
    for _, other, place, shared in options[1:9]:
        second = max(second, _weight(values, best, theirs[other][place], [part for part in parts if part in shared]))
    exact = far == 0.0
    whole = max(0.0, far - noise) <= FAR_LAYER and (exact or second <= WHOLE_LAYER)
    return Origin(unit, candidate if whole else None, source if whole else None, max(0.0, far - noise), second, exact)


def _may(unit: Unit, source: Unit) -> bool:
    """Whether a unit may come from another: layers from layers, experts from the same layer, the rest from the same part."""
    if unit[0] == "layer":
        return bool(source[0] == "layer")
    if unit[0] == "expert":
        return bool(source[0] == "expert" and source[1] == unit[1])
    return source == unit


def _distance(values: Sample, others: Sample, parts: Sequence[tuple[Any, ...]]) -> float:
    """Squared distance over the square of the subject's values, shared parts only."""
    left = sum(float(np.sum((values[part][0] - others[part][0]) ** 2)) for part in parts)
    return left / max(sum(float(values[part][0] @ values[part][0]) for part in parts), 1e-300)


def _weight(values: Sample, best: Sample, other: Sample, parts: Sequence[tuple[Any, ...]]) -> float:
    """Weight of another unit beside the best one: least squares along the line between the two, 0 where they are equal."""
    along = sum(float((other[part][0] - best[part][0]) @ (values[part][0] - best[part][0])) for part in parts)
    length = sum(float(np.sum((other[part][0] - best[part][0]) ** 2)) for part in parts)
    return along / length if length > 0 else 0.0
