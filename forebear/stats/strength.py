"""How closely the units of two models agree in place, beside which the ceiling of an aligner is set (METHODS §17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.arrays import F32, F64, I64, Bools, Floats, unit_rows


@dataclass(frozen=True)
class Neurons:
    """Neurons of one MLP, every row and column that lives on them as a row over the residual channels.

    views:  rows of unit length, (n, d) each: gate, up, down of a gated MLP, else up, down; the first of them where no more
            was read. An unusable row (zero, NaN, Inf) is zero. Unit length leaves no use for scaling up against down.
    usable: (n,) neurons all of whose rows are usable.
    gated:  whether the sign of a neuron's up row together with its down column is free.
    """

    views: tuple[F32, ...]
    usable: Bools
    gated: bool

    def take(self, index: NDArray[np.intp]) -> Neurons:
        """Some of the neurons."""
        return Neurons(tuple(v[index] for v in self.views), self.usable[index], self.gated)

    def on_channels(self, index: NDArray[np.intp]) -> Neurons:
        """The same neurons seen on some of the channels, rows of unit length again."""
        return neurons([v[:, index] for v in self.views], self.gated)

    def turned(self, rotation: F32) -> Neurons:
        """The same neurons in other coordinates, rows of unit length again. rotation: (d, other d)."""
        return neurons([v @ rotation for v in self.views], self.gated)

    @property
    def width(self) -> int:
        """Residual channels."""
        return int(self.views[0].shape[1])

    def __len__(self) -> int:
        return len(self.usable)


def neurons(rows: Sequence[Floats], gated: bool | None = None) -> Neurons:
    """Neurons from their matrices over the bare residual stream: norm gains folded in, the mean taken out under LayerNorm.

    Shapes:  (gate, up, down) or (up, down), (n, d) each; the experts of a mixture one after the other.
    gated:   whether the first is a gate, where the columns of down are left out: (gate, up) or (up,).
    Raises:  IncomparableError for another number of matrices, or shapes that differ.
    Source:  METHODS §9 (1), §17.
    """
    known = (2, 3) if gated is not False else (1, 2)
    gated = len(rows) == 3 if gated is None else gated
    if len(rows) not in known or len({r.shape for r in rows}) != 1 or rows[0].ndim != 2:
        raise incomparable(message("arrays.mlp_shapes", shapes=str([r.shape for r in rows])))
    scaled = [unit_rows(r) for r in rows]
    usable: Bools = np.logical_and.reduce([sound for _, sound in scaled])
    return Neurons(tuple(unit for unit, _ in scaled), usable, gated)


def same_kind(a: Neurons, b: Neurons) -> None:
    """Refuse a gated MLP beside one that is not.

    Raises: IncomparableError.
    """
    if a.gated != b.gated:
        raise incomparable(message("arrays.one_gated"))


def cosines_in_place(a: Neurons, b: Neurons) -> F64:
    """Cosine of every neuron of A with the neuron of B at its place, over all its rows at once; signs chosen where free.

    Shapes:  (n,); NaN where either neuron is not usable. Each row weighs the same: the mean of two or three cosines.
    Raises:  IncomparableError if kinds, numbers of neurons or widths differ.
    Source:  METHODS §17.
    """
    same_kind(a, b)
    if a.views[0].shape != b.views[0].shape:
        raise incomparable(message("arrays.neurons", a=str(a.views[0].shape), b=str(b.views[0].shape)))
    each = [np.einsum("ij,ij->i", x, y) for x, y in zip(a.views, b.views, strict=True)]
    free = sum(each[1:], np.zeros(len(a), dtype=np.float32))
    total = (each[0] + (np.abs(free) if a.gated else free)) / len(each)
    return np.where(a.usable & b.usable, np.clip(total.astype(np.float64), -1.0, 1.0), np.nan)


def cosine_table(a: Neurons, b: Neurons) -> F32:
    """The same cosine for every neuron of A with every neuron of B; 0 where either is not usable. Shapes: (n_a, n_b)."""
    same_kind(a, b)
    if a.width != b.width:
        raise incomparable(message("arrays.widths", a=a.width, b=b.width))
    total = np.zeros((len(a), len(b)), dtype=np.float32)
    for x, y in zip(a.views[1:], b.views[1:], strict=True):
        total += x @ y.T
    if a.gated:
        np.abs(total, out=total)
    total += a.views[0] @ b.views[0].T
    total *= np.float32(1 / len(a.views))
    total[~a.usable] = 0
    total[:, ~b.usable] = 0
    out: F32 = total
    return out


def free_signs(a: Neurons, b: Neurons, partner: I64) -> F32:
    """(n_a,) the sign of up and down that brings each neuron of A nearest to its partner; ones where signs are not free."""
    if not a.gated:
        return np.ones(len(a), dtype=np.float32)
    total = sum(np.einsum("ij,ij->i", x, y[partner]) for x, y in zip(a.views[1:], b.views[1:], strict=True))
    return np.where(np.asarray(total) < 0, np.float32(-1), np.float32(1))


def strength(a: Neurons, b: Neurons) -> float:
    """s of one layer pair: the mean over neurons of their cosine in place; 1 equal, near 0 independent.

    The mean, since it is what an assignment and a Procrustes rotation make as large as they can: of a median an aligner
    gains a tenth by giving up half of the neurons. A neuron that one side only can use counts as 0: else whoever leaves
    all places empty but a few is measured on those alone.
    Raises:  IncomparableError as `cosines_in_place` does, and where no neuron is usable on either side.
    Source:  METHODS §17; decisions 0012, 0015.
    """
    values = cosines_in_place(a, b)
    counted = a.usable | b.usable
    if not counted.any():
        raise incomparable(message("arrays.no_neuron"))
    return float(np.nan_to_num(values[counted]).mean())
