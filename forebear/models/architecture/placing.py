"""Tensors to pieces: every dimension cut into what it counts, or why it does not fit its rule."""

from __future__ import annotations

import math
from typing import NamedTuple

from forebear.core.errors import printable
from forebear.core.limits import MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.models.architecture.matching import Match
from forebear.models.architecture.pieces import Piece, Span
from forebear.models.architecture.rules import Dimension
from forebear.models.architecture.sizing import Place, Sizing

MAX_STACKED_EXPERTS = 4096
MAX_PIECES = 4 * MAX_TENSORS
SHOWN = 3
"""How many tensors a sentence names before it counts."""


class _Way(NamedTuple):
    """One part's share of one dimension."""

    part: str | None
    expert: int | None
    atoms: tuple[str, ...]
    sizes: tuple[int, ...]
    span: Span
    role: str = ""


class Placing:
    """Pieces found so far and the tensors that would not fit."""

    def __init__(self, sizing: Sizing) -> None:
        self._sizing = sizing
        self._atoms: dict[int, tuple[str, ...]] = {}
        self._known: dict[tuple[int, tuple[int, ...], tuple[int, ...]], list[tuple[_Way, ...]] | Message] = {}
        self._keys: set[tuple[str, str, str, str, int | None, int | None]] = set()
        self._refused: list[Message] = []
        self.pieces: list[Piece] = []
        self.claimed: set[str] = set()

    def add(self, match: Match, shape: tuple[int, ...]) -> None:
        """Claim a tensor, or note why not."""
        if match.rule.dims is None:
            ways = tuple(_Way(None, None, (), (), Span(0, size, size, 1)) for size in shape)
            self._keep(match, [_assemble(match, ways)])
            return
        found = self._pieces(match, shape, match.rule.dims)
        if isinstance(found, Message):
            self._refuse(match, found)
            return
        keys = {piece.key for piece in found}
        if keys & self._keys:
            self._refuse(match, message("placing.twice"))
        elif len(self.pieces) + len(found) > MAX_PIECES:
            self._refuse(match, message("placing.too_many", most=MAX_PIECES))
        else:
            self._keys |= keys
            self._keep(match, found)

    def _refuse(self, match: Match, why: Message) -> None:
        self._refused.append(message("placing.left_aside", name=printable(match.name, 120), why=why))

    def limits(self) -> list[Message]:
        """What is to be said of tensors whose shape contradicts their rule."""
        shown = self._refused[:SHOWN]
        rest = len(self._refused) - len(shown)
        return [*shown, message("placing.more", count=rest)] if rest else shown

    def _keep(self, match: Match, found: list[Piece]) -> None:
        self.pieces += found
        self.claimed.add(match.name)

    def _pieces(self, match: Match, shape: tuple[int, ...], dims: tuple[Dimension, ...]) -> list[Piece] | Message:
        """The pieces of a tensor, or why it does not fit. Tensors alike in rule, shape and sizes are cut alike."""
        spot: Place = (match.rule.stack, match.layer, match.expert)
        atoms = self._atoms.get(match.order)
        if atoms is None:
            atoms = self._atoms[match.order] = tuple(sorted({atom for d in dims for atom in d.atoms()}))
        key = (match.order, shape, tuple([self._sizing.size(atom, spot) for atom in atoms]))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._combinations(dims, shape, spot)
        return found if isinstance(found, Message) else [_assemble(match, ways) for ways in found]

    def _combinations(
        self, dims: tuple[Dimension, ...], shape: tuple[int, ...], spot: Place
    ) -> list[tuple[_Way, ...]] | Message:
        if len(dims) != len(shape):
            return message("placing.dimensions", shown=len(shape), wanted=len(dims))
        if 0 in shape:
            return message("placing.empty")
        found: list[tuple[_Way, ...]] = [()]
        for dimension, size in zip(dims, shape, strict=True):
            ways = self._ways(dimension, size, spot)
            if isinstance(ways, Message):
                return ways
            found = [(*before, after) for before in found for after in ways]
        return found

    def _ways(self, dimension: Dimension, size: int, spot: Place) -> list[_Way] | Message:
        """What a dimension may be: one thing, one of several experts, or one of several fused parts."""
        if dimension.fused:
            return self._fused(dimension, size, spot)
        if dimension.picks_expert:
            if size > MAX_STACKED_EXPERTS:
                return message("placing.experts", count=size, most=MAX_STACKED_EXPERTS)
            return [_Way(None, at, (), (), Span(at, 1, size, 1)) for at in range(size)]
        atoms = dimension.segments[0].atoms
        sizes = self._fit(atoms, size, spot)
        return sizes if isinstance(sizes, Message) else [_Way(None, None, atoms, sizes, Span(0, size, size, 1))]

    def _fused(self, dimension: Dimension, size: int, spot: Place) -> list[_Way] | Message:
        prefix = tuple(self._sizing.size(atom, spot) for atom in dimension.prefix)
        inner = [tuple(self._sizing.size(atom, spot) for atom in segment.atoms) for segment in dimension.segments]
        repeats, lengths = math.prod(prefix), [math.prod(sizes) for sizes in inner]
        run = sum(lengths)
        if repeats * run != size:
            absent = {a for s, n in zip(dimension.segments, lengths, strict=True) if n == 0 for a in s.atoms}
            values = {"rows": size, "wanted": repeats * run}
            if absent:
                return message("placing.fused_unknown", **values, names=sorted(absent))
            return message("placing.fused", **values)
        ways, start = [], 0
        for segment, sizes, length in zip(dimension.segments, inner, lengths, strict=True):
            if length:
                span = Span(start, length, run, repeats)
                atoms = dimension.prefix + segment.atoms
                ways.append(_Way(segment.part, None, atoms, prefix + sizes, span, segment.role))
            start += length
        return ways

    def _fit(self, atoms: tuple[str, ...], size: int, spot: Place) -> tuple[int, ...] | Message:
        """Sizes of the atoms of a dimension: known, or the one unknown by division; several unknown stay 0."""
        sizes = [self._sizing.size(atom, spot) for atom in atoms]
        known = math.prod(s for s in sizes if s)
        unknown = [at for at, s in enumerate(sizes) if not s]
        if size % known or (not unknown and known != size):
            return message("placing.counts", product=" × ".join(atoms), known=known, size=size)
        if len(unknown) == 1:
            sizes[unknown[0]] = size // known
        return tuple(sizes) if len(unknown) <= 1 else tuple(0 for _ in sizes)


def _assemble(match: Match, ways: tuple[_Way, ...]) -> Piece:
    """The piece that takes one way along every dimension."""
    rule = match.rule
    part = next((way.part for way in ways if way.part is not None), rule.part)
    expert = next((way.expert for way in ways if way.expert is not None), match.expert)
    role = next((way.role for way in ways if way.role), rule.role)
    return Piece(
        tensor=match.name,
        part=part,
        kind=rule.kind,
        layer=match.layer,
        expert=expert,
        atoms=tuple(way.atoms for way in ways),
        sizes=tuple(way.sizes for way in ways),
        spans=tuple(way.span for way in ways),
        stack=rule.stack,
        role=role if match.number is None else f"{role}{match.number}",
    )
