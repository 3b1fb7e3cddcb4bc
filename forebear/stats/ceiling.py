"""What an aligner could reach on this very pair: the best joint alignment of layers that do not belong together (METHODS §17)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import IncomparableError, incomparable
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.stats.arrays import F32
from forebear.stats.joint import Alignment, Parts, align
from forebear.stats.spectra import mixed_neurons
from forebear.stats.strength import Neurons, cosines_in_place, strength
from forebear.stats.strength_thresholds import (
    LOOK_ALIKE,
    MAPS,
    MOST_NEURONS,
    SAMPLE_CHANNELS,
    SAMPLE_ROWS,
    SAMPLE_SHARE,
)

Cell = tuple[int, int]
"""Layer of A, layer of B."""
Indices = NDArray[np.intp]
FEW = 64
"""Neurons of a layer that show whether it is a copy of another."""


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
    chosen: Indices,
    draw: np.random.Generator,
) -> Ceiling:
    """c from so many usable neurons of every layer, drawn, and the chosen channels of B; the largest over maps and starts.

    starts:  (d_a, d_b) each. draw: names the neurons; it must follow from every value of both sides, or whoever made one of
             them puts at the places that are looked at what cannot be aligned.
    Raises:  IncomparableError without maps or starts.
    """
    if not maps or not starts:
        raise incomparable(message("arrays.none_apart"))
    fewer = len(chosen) < b[0].width
    few_a, few_b = ([drawn(layer, neurons, draw) for layer in side] for side in (a, b))
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


def drawn(layer: Neurons, count: int, draw: np.random.Generator) -> Neurons:
    """So many of the usable neurons; all of them where there are no more."""
    usable = np.flatnonzero(layer.usable)
    return layer.take(np.sort(draw.permutation(usable)[:count]) if len(usable) > count else usable)


def lone_ceiling(
    a: Sequence[Neurons],
    b: Sequence[Neurons],
    belong: Sequence[Cell],
    starts: Sequence[F32],
    place: int,
    draw: np.random.Generator,
) -> float:
    """What an aligner that turns the residual stream for one layer alone reaches on it: beside this a single layer is set.

    The largest over starts and over pairs of this layer of A with layers of B that do not belong to it, and the other way
    round: the other layers may be of a kind that nothing can be aligned to, this one is not.
    a, b, belong, starts, draw: as in `compare_strength`. place: the layer pair, a position in `belong`.
    Raises: IncomparableError where every layer is a copy of another.
    Source: METHODS §17; decision 0015.
    """
    apart = apart_layers(a, b, belong, draw)
    cells = [cell for cells in apart.maps for cell in cells if apart.touches(belong[place], cell)]
    if not cells:
        raise incomparable(message("arrays.belongs_to_all"))
    chosen = np.arange(b[0].width)
    return max(sampled_ceiling(apart.a, apart.b, [[c]], starts, MOST_NEURONS, chosen, draw).value for c in cells)


@dataclass(frozen=True)
class Apart:
    """Both sides with maps of what does not belong together.

    a, b: layers, or their halves, and after them A's with their neurons mixed beside B's as they are. of_a, of_b: the layer that
    each comes from. parts: 2 where layers were halved, else 1.
    """

    a: Sequence[Neurons]
    b: Sequence[Neurons]
    maps: list[list[Cell]]
    of_a: Sequence[int]
    of_b: Sequence[int]
    parts: int

    def touches(self, belong: Cell, cell: Cell) -> bool:
        """Whether a cell of a map holds a side of one layer pair."""
        return self.of_a[cell[0]] == belong[0] or self.of_b[cell[1]] == belong[1]

    def shares(self, belong: Sequence[Cell], by_layer: Sequence[float]) -> list[float]:
        """For each map, s of the layers that it holds: of A's or of B's, whichever is less."""
        s_a, s_b = ({c[k]: v for c, v in zip(belong, by_layer, strict=True)} for k in range(2))
        return [
            min(
                float(np.mean([s_a[self.of_a[i]] for i, _ in cells])),
                float(np.mean([s_b[self.of_b[j]] for _, j in cells])),
            )
            for cells in self.maps
        ]


def apart_layers(
    a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell], draw: np.random.Generator
) -> Apart:
    """Both sides with maps of what does not belong together: layers, or halves of layers where there are too few.

    The last map sets every layer beside its partner with its own neurons mixed (`mixed_neurons`): layers of one model may differ
    in kind, and then those that do not belong together are no measure of what an aligner reaches (decision 0131). draw names
    the mixtures and is left as it was. Layers without a usable neuron are in no map.
    Raises: IncomparableError where no layers are there that do not belong together.
    """
    of_a, of_b, whole = range(len(a)), range(len(b)), (a, b)
    maps, parts = mismatched_maps(belong, alike(a), alike(b)), 1
    if len(maps) < MAPS and len(belong) <= MAPS:
        a, b, parts = halves(a), halves(b), 2
        maps = [*maps_of_halves(belong), *([(2 * i, 2 * j) for i, j in cells] for cells in maps)][:MAPS]
    maps = [[(i, j) for i, j in cells if a[i].usable.any() and b[j].usable.any()] for cells in maps]
    maps = [cells for cells in maps if cells]
    if not maps:
        raise incomparable(message("arrays.all_copies"))
    of = [[n for n in side for _ in range(parts)] for side in (of_a, of_b)]
    both = [(i, j) for i, j in belong if whole[0][i].usable.any() and whole[1][j].usable.any()]
    maps.append([(len(a) + k, len(b) + k) for k in range(len(both))])
    mixed = draw.spawn(1)[0]
    first = [*a, *(mixed_neurons(whole[0][i], mixed) for i, _ in both)]
    second = [*b, *(whole[1][j] for _, j in both)]
    return Apart(first, second, maps, [*of[0], *(i for i, _ in both)], [*of[1], *(j for _, j in both)], parts)


@dataclass(frozen=True)
class Strength:
    """s of a pair of models beside c.

    by_layer: s of every layer pair; value: their mean. ceiling: None where no layers are there that do not belong together.
    level: c as it is on all channels. ratio: the smallest of s / c over maps, both on the same channels, s of those layers
    alone that the map holds.
    """

    value: float
    by_layer: tuple[float, ...]
    ceiling: Ceiling | None
    level: float
    ratio: float | None


@dataclass(frozen=True)
class Aligned:
    """s of layers that belong together after the aligner, and c of such that do not, with the same neurons on both.

    by_layer, value: s. ceiling: c; ratio: as in `Strength`. neurons: of a layer of A; all of B's were possible partners.
    """

    value: float
    by_layer: tuple[float, ...]
    ceiling: float
    ratio: float
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
    draw: np.random.Generator,
    known: Ceiling | None = None,
) -> Aligned | None:
    """s and c of a pair whose units moved: so many neurons of every layer of A, every neuron of B a possible partner.

    starts:  rotations to begin with; near: further ones (found otherwise, or the identity), for both as well: neurons that one
             mask made sparse fit best as they lie, whichever layer they belong to.
    known:   c in place, of these layers from these starts: where all neurons and channels took part it is not measured again.
    Returns: None where no layers are there that do not belong together.
    Raises:  IncomparableError without pairs or starts, or where kinds differ.
    Source:  METHODS §17; decision 0012.
    """
    if not belong or not starts:
        raise incomparable(message("arrays.no_pair_or_start"))
    try:
        apart = apart_layers(a, b, belong, draw)
    except IncomparableError:
        return None
    chosen = _channels(b[0].width, channels, draw)
    fewer = len(chosen) < b[0].width
    most = max(len(layer) for layer in (*a, *b))
    exact = most <= count and not fewer

    def best(pairs: Sequence[Parts], begin: Sequence[F32]) -> Alignment:
        cut = [np.ascontiguousarray(s[:, chosen]) if fewer else s for s in begin]
        return max((align(pairs, s, exact=exact) for s in cut), key=lambda found: found.pooled)

    def sampled(mine: Sequence[Neurons], theirs: Sequence[Neurons]) -> tuple[list[Neurons], list[Neurons]]:
        few = [drawn(layer, count, draw) for layer in mine]
        return few, [layer.on_channels(chosen) for layer in theirs] if fewer else list(theirs)

    few_a, few_b = sampled(a, b)
    own = best([(few_a[i], few_b[j]) for i, j in belong], [*near, *starts])
    known_a, known_b = (len(a), len(b)) if apart.parts == 1 else (0, 0)
    more_a, more_b = sampled(apart.a[known_a:], apart.b[known_b:])
    few_a, few_b = [*few_a[:known_a], *more_a], [*few_b[:known_b], *more_b]
    whole = exact and known is not None and not known.sampled and all(layer.usable.all() for layer in (*a, *b))
    by_map = list(known.by_map) if known is not None and whole else [-1.0] * len(apart.maps)
    if begin := list(near) if whole else [*near, *starts]:
        turned = (best([(few_a[i], few_b[j]) for i, j in cells], begin).pooled for cells in apart.maps)
        by_map = [max(two) for two in zip(by_map, turned, strict=True)]
    shares = apart.shares(belong, own.by_layer)
    ratio = min(s / max(c, 1e-9) for s, c in zip(shares, by_map, strict=True))
    return Aligned(own.pooled, own.by_layer, max(by_map), ratio, min(count, most), len(chosen))


def _channels(width: int, count: int, draw: np.random.Generator) -> Indices:
    return np.sort(draw.permutation(width)[:count]).astype(np.intp) if count < width else np.arange(width)


def halves(layers: Sequence[Neurons]) -> list[Neurons]:
    """Every layer as two: neurons at even places, neurons at odd places; so that a lone layer has one it does not belong to."""
    return [layer.take(np.arange(side, len(layer), 2)) for layer in layers for side in (0, 1)]


def compare_strength(
    a: Sequence[Neurons],
    b: Sequence[Neurons],
    belong: Sequence[Cell],
    starts: Sequence[F32],
    factor: float,
    draw: np.random.Generator,
    most: int | None = None,
) -> Strength:
    """s in place of the layers that belong together, and c: from a small sample where that shows that s exceeds it, else from all.

    a, b:    layers of either side, neurons at their places in order (a mixture's experts one after the other).
    belong:  (layer of A, layer of B), rising, layers of equal size.
    starts:  (d_a, d_b) each: rotations from the embedding and the LM head, or the identity. The small sample takes the first.
    factor:  by which s has to exceed c: where a sample already shows it, no more is looked at.
    draw:    names samples; it must follow from every value of both sides (see `sampled_ceiling`).
    most:    channels of B that are looked at, at most; None for all.
    Raises:  IncomparableError without pairs, where shapes differ, or where a layer has no usable neuron.
    Source:  METHODS §17.
    """
    if not belong:
        raise incomparable(message("arrays.no_pair_belongs"))
    by_layer = tuple(strength(a[i], b[j]) for i, j in belong)
    whole = float(np.mean(by_layer))
    try:
        apart = apart_layers(a, b, belong, draw)
    except IncomparableError:
        return Strength(whole, by_layer, None, 0.0, None)
    found = Strength(whole, by_layer, None, 0.0, None)
    for count, wanted in _levels(apart.a, apart.b, apart.maps):
        chosen = _channels(b[0].width, wanted if most is None else min(wanted, most), draw)
        fewer = len(chosen) < b[0].width
        sample = sampled_ceiling(
            apart.a, apart.b, apart.maps, starts[:1] if fewer else starts, count, chosen, draw
        )  # fmt: skip
        on_sample = (
            [strength(a[i].on_channels(chosen), b[j].on_channels(chosen)) for i, j in belong] if fewer else by_layer
        )
        shares = apart.shares(belong, on_sample)
        ratio = min(s / max(c, 1e-9) for s, c in zip(shares, sample.by_map, strict=True))
        there = float(np.mean(on_sample))
        level = sample.value * whole / there if there > 0 < whole else sample.value
        found = Strength(whole, by_layer, sample, level, ratio)
        if ratio >= factor:
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
