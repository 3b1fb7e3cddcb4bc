"""The shape that a configuration gives a tensor by its name, for layouts that store a matrix without its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from forebear.models.architecture.matching import match_names
from forebear.models.architecture.registry import select
from forebear.models.architecture.rules import Dimension
from forebear.models.architecture.settings import Settings
from forebear.models.architecture.sizing import Place, Sizing


def stated_shapes(config: Mapping[str, Any]) -> Callable[[str], tuple[int, ...] | None]:
    """A function from a tensor's name to its shape; None where the family, the rule or a size is not known."""

    @cache
    def sizing() -> Sizing | None:
        definition, _ = select(config, ())
        return None if definition is None else Sizing(definition, Settings(config, definition.roots))

    def shape_of(name: str) -> tuple[int, ...] | None:
        known = sizing()
        if known is None:
            return None
        matches = match_names([name], known.definition, Settings(config, known.definition.roots))
        if not matches or matches[0].rule.dims is None:
            return None
        match = matches[0]
        place: Place = (match.rule.stack, match.layer, match.expert)
        sizes = tuple(_size(known, dimension, place) for dimension in matches[0].rule.dims or ())
        return sizes if all(sizes) else None

    return shape_of


def _size(sizing: Sizing, dimension: Dimension, place: Place) -> int:
    """The length of a dimension: its parts one after another in each of its prefix; 0 where a size is not known."""
    if dimension.picks_expert:
        return 0
    prefix = math.prod(sizing.size(atom, place) for atom in dimension.prefix)
    parts = [math.prod(sizing.size(atom, place) for atom in segment.atoms) for segment in dimension.segments]
    return prefix * sum(parts) if all(parts) else 0
