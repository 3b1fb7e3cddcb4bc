"""Strength by every neuron, in place and after the aligner, beside the ceiling of this pair (METHODS §17, decision 0012)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from forebear.comparison.reading.folded import KEPT_BYTES, Seen, Side, centred
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.head_rows import head_rows
from forebear.comparison.tests.strength_outcome import Cell, Sides, StrengthOutcome, judged
from forebear.core.errors import IncomparableError
from forebear.core.messages import message
from forebear.core.seeds import generator
from forebear.stats.arrays import F32
from forebear.stats.ceiling import Strength, compare_aligned, compare_strength, lone_ceiling
from forebear.stats.gauge import polar
from forebear.stats.joint import completed_start
from forebear.stats.reread import Shelf
from forebear.stats.strength import Neurons, neurons
from forebear.stats.strength_thresholds import (
    ALIGNED_FIRST,
    FACTOR,
    LONE_FACTOR,
    MOST_NEURONS,
    SAMPLE_CHANNELS,
    WIDEST,
)
from forebear.stats.zero_share import common_zeros, lengthened
from forebear.stats.zeros import over_places


def starting_rotations(pair: Pair, sides: Sides, rows: SharedRows | None) -> list[F32]:
    """Rotations an aligner begins with: from the embedding; from the LM head too where a model is small; else the identity."""
    widths = [side.checkpoint.width or 0 for side in sides]
    found: list[F32] = []
    if max(widths) <= WIDEST and rows is not None:
        tables = [(rows.a, rows.b)]
        head = pair.both("head", None, None) if max(widths) <= SAMPLE_CHANNELS else None
        tables += [] if head is None else head_rows(pair, head, rows)
        for two in tables:
            a, b = (centred(t, s.rule.mean_subtracted) for t, s in zip(two, sides, strict=True))
            if a.shape[1] == widths[0] and b.shape[1] == widths[1]:
                try:
                    found.append(polar(a, b))
                except IncomparableError:
                    continue
    return found or [np.eye(widths[0], widths[1], dtype=np.float32)]


def by_every_neuron(
    sides: Sides, cells: Sequence[Cell], starts: Sequence[F32], rotation: F32 | None, fewest: int
) -> StrengthOutcome:
    """Every neuron: in place, then after the aligner where that does not hold; the one that says more.

    fewest: layers of the side that has fewer, of which enough must pass.
    """
    seen = hashlib.sha256()
    a, b = (_layers(side, [cell[k] for cell in cells], seen) for k, side in enumerate(sides))
    draw = generator("comparison/strength", seen.hexdigest())
    starts = [completed_start(start, draw) for start in starts]
    belong = [(k, k) for k in range(len(cells))]
    most = None if max(a[0].width, b[0].width) <= WIDEST else SAMPLE_CHANNELS
    same = all((len(x), x.width) == (len(y), y.width) for x, y in zip(a, b, strict=True))
    measured = compare_strength(a, b, belong, starts, FACTOR, draw, most) if same else None
    ceiling = None if measured is None else measured.ceiling
    placed = None if measured is None else _in_place(measured, a, b, belong, cells, starts, draw, most, fewest)
    near = [] if rotation is None else [rotation]
    near += [np.eye(a[0].width, dtype=np.float32)] if a[0].width == b[0].width else []
    if placed is not None and (placed.holds or placed.layers):
        return _over_zeros(placed, a, b, [*near, *starts], cells, fewest, draw)
    found: list[StrengthOutcome] = [] if placed is None else [placed]
    every = max(len(layer) for layer in (*a, *b))
    for count in [MOST_NEURONS] if every <= MOST_NEURONS else [ALIGNED_FIRST, MOST_NEURONS]:
        aligned = compare_aligned(a, b, belong, starts, near, count, most or b[0].width, draw, ceiling)
        if aligned is None:
            return placed or StrengthOutcome(False, why=message("strength.copies"))
        sampled = aligned.neurons < every or aligned.channels < b[0].width
        found.append(
            judged(np.array(aligned.by_layer), aligned.ceiling, cells, "aligned", sampled, fewest, aligned.ratio)
        )
        if found[-1].holds:
            break
    best = max(found, key=_ratio)._replace(placed=None if placed is None else placed.figures)
    return _over_zeros(best, a, b, [*near, *starts], cells, fewest, draw) if best.holds else best


def _layers(side: Side, numbers: Sequence[int], seen: Seen) -> list[Neurons]:
    """Every neuron of these layers, in memory while they fit into KEPT_BYTES of both sides. seen: takes in every value once."""
    shelf = Shelf(KEPT_BYTES // 2)

    def read(number: int, seen: Seen | None = None) -> Neurons:
        return neurons(side.pooled(number, directions=True, seen=seen))

    return [shelf.put(read(number, seen), partial(read, number)) for number in numbers]


def _over_zeros(
    found: StrengthOutcome, a: Sequence[Neurons], b: Sequence[Neurons], starts: Sequence[F32], cells: Sequence[Cell], fewest: int,
    draw: np.random.Generator,
) -> StrengthOutcome:  # fmt: skip
    """The same, unless zeros explain it: then s and c over the places that a side kept, of which s does not exceed c enough.

    Beyond WIDEST channels, where rotations are only sampled, s is set beside c lengthened by the zeros that both hold.
    """
    assert found.figures is not None
    belong = [(k, k) for k in range(len(cells))]
    how, ceiling = found.figures.how, found.figures.ceiling or 1.0
    if max(a[0].width, b[0].width) > WIDEST:
        share = common_zeros(a, b, belong)
        told = judged(
            np.array(found.figures.by_layer), lengthened(ceiling, share), cells, how, found.figures.sampled, fewest
        )
        return told if share and not told.holds else found
    for one in over_places(a, b, belong, starts, ceiling, draw, placed=how == "in place"):
        told = judged(np.array(one.by_layer), one.ceiling, cells, how, False, fewest)
        if not told.holds:
            return told
    return found


def _ratio(one: StrengthOutcome) -> tuple[bool, float]:
    return one.holds, (one.figures.ratio or -1.0) if one.figures is not None else -2.0


def _in_place(
    found: Strength, a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell], cells: Sequence[Cell],
    starts: Sequence[F32], draw: np.random.Generator, most: int | None, fewest: int,
) -> StrengthOutcome | None:  # fmt: skip
    """Neurons in place; None where no layers are there that do not belong together.

    Layers of one size only: of a wider side those that fit best could lie at the places looked at, and the others beyond.
    """
    if found.ceiling is None:
        return None
    by_layer = np.array(found.by_layer)
    out = judged(by_layer, found.level, cells, "in place", found.ceiling.sampled, fewest, found.ratio)
    alone = np.flatnonzero(by_layer >= LONE_FACTOR * found.level)
    if out.holds or not len(alone) or most is not None:
        return out
    return _singled(out, {int(k): lone_ceiling(a, b, belong, starts, int(k), draw) for k in alone})


def _singled(out: StrengthOutcome, lone: Mapping[int, float]) -> StrengthOutcome:
    """The same with the single layers that agree more closely than an aligner for each of them alone would bring."""
    figures = out.figures
    assert figures is not None
    layers = tuple(figures.layer_pairs[k] for k, c in lone.items() if figures.by_layer[k] >= LONE_FACTOR * c)
    ceilings = tuple(round(lone[k], 4) if k in lone else c for k, c in enumerate(figures.ceiling_by_layer))
    return StrengthOutcome(False, layers, figures._replace(ceiling_by_layer=ceilings))
