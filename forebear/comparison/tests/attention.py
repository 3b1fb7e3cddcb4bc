"""Strength of attention: do heads agree more closely than an aligned independent's would? (METHODS §17, decision 0016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forebear.comparison.findings.evidence import Axis, Evidence, Strength
from forebear.comparison.findings.parts import Cell
from forebear.comparison.gauge.attention import heads_cost, read_heads
from forebear.comparison.gauge.folded import Side
from forebear.comparison.gauge.norms import norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.strength import completed, starting_rotations
from forebear.comparison.tests.strength_outcome import ASSUMPTION
from forebear.comparison.tests.vocabulary import SharedRows
from forebear.core.errors import IncomparableError
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
    SURELY_SOMETHING,
    WIDE,
)
from forebear.stats.ceiling import mismatched_maps
from forebear.stats.gauge import isometry
from forebear.stats.strength_thresholds import LEAST_LAYERS as LEAST_SHARE

BUDGET = message("budget.attention")
ATTENTION = "attention"


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
        if self.figures is None:
            return []
        return [
            Evidence(
                test="strength", axis=Axis.HEADS, kind="described", private=True, assumption=ASSUMPTION,
                figures=self.figures,
            )
        ]  # fmt: skip


def measure_attention(
    pair: Pair, belong: Sequence[Cell], rows: SharedRows | None, rotation: F32 | None, *, plainly: bool = False
) -> AttentionOutcome:
    """Strength of the attention of layer pairs that belong together, beside what an aligner reaches on such that do not.

    rows: shared embedding rows. rotation: that of gauge fixing, where it decided. Reads within the pair's allowance; where
    heads or norms are not known, there are too few layers or the budget does not pay, nothing is measured.
    plainly: whether it is enough to see that no layer's attention is an independent's: the ceiling is then measured only where
    one may be; wide models are not read for it.
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
        read = [[_products(side, cell[k]) for cell in cells] for k, side in enumerate(sides)]
        return _measured(read[0], read[1], cells, starting_rotations(pair, sides, rows), rotation, plainly)
    except IncomparableError:
        return AttentionOutcome()


def _products(side: Side, layer: int) -> HeadProducts:
    """Raises: IncomparableError where the heads of the layer cannot be told apart."""
    heads = read_heads(side, layer)
    if heads is None:
        raise IncomparableError("the sizes of the heads are not known")
    return head_products(heads.q, heads.shared(heads.k), heads.shared(heads.v), heads.o, rotary=heads.rotary)


def _measured(
    a: list[HeadProducts], b: list[HeadProducts], cells: Sequence[Cell], starts: Sequence[F32], rotation: F32 | None,
    plainly: bool,
) -> AttentionOutcome:  # fmt: skip
    """s in place, under the rotation of gauge fixing and after the aligner; c on layers that do not belong together."""
    equal = a[0].width == b[0].width
    near = [] if rotation is None else [rotation]
    near += [np.eye(a[0].width, dtype=np.float32)] if equal else []
    if not near:
        return AttentionOutcome()
    chosen = evenly(b[0].width, MOST_CHANNELS)
    sampled = len(chosen) < b[0].width
    if sampled:
        b = [y.on_channels(chosen) for y in b]
        starts, near = ([np.ascontiguousarray(s[:, chosen]) for s in some] for some in (starts, near))
    placed = _placed(a, b, near[-1]) if equal else []
    a = [x.take(evenly(x.heads, MOST_HEADS)) for x in a]
    b = [y if y.heads <= MOST_PARTNERS else y.take(evenly(y.heads, MOST_HEADS)) for y in b]
    own = list(zip(a, b, strict=True))
    seen = [placed, *([under(x, y, r) for x, y in own] for r in near)]
    found = plain = max(seen, key=lambda values: float(np.mean(values)) if values else -1.0)
    if plainly and min(plain) >= SURELY_SOMETHING:
        return AttentionOutcome()
    rng = generator("comparison/attention")
    starts = [*starts, *(isometry(rng.standard_normal(starts[0].shape)) for _ in range(RANDOM_STARTS))]
    maps = mismatched_maps([(k, k) for k in range(len(cells))])
    ceiling = max(_best([(a[i], b[j]) for i, j in cells_of], starts) for cells_of in maps)
    if rotation is not None and np.mean(plain) < FACTOR * ceiling and max(plain) >= NOTHING * ceiling:
        found = list(max((align_heads(own, r) for r in near), key=lambda one: one.pooled).by_layer)

    def lone() -> float:
        """What an aligner for one layer alone reaches: the largest over one pair of each map."""
        one = [cells_of[len(cells_of) // 2] for cells_of in maps]
        return max(_best([(a[i], b[j])], starts) for i, j in one)

    return _judged(found, plain, ceiling, cells, sampled, lone)


def _placed(a: Sequence[HeadProducts], b: Sequence[HeadProducts], identity: F32) -> list[float]:
    """Likeness of heads at equal places, on the channels of B that are looked at."""
    return [in_place(x.turned(identity), y) for x, y in zip(a, b, strict=True)]


def _best(pairs: Sequence[tuple[HeadProducts, HeadProducts]], starts: Sequence[F32]) -> float:
    return max(align_heads(pairs, start).pooled for start in starts)


def _judged(
    found: Sequence[float], plain: Sequence[float], ceiling: float, cells: Sequence[Cell], sampled: bool,
    lone: Callable[[], float],
) -> AttentionOutcome:  # fmt: skip
    """The frozen rule. found: s by layer pair; plain: the same before any search for the best rotation."""
    values = np.array(found)
    holds = float(values.mean()) >= FACTOR * ceiling and (values >= ceiling).sum() >= LEAST_SHARE * len(cells)
    single = None if holds or float(values.max()) < LONE_FACTOR * ceiling else lone()
    shared = () if single is None else tuple(c for c, v in zip(cells, found, strict=True) if v >= LONE_FACTOR * single)
    nothing = tuple(c for c, v in zip(cells, plain, strict=True) if v < NOTHING * ceiling and c not in shared)
    own = ceiling if single is None else single
    figures = Strength(
        round(float(values.mean()), 4), round(ceiling, 4), round(float(values.mean()) / max(ceiling, 1e-9), 3),
        tuple(round(float(v), 4) for v in found), (round(own, 4),) * len(cells), tuple(cells), "heads", sampled, FACTOR,
    )  # fmt: skip
    return AttentionOutcome(holds, tuple(cells) if holds else shared, nothing, figures)
