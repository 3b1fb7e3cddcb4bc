"""Attention heads of one layer as rows over the bare residual stream (METHODS §9, step 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.folded import Seen, Side
from forebear.comparison.reading.norms import gain
from forebear.core.spacing import evenly
from forebear.models.checkpoint import Piece
from forebear.stats.arrays import F32
from forebear.stats.gauge import fold


@dataclass(frozen=True)
class Heads:
    """Heads of one layer in one set of coordinates. q, o: (heads, size, d); k, v: (KV groups, size, d).

    groups: KV groups; each: query heads of one; rotary: whether positions turn planes of q and k.
    """

    q: F32
    k: F32
    v: F32
    o: F32
    groups: int
    each: int
    rotary: bool
    positions: NDArray[np.intp]
    """(heads,) where each stands in its layer."""

    def few(self, groups: int) -> Heads:
        """Evenly spaced KV groups with their query heads."""
        kept = evenly(self.groups, groups)
        heads = (kept[:, None] * self.each + np.arange(self.each)).ravel()
        own = (self.q[heads], self.k[kept], self.v[kept], self.o[heads])
        return Heads(*own, len(kept), self.each, self.rotary, self.positions[heads])

    def cut(self, channels: NDArray[np.intp]) -> Heads:
        """The same heads on some channels of the residual stream: a block of each product."""
        own = (self.q[..., channels], self.k[..., channels], self.v[..., channels], self.o[..., channels])
        return Heads(*own, self.groups, self.each, self.rotary, self.positions)

    def turned(self, rotation: F32) -> Heads:
        """The same heads in the other side's coordinates."""
        q, k, v, o = (m @ rotation for m in (self.q, self.k, self.v, self.o))
        return Heads(q, k, v, o, self.groups, self.each, self.rotary, self.positions)

    def shared(self, rows: F32) -> F32:
        """Keys or values of the KV group of every query head: (heads, size, d)."""
        return np.repeat(rows, self.each, axis=0) if self.each > 1 else rows


def read_heads(side: Side, layer: int, seen: Seen | None = None) -> Heads | None:
    """Every head of a layer, folded; None where a part is missing or its sizes are not known. seen: takes in what was read."""
    found = [side.checkpoint.piece(part, layer) for part in ("q", "k", "v", "o")]
    pieces = [p for p in found if p is not None and p.has("channel") and p.size("kv_head")]
    if len(pieces) < len(found):
        return None
    groups = pieces[1].size("kv_head")
    each = pieces[0].size("group") or 1
    scale = gain(side.checkpoint, side.rule, "attention", layer)
    q, k, v, o = (_rows(side, p, None if p.part == "o" else scale, seen) for p in pieces)
    if any(len(m) % heads for m, heads in ((q, groups * each), (k, groups), (v, groups), (o, groups * each))):
        return None
    q, k = (_normed(side, layer, role, m, n) for role, m, n in (("q", q, groups * each), ("k", k, groups)))
    v, o = v.reshape(groups, -1, v.shape[1]), o.reshape(groups * each, -1, o.shape[1])
    return Heads(q, k, v, o, groups, each, pieces[0].has("rope"), np.arange(groups * each, dtype=np.intp))


def _rows(side: Side, piece: Piece, scale: F32 | None, seen: Seen | None) -> F32:
    """Rows of a reader, or columns of the writer as rows: (heads · size, width)."""
    units = side.checkpoint.units(piece, "channel")[0]  # (width, heads · size)
    if seen is not None:
        seen.update(np.ascontiguousarray(units).data)
    return fold(np.ascontiguousarray(units.T), scale, mean_subtracted=side.rule.mean_subtracted)


def _normed(side: Side, layer: int, role: str, rows: F32, heads: int) -> F32:
    """Heads of queries or keys with the gain of their own norm, where they have one: (heads, size, width)."""
    split = rows.reshape(heads, -1, rows.shape[1])
    for piece in side.checkpoint.pieces:
        if piece.part == "norm" and piece.kind == "gain" and piece.layer == layer and piece.role == role:
            values = np.asarray(side.checkpoint.container.read(piece.tensor), dtype=np.float32).reshape(-1)
            if len(values) == split.shape[1]:
                return split * values[:, None]
    return split


def _parts(side: Side, layer: int) -> list[Piece]:
    found = (side.checkpoint.piece(part, layer) for part in ("q", "k", "v", "o"))
    return [p for p in found if p is not None and p.has("channel")]


def heads_cost(side: Side, layer: int) -> int:
    """Bytes that `read_heads` reads of a layer; 0 where nothing of it can be read."""
    return sum(side.checkpoint.cost(p, "channel") for p in _parts(side, layer))
