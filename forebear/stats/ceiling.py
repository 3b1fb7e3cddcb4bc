"""What an aligner could reach on this very pair: the best joint alignment of layers that do not belong together (METHODS §17)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from forebear.core.errors import IncomparableError
from forebear.core.spacing import evenly
from forebear.stats.alignment import assign
from forebear.stats.arrays import F32, F64, I64
from forebear.stats.gauge import isometry
from forebear.stats.strength import Neurons, cosine_table, cosines_in_place, free_signs, same_kind, strength
from forebear.stats.strength_thresholds import (
    LOOK_ALIKE,
    MAPS,
    MOST_NEURONS,
    MOST_ROUNDS,
    SAMPLE_CHANNELS,
    SAMPLE_ROWS,
    SAMPLE_SHARE,
    SETTLED_GAIN,
)

Cell = tuple[int, int]
"""Layer of A, layer of B."""
Parts = tuple[Neurons, Neurons]
FEW = 64
"""Neurons of a layer that show whether it is a copy of another."""


@dataclass(frozen=True)
class Alignment:
    """A joint alignment. by_layer: mean cosine of matched neurons of every pair; pooled: their mean; rotation: (d_a, d_b)."""

    by_layer: tuple[float, ...]
    pooled: float
    rotation: F32
    rounds: int


def align(pairs: Sequence[Parts], start: F32, *, exact: bool = True) -> Alignment:
    """The strongest joint alignment: one rotation of the residual stream, and per layer an order and signs of neurons.

    In turns: a partner for every neuron under the rotation, then the best rotation over every row of all layers, until
    nothing is gained. First every neuron takes its best partner, whoever else takes it; then, from the rotation so
    found, one to one by assignment: quicker than assignment from the start, and it ends higher (0.31 for 0.29 on
    llama64, 0.39 for 0.38 on gpt2-64).
    start:   (d_a, d_b) rotation to begin with. Under LayerNorm rows come without their mean, so every rotation found keeps
             the all-ones vector.
    exact:   whether the second stage is gone through; what the first gives is cheaper and larger.
    Raises:  IncomparableError without pairs, or where kinds differ.
    Source:  METHODS §17; orthogonal Procrustes (Schönemann 1966), assignment (Kuhn 1955).
    """
    if not pairs:
        raise IncomparableError("no layer pair is there to align")
    for a, b in pairs:
        same_kind(a, b)
    free = _settled(pairs, start, exact=False)
    return _settled(pairs, free.rotation, exact=True) if exact else free


def _settled(pairs: Sequence[Parts], start: F32, exact: bool) -> Alignment:
    """Turns of partners and rotation until the pooled cosine gains no more; the best of them."""
    best = Alignment((), -1.0, start, 0)
    rotation = start
    for done in range(1, MOST_ROUNDS + 1):
        turned = [a.turned(rotation) for a, _ in pairs]
        found = [_matched(x, b, exact) for x, (_, b) in zip(turned, pairs, strict=True)]
        values = tuple(v for _, v in found)
        pooled = float(np.mean(values))
        gained = pooled - best.pooled
        if gained > 0:
            best = Alignment(values, pooled, rotation, done)
        if done > 2 and gained < SETTLED_GAIN:
            break
        cross = sum(
            _crossed(a, x, b, m, rotation) for (a, b), x, (m, _) in zip(pairs, turned, found, strict=True)
        )  # (d_a, d_b)
        rotation = isometry(np.asarray(cross, dtype=np.float64))
    return best


def _matched(a: Neurons, b: Neurons, exact: bool) -> tuple[I64, float]:
    """Partner in B of every usable neuron of A (-1 for none), and the mean cosine with it."""
    table = cosine_table(a, b)
    partner = np.full(len(a), -1, dtype=np.int64)
    rows, columns = np.flatnonzero(a.usable), np.flatnonzero(b.usable)
    if not len(rows) or not len(columns):
        return partner, 0.0
    inner = table[np.ix_(rows, columns)] if len(rows) < len(a) or len(columns) < len(b) else table
    if not exact:
        partner[rows] = columns[inner.argmax(axis=1)]
    elif len(rows) <= len(columns):
        partner[rows] = columns[assign(inner)]
    else:
        partner[rows[assign(np.ascontiguousarray(inner.T))]] = columns
    kept = np.flatnonzero(partner >= 0)
    return partner, float(table[kept, partner[kept]].mean(dtype=np.float64))


def _crossed(a: Neurons, turned: Neurons, b: Neurons, partner: I64, rotation: F32) -> F64:
    """Sum over matched rows of aᵀ·b, each layer with the same weight; rows that the rotation shortens count more.

    What is sought is the largest mean of cosines, and a cosine divides by the length that is left after the rotation; only
    rotations into fewer channels leave less than all of it.
    """
    kept = np.flatnonzero(partner >= 0)
    mine, theirs, near = a.take(kept), b.take(partner[kept].astype(np.intp)), turned.take(kept)
    signs = free_signs(near, theirs, np.arange(len(kept)))[:, None]
    narrower = rotation.shape[1] < rotation.shape[0]
    total = np.zeros(rotation.shape)
    for place, (x, y) in enumerate(zip(mine.views, theirs.views, strict=True)):
        if narrower:
            length = np.linalg.norm(x @ rotation, axis=1, keepdims=True)
            x = x / np.maximum(length, 0.1 * float(np.median(length)) + 1e-12)
        total += (x * signs if place else x).T @ y
    return total / max(1, len(kept))


def alike(layers: Sequence[Neurons]) -> set[Cell]:
    """Pairs of different layers of one model whose neurons agree in place, as copies of layers do.

    They would lift a ceiling (doubled layers to 0.50); leaving them out only ever costs maps. A few neurons show it.
    Source: METHODS §17.
    """
    found: set[Cell] = set()
    few = [layer.take(evenly(len(layer), FEW)) for layer in layers]
    for i, one in enumerate(few):
        for j in range(i + 1, len(few)):
            other = few[j]
            if one.views[0].shape == other.views[0].shape and one.gated == other.gated:
                values = cosines_in_place(one, other)
                known = values[np.isfinite(values)]
                if len(known) and float(known.mean()) >= LOOK_ALIKE:
                    found |= {(i, j), (j, i)}
    return found


def mismatched_maps(
    belong: Sequence[Cell], alike_a: Collection[Cell] = (), alike_b: Collection[Cell] = ()
) -> list[list[Cell]]:
    """Layer maps of layers that do not belong together: the true map shifted by 1, -1, 2, -2 ... layers, without wrapping.

    belong:  (layer of A, layer of B), rising. alike_a, alike_b: layers of one side that are copies of each other.
    Returns: MAPS maps, those of the smallest shifts; fewer where there are not as many layers. Layers of which one belongs to
             the other, or to one alike, are left out.
    Source:  METHODS §17.
    """
    true_a: dict[int, set[int]] = {}
    for a, b in belong:
        true_a.setdefault(a, set()).add(b)
    maps: list[list[Cell]] = []
    for shift in [s for k in range(1, len(belong)) for s in (k, -k)]:
        cells = []
        for place, (a, _) in enumerate(belong):
            if 0 <= place + shift < len(belong):
                b = belong[place + shift][1]
                near_a = {a, *(y for x, y in alike_a if x == a)}
                near_b = {b, *(y for x, y in alike_b if x == b)}
                if not any(true_a.get(x, set()) & near_b for x in near_a):
                    cells.append((a, b))
        if cells:
            maps.append(cells)
        if len(maps) == MAPS:
            break
    return maps


@dataclass(frozen=True)
class Ceiling:
    """The largest pooled mean cosine that the aligner reached on layers that do not belong together.

    value:    c. by_map: what it reached on each map.
    neurons:  at most so many of every layer took part, on so many channels; sampled: whether that was not all of them.
    rows:     rows of the smallest map. c of a sample is above c of all neurons wherever the rotation has the larger share
              in it (decision 0012), so a sample costs power and never adds an accusation.
    """

    value: float
    by_map: tuple[float, ...]
    neurons: int
    channels: int
    sampled: bool
    rows: int


def sampled_ceiling(
    a: Sequence[Neurons],
    b: Sequence[Neurons],
    maps: Sequence[Sequence[Cell]],
    starts: Sequence[F32],
    neurons: int,
    channels: int,
) -> Ceiling:
    """c from so many neurons of every layer and so many channels of B, evenly spread; the largest over maps and starts.

    starts:  (d_a, d_b) each.
    Raises:  IncomparableError without maps or starts.
    """
    if not maps or not starts:
        raise IncomparableError("no layers are there that do not belong together, or no rotation to begin with")
    chosen = evenly(b[0].width, channels)
    fewer = len(chosen) < b[0].width
    few_a = [layer.take(evenly(len(layer), neurons)) for layer in a]
    few_b = [layer.take(evenly(len(layer), neurons)) for layer in b]
    if fewer:
        few_b = [layer.on_channels(chosen) for layer in few_b]
        starts = [np.ascontiguousarray(start[:, chosen]) for start in starts]
    used = max(len(layer) for layer in (*few_a, *few_b))
    exact = used <= MOST_NEURONS and not fewer
    parts = [[(few_a[i], few_b[j]) for i, j in cells] for cells in maps]
    by_map = tuple(max(align(p, start, exact=exact).pooled for start in starts) for p in parts)
    rows = min(sum(len(few_a[i]) for i, _ in cells) for cells in maps) * len(a[0].views)
    every = max(len(layer) for layer in (*a, *b))
    return Ceiling(max(by_map), by_map, used, len(chosen), used < every or fewer, rows)


def lone_ceiling(a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell], starts: Sequence[F32]) -> float:
    """What an aligner that turns the residual stream for one layer alone reaches on it: beside this a single layer is set.

    The largest over starts and over one pair of each map of layers that do not belong together.
    a, b, belong, starts: as in `compare_strength`.
    Raises: IncomparableError where every layer is a copy of another.
    Source: METHODS §17.
    """
    a, b, maps = _apart(a, b, belong)
    cells = [cells[len(cells) // 2] for cells in maps]
    return max(sampled_ceiling(a, b, [[cell]], starts, MOST_NEURONS, b[0].width).value for cell in cells)


def _apart(
    a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell]
) -> tuple[Sequence[Neurons], Sequence[Neurons], list[list[Cell]]]:
    """Both sides with maps of what does not belong together: layers, or halves of layers where there are too few.

    Raises: IncomparableError where nothing is left.
    """
    maps = mismatched_maps(belong, alike(a), alike(b))
    if len(maps) < MAPS and len(belong) <= MAPS:
        a, b = halves(a), halves(b)
        maps = [*maps_of_halves(belong), *([(2 * i, 2 * j) for i, j in cells] for cells in maps)][:MAPS]
    if not maps:
        raise IncomparableError("every layer is a copy of another, so none are there that do not belong together")
    return a, b, maps


@dataclass(frozen=True)
class Strength:
    """s of a pair of models beside c.

    by_layer: s of every layer pair; value: their mean. ceiling: None where no layers are there that do not belong together.
    on_sample: s on the channels the ceiling was taken on.
    """

    value: float
    by_layer: tuple[float, ...]
    on_sample: float
    ceiling: Ceiling | None

    @property
    def ratio(self) -> float | None:
        """s / c, both on the same channels."""
        return None if self.ceiling is None else self.on_sample / max(self.ceiling.value, 1e-9)


@dataclass(frozen=True)
class Aligned:
    """s of layers that belong together after the aligner, and c of such that do not, with the same neurons on both.

    by_layer, value: s. ceiling: c. neurons: of a layer of A; all of B's were possible partners.
    """

    value: float
    by_layer: tuple[float, ...]
    ceiling: float
    neurons: int
    channels: int


def compare_aligned(
    a: Sequence[Neurons],
    b: Sequence[Neurons],
    belong: Sequence[Cell],
    starts: Sequence[F32],
    near: Sequence[F32],
    count: int,
    channels: int,
) -> Aligned | None:
    """s and c of a pair whose units moved: so many neurons of every layer of A, every neuron of B a possible partner.

    starts:  rotations for both; near: further ones for s alone (found otherwise, or the identity).
    Returns: None where no layers are there that do not belong together.
    Raises:  IncomparableError without pairs or starts, or where kinds differ.
    Source:  METHODS §17; decision 0012.
    """
    if not belong or not starts:
        raise IncomparableError("no layer pair belongs together, or no rotation to begin with")
    try:
        side_a, side_b, maps = _apart(a, b, belong)
    except IncomparableError:
        return None
    chosen = evenly(b[0].width, channels)
    fewer = len(chosen) < b[0].width
    most = max(len(layer) for layer in (*a, *b))
    exact = most <= count and not fewer

    def best(pairs: Sequence[Parts], begin: Sequence[F32]) -> Alignment:
        few = [(x.take(evenly(len(x), count)), y.on_channels(chosen) if fewer else y) for x, y in pairs]
        cut = [np.ascontiguousarray(s[:, chosen]) if fewer else s for s in begin]
        return max((align(few, s, exact=exact) for s in cut), key=lambda found: found.pooled)

    own = best([(a[i], b[j]) for i, j in belong], [*near, *starts])
    ceiling = max(best([(side_a[i], side_b[j]) for i, j in cells], starts).pooled for cells in maps)
    return Aligned(own.pooled, own.by_layer, ceiling, min(count, most), len(chosen))


def halves(layers: Sequence[Neurons]) -> list[Neurons]:
    """Every layer as two: neurons at even places, neurons at odd places; so that a lone layer has one it does not belong to."""
    return [layer.take(np.arange(side, len(layer), 2)) for layer in layers for side in (0, 1)]


def compare_strength(
    a: Sequence[Neurons],
    b: Sequence[Neurons],
    belong: Sequence[Cell],
    starts: Sequence[F32],
    factor: float,
    most: int | None = None,
) -> Strength:
    """s in place of the layers that belong together, and c: from a small sample where that shows that s exceeds it, else from all.

    a, b:    layers of either side, neurons at their places in order (a mixture's experts one after the other).
    belong:  (layer of A, layer of B), rising, layers of equal size.
    starts:  (d_a, d_b) each: rotations from the embedding and the LM head, or the identity. The small sample takes the first.
    factor:  by which s has to exceed c: where a sample already shows it, no more is looked at.
    most:    channels of B that are looked at, at most; None for all.
    Raises:  IncomparableError without pairs, where shapes differ, or where a layer has no usable neuron.
    Source:  METHODS §17.
    """
    if not belong:
        raise IncomparableError("no layer pair belongs together")
    by_layer = tuple(strength(a[i], b[j]) for i, j in belong)
    whole = float(np.mean(by_layer))
    try:
        side_a, side_b, maps = _apart(a, b, belong)
    except IncomparableError:
        return Strength(whole, by_layer, whole, None)
    found = Strength(whole, by_layer, whole, None)
    for count, wanted in _levels(side_a, side_b, maps):
        channels = wanted if most is None else min(wanted, most)
        sample = sampled_ceiling(
            side_a, side_b, maps, starts if channels == b[0].width else starts[:1], count, channels
        )
        chosen = evenly(b[0].width, channels)
        few = [(a[i].on_channels(chosen), b[j].on_channels(chosen)) for i, j in belong if channels < b[0].width]
        on_sample = float(np.mean([strength(x, y) for x, y in few])) if few else whole
        found = Strength(whole, by_layer, on_sample, sample)
        if on_sample >= factor * sample.value:
            break
    return found


def maps_of_halves(belong: Sequence[Cell]) -> list[list[Cell]]:
    """Half of the neurons of every layer beside the other half of its partner, for models of one or two layers."""
    return [[(2 * i + side, 2 * j + 1 - side) for i, j in belong] for side in (0, 1)]


def _levels(a: Sequence[Neurons], b: Sequence[Neurons], maps: Sequence[Sequence[Cell]]) -> list[tuple[int, int]]:
    """(neurons of a layer, channels) to try, cheapest first. The first only where it is a small share of all rows."""
    width = max(a[0].width, b[0].width)
    every = max(len(layer) for layer in (*a, *b))
    layers = min(len(cells) for cells in maps)
    few = -(-int(SAMPLE_ROWS * width) // (layers * len(a[0].views)))
    levels = [(min(every, MOST_NEURONS), b[0].width)]
    if few <= SAMPLE_SHARE * min(every, MOST_NEURONS) and a[0].width == b[0].width:
        levels.insert(0, (few, min(b[0].width, SAMPLE_CHANNELS)))
    return levels
