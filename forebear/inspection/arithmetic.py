"""Parameters counted from a configuration alone, through the architecture definitions (METHODS §16)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forebear.core.errors import RefusedError, printable
from forebear.core.messages import Message, message
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.expressions import Expression
from forebear.models.architecture.presence import Presence, fits
from forebear.models.architecture.registry import select
from forebear.models.architecture.rules import Dimension, TensorRule
from forebear.models.architecture.settings import Settings
from forebear.models.architecture.sizing import Sizing

MAX_LAYERS = 100_000


@dataclass(frozen=True)
class Count:
    """Parameters that a configuration asks for.

    by_part: part → parameters. active: of a mixture, those that one token meets; the total elsewhere.
    notes:   what was taken for granted. whole: a checkpoint holds these tensors and no others (no task heads are usual).
    """

    family: str
    total: int
    active: int
    layers: int
    width: int
    by_part: Mapping[str, int]
    notes: tuple[Message, ...]
    whole: bool = False

    def document(self) -> dict[str, Any]:
        """The count as it stands in an inspection document."""
        return {
            "family": self.family,
            "parameters": self.total,
            "active": self.active,
            "layers": self.layers,
            "width": self.width,
            "by_part": dict(self.by_part),
            "notes": list(self.notes),
            "whole": self.whole,
            "head_counts": "head" in self.by_part,
        }


def count_parameters(config: Mapping[str, Any]) -> Count:
    """How many parameters a checkpoint with this configuration has, tied tensors counted once.

    Raises: RefusedError when the family is not known, its optional tensors are not known, or a size cannot be told.
    """
    definition, why = select(config, ())
    if definition is None:
        raise _uncounted("no definition knows the family", message("uncounted.family", why=list(why)))
    presence = definition.presence
    if presence is None:
        raise _uncounted(
            f"which tensors are optional in {definition.family} is not written down",
            message("uncounted.presence", family=definition.family),
            "Families that can be counted stand in docs/architectures.md.",
        )
    settings = Settings(config, definition.roots)
    return _count(definition, presence, settings)


def _uncounted(what: str, why: Message, todo: str = "") -> RefusedError:
    said = message("uncounted.because", why=why)
    return RefusedError(f"cannot count parameters: {what}", where="config.json", todo=todo, said=said)


def _count(definition: Definition, presence: Presence, settings: Settings) -> Count:
    sizing = Sizing(definition, settings)
    parts: Counter[str] = Counter()
    idle = 0
    layers = {name: expression.value(settings.number) for name, expression in definition.stacks.items()}
    for rule in definition.tensors:
        if rule.dims is None or (rule.when is not None and not rule.when.holds(settings)):
            continue
        if not presence.there(rule, settings):
            continue
        size = _Size(rule, definition.expert_atoms, presence, settings, sizing)
        copies = _copies(rule, presence, settings, layers)
        experts = size.experts() if "{expert}" in rule.names[0] else 1
        number = size.parameters() * copies * experts
        parts[rule.part] += number
        if experts > 1:
            idle += number - number // experts * min(experts, _chosen(settings, experts))
    for name, expression in presence.further.items():
        parts["constant"] += _further(name, expression, settings)
    notes = [message("arithmetic.source", source=presence.source)]
    if presence.head and presence.is_tied(settings):
        notes.append(message("arithmetic.tied"))
    total, main = sum(parts.values()), definition.main_stack
    return Count(
        definition.family,
        total,
        total - idle,
        _layers(layers, main),
        sizing.stated("channel", main),
        dict(parts),
        tuple(notes),
        bool(presence.head),
    )


def _layers(layers: Mapping[str, int | None], stack: str) -> int:
    found = layers[stack]
    if found is None or found > MAX_LAYERS:
        what = f"the configuration does not say how many {stack} layers there are, or says too many"
        raise _uncounted(what, message("uncounted.layers", stack=stack))
    return found


def _further(name: str, expression: Expression, settings: Settings) -> int:
    found = expression.value(settings.number)
    if found is None:
        what = f"the size of {name} is not in the configuration"
        raise _uncounted(what, message("uncounted.size", axis="constant", name=name))
    return found


def _chosen(settings: Settings, experts: int) -> int:
    found = settings.number("num_experts_per_tok")
    return int(found) if found else experts


def _copies(rule: TensorRule, presence: Presence, settings: Settings, layers: Mapping[str, int | None]) -> int:
    """How often the tensors of a rule occur, experts aside."""
    name, copies = rule.names[0], 1
    if "{layer}" in name:
        found = presence.layers_with(name, _layers(layers, rule.stack), settings)
        if found is None:
            what = f"the configuration does not say how many layers have {printable(name, 80)}"
            raise _uncounted(what, message("uncounted.layers_with", name=printable(name, 80)))
        copies = found
    for pattern, expression in presence.times.items():
        if fits(name, (pattern,)):
            copies *= expression.value(settings.number) or 0
    return copies


@dataclass(frozen=True)
class _Size:
    """Sizes of one rule's tensors, from [presence] first, then from the definition."""

    rule: TensorRule
    expert_atoms: tuple[str, ...]
    presence: Presence
    settings: Settings
    sizing: Sizing

    def parameters(self) -> int:
        """Elements of one such tensor."""
        return math.prod(self._dimension(d) for d in self.rule.dims or ())

    def experts(self) -> int:
        """How many experts a layer has."""
        return math.prod(self._atom(atom) for atom in self.expert_atoms)

    def _dimension(self, dimension: Dimension) -> int:
        if dimension.picks_expert:
            return self.experts()
        prefix = math.prod(self._atom(atom) for atom in dimension.prefix)
        return prefix * sum(math.prod(self._atom(a) for a in segment.atoms) for segment in dimension.segments)

    def _atom(self, atom: str) -> int:
        if atom == "one":
            return 1
        found = self.presence.size(self.rule.names[0], atom, self.settings) or self.sizing.stated(atom, self.rule.stack)
        if not found:
            name = printable(self.rule.names[0], 80)
            what = f"the size of {atom} in {name} is not in the configuration"
            raise _uncounted(what, message("uncounted.size", axis=atom, name=name))
        return found
