"""Strength beside significance: do neurons agree more closely than an aligned independent would? (METHODS §17, decision 0012)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Evidence, Strength
from forebear.comparison.gauge.folded import Side
from forebear.comparison.gauge.norms import norm_rule
from forebear.comparison.gauge.rotation import centred
from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.pair import Pair, spread
from forebear.comparison.tests.vocabulary import SharedRows
from forebear.core.errors import IncomparableError
from forebear.core.messages import Message, message
from forebear.core.seeds import generator
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.arrays import F32
from forebear.stats.ceiling import compare_aligned, compare_strength, lone_ceiling
from forebear.stats.gauge import polar
from forebear.stats.strength import Neurons, neurons, strength
from forebear.stats.strength_thresholds import (
    ALIGNED_FIRST,
    FACTOR,
    FAR_CEILING,
    FAR_LAYERS,
    FAR_ROWS,
    LEAST_LAYERS,
    LONE_FACTOR,
    MOST_NEURONS,
    SAMPLE_CHANNELS,
    WIDEST,
)

Cell = tuple[int, int]
Sides = tuple[Side, Side]
BUDGET = message("budget.strength")
ASSUMPTION = message("assumption.strength")
LEAST_FAR = 16
"""Neurons a layer below which a small budget shows nothing."""


@dataclass(frozen=True)
class StrengthOutcome:
    """What strength allows a verdict to say.

    holds:    the layers agree more closely than an aligner reaches, by the frozen factor.
    layers:   single layer pairs that do, where not all of them do.
    figures:  None where nothing could be measured; why: the reason then.
    """

    holds: bool
    layers: tuple[Cell, ...] = ()
    figures: Strength | None = None
    why: Message | None = None

    @property
    def evidence(self) -> list[Evidence]:
        """The figures as evidence that describes."""
        if self.figures is None:
            return []
        return [
            Evidence(
                test="strength", axis=Axis.NEURONS, kind="described", private=True, assumption=ASSUMPTION,
                figures=self.figures,
            )
        ]  # fmt: skip


def measure_strength(
    pair: Pair, belong: Sequence[Cell], rows: SharedRows | None, rotation: F32 | None
) -> StrengthOutcome:
    """Strength of the layer pairs that belong together, as cheaply as it can be shown.

    First a few neurons in place, against a bound far above any ceiling; then every neuron in place against the ceiling of this
    pair; then after the aligner. rows: shared embedding rows. rotation: that of gauge fixing, where it decided.
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
    far = None if rotation is not None or few else _far(pair, sides, cells, rows)
    if far is not None and far.holds:
        return far
    cost = [sum(side.pooled_cost(c[k]) + _gain_bytes(side.checkpoint) for c in cells) for k, side in enumerate(sides)]
    if not pair.allowance.allows(cost[0], cost[1], BUDGET):
        return far if far is not None and far.figures is not None else _unpaid(pair)
    try:
        return _measured(sides, cells, _starts(pair, sides, rows), rotation, min(counts))
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


def _far(pair: Pair, sides: Sides, cells: Sequence[Cell], rows: SharedRows | None) -> StrengthOutcome | None:
    """A few neurons of spread layers in place, their places drawn by the weights' own values; None where that cannot be done.

    Who aligns a model cannot aim at them: what he does changes which they are.
    """
    looked = [cells[i] for i in islice(spread(len(cells)), FAR_LAYERS)]
    both = [(cell, _leading(sides, cell)) for cell in sorted(looked)]
    known = [(cell, pieces) for cell, pieces in both if pieces]
    sizes = [min(p.size("neuron") for two in pieces for p in two) for _, pieces in known]
    width = max(side.checkpoint.width or 0 for side in sides)
    total = sum(size * len(pieces) for size, (_, pieces) in zip(sizes, known, strict=True))
    if len(known) < len(looked) or not width or total < FAR_ROWS * width:
        return None
    digest = _digest(pair, known[0][1][-1], rows)
    count = _affordable(pair, known)
    if digest is None or count < LEAST_FAR:
        return None
    drawn = generator("comparison/strength", digest)
    picks = [pair.plan.draw(drawn, size, count) for size in sizes]
    gains = len(known) * _gain_bytes(pair.subject), len(known) * _gain_bytes(pair.candidate)
    picked = [(pieces, pick) for (_, pieces), pick in zip(known, picks, strict=True)]
    if not pair.plan.pays_for_neurons(pair, picked, gains, BUDGET):
        return None
    by_layer = []
    for (cell, pieces), pick in zip(known, picks, strict=True):
        a, b = _few(sides, cell, pieces, pick)
        if a.width != b.width:
            return None
        try:
            by_layer.append(strength(a, b))
        except IncomparableError:
            return None
    own = [cell for cell, _ in known]
    return _judged(np.array(by_layer), FAR_CEILING, own, "far", True, len(own))


def _leading(sides: Sides, cell: Cell) -> list[tuple[Piece, Piece]]:
    """Gate and up (or up) of a layer pair, of a mixture's first expert; empty where the two differ in kind."""
    found = []
    experts = [side.places(layer)[0][1] for side, layer in zip(sides, cell, strict=True)]
    for part in ("gate", "up"):
        pieces = [s.checkpoint.piece(part, n, e) for s, n, e in zip(sides, cell, experts, strict=True)]
        if pieces[0] is not None and pieces[1] is not None:
            found.append((pieces[0], pieces[1]))
        elif pieces[0] is not None or pieces[1] is not None or part == "up":
            return []
    return found if all(p.has("neuron") and p.size("neuron") for two in found for p in two) else []


def _affordable(pair: Pair, known: Sequence[tuple[Cell, list[tuple[Piece, Piece]]]]) -> int:
    """Neurons a layer that the budget pays for, at most those wanted; at an address they lie together."""
    each = [
        sum(side.cost(two[k], "neuron", 1) for _, pieces in known for two in pieces)
        for k, side in enumerate((pair.subject, pair.candidate))
    ]
    return pair.plan.affordable(pair, pair.plan.far_neurons, max(each))


def _digest(pair: Pair, pieces: tuple[Piece, Piece], rows: SharedRows | None) -> str | None:
    """A digest of values in residual coordinates, so that whoever turns or reorders channels draws other places.

    None where there are no embedding rows and a neuron does not lie in a row of its own.
    """
    found = hashlib.sha256()
    if rows is not None:
        for table in (rows.a, rows.b):
            found.update(np.ascontiguousarray(table).tobytes())
        return found.hexdigest()
    sides, one = (pair.subject, pair.candidate), np.arange(1, dtype=np.intp)
    costs = [side.cost(piece, "neuron", 1) for side, piece in zip(sides, pieces, strict=True)]
    if any(p.atoms[0] != ("neuron",) for p in pieces) or not pair.allowance.allows(costs[0], costs[1], BUDGET):
        return None
    for side, piece in zip(sides, pieces, strict=True):
        found.update(side.units(piece, "neuron", one).tobytes())
    return found.hexdigest()


def _gain_bytes(checkpoint: Checkpoint) -> int:
    """What reading the gain of one norm costs at the most."""
    return 4 * (checkpoint.width or 0)


def _few(
    sides: Sides, cell: Cell, pieces: Sequence[tuple[Piece, Piece]], pick: NDArray[np.intp]
) -> tuple[Neurons, Neurons]:
    """Those neurons of both sides, gains folded."""
    found = []
    for k, (side, layer) in enumerate(zip(sides, cell, strict=True)):
        own = [side.checkpoint.units(two[k], "neuron", pick)[0] for two in pieces]
        found.append(neurons([side.folded(r, layer, directions=True) for r in own], gated=len(pieces) == 2))
    return found[0], found[1]


def _starts(pair: Pair, sides: Sides, rows: SharedRows | None) -> list[F32]:
    """Rotations an aligner begins with: from the embedding; from the LM head too where a model is small; else the identity."""
    widths = [side.checkpoint.width or 0 for side in sides]
    found: list[F32] = []
    if max(widths) <= WIDEST and rows is not None:
        tables = [(rows.a, rows.b)]
        head = pair.both("head", None, None) if max(widths) <= SAMPLE_CHANNELS else None
        tables += [] if head is None else _head_rows(pair, head, rows)
        for two in tables:
            a, b = (centred(t, s.rule.mean_subtracted) for t, s in zip(two, sides, strict=True))
            if a.shape[1] == widths[0] and b.shape[1] == widths[1]:
                try:
                    found.append(polar(a, b))
                except IncomparableError:
                    continue
    return found or [np.eye(widths[0], widths[1], dtype=np.float32)]


def _head_rows(pair: Pair, head: tuple[Piece, Piece], rows: SharedRows) -> list[tuple[F32, F32]]:
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
    a = [neurons(sides[0].pooled(i, directions=True)) for i, _ in cells]
    b = [neurons(sides[1].pooled(j, directions=True)) for _, j in cells]
    belong = [(k, k) for k in range(len(cells))]
    most = None if max(a[0].width, b[0].width) <= WIDEST else SAMPLE_CHANNELS
    placed = _in_place(a, b, belong, cells, starts, most, fewest) if a[0].width == b[0].width else None
    if placed is not None and (placed.holds or placed.layers):
        return placed
    near = [] if rotation is None else [rotation]
    near += [np.eye(a[0].width, dtype=np.float32)] if a[0].width == b[0].width else []
    found: list[StrengthOutcome] = [] if placed is None else [placed]
    every = max(len(layer) for layer in (*a, *b))
    for count in [MOST_NEURONS] if every <= MOST_NEURONS else [ALIGNED_FIRST, MOST_NEURONS]:
        aligned = compare_aligned(a, b, belong, starts, near, count, most or b[0].width)
        if aligned is None:
            return placed or StrengthOutcome(False, why=message("strength.copies"))
        sampled = aligned.neurons < every or aligned.channels < b[0].width
        found.append(_judged(np.array(aligned.by_layer), aligned.ceiling, cells, "aligned", sampled, fewest))
        if found[-1].holds:
            break
    return max(found, key=_ratio)


def _ratio(one: StrengthOutcome) -> tuple[bool, float]:
    return one.holds, (one.figures.ratio or -1.0) if one.figures is not None else -2.0


def _in_place(
    a: Sequence[Neurons], b: Sequence[Neurons], belong: Sequence[Cell], cells: Sequence[Cell],
    starts: Sequence[F32], most: int | None, fewest: int,
) -> StrengthOutcome | None:  # fmt: skip
    """Neurons in place; None where no layers are there that do not belong together."""
    a, b = _cut(a, b), _cut(b, a)
    found = compare_strength(a, b, belong, starts, FACTOR, most)
    if found.ceiling is None:
        return None
    c = found.ceiling.value * found.value / found.on_sample if found.on_sample > 0 else found.ceiling.value
    by_layer = np.array(found.by_layer)
    out = _judged(by_layer, c, cells, "in place", found.ceiling.sampled, fewest)
    if out.holds or float(by_layer.max()) < LONE_FACTOR * c or most is not None:
        return out
    return _singled(out, by_layer, lambda: lone_ceiling(a, b, belong, starts))


def _cut(layers: Sequence[Neurons], others: Sequence[Neurons]) -> list[Neurons]:
    """Neurons at places that both sides have."""
    return [
        x if len(x) <= len(y) else x.take(np.arange(len(y), dtype=np.intp)) for x, y in zip(layers, others, strict=True)
    ]


def _singled(out: StrengthOutcome, by_layer: NDArray[np.float64], ceiling: Callable[[], float]) -> StrengthOutcome:
    """The same with the single layers that agree more closely than an aligner for each of them alone would bring."""
    assert out.figures is not None
    lone = ceiling()
    passed = by_layer >= LONE_FACTOR * lone
    layers = tuple(p for p, ok in zip(out.figures.layer_pairs, passed, strict=True) if ok)
    figures = out.figures
    own = Strength(
        figures.value, figures.ceiling, figures.ratio, figures.by_layer, (round(lone, 4),) * len(by_layer),
        figures.layer_pairs, figures.how, figures.sampled, FACTOR,
    )  # fmt: skip
    return StrengthOutcome(False, layers, own)


def _judged(
    by_layer: NDArray[np.float64], ceiling: float, cells: Sequence[Cell], how: str, sampled: bool, fewest: int
) -> StrengthOutcome:
    """The frozen rule: pooled s over pooled c, and enough layers that reach it. fewest: those of the side that has fewer."""
    value = float(by_layer.mean())
    reached = int((by_layer >= ceiling).sum())
    holds = value >= FACTOR * ceiling and reached >= LEAST_LAYERS * max(len(cells), fewest)
    figures = Strength(
        round(value, 4), round(ceiling, 4), round(value / max(ceiling, 1e-9), 3),
        tuple(round(float(v), 4) for v in by_layer), (round(ceiling, 4),) * len(by_layer), tuple(cells), how, sampled,
        FACTOR,
    )  # fmt: skip
    return StrengthOutcome(holds, (), figures)
