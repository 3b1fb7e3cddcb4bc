"""One checkpoint as detectors see it: every matrix as (units, channels), every vector, read once and kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.arrays import F32, finite_or_zero

LAYER_PARTS = ("q", "k", "v", "o", "gate", "up", "down")
"""Matrices of a layer that every operation on layers concerns."""
Place = tuple[str, int | None, int | None]
"""Part, layer, expert."""


class Side:
    """A checkpoint and its values.

    Matrices come as (units, channels), whatever way they are stored: rows of q, k, v, gate, up, router and of tables of
    tokens; columns of o and down. NaN and infinity are read as zero.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.config = checkpoint.config
        self.layers = checkpoint.layers
        self.width = checkpoint.width
        self._kept: dict[Any, F32 | None] = {}
        main = checkpoint.definition.main_stack if checkpoint.definition else ""
        self.pieces = [p for p in checkpoint.pieces if p.stack == main or p.layer is None]

    def matrix(self, part: str, layer: int | None = None, expert: int | None = None, role: str = "") -> F32 | None:
        """The matrix of a part, (units, channels); None where there is none, or where it does not stand on the channels."""
        return self._read("matrix", part, layer, expert, role)

    def vector(
        self, kind: str, part: str, layer: int | None = None, expert: int | None = None, role: str = ""
    ) -> F32 | None:
        """A gain or bias, (n,); None where there is none."""
        return self._read(kind, part, layer, expert, role)

    def values(self, kind: str, part: str, layer: int | None, expert: int | None, role: str) -> F32 | None:
        """A matrix, gain or bias by everything that names it."""
        return self._read(kind, part, layer, expert, role)

    def _read(self, kind: str, part: str, layer: int | None, expert: int | None, role: str) -> F32 | None:
        key = (kind, part, layer, expert, role)
        if key not in self._kept:
            piece = self.piece(kind, part, layer, expert, role)
            self._kept[key] = None if piece is None else self._values(piece)
        return self._kept[key]

    def piece(self, kind: str, part: str, layer: int | None, expert: int | None, role: str = "") -> Piece | None:
        """The piece of a part in a place; with role "" the first whatever its role."""
        for piece in self.pieces:
            if (piece.kind, piece.part, piece.layer, piece.expert) == (kind, part, layer, expert) and (
                not role or piece.role == role
            ):
                return piece
        return None

    def _values(self, piece: Piece) -> F32 | None:
        whole = self.checkpoint.container.read(piece.tensor)
        spans = [span.positions() for span in piece.spans]
        values = finite_or_zero(whole[np.ix_(*spans)] if not piece.whole else whole)
        dimensions = [i for i, span in enumerate(piece.spans) if span.count > 1 or len(piece.spans) <= 2]
        values = values.reshape([values.shape[i] for i in dimensions])
        if piece.kind != "matrix":
            return np.ascontiguousarray(values.reshape(-1))
        at = [i for i, atoms in enumerate(piece.atoms[j] for j in dimensions) if "channel" in atoms]
        if values.ndim != 2 or not at:
            return None
        return np.ascontiguousarray(values.T if at == [0] else values)

    def experts(self, layer: int) -> int:
        """Experts of a layer that are routed; 0 for a dense MLP."""
        numbers = {p.expert for p in self.pieces if p.part == "up" and p.layer == layer and p.expert is not None}
        return len(numbers)

    def places(self, layer: int) -> list[int | None]:
        """The MLPs of a layer: its experts, or the one there is."""
        count = self.experts(layer)
        return list(range(count)) if count else [None]

    @property
    def vocabulary(self) -> int:
        """Rows of the table of token embeddings; 0 without one."""
        table = self.matrix("embedding")
        return 0 if table is None else len(table)

    @property
    def neurons(self) -> int:
        """Neurons of the first MLP."""
        up = self.matrix("up", 0, self.places(0)[0]) if self.layers else None
        return 0 if up is None else len(up)

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values in the first layer; 0 when unknown."""
        piece = self.piece("matrix", "k", 0, None)
        return 0 if piece is None else piece.size("kv_head") or piece.size("head")

    @property
    def heads(self) -> int:
        """Query heads of the first layer; 0 when unknown."""
        piece = self.piece("matrix", "q", 0, None)
        return 0 if piece is None else self.kv_heads * max(1, piece.size("group"))

    @property
    def head_dim(self) -> int:
        """Dimensions of a head; 0 when unknown."""
        keys = self.matrix("k", 0)
        return 0 if keys is None or not self.kv_heads else len(keys) // self.kv_heads

    @property
    def positions(self) -> bool:
        """A table of learned positions."""
        return self.matrix("positions") is not None

    @property
    def layer_norm(self) -> bool:
        """Norms have a bias, as those do that subtract the mean."""
        return any(p.part == "norm" and p.kind == "bias" for p in self.pieces)

    def biases(self, parts: tuple[str, ...] = LAYER_PARTS) -> list[Piece]:
        """Biases of maps inside the layers."""
        return [p for p in self.pieces if p.kind == "bias" and p.part in parts and p.layer is not None]

    def release(self) -> None:
        """Forget the values that were read."""
        self._kept.clear()


def cosine(a: F32, b: F32) -> float:
    """Cosine of two arrays of one shape, seen as vectors; 0 where one is all zero."""
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / size if size else 0.0


def row_cosines(a: F32, b: F32) -> F32:
    """Cosine of every row with the row at its place, (n,); 0 where one is all zero."""
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = np.einsum("ij,ij->i", a, b)
    return np.asarray(np.divide(products, sizes, out=np.zeros_like(products), where=sizes > 0), dtype=np.float32)


def unit(rows: F32) -> F32:
    """Rows of unit length; zero rows stay."""
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, sizes, out=np.zeros_like(rows), where=sizes > 0), dtype=np.float32)


def left(subject: F32, made: F32) -> float:
    """||subject - made|| / ||subject||: what replay leaves, as a share; 0 equal, about 1.41 unrelated."""
    size = float(np.linalg.norm(subject.astype(np.float64)))
    change = float(np.linalg.norm(subject.astype(np.float64) - made))
    return change / size if size else (0.0 if not change else float("inf"))
