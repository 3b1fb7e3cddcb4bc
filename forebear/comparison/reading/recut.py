"""Fused tensors cut as the pair says, where the family's own cut does not agree and another does (METHODS §10, decision 0118)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log10
from typing import NamedTuple

import numpy as np

from forebear.comparison.reading.agreement import (
    MAX_READ,
    PLAIN,
    TOKENS,
    WIDEST,
    Fit,
    Sheet,
    known_rows,
    layers_read,
    over_channels,
    reading_gain,
    together,
    turn_between,
)
from forebear.comparison.reading.cuts import Cut, admissible, cut_of
from forebear.comparison.reading.slots import APART, Read, Slot, slots
from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.models.architecture.pieces import Piece
from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32

HEADED = frozenset(("q", "k", "v"))
"""Parts whose rows lie in heads: where the pair says which is which, attention decides nothing (decision 0119)."""
MARGIN = 3.0
"""Standard deviations by which rows must agree better than by the family's cut: in their places, or wherever they lie."""
OTHERWISE_LOG10 = 3.0
"""A cut that is not the family's carries this share of the error beside the number of cuts: so the family's costs a thousandth."""
LEAST_REACH = 0.05
"""Cosine by which rows must be nearer, wherever they lie."""


class _Fused(NamedTuple):
    """A fused tensor of every layer. axis: the one that is cut; parts: its pieces, by layer and expert, in the family's order."""

    slot: Slot
    axis: int
    lengths: tuple[int, ...]
    cut: Cut
    each: int
    """Bytes that one layer of it takes to read on either side, at the most."""


def recut(side: Checkpoint, other: Checkpoint, most: int) -> Read | None:
    """A side with its fused tensors cut otherwise; None where none is.

    The family's cut is kept unless another agrees plainly better. most: bytes a side that one tensor's choice may read.
    """
    if side.layout is None or other.layout is None or side.container.grain_bytes > 1 or other.container.grain_bytes > 1:
        return None
    looks, said, layout, turn, attention = 0.0, list[Message](), side.layout, None, False
    fused = _fused(side)
    if fused:
        turn = turned(side, other)
    for one in fused:
        cuts = admissible(one.lengths)
        fits = _fits(side, other, one, cuts, turn, min(most, one.each) if _published(side, other, one) else most)
        chosen = None if fits is None else _chosen(fits, cuts.index(one.cut))
        if chosen is None:
            continue
        looks += log10(len(cuts)) + OTHERWISE_LOG10
        attention = attention or any(piece.part in HEADED for piece in one.slot.pieces)
        pieces = tuple(_cut(piece, one, cuts[chosen]) for piece in layout.pieces)
        keys = {(p.part, p.kind, p.stack, p.layer, p.expert): p for p in reversed(pieces)}
        layout = replace(layout, pieces=pieces, by_key=keys)
        order = [one.slot.pieces[at].part for at in cuts[chosen].order]
        said.append(message("refit.cut", name=printable(one.slot.bones, 80), parts=order, runs=cuts[chosen].runs))
    return Read(replace(side, layout=layout), looks, said, True, attention) if looks else None


def turned(side: Checkpoint, other: Checkpoint) -> F32 | None:
    """The rotation between the tokens of both sides; None where one has none that can be read."""
    tables = []
    for one in (side, other):
        piece = one.piece("embedding")
        if piece is None or len(piece.shape) != 2 or min(piece.shape) > WIDEST or piece.atoms[1] != ("channel",):
            return None
        tables.append(one.container.rows(piece.tensor, 0, min(TOKENS, piece.shape[0])))
    return turn_between(tables[0], tables[1])


def _fused(side: Checkpoint) -> list[_Fused]:
    """Fused matrices of layers, of one expert where a stack holds several."""
    assert side.layout is not None
    found = []
    for slot in slots(side.layout):
        first = [p for p in slot.pieces if p.expert == slot.pieces[0].expert]
        axes = [at for at in range(len(slot.shape)) if len({p.spans[at] for p in first}) > 1]
        if not slot.layered or first[0].kind != "matrix" or len(first) < 2 or len(axes) != 1:
            continue
        spans = [p.spans[axes[0]] for p in first]
        cut = cut_of(spans)
        each = 2 * side.container.tensors[first[0].tensor].stored_bytes
        if cut is not None and sum(s.count for s in spans) == slot.shape[axes[0]]:
            found.append(_Fused(slot._replace(pieces=tuple(first)), axes[0], tuple(s.count for s in spans), cut, each))
    return found


def _published(side: Checkpoint, other: Checkpoint, fused: _Fused) -> bool:
    """Whether both sides are of one family that always stores these parts fused: then one layer is looked at."""
    assert side.definition is not None
    assert other.definition is not None
    if side.definition.family != other.definition.family:
        return False
    return side.definition.stored_apart.isdisjoint(piece.part for piece in fused.slot.pieces)


def _fits(
    side: Checkpoint, other: Checkpoint, fused: _Fused, cuts: Sequence[Cut], turn: F32 | None, most: int
) -> list[Fit] | None:
    """How each cut agrees with the other side, over a few layers; None where that has nothing to compare with."""
    places = list(fused.slot.names)
    found: list[list[Fit]] = [[] for _ in cuts]
    for layer, _ in layers_read(places, fused.each, most):
        rows = _rows(side, fused, layer)
        if rows is None:
            return None
        sheet = Sheet(over_channels(rows, (), reading_gain(side, fused.slot.pieces[0].part, layer)), turn)
        for part, piece in enumerate(fused.slot.pieces):
            known = known_rows(other, _flat(piece, fused.axis)._replace(layer=layer))
            if known is not None:
                positions = [cut.rows(fused.lengths, part) for cut in cuts]
                for each, fit in zip(found, sheet.fits(known, positions), strict=True):
                    each.append(fit)
    return [together(fits) for fits in found] if found[0] else None


def _rows(side: Checkpoint, fused: _Fused, layer: int | None) -> F32 | None:
    """The fused matrix of a layer with the cut axis first; None where it is too large to be read."""
    name = next(name for (at, _), name in fused.slot.names.items() if at == layer)
    shape, first = fused.slot.shape, fused.slot.pieces[0]
    if np.prod(shape[-2:], dtype=np.int64) > MAX_READ:
        return None
    if len(shape) == 2:
        whole = side.container.read(name)
        return whole if fused.axis == 0 else np.ascontiguousarray(whole.T)
    at = first.spans[0].start
    whole = side.container.rows(name, at, at + 1)[0]
    return whole if fused.axis == 1 else np.ascontiguousarray(whole.T)


def _flat(piece: Piece, axis: int) -> Piece:
    """A piece as a matrix of its own, the cut axis first."""
    across = next(at for at in reversed(range(len(piece.shape))) if at != axis)
    order = (axis, across)
    return piece._replace(
        atoms=tuple(piece.atoms[at] for at in order), sizes=tuple(piece.sizes[at] for at in order),
        spans=tuple(piece.spans[at] for at in order),
    )  # fmt: skip


def _chosen(fits: Sequence[Fit], own: int) -> int | None:
    """The cut whose rows agree in their places, else those somewhere, plainly better than by the family's; None for that."""
    best = max(range(len(fits)), key=lambda k: fits[k].place)
    if fits[best].place > PLAIN and fits[best].place > fits[own].place + MARGIN:
        return best
    if fits[own].place > PLAIN or not len(fits[own].reach):
        return None
    near = max(range(len(fits)), key=lambda k: float(fits[k].reach.mean()))
    more = fits[near].reach - fits[own].reach
    spread = float(more.std()) / len(more) ** 0.5
    return near if near != own and float(more.mean()) > max(MARGIN * spread, LEAST_REACH) else None


def _cut(piece: Piece, fused: _Fused, cut: Cut) -> Piece:
    """A piece of the same tensor, or of the vector beside it, where another cut lays it."""
    stem = fused.slot.bones.rpartition(".")[0]
    own = {p.part: at for at, p in enumerate(fused.slot.pieces)}
    if piece.part not in own or _bones(piece).rpartition(".")[0] != stem or piece.layer is None:
        return piece
    part = own[piece.part]
    axis = fused.axis if piece.kind == "matrix" else 0
    if piece.spans[axis].count != fused.lengths[part]:
        return piece
    spans = list(piece.spans)
    spans[axis] = cut.span(fused.lengths, part)
    return piece._replace(spans=tuple(spans))


def _bones(piece: Piece) -> str:
    return APART.sub("#", piece.tensor)
