"""Pieces: which positions of a tensor play which part, and what each dimension counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Span:
    """Positions of one piece along one tensor dimension: `repeats` runs of `length`, `stride` apart, from `start`."""

    start: int
    length: int
    stride: int
    repeats: int

    @property
    def count(self) -> int:
        """How many positions."""
        return self.length * self.repeats

    @property
    def contiguous(self) -> bool:
        """True when the positions follow one another without a gap."""
        return self.repeats == 1 or self.length == self.stride

    def positions(self) -> Indices:
        """The positions in order, shape (count,), to be read only: spans alike, which most of a model's are, share them."""
        return _positions(self)


@lru_cache(maxsize=64)
def _positions(span: Span) -> Indices:
    runs = np.arange(span.repeats, dtype=np.intp)[:, None] * span.stride
    found = (runs + span.start + np.arange(span.length, dtype=np.intp)[None, :]).reshape(-1)
    found.flags.writeable = False
    return found


class Piece(NamedTuple):
    """One part of one tensor. Several pieces share a fused tensor; each expert of a stacked tensor is a piece.

    atoms:  per tensor dimension, the names of what it counts, slowest first (() where an expert was picked).
    sizes:  the same shape, sizes; 0 where the configuration does not say (then no axis of that dimension may be used).
    spans:  where in the tensor the piece lies, per dimension.
    role:   tells apart pieces of one part in one layer ("attention", "mlp", "final"), "" where there is one.
    """

    tensor: str
    part: str
    kind: str
    layer: int | None
    expert: int | None
    atoms: tuple[tuple[str, ...], ...]
    sizes: tuple[tuple[int, ...], ...]
    spans: tuple[Span, ...]
    stack: str = "main"
    role: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions per tensor dimension."""
        return tuple(span.count for span in self.spans)

    @property
    def parameters(self) -> int:
        """Elements of the piece."""
        return math.prod(self.shape)

    @property
    def key(self) -> tuple[str, str, str, str, int | None, int | None]:
        """What corresponds to this piece in another checkpoint of the family."""
        return (self.part, self.role, self.kind, self.stack, self.layer, self.expert)

    @property
    def whole(self) -> bool:
        """True when the piece is its whole tensor."""
        return all(span.start == 0 and span.count == span.stride * span.repeats for span in self.spans)

    def has(self, atom: str) -> bool:
        """Whether some dimension counts the atom."""
        return any(atom in atoms for atoms in self.atoms)

    def size(self, atom: str) -> int:
        """The size of an atom in this piece; 0 when it has none or it is unknown."""
        for atoms, sizes in zip(self.atoms, self.sizes, strict=True):
            if atom in atoms:
                return sizes[atoms.index(atom)]
        return 0

    def grid(self, dimension: int) -> Indices:
        """Positions along one dimension, shaped by the sizes of its atoms (all of which must be known)."""
        return self.spans[dimension].positions().reshape(self.sizes[dimension])
