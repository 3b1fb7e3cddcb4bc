"""Tensor names to rules, by one dictionary look-up per name: numbers between dots are layers, experts or literals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from forebear.models.architecture.definition import Definition
from forebear.models.architecture.rules import TensorRule
from forebear.models.architecture.settings import Settings

_NUMBER = re.compile(r"(?<![^.])(?:0|[1-9][0-9]{0,5})(?![^.])")
_SLOT = re.compile(r"(?<![^.])(?:\{layer\}|\{expert\}|\{index\}|0|[1-9][0-9]{0,5})(?![^.])")
MAX_NAME = 1000
"""Longer tensor names are matched by no rule."""


class Match(NamedTuple):
    """A tensor name under a rule; `order` is the rule's place in the definition."""

    name: str
    rule: TensorRule
    order: int
    layer: int | None
    expert: int | None
    number: int | None


def skeleton(name: str) -> tuple[str, list[int]]:
    """A name with every whole number between dots replaced by #, and those numbers."""
    return _NUMBER.sub("#", name), [int(number) for number in _NUMBER.findall(name)]


def match_names(names: Iterable[str], definition: Definition, settings: Settings) -> list[Match]:
    """Every name that a rule claims, in the order of the rules; one prefix is chosen, the one that claims most."""
    split = [(name, *skeleton(name)) for name in names if len(name) <= MAX_NAME]
    best: list[Match] = []
    for prefix in definition.prefixes:
        if len(best) == len(split) or not any(name.startswith(prefix) for name, _, _ in split):
            continue
        found = _with_prefix(split, rule_table(definition, settings, prefix))
        if len(found) > len(best):
            best = found
    return sorted(best, key=lambda match: (match.order, match.layer or 0, match.expert or 0, match.name))


RuleTable = Mapping[str, list[tuple[int, TensorRule, list[str]]]]
"""Skeleton of a pattern -> (order, rule, what its numbers are)."""


def rule_table(definition: Definition, settings: Settings, prefix: str) -> RuleTable:
    """The patterns of a definition that hold under a configuration, with {prefix} filled."""
    table: dict[str, list[tuple[int, TensorRule, list[str]]]] = {}
    for order, rule in enumerate(definition.tensors):
        if rule.when is not None and not rule.when.holds(settings):
            continue
        for pattern in rule.names:
            full = pattern.replace("{prefix}", prefix)
            table.setdefault(_SLOT.sub("#", full), []).append((order, rule, _SLOT.findall(full)))
    return table


def _with_prefix(split: list[tuple[str, str, list[int]]], table: RuleTable) -> list[Match]:
    found = []
    for name, bones, numbers in split:
        for order, rule, slots in table.get(bones, ()):
            caught = fill(slots, numbers)
            if caught is not None:
                places = (caught.get("layer"), caught.get("expert"), caught.get("index"))
                found.append(Match(name, rule, order, *places))
                break
    return found


def fill(slots: list[str], numbers: list[int]) -> dict[str, int] | None:
    """Placeholders filled with numbers; None when a literal differs, or a placeholder met twice disagrees."""
    caught: dict[str, int] = {}
    for slot, number in zip(slots, numbers, strict=True):
        if not slot.startswith("{"):
            if int(slot) != number:
                return None
        elif caught.setdefault(slot[1:-1], number) != number:
            return None
    return caught
