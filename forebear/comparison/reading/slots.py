"""The tensors that a family has in every layer, and those that a file has, each once for all layers (METHODS §10)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from forebear.core.messages import Message
from forebear.files.base import Container
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.layout import Layout, place
from forebear.models.architecture.naming import rules_for
from forebear.models.architecture.pieces import Piece
from forebear.models.architecture.settings import Settings
from forebear.models.architecture.sizing import Sizing
from forebear.models.architecture.stated_shapes import stated_shapes
from forebear.models.checkpoint import Checkpoint

Place = tuple[int | None, int | None]
"""Layer and expert; None where a tensor is of none."""
APART = re.compile(r"(?<![A-Za-z0-9])\d{1,6}(?![A-Za-z0-9])")
_ANY = re.compile(r"\d{1,6}")
MAX_NAMES = 200_000
"""Names that a configuration may ask for; more are not made."""


class Read(NamedTuple):
    """A side read otherwise. looks_log10: of the ways there were; said: what to report; settled: whether the pair chose;
    attention: whether it chose what a query, a key or a value is."""

    side: Checkpoint
    looks_log10: float
    said: list[Message]
    settled: bool
    attention: bool = False


class Slot(NamedTuple):
    """A tensor of a family. bones: its name without numbers; pieces: what it holds in the first place; names: by place."""

    bones: str
    shape: tuple[int, ...]
    pieces: tuple[Piece, ...]
    names: Mapping[Place, str]

    @property
    def layered(self) -> bool:
        """Whether it is in layers."""
        return next(iter(self.names))[0] is not None

    @property
    def experts(self) -> int:
        """How many experts have one of their own; 0 where it is of none."""
        return len({expert for _, expert in self.names if expert is not None})

    @property
    def part(self) -> str:
        """The part it plays, or the parts fused in it."""
        return "+".join(piece.part for piece in self.pieces)


class Source(NamedTuple):
    """A tensor of a file. bones: its name, the numbers of layer and expert as #; names: by place."""

    bones: str
    shape: tuple[int, ...]
    names: Mapping[Place, str]

    @property
    def experts(self) -> int:
        """How many experts have one of their own."""
        return len({expert for _, expert in self.names if expert is not None})


def stated_layout(definition: Definition, config: Mapping[str, Any]) -> Layout | None:
    """The tensors that a configuration asks for under published names; None where it does not say all sizes of a layer."""
    settings, main = Settings(config, definition.roots), definition.main_stack
    layers = definition.stacks[main].value(settings.number)
    shape_of = stated_shapes(config)
    if not layers or definition.presence is None:
        return None
    experts = Sizing(definition, settings).stated("expert", main) if definition.expert_atoms else 0
    shapes: dict[str, tuple[int, ...]] = {}
    for rule in rules_for(definition, dict(config)):
        pattern = rule.names[0].replace("{prefix}", definition.prefixes[0])
        if rule.dims is None or "{index}" in pattern or not definition.presence.there(rule, settings):
            continue
        for name in _filled(pattern, int(layers), experts):
            shape = shape_of(name)
            if len(shapes) >= MAX_NAMES or (shape is None and "{layer}" in pattern):
                return None
            shapes |= {} if shape is None else {name: shape}
    found = place(shapes, config, definition)
    return found if found.fits and not found.unclaimed else None


def _filled(pattern: str, layers: int, experts: int) -> Iterable[str]:
    for layer in range(layers) if "{layer}" in pattern else (0,):
        for expert in range(experts) if "{expert}" in pattern else (0,):
            yield pattern.replace("{layer}", str(layer)).replace("{expert}", str(expert))


def slots(layout: Layout) -> list[Slot]:
    """Every tensor of the main tower and of the whole model, constants aside."""
    by_name: dict[str, list[Piece]] = defaultdict(list)
    for piece in layout.pieces:
        if piece.kind != "constant" and piece.stack == layout.definition.main_stack:
            by_name[piece.tensor].append(piece)
    grouped: dict[str, dict[Place, str]] = defaultdict(dict)
    for name, pieces in by_name.items():
        expert = pieces[0].expert if len({piece.expert for piece in pieces}) == 1 else None
        grouped[APART.sub("#", name)][pieces[0].layer, expert] = name
    found = []
    for bones, names in grouped.items():
        first = by_name[next(iter(names.values()))]
        shape = tuple(span.stride * span.repeats for span in first[0].spans)
        found.append(Slot(bones, shape, tuple(first), names))
    return found


def sources(container: Container, layers: int) -> list[Source]:
    """Every tensor of a file; which number in a name is the layer and which the expert is read from how they run."""
    for numbers in (APART, _ANY):
        grouped: dict[str, list[tuple[str, list[int]]]] = defaultdict(list)
        for name in container.tensors:
            grouped[numbers.sub("#", name)].append((name, [int(number) for number in numbers.findall(name)]))
        found = []
        for bones, members in grouped.items():
            found += _in_turn(container, bones, members, layers) or _read(container, bones, members, layers)
        if any(layer is not None for source in found for layer, _ in source.names):
            return found
    return found


def _in_turn(container: Container, bones: str, members: list[tuple[str, list[int]]], layers: int) -> list[Source]:
    """Matrices that only a serial number tells apart, as an exporter of graphs names them: every layer's in the same turn."""
    each, rest = divmod(len(members), max(1, layers))
    if rest or each < 2 or len(members[0][1]) != 1 or layers < 2:
        return []
    ordered = [name for name, _ in sorted(members, key=lambda member: member[1])]
    shapes = [container.tensors[name].shape for name in ordered]
    if len(shapes[0]) < 2 or shapes[each:] != shapes[:-each]:
        return []
    return [
        Source(
            f"{bones} {turn + 1}",
            shapes[turn],
            {(layer, None): ordered[layer * each + turn] for layer in range(layers)},
        )
        for turn in range(each)
    ]


def _read(container: Container, bones: str, members: list[tuple[str, list[int]]], layers: int) -> list[Source]:
    """A group of names as one source, or one for every number that tells tensors of one layer apart (w1, w2, w3)."""
    runs = [sorted({numbers[at] for _, numbers in members}) for at in range(len(members[0][1]))]
    running = [at for at, run in enumerate(runs) if _counts(run) and (len(run) > 1 or layers == 1)]
    levels = running[:2]
    literal = [at for at in range(len(runs)) if at not in levels]
    apart: dict[tuple[int, ...], dict[Place, str]] = defaultdict(dict)
    for name, numbers in members:
        spot = [numbers[at] - runs[at][0] for at in levels] + [None, None]
        apart[tuple(numbers[at] for at in literal)][spot[0], spot[1]] = name
    found = []
    for words, names in apart.items():
        shapes = {container.tensors[name].shape for name in names.values()}
        if len(shapes) == 1:
            found.append(Source(_filled_in(bones, dict(zip(literal, words, strict=True))), shapes.pop(), names))
    return found


def _filled_in(bones: str, words: Mapping[int, int]) -> str:
    """Bones with the numbers that count neither layers nor experts put back."""
    parts = bones.split("#")
    return "".join(part + (str(words.get(at, "#")) if at < len(parts) - 1 else "") for at, part in enumerate(parts))


def _counts(run: list[int]) -> bool:
    """Whether numbers count layers or experts: from 0 or 1, none left out."""
    return run[0] in (0, 1) and run == list(range(run[0], run[0] + len(run)))
