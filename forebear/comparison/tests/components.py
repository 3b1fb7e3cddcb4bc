"""Components of a pair, each with its own evidence: embedding, layers, head, further towers where there are any (METHODS §11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log10
from typing import NamedTuple

import numpy as np

from forebear.comparison.audit import Audit, audit_private
from forebear.comparison.findings.axes import NEURONS, VALUES, AxisPlan
from forebear.comparison.findings.evidence import Axis, Deck, Evidence
from forebear.comparison.findings.parts import Component, State
from forebear.comparison.findings.surveyed import Surveyed
from forebear.comparison.findings.verdict import (
    could_decide,
    findings_among,
    of_component,
    two_symmetries,
)
from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.folded import centred
from forebear.comparison.reading.layers import find_layers
from forebear.comparison.reading.norms import gain, norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.channels import channel_columns, compare_channels
from forebear.comparison.tests.head_rows import head_rows
from forebear.comparison.tests.private import compare_private
from forebear.comparison.thresholds import (
    COPIED_ROWS,
    NOTHING_LOG10_P,
    ROWS_LEFT,
    SEEN_COSINE,
    TOWER_COSINE,
    UNSEEN_COSINE,
)
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32
from forebear.stats.effect import row_cosines
from forebear.stats.median import median

HEAD = "head"
HEAD_BUDGET = message("budget.head")
GAUGE_STATES: Mapping[str, State] = {"carried": "shared", "left": "not-found", "rotated": "rotated"}


def head_evidence(pair: Pair, rows: SharedRows | None) -> list[Evidence]:
    """Deck and sign of the head's channels over shared tokens: what a copied head shows where nothing else is shared.

    Tied models have no head of their own. Exact, like the channels of an embedding (METHODS §3, §5).
    """
    pieces = pair.both(HEAD, None, None)
    if rows is None or pieces is None or any(not p.has("token") or not p.has("channel") for p in pieces):
        return []
    inside = (rows.ids_a < pieces[0].shape[0]) & (rows.ids_b < pieces[1].shape[0])
    ids = rows.ids_a[inside], rows.ids_b[inside]
    costs = [
        len(i) * row_bytes(side, p.tensor)
        for i, side, p in zip(ids, (pair.subject, pair.candidate), pieces, strict=True)
    ]
    if len(ids[0]) < 2 or not pair.allowance.allows(costs[0], costs[1], HEAD_BUDGET):
        return []
    a = pair.subject.container.take(pieces[0].tensor, ids[0])
    b = pair.candidate.container.take(pieces[1].tensor, ids[1])
    head = rows._replace(a=a, b=b, ids_a=ids[0], ids_b=ids[1], pieces=pieces)
    found = compare_channels(pair, head, channel_columns(pair, head), drop_first=False).evidence
    close = row_closeness(head)
    return [replace(e, component=HEAD, row_cosine=close) for e in found]


def stack_evidence(pair: Pair, audit: Audit, *, full: bool) -> list[Evidence]:
    """Neurons and value dimensions of every tower beside the main one that both sides have (vision, encoder)."""
    shared = [s for s in pair.subject.stacks if pair.candidate.stacks.get(s) and pair.subject.stacks[s]]
    return [e for stack in shared[1:] for e in _stack(pair, stack, audit, full)]


def _stack(pair: Pair, stack: str, audit: Audit, full: bool) -> list[Evidence]:
    seen = Pair(
        through(pair.subject, stack), through(pair.candidate, stack), pair.allowance, pair.folders, pair.looks_log10,
        pair.limits, pair.unsettled, pair.attention_chosen, pair.plan,
    )  # fmt: skip
    layers = find_layers(seen)
    found: list[Evidence] = []
    for plan in (NEURONS, VALUES):
        own = f"{stack}_{plan.atom}"
        atom = own if seen.subject.axis(own) is not None else plan.atom
        mine = AxisPlan(atom, plan.axis, plan.leading, plan.others, stack)
        outcome, shelf = compare_private(seen, layers, mine, full=full)
        audit_private(mine, shelf, layers.pairs, audit)
        found += [replace(e, component=stack) for e in outcome.evidence]
    return found


def through(checkpoint: Checkpoint, stack: str) -> Checkpoint:
    """The same checkpoint with another of its towers as the main one."""
    layout, definition = checkpoint.layout, checkpoint.definition
    assert layout is not None
    assert definition is not None
    seen = definition._replace(
        stacks={stack: definition.stacks[stack], **definition.stacks}
    )  # the first is the main one
    return replace(checkpoint, definition=seen, layout=replace(layout, definition=seen))


def row_closeness(rows: SharedRows) -> float:
    """Median cosine of rows of shared tokens in place, each side without its mean row; 0 where none can be used."""
    width = min(rows.a.shape[1], rows.b.shape[1])
    cosines = row_cosines(_centred(rows.a[:, :width]), _centred(rows.b[:, :width]))
    known = cosines[np.isfinite(cosines)]
    return median(known) if len(known) else 0.0


def _centred(rows: Float32) -> Float32:
    with np.errstate(all="ignore"):
        out: Float32 = rows - rows.mean(axis=0, keepdims=True)
    return out


class Embedding(NamedTuple):
    """What is known of the embedding beside its channel tests.

    rows: shared rows in place, None without. gauge: "carried" when the rotation its rows gave aligned the layers, "left" when
    layers were aligned without it and its rows do not follow, "rotated" when its rows follow one rotation and nothing else does,
    "" when gauge fixing says nothing of it.
    """

    rows: SharedRows | None
    gauge: str = ""
    strong: bool = False
    """Whether the layers agree more closely than an aligned independent's: rows that are not equal count only beside these."""


def components_of(evidence: Sequence[Evidence], embedding: Embedding) -> list[Component]:
    """Every component that both sides have, with what its own tests say after multiplying by all tests looked at."""
    layers = _layers(evidence)
    found = [_embedding(evidence, embedding, layers), layers]
    names = list(dict.fromkeys(e.component for e in evidence if e.component is not None))
    for name in names:
        own = of_component(evidence, name)
        state = _by_rows(evidence, own) if name == HEAD else _by_tests(evidence, own)
        if name == HEAD and state == "not-found" and embedding.rows is not None and embedding.rows.how == "ids":
            state = "open"  # ids may have been reordered
        found.append(Component(name if name == HEAD else f"{name} layers", state, _least(own)))
    return [c for c in found if c.state != "not-tested"]


def _embedding(evidence: Sequence[Evidence], known: Embedding, layers: Component) -> Component:
    """Raw coordinates first; what gauge fixing says of the rows only where they show nothing."""
    own = [e for e in evidence if e.axis is Axis.CHANNELS and e.component is None and not e.gauge]
    state: State = "not-tested"
    close: float | None = None
    if known.rows is not None:
        close = row_closeness(known.rows)
        own = [replace(e, row_cosine=close) for e in own]
        state = _by_rows(evidence, own)
        if state == "not-found" and known.rows.how == "ids":  # rows paired by id find nothing where ids were reordered
            state = "open"
    if state == "alike" and layers.state == "shared" and known.strong:
        state = "shared"
    if state not in ("shared", "alike") and (known.strong or known.gauge != "carried"):
        state = GAUGE_STATES.get(known.gauge, state)
    return Component("embedding", state, _least(own), close)


def _layers(evidence: Sequence[Evidence]) -> Component:
    own = [e for e in evidence if e.private and not e.component]
    found = findings_among(evidence)
    if two_symmetries(found) or any(e.kind == "calibrated" for e in found):
        return Component("layers", "shared", _least(own))
    return Component("layers", _by_tests(evidence, own), _least(own))


def quiet(evidence: Sequence[Evidence], axis: Axis) -> bool:
    """Whether the exact tests of a private axis of the main tower show nothing, in raw coordinates."""
    own = [e for e in evidence if e.axis is axis and not e.component and not e.gauge and e.decides]
    return not _found_in(evidence, own) and (not own or _nothing(evidence, own) == "not-found")


def _found_in(evidence: Sequence[Evidence], own: Sequence[Evidence]) -> list[Evidence]:
    names = {e.name for e in own}
    return [e for e in findings_among(evidence) if e.name in names]


def _by_tests(evidence: Sequence[Evidence], own: Sequence[Evidence]) -> State:
    """A tower is shared when two symmetries say so and its neurons agree more closely than any aligner brings them; it was not
    found when no test of it shows anything."""
    found = _found_in(evidence, own)
    close = [e.figures.median_cosine or 0.0 for e in found if isinstance(e.figures, Deck)]
    if {"order", "sign"} <= {e.symmetry for e in found} and max(close, default=0.0) >= TOWER_COSINE:
        return "shared"
    return "open" if found else _nothing(evidence, own)


def _by_rows(evidence: Sequence[Evidence], own: Sequence[Evidence]) -> State:
    """Channels that agree are shared rows only where the rows are equal to within a cast: training on the other's vectors makes
    channels agree too, but leaves rows apart (toys: median cosine 0.05)."""
    if _found_in(evidence, own):
        return "shared" if (own[0].row_cosine or 0.0) >= COPIED_ROWS else "alike"
    return _nothing(evidence, own)


def _nothing(evidence: Sequence[Evidence], own: Sequence[Evidence]) -> State:
    deciding = [e for e in own if e.decides and e.log10_p is not None]
    if not any(could_decide(e, evidence) for e in deciding):
        return "open" if own else "not-tested"
    factor = log10(max(1, len(deciding)))
    quiet = all(e.log10_p is not None and e.log10_p + factor > NOTHING_LOG10_P for e in deciding)
    return "not-found" if quiet else "open"


def _least(own: Sequence[Evidence]) -> float | None:
    known = [e.log10_p for e in own if e.decides and e.log10_p is not None]
    return min(known, default=None)


def head_after(pair: Pair, rows: SharedRows | None, rotation: F32, *, strong: bool) -> list[Component]:
    """The head of a pair that was turned, in the coordinates that other parts gave: rows of shared tokens, final gains folded.

    strong: whether the layers agree more closely than an aligned independent's. Heads of independents share directions of their
    own (median cosines of 0.5 under a rotation made for other parts), so only rows equal to within a cast are shared.
    """
    rules, head = (norm_rule(pair.subject), norm_rule(pair.candidate)), pair.both(HEAD, None, None)
    found = [] if head is None or rows is None else head_rows(pair, head, rows)
    if rules[0] is None or rules[1] is None or not found or rows is None:
        return []
    folded = []
    for checkpoint, rule, table in zip((pair.subject, pair.candidate), rules, found[0], strict=True):
        assert rule is not None
        scale = gain(checkpoint, rule, "final", None)
        scaled = table if scale is None or len(scale) != table.shape[1] else table * scale
        folded.append(centred(scaled, rule.mean_subtracted))
    if (folded[0].shape[1], folded[1].shape[1]) != rotation.shape:
        return []
    cosines = row_cosines(folded[0] @ rotation, folded[1])
    close = median(cosines[np.isfinite(cosines)]) if np.isfinite(cosines).any() else 0.0
    state: State = "shared" if close >= COPIED_ROWS and strong else "open"
    if close <= ROWS_LEFT and rows.how != "ids":
        state = "not-found"
    return [Component(HEAD, state, row_cosine=close)]


def head_seen(surveyed: Sequence[Surveyed], components: Sequence[Component], *, strong: bool) -> list[Component]:
    """The head of a pair whose layers settled it, from the few rows looked at for effects; a figure that describes.

    strong: whether the layers agree more closely than an aligned independent's; else rows that agree are left open, for one
    rotation can be made to fit them. Rows of independents as they are agree by up to 0.35 (decision 0063), so what agrees little
    more is left open too.
    """
    states = {c.name: c.state for c in components}
    figures = [
        s.figures for s in surveyed if s.piece.part == HEAD and s.piece.kind == "matrix" and s.figures is not None
    ]
    if HEAD in states or states.get("layers") != "shared" or not figures:
        return []
    cosine = figures[0][0]
    agree: State = "shared" if strong and cosine >= SEEN_COSINE else "open"
    return [Component(HEAD, agree if cosine >= UNSEEN_COSINE else "unlike", row_cosine=cosine)]
