"""A checkpoint's names and shapes read through a definition: pieces, axes that hold, and what could not be placed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forebear.core.errors import printable
from forebear.core.limits import MAX_TENSORS
from forebear.models.definition import AxisRule, Definition, Dimension
from forebear.models.matching import Match, match_names
from forebear.models.pieces import Piece, Span
from forebear.models.settings import Settings
from forebear.models.sizing import Place, Sizing

MAX_STACKED_EXPERTS = 4096
MAX_PIECES = 4 * MAX_TENSORS
_SHOWN = 3


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
    limits: tuple[str, ...]
    fits: bool
    by_key: Mapping[tuple[str, str, str, int | None, int | None], Piece] = field(default_factory=dict)
    """(part, kind, stack, layer, expert) → the first such piece."""

    def find(self, part: str, kind: str, stack: str, layer: int | None, expert: int | None) -> Piece | None:
        """The first piece that plays a part in a place."""
        return self.by_key.get((part, kind, stack, layer, expert))


def place(shapes: Mapping[str, Sequence[int]], config: Mapping[str, Any], definition: Definition) -> Layout:
    """Place every tensor by its name and shape; nothing is read.

    shapes: tensor name → shape, as the container checked it. config: the configuration, {} when there is none.
    Tensors that fit no rule, or whose shape contradicts their rule, are left unclaimed and said in `limits`.
    """
    settings = Settings(config, definition.roots)
    matches = match_names(shapes, definition, settings)
    sizing = Sizing(definition, settings)
    for match in matches:
        if match.rule.dims is not None and len(match.rule.dims) == len(shapes[match.name]):
            sizing.bind(match.rule.dims, shapes[match.name], (match.rule.stack, match.layer, match.expert))
    work = _Placing(definition, sizing)
    for match in matches:
        work.add(match, tuple(shapes[match.name]))
    unclaimed = tuple(name for name in shapes if name not in work.claimed)
    layers = _layer_counts(work.pieces, definition)
    limits = [*sizing.disagreements.values(), *work.limits()]
    missing, fits = _missing(matches, work.claimed, definition, layers)
    limits += [*missing, *_layers_against_config(definition, settings, layers), *_nobody_claims(unclaimed, definition)]
    by_key: dict[tuple[str, str, str, int | None, int | None], Piece] = {}
    for piece in work.pieces:
        by_key.setdefault((piece.part, piece.kind, piece.stack, piece.layer, piece.expert), piece)
    axes = _axes(definition, settings, work.pieces)
    return Layout(definition, tuple(work.pieces), unclaimed, layers, axes, tuple(limits), fits, by_key)


class _Placing:
    """Pieces found so far and the tensors that would not fit."""

    def __init__(self, definition: Definition, sizing: Sizing) -> None:
        self._definition = definition
        self._sizing = sizing
        self._keys: set[tuple[str, str, str, str, int | None, int | None]] = set()
        self._refused: list[str] = []
        self.pieces: list[Piece] = []
        self.claimed: set[str] = set()

    def add(self, match: Match, shape: tuple[int, ...]) -> None:
        """Claim a tensor, or note why not."""
        if match.rule.dims is None:
            spans = tuple(Span(0, size, size, 1) for size in shape)
            blank: tuple[tuple[str, ...], ...] = tuple(() for _ in shape)
            self._keep(
                match, [self._piece(match, match.rule.part, match.expert, blank, tuple(() for _ in shape), spans)]
            )
            return
        found = self._pieces(match, shape, match.rule.dims)
        if isinstance(found, str):
            self._refused.append(f"{printable(match.name, 120)} {found}")
            return
        keys = {piece.key for piece in found}
        if keys & self._keys:
            self._refused.append(f"{printable(match.name, 120)} plays a part that another tensor already plays")
        elif len(self.pieces) + len(found) > MAX_PIECES:
            self._refused.append(f"{printable(match.name, 120)} would make more than {MAX_PIECES:,} pieces")
        else:
            self._keys |= keys
            self._keep(match, found)

    def limits(self) -> list[str]:
        """Sentences about tensors whose shape contradicts their rule."""
        shown = [f"{sentence}; left aside" for sentence in self._refused[:_SHOWN]]
        rest = len(self._refused) - len(shown)
        return [*shown, f"{rest:,} more tensors do not fit their rule; left aside"] if rest else shown

    def _keep(self, match: Match, found: list[Piece]) -> None:
        self.pieces += found
        self.claimed.add(match.name)

    def _piece(
        self, match: Match, part: str, expert: int | None,
        atoms: tuple[tuple[str, ...], ...], sizes: tuple[tuple[int, ...], ...], spans: tuple[Span, ...],
    ) -> Piece:  # fmt: skip
        rule = match.rule
        return Piece(match.name, part, rule.kind, match.layer, expert, atoms, sizes, spans, rule.stack, rule.role)

    def _pieces(self, match: Match, shape: tuple[int, ...], dims: tuple[Dimension, ...]) -> list[Piece] | str:
        """The pieces of a tensor, or why it does not fit."""
        if len(dims) != len(shape):
            return f"has {len(shape)} dimensions, not {len(dims)}"
        if 0 in shape:
            return "has an empty dimension"
        spot: Place = (match.rule.stack, match.layer, match.expert)
        # Per dimension, the alternatives: (part or None, expert or None, atoms, sizes, span).
        ways: list[list[_Way]] = []
        for dimension, size in zip(dims, shape, strict=True):
            way = self._ways(dimension, size, spot)
            if isinstance(way, str):
                return way
            ways.append(way)
        found = [()]  # type: list[tuple[_Way, ...]]
        for way in ways:
            found = [(*before, after) for before in found for after in way]
        return [self._assemble(match, combination) for combination in found]

    def _assemble(self, match: Match, ways: tuple[_Way, ...]) -> Piece:
        part = next((way.part for way in ways if way.part is not None), match.rule.part)
        expert = next((way.expert for way in ways if way.expert is not None), match.expert)
        return self._piece(
            match, part, expert, tuple(w.atoms for w in ways), tuple(w.sizes for w in ways), tuple(w.span for w in ways)
        )

    def _ways(self, dimension: Dimension, size: int, spot: Place) -> list[_Way] | str:
        if not dimension.fused:
            atoms = dimension.segments[0].atoms
            if dimension.picks_expert:
                if size > MAX_STACKED_EXPERTS:
                    return f"stacks {size:,} experts, more than {MAX_STACKED_EXPERTS:,}"
                return [_Way(None, at, (), (), Span(at, 1, size, 1)) for at in range(size)]
            sizes = self._fit(atoms, size, spot)
            return sizes if isinstance(sizes, str) else [_Way(None, None, atoms, sizes, Span(0, size, size, 1))]
        prefix = tuple(self._sizing.size(atom, spot) for atom in dimension.prefix)
        inner = [tuple(self._sizing.size(atom, spot) for atom in segment.atoms) for segment in dimension.segments]
        repeats, lengths = math.prod(prefix), [math.prod(sizes) for sizes in inner]
        run = sum(lengths)
        absent = [segment for segment, length in zip(dimension.segments, lengths, strict=True) if length == 0]
        if repeats * run != size:
            unknown = sorted({atom for s in absent for atom in s.atoms})
            why = f" (the size of {', '.join(unknown)} is unknown)" if unknown else ""
            return f"has {size} rows where its parts need {repeats * run}{why}"
        ways, start = [], 0
        for segment, sizes, length in zip(dimension.segments, inner, lengths, strict=True):
            if length:
                span = Span(start, length, run, repeats)
                ways.append(_Way(segment.part, None, dimension.prefix + segment.atoms, prefix + sizes, span))
            start += length
        return ways

    def _fit(self, atoms: tuple[str, ...], size: int, spot: Place) -> tuple[int, ...] | str:
        """Sizes of the atoms of a dimension: known, or the one unknown by division; several unknown stay 0."""
        sizes = [self._sizing.size(atom, spot) for atom in atoms]
        known = math.prod(s for s in sizes if s)
        unknown = [at for at, s in enumerate(sizes) if not s]
        if size % known or (not unknown and known != size):
            return f"counts {' × '.join(atoms)} = {known} along a dimension of {size}"
        if len(unknown) == 1:
            sizes[unknown[0]] = size // known
        return tuple(sizes) if len(unknown) <= 1 else tuple(0 for _ in sizes)


@dataclass(frozen=True, slots=True)
class _Way:
    """One part's share of one dimension."""

    part: str | None
    expert: int | None
    atoms: tuple[str, ...]
    sizes: tuple[int, ...]
    span: Span


def _layer_counts(pieces: list[Piece], definition: Definition) -> dict[str, int]:
    counts = dict.fromkeys(definition.stacks, 0)
    for piece in pieces:
        if piece.layer is not None:
            counts[piece.stack] = max(counts[piece.stack], piece.layer + 1)
    return counts


def _missing(
    matches: list[Match], claimed: set[str], definition: Definition, layers: Mapping[str, int]
) -> tuple[list[str], bool]:
    """Sentences on required tensors that are not there, and whether the family fits at all."""
    seen: Counter[int] = Counter()
    here: dict[int, set[int]] = {}
    for match in matches:
        if match.name in claimed:
            seen[match.order] += 1
            if match.layer is not None and match.rule.required:
                here.setdefault(match.order, set()).add(match.layer)
    sentences, fits = [], False
    for order, rule in enumerate(definition.tensors):
        if not rule.required:
            continue
        if not any("{layer}" in name for name in rule.names):
            if not seen[order]:
                sentences.append(f"no tensor plays the part {rule.part} ({rule.names[0]})")
            continue
        held = here.get(order, set())
        fits = fits or bool(held)
        total = layers[rule.stack]
        if len(held) < total:
            sentences.append(f"{total - len(held):,} of {total:,} layers have no {rule.names[0]} that fits")
    return sentences, fits


def _layers_against_config(definition: Definition, settings: Settings, layers: Mapping[str, int]) -> list[str]:
    sentences = []
    for stack, expression in definition.stacks.items():
        stated = expression.value(settings.number)
        if stated is not None and layers[stack] not in (0, stated):
            name = "" if stack == definition.main_stack else f"{stack} "
            sentences.append(f"the configuration says {stated} {name}layers, the tensors show {layers[stack]}")
    return sentences


def _nobody_claims(unclaimed: tuple[str, ...], definition: Definition) -> list[str]:
    if not unclaimed:
        return []
    shown = ", ".join(printable(name, 80) for name in unclaimed[:_SHOWN])
    more = f" and {len(unclaimed) - _SHOWN:,} more" if len(unclaimed) > _SHOWN else ""
    return [f"the {definition.family} definition claims no {shown}{more}"]


def _axes(definition: Definition, settings: Settings, pieces: list[Piece]) -> dict[str, AxisRule]:
    """Axes that some piece has, each withheld or stripped of signs where the configuration says so."""
    sizes = _smallest_sizes(pieces, definition)
    axes = {name: axis for name, axis in definition.axes.items() if name in sizes}
    for name, axis in axes.items():
        if sizes[name] == 0 and axis.withheld is None:
            axes[name] = _held(axis, f"the size of {name} is not known: the configuration does not say", False)
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


def _held(axis: AxisRule, reason: str, signs_only: bool) -> AxisRule:
    if signs_only and axis.permutation:
        return replace(axis, sign=False, sign_parts=())
    return replace(axis, permutation=False, sign=False, sign_parts=(), withheld=reason)
