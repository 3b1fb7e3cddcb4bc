"""Strength over the places that one side did not set to zero: what an aligner reaches who takes the zeros too (METHODS §17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forebear.core.errors import IncomparableError
from forebear.stats.arrays import F32, F64, Bools
from forebear.stats.ceiling import apart_layers, drawn
from forebear.stats.joint import align, partners
from forebear.stats.strength import Neurons
from forebear.stats.strength_thresholds import FACTOR, LEAST_ZEROS, MOST_NEURONS
from forebear.stats.zero_share import kept_places, lengthened, share_of_zeros

Cell = tuple[int, int]


@dataclass(frozen=True)
class OverPlaces:
    """s of layers that belong together and c of such that do not, both over the places one side kept.

    by_layer: s of every layer pair; ceiling: the largest c over maps.
    """

    by_layer: tuple[float, ...]
    ceiling: float

    @property
    def value(self) -> float:
        """Pooled s."""
        return float(np.mean(self.by_layer))


def over_places(
    a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell], starts: Sequence[F32], ceiling: float,
    draw: np.random.Generator, *, placed: bool,
) -> list[OverPlaces]:  # fmt: skip
    """For every side that holds zeros: s and c over the places that it kept, rows centred there.

    A model that was aligned to a candidate and then given its zeros, or the zeros of its small values, agrees more closely than
    the aligner alone brought it; so do strangers of one mask. Over the places that are kept a mask explains nothing.
    Where s in place exceeds even `ceiling` lengthened as by a mask that knows nothing of values, that stands for c.
    a, b, belong, draw: as in `compare_strength`; starts: (d_a, d_b) each; ceiling: c over all places. placed: whether s is taken
    in place, else after the aligner.
    Returns: nothing where neither side holds zeros (LEAST_ZEROS), or where every layer is a copy of another.
    Source:  METHODS §17; decision 0117.
    """
    found = []
    turned = [np.ascontiguousarray(start.T) for start in starts]
    for one, other, cells, begin in ((a, b, belong, starts), (b, a, [(j, i) for i, j in belong], turned)):
        share = max(share_of_zeros(other[j]) for _, j in cells)
        if share < LEAST_ZEROS:
            continue
        bound = lengthened(ceiling, share)
        s = [_mean(one[i], other[j]) for i, j in cells] if placed else []
        if placed and float(np.mean(s)) >= FACTOR * bound:
            found.append(OverPlaces(tuple(s), bound))
            continue
        try:
            apart = apart_layers(one, other, cells, draw)
        except IncomparableError:
            continue
        few = [drawn(layer, MOST_NEURONS, draw) for layer in one]
        s = s if placed else _after(few, other, cells, begin)
        few, others = ([drawn(layer, MOST_NEURONS, draw) for layer in side] for side in (apart.a, apart.b))
        c = max(float(np.mean(_after(few, others, apart_cells, begin))) for apart_cells in apart.maps)
        found.append(OverPlaces(tuple(s), c))
    return found


def _after(
    one: Sequence[Neurons], other: Sequence[Neurons], cells: Sequence[Cell], starts: Sequence[F32]
) -> list[float]:
    """Over the best start: cosines of partners that the aligner found, over the places kept."""
    pairs = [(one[i], other[j]) for i, j in cells]
    best: list[float] = []
    for start in starts:
        rotation = align(pairs, start).rotation
        values = []
        for mine, theirs in pairs:
            moved = mine.turned(rotation)
            partner = partners(moved, theirs)
            kept = np.flatnonzero(partner >= 0)
            values.append(_mean(moved.take(kept), theirs.take(partner[kept].astype(np.intp))))
        if not best or np.mean(values) > np.mean(best):
            best = values
    return best


def _mean(mine: Neurons, theirs: Neurons) -> float:
    """Mean over neurons of their cosine over the places that the second kept; a neuron that one side only can use counts as 0."""
    each = [_cosines(x, y, kept) for x, y, kept in zip(mine.views, theirs.views, kept_places(theirs), strict=True)]
    free = sum(each[1:], np.zeros(len(mine)))
    total = (each[0] + (np.abs(free) if mine.gated else free)) / len(each)
    counted = mine.usable | theirs.usable
    both = np.where(mine.usable & theirs.usable, total, 0.0)
    return float(both[counted].mean()) if counted.any() else 0.0


def _cosines(x: F32, y: F32, kept: Bools) -> F64:
    """(n,) cosine over the places kept, both rows centred there; 0 where nothing is left."""
    count = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    sides = []
    for rows in (x, y):
        inside = np.where(kept, rows, 0).astype(np.float64)
        inside = np.where(kept, inside - inside.sum(axis=1, keepdims=True) / count, 0)
        sides.append(inside)
    lengths = np.linalg.norm(sides[0], axis=1) * np.linalg.norm(sides[1], axis=1)
    products = np.einsum("ij,ij->i", sides[0], sides[1])
    out: F64 = np.divide(products, lengths, out=np.zeros(len(x)), where=lengths > 1e-12)
    return out
