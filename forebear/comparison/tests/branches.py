"""MLPs and attention of the main tower as parts, each with its own figures (METHODS §11, §17, decision 0016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from forebear.comparison.findings.evidence import Axis, Deck, Evidence, Strength
from forebear.comparison.findings.parts import Cell, Component, State
from forebear.comparison.findings.verdict import findings_among
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.components import quiet
from forebear.comparison.tests.strength_outcome import StrengthOutcome
from forebear.comparison.thresholds import NOTHING_LOG10_P
from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32
from forebear.stats.attention_thresholds import CLOSE_VALUES
from forebear.stats.strength_thresholds import NOTHING as NO_NEURONS

if TYPE_CHECKING:
    from forebear.comparison.tests.attention import AttentionOutcome

MLP, EXPERTS, ATTENTION = "mlp", "experts", "attention"


class Branches(NamedTuple):
    """Parts of the layers, and the evidence that was added for them."""

    components: list[Component]
    evidence: list[Evidence]


def branches_of(
    pair: Pair, belong: Sequence[Cell], rows: SharedRows | None, rotation: F32 | None, evidence: Sequence[Evidence],
    strong: StrengthOutcome,
) -> Branches:  # fmt: skip
    """MLPs by their strength, attention by its own, where exact values in place do not already show that it is close.

    evidence: all tests so far. strong: strength of the MLPs.
    """
    if rotation is None and _order_alone(evidence, Axis.NEURONS):
        strong = strong._replace(holds=False, layers=())
    mlps = _mlps(pair, strong, quiet(evidence, Axis.NEURONS))
    nothing = quiet(evidence, Axis.VALUES)
    if strong.holds and rotation is None and _values_close(evidence):
        return Branches([*mlps, Component(ATTENTION, "shared")], [])
    from forebear.comparison.tests.attention import measure_attention  # values that are close spare it

    found = measure_attention(pair, belong, rows, rotation, plainly=strong.holds and not nothing)
    if rotation is None and _order_alone(evidence, Axis.VALUES):
        found = replace(found, holds=False, shared=())
    return Branches([*mlps, *_attention(found, nothing)], found.evidence)


def _order_alone(evidence: Sequence[Evidence], axis: Axis) -> bool:
    """Whether units agree in their order alone: their signs, which could be tested, show nothing or are withheld, as values of
    one sign are. One pruning mask does this.

    Of a pair as it lies; where gauge fixing found the units they were moved, and neither order nor sign is theirs any more.
    """
    found = [e for e in findings_among(evidence) if e.axis is axis and not e.component]
    signs = [e for e in evidence if e.axis is axis and not e.component and not e.gauge and e.symmetry == "sign"]
    known = [e.log10_p for e in signs if e.log10_p is not None and not e.withheld]
    in_order = bool(found) and not any(e.gauge or e.symmetry != "order" for e in found)
    nothing = min(known) > NOTHING_LOG10_P if known else any(e.withheld for e in signs)
    return in_order and nothing


def _values_close(evidence: Sequence[Evidence]) -> bool:
    decks = [e.figures for e in evidence if e.axis is Axis.VALUES and not e.component]
    return any((f.median_cosine or 0.0) >= CLOSE_VALUES for f in decks if isinstance(f, Deck))


def _mlps(pair: Pair, strong: StrengthOutcome, nothing: bool) -> list[Component]:
    """Neurons of the layers: named experts where a side has a mixture. nothing: whether their exact tests show nothing."""
    name = EXPERTS if _mixture(pair.subject) or _mixture(pair.candidate) else MLP
    known = strong.figures
    if known is None or known.ceiling is None:
        return [Component(name, "open" if nothing else "within-reach")]
    plain = strong.placed or known
    low = [c for c, s in zip(plain.layer_pairs, plain.by_layer, strict=True) if s < NO_NEURONS * known.ceiling]
    if nothing and len(low) == len(plain.layer_pairs) and not strong.layers and not strong.holds:
        known = plain._replace(ceiling=known.ceiling)
    return of_branch(name, known, strong.holds, strong.layers, low, quiet=nothing)


def _mixture(checkpoint: Checkpoint) -> bool:
    return any(checkpoint.piece("up", layer, 0) is not None for layer in range(checkpoint.layers))


def _attention(found: AttentionOutcome, nothing: bool) -> list[Component]:
    if found.figures is None:
        return [Component(ATTENTION, "open" if nothing else "within-reach")]
    return of_branch(ATTENTION, found.figures, found.holds, found.shared, found.nothing, quiet=nothing)


def of_branch(
    name: str, figures: Strength, holds: bool, shared: Sequence[Cell], nothing: Sequence[Cell], *, quiet: bool
) -> list[Component]:  # fmt: skip
    """A branch as one part, or as the layers that are shared, those that show nothing and those that are left open.

    nothing: layers no closer than those of independents that nobody aligned. quiet: whether the exact tests show nothing.
    """
    if holds:
        return [Component(name, "shared", value=figures.value, ceiling=figures.ceiling)]
    every = figures.layer_pairs
    if not shared:
        state: State = ("not-found" if len(nothing) == len(every) else "open") if quiet else "within-reach"
        return [Component(name, state, value=figures.value, ceiling=figures.ceiling)]
    low = [c for c in nothing if c not in shared]
    rest = [c for c in every if c not in shared and c not in low]
    groups: tuple[tuple[State, Sequence[Cell]], ...] = (("shared", shared), ("not-found", low), ("open", rest))
    return [_some(name, state, cells, figures) for state, cells in groups if cells]


def _some(name: str, state: State, cells: Sequence[Cell], figures: Strength) -> Component:
    places = [figures.layer_pairs.index(c) for c in cells]
    value = float(np.mean([figures.by_layer[k] for k in places]))
    ceiling = figures.ceiling_by_layer[places[0]] if state == "shared" else figures.ceiling
    return Component(name, state, value=value, ceiling=ceiling, layers=tuple(cells))
