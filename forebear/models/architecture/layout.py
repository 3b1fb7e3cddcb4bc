"""A checkpoint's names and shapes read through a definition: pieces, axes that hold, and what could not be placed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.matching import Match, match_names
from forebear.models.architecture.pieces import Piece
from forebear.models.architecture.placing import SHOWN, Placing
from forebear.models.architecture.rules import AxisRule
from forebear.models.architecture.settings import Settings
from forebear.models.architecture.sizing import Sizing


@dataclass(frozen=True)
class Layout:
    """What a definition makes of a checkpoint's names and shapes.

    layers: per stack, how many layers the tensors show (largest index plus one).
    axes:   only those some piece has; each already withheld where the configuration or unknown sizes forbid it.
    fits:   False when the checkpoint has none of the tensors every layer of the family must have.
    """

    definition: Definition
    pieces: tuple[Piece, ...]
    unclaimed: tuple[str, ...]
    layers: Mapping[str, int]
    axes: Mapping[str, AxisRule]
    limits: tuple[Message, ...]
    fits: bool
    by_key: Mapping[tuple[str, str, str, int | None, int | None], Piece] = field(default_factory=dict)
    """(part, kind, stack, layer, expert) → the first such piece."""

    def find(self, part: str, kind: str, stack: str, layer: int | None, expert: int | None) -> Piece | None:
        """The first piece that plays a part in a place."""
        return self.by_key.get((part, kind, stack, layer, expert))


def place(
    shapes: Mapping[str, Sequence[int]],
    config: Mapping[str, Any],
    definition: Definition,
    codes: Collection[str] = (),
) -> Layout:
    """Place every tensor by its name and shape; nothing is read.

    shapes: tensor name → shape, as the container checked it. config: the configuration, {} when there is none.
    codes:  tensors whose numbers are no weights (forebear/models/undecoded.py): they play no part that has an axis.
    Tensors that fit no rule, or whose shape contradicts their rule, are left unclaimed and said in `limits`.
    """
    settings = Settings(config, definition.roots)
    matches = [m for m in match_names(shapes, definition, settings) if m.rule.dims is None or m.name not in codes]
    sizing = Sizing(definition, settings)
    for match in matches:
        if match.rule.dims is not None and len(match.rule.dims) == len(shapes[match.name]):
            sizing.bind(match.rule.dims, shapes[match.name], (match.rule.stack, match.layer, match.expert))
    work = Placing(sizing)
    for match in matches:
        work.add(match, tuple(shapes[match.name]))
    unclaimed = tuple(name for name in shapes if name not in work.claimed)
    layers = _layer_counts(work.pieces, definition)
    limits = [*sizing.disagreements.values(), *work.limits()]
    missing, fits = _missing(matches, work.claimed, definition, layers)
    unknown = tuple(name for name in unclaimed if name not in codes)
    limits += [*missing, *_layers_against_config(definition, settings, layers), *_nobody_claims(unknown, definition)]
    by_key: dict[tuple[str, str, str, int | None, int | None], Piece] = {}
    for piece in work.pieces:
        by_key.setdefault((piece.part, piece.kind, piece.stack, piece.layer, piece.expert), piece)
    axes = _axes(definition, settings, work.pieces)
    return Layout(definition, tuple(work.pieces), unclaimed, layers, axes, tuple(limits), fits, by_key)


def _layer_counts(pieces: list[Piece], definition: Definition) -> dict[str, int]:
    counts = dict.fromkeys(definition.stacks, 0)
    for piece in pieces:
        if piece.layer is not None:
            counts[piece.stack] = max(counts[piece.stack], piece.layer + 1)
    return counts


def _missing(
    matches: list[Match], claimed: set[str], definition: Definition, layers: Mapping[str, int]
) -> tuple[list[Message], bool]:
    """What is to be said of required tensors that are not there, and whether the family fits at all."""
    seen: Counter[int] = Counter()
    here: dict[int, set[int]] = {}
    for match in matches:
        if match.name in claimed:
            seen[match.order] += 1
            if match.layer is not None and match.rule.required:
                here.setdefault(match.order, set()).add(match.layer)
    said, fits = [], False
    for order, rule in enumerate(definition.tensors):
        if not rule.required:
            continue
        if not any("{layer}" in name for name in rule.names):
            if not seen[order]:
                said.append(message("placing.no_part", part=rule.part, name=rule.names[0]))
            continue
        held = here.get(order, set())
        fits = fits or bool(held)
        total = layers[rule.stack]
        if len(held) < total:
            said.append(message("placing.layers_lack", count=total - len(held), of=total, name=rule.names[0]))
    return said, fits


def _layers_against_config(definition: Definition, settings: Settings, layers: Mapping[str, int]) -> list[Message]:
    said = []
    for stack, expression in definition.stacks.items():
        stated = expression.value(settings.number)
        if stated is not None and layers[stack] not in (0, stated):
            main = stack == definition.main_stack
            which = message("placing.main_layers") if main else message("placing.stack_layers", stack=stack)
            said.append(message("placing.layers_stated", stated=stated, which=which, shown=layers[stack]))
    return said


def _nobody_claims(unclaimed: tuple[str, ...], definition: Definition) -> list[Message]:
    if not unclaimed:
        return []
    values = {"family": definition.family, "names": [printable(name, 80) for name in unclaimed[:SHOWN]]}
    if len(unclaimed) <= SHOWN:
        return [message("placing.unclaimed", **values)]
    return [message("placing.unclaimed_more", **values, count=len(unclaimed) - SHOWN)]


def _axes(definition: Definition, settings: Settings, pieces: list[Piece]) -> dict[str, AxisRule]:
    """Axes that some piece has, each withheld or stripped of signs where the configuration says so."""
    sizes = _smallest_sizes(pieces, definition)
    axes = {name: axis for name, axis in definition.axes.items() if name in sizes}
    for name, axis in axes.items():
        if sizes[name] == 0 and axis.withheld is None:
            axes[name] = _held(axis, message("withheld.size_unknown", axis=name), False)
    for held in definition.withholdings:
        if not held.when.holds(settings):
            continue
        for name in held.axes:
            if name in axes and axes[name].withheld is None:
                axes[name] = _held(axes[name], held.reason, held.signs_only)
    return axes


def _smallest_sizes(pieces: list[Piece], definition: Definition) -> dict[str, int]:
    """Every atom that some piece has, with its smallest size: 0 when some piece does not know it."""
    sizes: dict[str, int] = {}
    for piece in pieces:
        for atoms, lengths in zip(piece.atoms, piece.sizes, strict=True):
            for atom, length in zip(atoms, lengths, strict=True):
                sizes[atom] = min(sizes.get(atom, length), length)
    if any(piece.expert is not None for piece in pieces):
        sizes.update({atom: sizes.get(atom, 1) for atom in definition.expert_atoms})
    return sizes


def _held(axis: AxisRule, reason: Message, signs_only: bool) -> AxisRule:
    if signs_only and axis.permutation:
        return axis._replace(sign=False, sign_parts=())
    return axis._replace(permutation=False, sign=False, sign_parts=(), withheld=reason)
