"""Strength of attention: do heads agree more closely than an aligned independent's would? (METHODS §17, decision 0016)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Evidence, Strength
from forebear.comparison.findings.parts import Cell
from forebear.comparison.reading.folded import Seen, Side
from forebear.comparison.reading.heads import heads_cost, read_heads
from forebear.comparison.reading.norms import norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.strength import completed
from forebear.comparison.tests.strength_outcome import described
from forebear.comparison.tests.strength_whole import starting_rotations
from forebear.core.errors import IncomparableError, incomparable
from forebear.core.messages import message
from forebear.core.seeds import generator
from forebear.core.spacing import evenly
from forebear.stats.arrays import F32
from forebear.stats.attention import HeadProducts, align_heads, head_products, in_place, under
from forebear.stats.attention_thresholds import (
    FACTOR,
    LEAST_LAYERS,
    LONE_FACTOR,
    MOST_CHANNELS,
    MOST_HEADS,
    MOST_LAYERS,
    MOST_LAYERS_WIDE,
    MOST_PARTNERS,
    NOTHING,
    RANDOM_STARTS,
    SCATTERED_STARTS,
    SURELY_SOMETHING,
    WIDE,
)
from forebear.stats.ceiling import mismatched_maps
from forebear.stats.gauge import isometry
from forebear.stats.spectra import scattered_heads
from forebear.stats.strength_thresholds import LEAST_LAYERS as LEAST_SHARE
from forebear.stats.strength_thresholds import LEAST_ZEROS
from forebear.stats.zero_share import zero_share

BUDGET = message("budget.attention")
LEAST_LENGTH = 1e-30
"""Norm of a head's product up to which it is none."""


@dataclass(frozen=True)
class AttentionOutcome:
    """What the attention of a pair shows beside its ceiling.

    holds:   all of it agrees more closely than an aligner reaches, by the frozen factor.
    shared:  the layer pairs that do; nothing: those no closer than independents that nobody aligned.
    figures: None where nothing could be measured.
    """

    holds: bool = False
    shared: tuple[Cell, ...] = ()
    nothing: tuple[Cell, ...] = ()
    figures: Strength | None = None

    @property
    def evidence(self) -> list[Evidence]:
        """The figures as evidence that describes."""
        return described(Axis.HEADS, self.figures)


def measure_attention(
    pair: Pair, belong: Sequence[Cell], rows: SharedRows | None, rotation: F32 | None, *, plainly: bool = False
) -> AttentionOutcome:
    """Strength of the attention of layer pairs that belong together, beside what an aligner reaches on such that do not.

    rows: shared embedding rows. rotation: that of gauge fixing, where it decided. Reads within the pair's allowance; where
    heads or norms are not known, there are too few layers or the budget does not pay, nothing is measured.
    plainly: whether it is enough to see that no layer's attention is an independent's: the ceiling is then measured only where
    one may be; wide models are not read for it. Where a side holds zeros (LEAST_ZEROS), attention is measured and decides
    nothing (decision 0117); the same where what is a query was chosen by what agrees, which leaves an aligner a free matrix a
    head (decision 0119).
    """
    rules = norm_rule(pair.subject), norm_rule(pair.candidate)
    if rules[0] is None or rules[1] is None or not pair.plan.reads_whole:
        return AttentionOutcome()
    sides = Side(pair.subject, rules[0]), Side(pair.candidate, rules[1])
    known = [
        c
        for c in completed(belong, pair.subject.layers, pair.candidate.layers)
        if all(heads_cost(side, layer) for side, layer in zip(sides, c, strict=True))
    ]
    width = max(pair.subject.width, pair.candidate.width)
    if plainly and width > WIDE:
        return AttentionOutcome()
    cells = [known[i] for i in evenly(len(known), MOST_LAYERS if width <= WIDE else MOST_LAYERS_WIDE)]
    costs = [sum(heads_cost(side, cell[k]) for cell in cells) for k, side in enumerate(sides)]
    if len(cells) < LEAST_LAYERS or not pair.allowance.allows(costs[0], costs[1], BUDGET):
        return AttentionOutcome()
    try:
        seen = hashlib.sha256()
        with np.errstate(all="ignore"):  # values at the end of the range
            both = [[_products(side, cell[k], seen) for cell in cells] for k, side in enumerate(sides)]
            read = [[products for products, _ in side] for side in both]
            draw = generator("comparison/attention/sample", seen.hexdigest())
            found = _measured(read[0], read[1], cells, starting_rotations(pair, sides, rows), rotation, plainly, draw)
            zeros = any(float(np.mean([share for _, share in side])) >= LEAST_ZEROS for side in both)
            return replace(found, holds=False, shared=()) if zeros or pair.attention_chosen else found
    except IncomparableError:
        return AttentionOutcome()


def _products(side: Side, layer: int, seen: Seen) -> tuple[HeadProducts, float]:
    """Products of the heads of a layer, and the share of zeros in what they are made of.

    Raises: IncomparableError where the heads of the layer cannot be told apart.
    """
    heads = read_heads(side, layer, seen)
    if heads is None:
        raise incomparable(message("unfit.heads"))
    made = head_products(heads.q, heads.shared(heads.k), heads.shared(heads.v), heads.o, rotary=heads.rotary)
    shares = [zero_share(part.reshape(-1, part.shape[-1])) for part in (heads.q, heads.k, heads.v, heads.o)]
    return made, float(np.mean(shares))


def _measured(
    a: list[HeadProducts], b: list[HeadProducts], cells: Sequence[Cell], starts: Sequence[F32], rotation: F32 | None,
    plainly: bool, draw: np.random.Generator,
) -> AttentionOutcome:  # fmt: skip
    """s in place, under the rotation of gauge fixing and after the aligner; c on layers that do not belong together.

    draw: names heads and channels; it follows from every value that was read, so nobody can arrange a file for them (decision
    0015). Heads that are all zero are in no ceiling, and in place they count as 0.
    """
    equal = a[0].width == b[0].width
    near = [] if rotation is None else [rotation]
    near += [np.eye(a[0].width, dtype=np.float32)] if equal else []
    if not near:
        return AttentionOutcome()
    chosen = np.sort(draw.permutation(b[0].width)[:MOST_CHANNELS])
    sampled = len(chosen) < b[0].width
    if sampled:
        b = [y.on_channels(chosen) for y in b]
        starts, near = ([np.ascontiguousarray(s[:, chosen]) for s in some] for some in (starts, near))
    placed = _placed(a, b, near[-1]) if equal else []
    a = [x.take(_drawn(x, MOST_HEADS, draw)) for x in a]
    b = [y.take(_drawn(y, MOST_PARTNERS, draw)) for y in b]
    own = [(k, (x, y)) for k, (x, y) in enumerate(zip(a, b, strict=True)) if x.heads and y.heads]
    seen = [placed, *(_spread([under(x, y, r) for _, (x, y) in own], own, len(cells)) for r in near)]
    found = plain = max(seen, key=lambda values: float(np.mean(values)) if values else -1.0)
    if plainly and min(plain) >= SURELY_SOMETHING:
        return AttentionOutcome()
    rng = generator("comparison/attention")
    starts = [*starts, *(isometry(rng.standard_normal(starts[0].shape)) for _ in range(RANDOM_STARTS))]
    maps = _maps(a, b, len(cells))
    if not maps:
        return AttentionOutcome()
    scatter = draw.spawn(1)[0]
    a = [*a, *(scattered_heads(x, scatter) for x in a)]
    by_map = [_best([(a[i], b[j]) for i, j in cells_of], starts) for cells_of in maps]
    ceiling = max(by_map)
    if rotation is not None and np.mean(plain) < FACTOR * ceiling and max(plain) >= NOTHING * ceiling:
        best = max((align_heads([two for _, two in own], r) for r in near), key=lambda one: one.pooled)
        found = _spread(best.by_layer, own, len(cells))

    def lone(place: int) -> tuple[float, float]:
        """What an aligner for one layer alone reaches on it: the largest over pairs of it with layers it does not belong to, and
        beside its partner with its heads scattered."""
        apart = [cell for cells_of in maps[:-1] for cell in cells_of if place in cell]
        scattered = [cell for cell in maps[-1] if place == cell[1]]
        more = [*starts, *(isometry(rng.standard_normal(starts[0].shape)) for _ in range(SCATTERED_STARTS))]
        both = (apart, starts), (scattered, more)
        each = [max((_best([(a[i], b[j])], begin) for i, j in some), default=1.0) for some, begin in both]
        return each[0], each[1]

    ratio = min(_share(found, cells_of) / max(c, 1e-9) for cells_of, c in zip(maps, by_map, strict=True))
    return _judged(found, plain, ceiling, ratio, cells, sampled, lone)


def _drawn(layer: HeadProducts, most: int, draw: np.random.Generator) -> NDArray[np.intp]:
    """So many of the heads of which both products are there."""
    usable = np.flatnonzero((layer.lengths[0] > LEAST_LENGTH) & (layer.lengths[1] > LEAST_LENGTH))
    return np.sort(draw.permutation(usable)[:most]) if len(usable) > most else usable


def _spread(values: Sequence[float], own: Sequence[tuple[int, object]], count: int) -> list[float]:
    """Values of some layer pairs as those of all; 0 for the others."""
    out = [0.0] * count
    for value, (k, _) in zip(values, own, strict=True):
        out[k] = value
    return out


def _maps(a: Sequence[HeadProducts], b: Sequence[HeadProducts], count: int) -> list[list[Cell]]:
    """Maps of layers that do not belong together and have heads on both sides; last, layers whose heads are scattered beside
    their partners (decision 0131): their numbers follow those of A's layers."""
    maps = mismatched_maps([(k, k) for k in range(count)])
    kept = [own for cells in maps if (own := [(i, j) for i, j in cells if a[i].heads and b[j].heads])]
    return [*kept, [(count + k, k) for k in range(count) if a[k].heads and b[k].heads]] if kept else []


def _share(found: Sequence[float], cells: Sequence[Cell]) -> float:
    """s of the layers that a map holds: of A's or of B's, whichever is less."""
    return min(float(np.mean([found[c[k] % len(found)] for c in cells])) for k in range(2))


def _placed(a: Sequence[HeadProducts], b: Sequence[HeadProducts], identity: F32) -> list[float]:
    """Likeness of heads at equal places, on the channels of B that are looked at."""
    return [in_place(x.turned(identity), y) for x, y in zip(a, b, strict=True)]


def _best(pairs: Sequence[tuple[HeadProducts, HeadProducts]], starts: Sequence[F32]) -> float:
    return max(align_heads(pairs, start).pooled for start in starts)


def _judged(
    found: Sequence[float], plain: Sequence[float], ceiling: float, ratio: float, cells: Sequence[Cell], sampled: bool,
    lone: Callable[[int], tuple[float, float]],
) -> AttentionOutcome:  # fmt: skip
    """The frozen rule. found: s by layer pair; plain: the same before a search for the best rotation; ratio: smallest s / c.

    A single layer has to exceed other layers by LONE_FACTOR, and itself with its heads scattered, which are of its kind, by FACTOR.
    """
    values = np.array(found)
    enough = (values >= ceiling).sum() >= LEAST_SHARE * len(cells)
    holds = float(values.mean()) >= FACTOR * ceiling and ratio >= FACTOR and bool(enough)
    alone = {} if holds else {k: lone(k) for k, v in enumerate(found) if v >= LONE_FACTOR * ceiling}
    shared = tuple(cells[k] for k, (apart, own) in alone.items() if found[k] >= max(LONE_FACTOR * apart, FACTOR * own))
    nothing = tuple(c for c, v in zip(cells, plain, strict=True) if v < NOTHING * ceiling and c not in shared)
    figures = Strength(
        round(float(values.mean()), 4), round(ceiling, 4), round(float(values.mean()) / max(ceiling, 1e-9), 3),
        tuple(round(float(v), 4) for v in found), tuple(round(max(alone.get(k, (ceiling,))), 4) for k in range(len(cells))),
        tuple(cells), "heads", sampled, FACTOR,
    )  # fmt: skip
    return AttentionOutcome(holds, tuple(cells) if holds else shared, nothing, figures)
