"""Strength beside significance: do neurons agree more closely than an aligned independent would? (METHODS §17, decision 0012)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.folded import Side, centred
from forebear.comparison.reading.norms import norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.strength_outcome import BUDGET, Cell, Sides, StrengthOutcome, gain_bytes, judged
from forebear.comparison.tests.strength_sample import by_sample
from forebear.core.errors import IncomparableError
from forebear.core.messages import message
from forebear.core.seeds import generator
from forebear.models.checkpoint import Piece
from forebear.stats.arrays import F32
from forebear.stats.ceiling import compare_aligned, compare_strength, lone_ceiling
from forebear.stats.gauge import polar
from forebear.stats.strength import Neurons, neurons
from forebear.stats.strength_thresholds import (
    ALIGNED_FIRST,
    FACTOR,
    LEAST_LAYERS,
    LONE_FACTOR,
    MOST_NEURONS,
    SAMPLE_CHANNELS,
    WIDEST,
)


def measure_strength(
    pair: Pair, belong: Sequence[Cell], rows: SharedRows | None, rotation: F32 | None
) -> StrengthOutcome:
    """Strength of the layer pairs that belong together, as cheaply as it can be shown.

    Every neuron in place against the ceiling of this pair; then after the aligner. Where a side is at an address, or the budget
    does not pay for that, a few neurons in place against a bound. rows: shared embedding rows. rotation: that of gauge
    fixing, where it decided.
    Reads within the pair's allowance. Never raises for what a file lacks: the outcome says why nothing was measured.
    """
    rules = norm_rule(pair.subject), norm_rule(pair.candidate)
    if rules[0] is None or rules[1] is None:
        return StrengthOutcome(False, why=message("strength.no_rule"))
    sides = Side(pair.subject, rules[0]), Side(pair.candidate, rules[1])
    cells = [(a, b) for a, b in completed(belong, *(c.layers for c in (pair.subject, pair.candidate)))]
    cells = [(a, b) for a, b in cells if sides[0].places(a) and sides[1].places(b)]
    if not cells:
        return StrengthOutcome(False, why=message("strength.no_neurons"))
    counts = [sum(bool(side.places(n)) for n in range(side.checkpoint.layers)) for side in sides]
    few = len(cells) < LEAST_LAYERS * min(counts)  # the other layers have no partner: those that have one are named
    cost = [sum(side.pooled_cost(c[k]) + gain_bytes(side.checkpoint) for c in cells) for k, side in enumerate(sides)]
    left = pair.allowance.left()
    payable = left is None or max(cost) <= left
    sample = None
    if not few and rotation is None and (not pair.plan.reads_whole or not payable):
        sample = by_sample(pair, sides, cells)
        if sample is not None and sample.holds:
            return sample
    if not pair.allowance.allows(cost[0], cost[1], BUDGET):
        return sample or _unpaid(pair)
    try:
        with np.errstate(all="ignore"):  # values at the end of the range
            return _measured(sides, cells, starting_rotations(pair, sides, rows), rotation, min(counts))
    except IncomparableError:
        return StrengthOutcome(False, why=message("strength.kinds"))


def completed(belong: Sequence[Cell], subject: int, candidate: int) -> list[Cell]:
    """The map with the layers between two pairs, or before the first and after the last, where they are as many on both sides."""
    found: list[Cell] = []
    before = (-1, -1)
    for a, b in [*sorted(belong), (subject, candidate)]:
        if a - before[0] == b - before[1]:
            found += [(before[0] + k, before[1] + k) for k in range(1, a - before[0])]
        found.append((a, b))
        before = (a, b)
    return found[:-1]


def _unpaid(pair: Pair) -> StrengthOutcome:
    return StrengthOutcome(False, why=pair.plan.unpaid)


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


def head_rows(pair: Pair, head: tuple[Piece, Piece], rows: SharedRows) -> list[tuple[F32, F32]]:
    """Rows of the LM head of either side for the shared tokens that were read; nothing where the budget does not pay."""
    inside = (rows.ids_a < head[0].shape[0]) & (rows.ids_b < head[1].shape[0])
    if not all(p.has("token") and p.has("channel") for p in head) or inside.sum() < 2:
        return []
    sides = (pair.subject, pair.candidate)
    cost = [int(inside.sum()) * row_bytes(side, p.tensor) for side, p in zip(sides, head, strict=True)]
    if not pair.allowance.allows(cost[0], cost[1], BUDGET):
        return []
    a = pair.subject.container.take(head[0].tensor, rows.ids_a[inside])
    b = pair.candidate.container.take(head[1].tensor, rows.ids_b[inside])
    return [(a, b)]


def _measured(
    sides: Sides, cells: Sequence[Cell], starts: Sequence[F32], rotation: F32 | None, fewest: int
) -> StrengthOutcome:
    """Every neuron: in place, then after the aligner where that does not hold; the one that says more.

    fewest: layers of the side that has fewer, of which enough must pass.
    """
    seen = hashlib.sha256()
    a = [neurons(sides[0].pooled(i, directions=True, seen=seen)) for i, _ in cells]
    b = [neurons(sides[1].pooled(j, directions=True, seen=seen)) for _, j in cells]
    draw = generator("comparison/strength", seen.hexdigest())
    belong = [(k, k) for k in range(len(cells))]
    most = None if max(a[0].width, b[0].width) <= WIDEST else SAMPLE_CHANNELS
    same = all(x.views[0].shape == y.views[0].shape for x, y in zip(a, b, strict=True))
    placed = _in_place(a, b, belong, cells, starts, draw, most, fewest) if same else None
    if placed is not None and (placed.holds or placed.layers):
        return placed
    near = [] if rotation is None else [rotation]
    near += [np.eye(a[0].width, dtype=np.float32)] if a[0].width == b[0].width else []
    found: list[StrengthOutcome] = [] if placed is None else [placed]
    every = max(len(layer) for layer in (*a, *b))
    for count in [MOST_NEURONS] if every <= MOST_NEURONS else [ALIGNED_FIRST, MOST_NEURONS]:
        aligned = compare_aligned(a, b, belong, starts, near, count, most or b[0].width, draw)
        if aligned is None:
            return placed or StrengthOutcome(False, why=message("strength.copies"))
        sampled = aligned.neurons < every or aligned.channels < b[0].width
        found.append(
            judged(np.array(aligned.by_layer), aligned.ceiling, cells, "aligned", sampled, fewest, aligned.ratio)
        )
        if found[-1].holds:
            break
    return replace(max(found, key=_ratio), placed=None if placed is None else placed.figures)


def _ratio(one: StrengthOutcome) -> tuple[bool, float]:
    return one.holds, (one.figures.ratio or -1.0) if one.figures is not None else -2.0


def _in_place(
    a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell], cells: Sequence[Cell], starts: Sequence[F32],
    draw: np.random.Generator, most: int | None, fewest: int,
) -> StrengthOutcome | None:  # fmt: skip
    """Neurons in place; None where no layers are there that do not belong together.

    Layers of one size only: of a wider side those that fit best could lie at the places looked at, and the others beyond.
    """
    found = compare_strength(a, b, belong, starts, FACTOR, draw, most)
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
    return StrengthOutcome(False, layers, replace(figures, ceiling_by_layer=ceilings))
