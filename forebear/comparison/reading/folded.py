"""Neurons of one MLP as two separate views in the coordinates of the bare residual stream (METHODS §9, steps 1 and 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.allowance import piece_cost
from forebear.comparison.reading.norms import gain
from forebear.comparison.thresholds import MAX_EXPERTS
from forebear.models.architecture.definition import NormRule
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.arrays import F32, Usable, finite_or_zero, unit_rows, usable_rows
from forebear.stats.gauge import few_of, fold, residual

Place = tuple[int, int | None]
"""Layer, and expert of a mixture layer."""


KEPT_BYTES = 2**28
"""Most memory that layers read whole take while they are kept: 25 of the 30 of SmolLM2-135M, none of a model of 7 billion."""


class Seen(Protocol):
    """What takes in every value that was read: a digest."""

    def update(self, data: memoryview, /) -> None: ...


@dataclass(frozen=True)
class Views:
    """Neurons seen twice. first: gate rows (plain MLPs: up rows); second: up rows (down columns), made orthogonal to the first.

    Shapes: (n, width) each. raw: the second view before it was made orthogonal. flips: whether a neuron's sign in the second
    view is free (gated MLPs).
    """

    first: F32
    second: F32
    raw: F32
    flips: bool
    coupled: float
    """Mean |cosine| of a gated neuron's two rows in its own model; 0 for plain MLPs."""

    @property
    def rows(self) -> tuple[F32, ...]:
        """The matrices that read the residual: gate and up, or up alone."""
        return (self.first, self.raw) if self.flips else (self.first,)

    @property
    def nbytes(self) -> int:
        """Memory they take."""
        return self.first.nbytes + self.second.nbytes + self.raw.nbytes

    @cached_property
    def usable(self) -> tuple[Usable, Usable]:
        """Both views with what makes their rows unit vectors, found once for all that they are held against."""
        return usable_rows(self.first), usable_rows(self.second)

    @cached_property
    def few(self) -> F32:
        """A few neurons of the second view (`stats.gauge.few_of`)."""
        return few_of(self.usable[1])

    def turned(self, rotation: F32) -> Views:
        """The same neurons in the other side's coordinates. rotation: (width, other width)."""
        return Views(self.first @ rotation, self.second @ rotation, self.raw @ rotation, self.flips, self.coupled)

    def take(self, index: NDArray[np.intp]) -> Views:
        """Some of the neurons."""
        return Views(self.first[index], self.second[index], self.raw[index], self.flips, self.coupled)


@dataclass(frozen=True)
class Side:
    """One checkpoint with the rule by which its norms fold."""

    checkpoint: Checkpoint
    rule: NormRule
    kept: dict[int, list[tuple[Place, Views]]] = field(default_factory=dict, compare=False, repr=False)
    """Layers read whole, up to KEPT_BYTES: a pair that shares nothing asks for each of them twice or more."""

    def places(self, layer: int) -> list[Place]:
        """Where the layer has neurons: one place, or one per expert."""
        if self.checkpoint.piece("up", layer) is not None:
            return [(layer, None)]
        found: list[Place] = []
        while self.checkpoint.piece("up", layer, len(found)) is not None:
            found.append((layer, len(found)))
        return found

    def parts(self, place: Place) -> tuple[Piece, Piece] | None:
        """The pieces the two views come from; None where one is missing."""
        gate, up = self.checkpoint.piece("gate", *place), self.checkpoint.piece("up", *place)
        down = self.checkpoint.piece("down", *place)
        one, other = (gate, up) if gate is not None else (up, down)
        return None if one is None or other is None else (one, other)

    def whole(self, place: Place, *, directions: bool = False, seen: Seen | None = None) -> list[F32]:
        """Every matrix of a place folded: gate, up and down rows, or up and down. directions: see `folded`.

        seen: takes in every value as it is stored.
        """
        found = []
        for part in ("gate", "up", "down"):
            piece = self.checkpoint.piece(part, *place)
            if piece is not None:
                rows = self.checkpoint.units(piece, "neuron")[0]
                if seen is not None:
                    seen.update(np.ascontiguousarray(rows).data)
                found.append(self.folded(rows, place[0], reads=part != "down", directions=directions))
        return found

    def folded(self, rows: F32, layer: int, *, reads: bool = True, directions: bool = False) -> F32:
        """Rows of an MLP folded. reads: whether they read through the norm before it.

        directions: only where the rows point matters, so they may have any length: what is not finite counts as zero (a gain
        as one), and nothing overflows.
        """
        scale = gain(self.checkpoint, self.rule, "mlp", layer) if reads else None
        if directions:
            clean = finite_or_zero(np.asarray(rows, dtype=np.float32))
            longest = np.abs(clean).max(axis=1, keepdims=True, initial=0)
            rows = np.divide(clean, longest, out=np.zeros_like(clean), where=longest > 0)
            if scale is not None:
                scale = np.where(np.isfinite(scale), scale, np.float32(1))
                scale = scale / max(float(np.abs(scale).max(initial=0)), float(np.finfo(np.float32).tiny))
        return fold(rows, scale, mean_subtracted=self.rule.mean_subtracted)

    def pooled(self, layer: int, *, directions: bool = False, seen: Seen | None = None) -> list[F32]:
        """The same of a whole layer: a mixture's experts one after the other, so that their order does not matter.

        Experts that lack a matrix the others have (names that were borrowed reach some only) are left out.
        Raises: IndexError for a layer without neurons.
        """
        places = self.places(layer)[:MAX_EXPERTS]
        there = [[part for part in ("gate", "up", "down") if self.checkpoint.piece(part, *place)] for place in places]
        most = max(there, key=len, default=[])
        experts = [
            self.whole(place, directions=directions, seen=seen)
            for place, parts in zip(places, there, strict=True)
            if parts == most
        ]
        return [np.concatenate(rows) for rows in zip(*experts, strict=True)] if len(experts) > 1 else experts[0]

    def pooled_cost(self, layer: int) -> int:
        """Bytes that `pooled` reads."""
        return sum(self.whole_cost(place) for place in self.places(layer)[:MAX_EXPERTS])

    def whole_cost(self, place: Place) -> int:
        """Bytes that `whole` reads."""
        pieces = (self.checkpoint.piece(part, *place) for part in ("gate", "up", "down"))
        return sum(piece_cost(self.checkpoint, p, "neuron", None) for p in pieces if p is not None)

    def neurons(self, place: Place) -> int:
        """How many neurons there are; 0 where the place cannot be read."""
        pieces = self.parts(place)
        return min(p.size("neuron") for p in pieces) if pieces is not None else 0

    def cost(self, place: Place, count: int | None) -> int:
        """Bytes that `views` reads."""
        pieces = self.parts(place)
        return sum(piece_cost(self.checkpoint, p, "neuron", count) for p in pieces) if pieces is not None else 0

    def layer(self, number: int) -> list[tuple[Place, Views]]:
        """Every neuron of a layer, by place."""
        known = self.kept.get(number)
        if known is None:
            known = [(place, self.views(place)) for place in self.places(number)[:MAX_EXPERTS] if self.neurons(place)]
            taken = sum(views.nbytes for read in (known, *self.kept.values()) for _, views in read)
            if taken <= KEPT_BYTES:
                self.kept[number] = known
        return known

    def views(self, place: Place, select: NDArray[np.intp] | None = None) -> Views:
        """Both views of the chosen neurons (all by default) of a place that `parts` knows."""
        pieces = self.parts(place)
        assert pieces is not None
        scale = gain(self.checkpoint, self.rule, "mlp", place[0])
        gated = pieces[1].part == "up"
        rows = [self.checkpoint.units(piece, "neuron", select)[0] for piece in pieces]
        subtracted = self.rule.mean_subtracted
        first = fold(rows[0], scale, mean_subtracted=subtracted)
        raw = fold(rows[1], scale if gated else None, mean_subtracted=subtracted)
        return Views(first, residual(raw, first), raw, gated, _coupling(first, raw) if gated else 0.0)


def _coupling(first: F32, raw: F32) -> float:
    (a, sound_a), (b, sound_b) = unit_rows(first), unit_rows(raw)
    sound = sound_a & sound_b
    return float(np.abs(np.einsum("ij,ij->i", a[sound], b[sound])).mean()) if sound.any() else 0.0


def centred(rows: F32, mean_subtracted: bool) -> F32:
    """Embedding rows without their mean row (and, under LayerNorm, without the part no norm lets through)."""
    folded = fold(rows, mean_subtracted=mean_subtracted)
    out: F32 = folded - folded.mean(axis=0, keepdims=True)
    return out
