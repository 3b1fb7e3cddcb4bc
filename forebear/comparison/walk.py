"""The walk through one pair: equality, layers, channels, private axes, audit, shared start, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from forebear.comparison.audit import Audit, audit_channels, audit_private, audit_table
from forebear.comparison.findings.axes import NEURONS, VALUES
from forebear.comparison.findings.effects import effects_of, whole_change
from forebear.comparison.findings.evidence import Axis, Deck, Evidence
from forebear.comparison.findings.outcomes import AxisOutcome, GaugeOutcome
from forebear.comparison.findings.parts import Component
from forebear.comparison.findings.surveyed import Surveyed
from forebear.comparison.findings.tensors import survey, tensor_rows
from forebear.comparison.findings.verdict import (
    UNSETTLED,
    Verdict,
    by_equal_tensors,
    corrected,
    findings_among,
    in_place,
    judge,
    of_packages,
    settled,
    speaks_for_layers,
)
from forebear.comparison.findings.weights import weights_of
from forebear.comparison.findings.words import add_paths, alignment_words, as_told, component_words
from forebear.comparison.reading.layers import LayerMap, find_layers
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.planning import plan_reads
from forebear.comparison.reading.shelf import Shelf
from forebear.comparison.reading.vocabulary import SharedRows, shared_rows
from forebear.comparison.tests.channels import channel_columns, compare_channels
from forebear.comparison.tests.equality import Equality, find_equality
from forebear.comparison.tests.private import compare_private
from forebear.comparison.tests.registry import Added, added
from forebear.comparison.tests.shared import ask_shared_start
from forebear.core.limits import GAUGE_BUDGET_BYTES
from forebear.core.messages import Message, message
from forebear.core.progress import tell
from forebear.core.threads import use_all_cores

if TYPE_CHECKING:
    from forebear.comparison.tests.everypair import EveryPair
    from forebear.comparison.tests.strength_outcome import StrengthOutcome


WIDE = 512
"""Residual width from which matrices are large enough to gain from more than one core."""


STRENGTH_SHARE = 4
"""One part in this many of a stated budget is kept for what strength reads, the last of all tests."""


@dataclass
class Walk:
    """Everything one pair gave, ready for its document."""

    verdict: Verdict
    evidence: list[Evidence] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    alignment: dict[str, Any] = field(default_factory=dict)
    audit: list[dict[str, Any]] = field(default_factory=list)
    digests: tuple[str | None, str | None] = (None, None)
    tensors: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, Any] = field(default_factory=dict)
    whole: float = 0.0


def walk(pair: Pair, *, full: bool, budget_stated: bool) -> Walk:
    """Compare one open pair (METHODS §3, §5-8, §11); where its tests settle nothing, look for tensors that are equal."""
    _note_packages(pair, full=full)
    walked = _walk(pair, full=full, budget_stated=budget_stated)
    if walked.verdict.relation not in UNSETTLED:
        return walked
    from forebear.comparison.tests.equal_tensors import equal_words, find_equal_tensors

    equal = find_equal_tensors(pair, budget_stated=budget_stated)
    walked.alignment.setdefault("words", [])
    walked.alignment["words"] = [*walked.alignment["words"], *equal.words()]
    if equal.found:
        walked.alignment["equal_tensors"] = [tensor.document() for tensor in equal.found]
    if equal.decides:
        walked.verdict = by_equal_tensors(walked.verdict, equal_words(pair, equal))
    return walked


def _note_packages(pair: Pair, *, full: bool) -> None:
    """Whose tests run beside forebear's, and whose cannot."""
    found = added() if full else Added({})
    for test, plugin in found.tests.values():
        pair.note(message("limit.test_added", test=test.name, package=plugin.distribution))
    for said in found.broken:
        pair.note(said)


def _walk(pair: Pair, *, full: bool, budget_stated: bool) -> Walk:
    pair.plan = plan_reads(pair)
    equality = find_equality(pair, full=full, budget_stated=budget_stated)
    if equality.whole and not budget_stated:
        pair.allowance.restart()
    if budget_stated:
        pair.plan.keep(pair, STRENGTH_SHARE)
    if pair.subject.definition is None or pair.candidate.definition is None:
        return _unnamed(pair, equality)
    _spread(pair)
    rows, layers, audit = shared_rows(pair), find_layers(pair), Audit()
    columns = channel_columns(pair, rows)
    audit_channels(pair, columns, rows, audit)
    channels = compare_channels(pair, rows, columns, drop_first=audit.drop_first_channel, full=full)
    audit_table(rows, channels.evidence, audit)
    private = {plan.axis: compare_private(pair, layers, plan, full=full) for plan in (NEURONS, VALUES)}
    evidence = [*channels.evidence, *_private(private, layers, audit)]
    everywhere = None if layers.found else _every_pair(pair)
    if everywhere is not None:
        evidence.append(everywhere.evidence)
    evidence = [audit.judged(e) for e in evidence]
    closeness, shelf = _closeness(private[NEURONS.axis][0]), private[NEURONS.axis][1]
    start = ask_shared_start(pair, layers, rows, closeness, shelf) if findings_among(evidence) else None
    evidence += start.evidence if start is not None else []
    astray = start is not None and not start.shared_training and not in_place(evidence)
    gauge = None
    if evidence and not equality.identical and (astray or not settled(evidence)):
        gauge = _gauge(pair, layers, rows, full=full, budget_stated=budget_stated)
        if astray and gauge.decided:  # gains were compared channel by channel although channels are not in their places
            evidence = [replace(e, displaced=True) for e in evidence]
        evidence += [audit.judged(e) for e in gauge.evidence]
        start = gauge.start or start  # raw gains say nothing where they were replaced
    neurons, values = private[NEURONS.axis][0], private[VALUES.axis][0]
    strong = None if equality.identical else _strength(pair, layers, rows, evidence, gauge, budget_stated)
    parts = [] if equality.identical else _branches(pair, layers, rows, evidence, gauge, strong)
    sure = strong is not None and strong.holds
    parts = _components(pair, rows, evidence, gauge, audit, full=full, whole=equality.identical, strong=sure) + parts
    looked = survey(pair, layers)
    parts += _head(pair, rows, looked, parts, gauge, strong=sure)
    verdict = judge(
        evidence,
        identical=equality.identical,
        shared_start=start.words if start is not None and start.only_start else None,
        training=start.words if start is not None and not start.only_start else None,
        training_shared=start is not None and start.shared_training,
        power=lambda: _power(pair, channels, neurons, values, layers, gauge),
        withheld=[reason for reasons in audit.withheld.values() for reason in reasons],
        components=parts,
        strength=strong,
        unread=pair.allowance.refused,
        undecoded=pair.undecoded,
        unsettled=pair.unsettled,
    )
    alignment = _alignment(pair, rows, layers, neurons, values, everywhere, equality, gauge)
    if evidence and not equality.identical:
        add_paths(alignment, gauge, lambda: _power(pair, channels, neurons, values, layers, None))
    alignment |= component_words(alignment["words"], as_told(parts, close=strong is None or strong.holds))
    shown, curves, whole = tensor_rows(pair, looked), weights_of(looked), whole_change(looked)
    evidence = _and_further(pair, layers, evidence, full=full)
    return Walk(verdict, evidence, effects_of(looked), alignment, audit.entries, equality.digests, shown, curves, whole)


def _spread(pair: Pair) -> None:
    """Let the work on wide models use every core."""
    if max(pair.subject.width, pair.candidate.width) >= WIDE:
        use_all_cores()


def _private(private: Mapping[Axis, tuple[AxisOutcome, Shelf]], layers: LayerMap, audit: Audit) -> list[Evidence]:
    """Evidence of neurons and value dimensions, whose units the index audit looks at too."""
    tell(40, 100, "units of layers")
    evidence: list[Evidence] = []
    for plan in (NEURONS, VALUES):
        outcome, shelf = private[plan.axis]
        evidence += outcome.evidence
        audit_private(plan, shelf, layers.pairs, audit)
    return evidence


def _components(
    pair: Pair,
    rows: SharedRows | None,
    evidence: list[Evidence],
    gauge: GaugeOutcome | None,
    audit: Audit,
    *,
    full: bool,
    whole: bool,
    strong: bool,
) -> list[Component]:
    """What each part of the model shows; tests of the head and of further towers are added to the evidence, so all pay for all."""
    tell(85, 100, "parts of the model")
    if whole:
        return []
    from forebear.comparison.tests.components import Embedding, components_of, head_evidence, stack_evidence

    turned = gauge is not None and gauge.rotation is not None  # then the head is compared in the candidate's coordinates
    more = [] if turned or (strong and settled(evidence)) else head_evidence(pair, rows)
    several = len(set(pair.subject.stacks) & set(pair.candidate.stacks)) > 1
    if several and not pair.plan.leaves_out(pair, message("limit.towers_remote")):
        more += stack_evidence(pair, audit, full=full)
    evidence += [audit.judged(e) for e in more]
    return components_of(evidence, Embedding(rows, gauge.embedding if gauge is not None else "", strong))


def _head(
    pair: Pair, rows: SharedRows | None, looked: list[Surveyed], parts: list[Component], gauge: GaugeOutcome | None, *,
    strong: bool,
) -> list[Component]:  # fmt: skip
    """The LM head where no test of its own was made: in the candidate's coordinates where the pair was turned, else in place."""
    tell(93, 100, "the LM head")
    from forebear.comparison.tests.components import head_after, head_seen

    if gauge is None or gauge.rotation is None:
        return head_seen(looked, parts, strong=strong)
    return [] if any(c.name == "head" for c in parts) else head_after(pair, rows, gauge.rotation, strong=strong)


def _and_further(pair: Pair, layers: LayerMap, evidence: list[Evidence], *, full: bool) -> list[Evidence]:
    """Evidence with its corrected p, and that of axes that decide nothing, read after the verdict was given (decision 0021)."""
    tell(95, 100, "further axes")
    from forebear.comparison.tests.further import further_axes  # as above

    return of_packages([*corrected(evidence), *further_axes(pair, layers, full=full)])


def _every_pair(pair: Pair) -> EveryPair | None:
    tell(45, 100, "every pair of layers")
    from forebear.comparison.tests.everypair import every_pair  # only a pair without a layer map waits for it

    return every_pair(pair, NEURONS)


def _closeness(neurons: AxisOutcome) -> float | None:
    """Median cosine in place over layers, None where no neuron was read."""
    return next((e.figures.median_cosine for e in neurons.evidence if isinstance(e.figures, Deck)), None)


def _power(
    pair: Pair,
    channels: AxisOutcome,
    neurons: AxisOutcome,
    values: AxisOutcome,
    layers: LayerMap,
    gauge: GaugeOutcome | None,
) -> list[Message]:
    # only a verdict of no evidence needs it, and its normal quantiles load a library of fractions
    from forebear.comparison.findings.power import power_words

    return power_words(pair, channels, neurons, values, layers, gauge.power if gauge is not None else ())


def _gauge(pair: Pair, layers: LayerMap, rows: SharedRows | None, *, full: bool, budget_stated: bool) -> GaugeOutcome:
    """Gauge fixing, for a pair whose raw coordinates did not settle it; without a stated budget it has one of its own."""
    tell(50, 100, "other coordinates")
    if not pair.plan.pays_for_gauge(pair):
        why = message("gauge.remote")
        pair.note(message("limit.gauge", why=why))
        return GaugeOutcome(False, why)
    from forebear.comparison.gauge.run import gauge_pair  # only a pair that needs it waits for it

    if not budget_stated:
        pair.plan.second_budget(pair, GAUGE_BUDGET_BYTES)
    outcome = gauge_pair(pair, layers, rows, full=full)
    if not outcome.ran:
        pair.note(message("limit.gauge", why=outcome.why))
    for said in outcome.limits:
        pair.note(said)
    return outcome


def _strength(
    pair: Pair,
    layers: LayerMap,
    rows: SharedRows | None,
    evidence: list[Evidence],
    gauge: GaugeOutcome | None,
    budget_stated: bool,
) -> StrengthOutcome | None:
    """Whether the layers agree more closely than an aligned independent would; None where nothing of them is found to agree.

    Its figures are added to the evidence.
    """
    tell(75, 100, "how closely they agree")
    pair.allowance.kept = 0
    if not _layers_speak(evidence):
        return None
    from forebear.comparison.tests.strength import measure_strength  # only a pair that agrees waits for it

    if not budget_stated:
        pair.plan.second_budget(pair, GAUGE_BUDGET_BYTES)
    used = layers if gauge is None or gauge.layers is None else gauge.layers
    rotation = gauge.rotation if gauge is not None else None
    found = measure_strength(pair, used.pairs, rows, rotation)
    evidence += found.evidence
    return found


def _layers_speak(evidence: list[Evidence]) -> bool:
    """Whether anything of the main tower's layers is found to agree."""
    return speaks_for_layers(evidence) or any(e.private and not e.component for e in findings_among(evidence))


def _branches(
    pair: Pair,
    layers: LayerMap,
    rows: SharedRows | None,
    evidence: list[Evidence],
    gauge: GaugeOutcome | None,
    strong: StrengthOutcome | None,
) -> list[Component]:
    """MLPs and attention of the main tower, each beside its own ceiling; the figures of attention are added to the evidence."""
    if strong is None:
        return []
    from forebear.comparison.tests.branches import branches_of  # as above

    used = layers if gauge is None or gauge.layers is None else gauge.layers
    rotation = gauge.rotation if gauge is not None else None
    found = branches_of(pair, used.pairs, rows, rotation, evidence, strong)
    evidence += found.evidence
    return found.components


def _add_gauge(alignment: dict[str, Any], gauge: GaugeOutcome | None) -> None:
    """What gauge fixing found stands beside the raw alignment; its layer map replaces the raw one where it decided."""
    if gauge is None:
        return
    alignment["gauge"] = {"ran": gauge.ran, "why": gauge.why, "decided": gauge.decided, **gauge.document}
    alignment["words"] += gauge.words
    if gauge.layers is not None:
        alignment["layers"] |= {
            "pairs": [list(p) for p in gauge.layers.pairs],
            "found": True,
            "how": message("layers.how_views" if gauge.layers.found else "layers.how_plain_views"),
            "similarity": [[round(float(v), 4) for v in line] for line in gauge.layers.similarity],
            "largest": gauge.layers.largest,
            "threshold": round(gauge.layers.threshold, 4),
            "repeats": {str(k): v for k, v in gauge.layers.repeats.items()},
        }


def _unnamed(pair: Pair, equality: Equality) -> Walk:
    """A pair of which a side has no known architecture: equality is all that can be shown."""
    for side, checkpoint in (("subject", pair.subject), ("candidate", pair.candidate)):
        if checkpoint.definition is None:
            pair.note(message("limit.architecture", side=message(f"term.{side}")))
    reasons = [message("audit.no_architecture")]
    verdict = judge(
        [],
        identical=equality.identical,
        shared_start=None,
        training=None,
        training_shared=False,
        power=list,
        withheld=reasons,
        undecoded=pair.undecoded,
    )
    return Walk(verdict, alignment={"words": equality.words()}, digests=equality.digests)


def _alignment(
    pair: Pair, rows: SharedRows | None, layers: LayerMap, neurons: AxisOutcome, values: AxisOutcome,
    everywhere: EveryPair | None, equality: Equality, gauge: GaugeOutcome | None,
) -> dict[str, Any]:  # fmt: skip
    document: dict[str, Any] = {
        "layers": {
            "pairs": [list(p) for p in layers.pairs],
            "found": layers.found,
            "how": message("layers.how_rows" if layers.found else "layers.how_plain"),
            "similarity": [[round(float(v), 4) for v in line] for line in layers.similarity],
            "largest": layers.largest,
            "threshold": round(layers.threshold, 4),
            "repeats": {str(k): v for k, v in layers.repeats.items()},
        },
        "tokens": None
        if rows is None
        else {
            "paired_by": rows.how,
            "shared": rows.shared,
            "read": len(rows.a),
            "only_subject": rows.only_subject,
            "only_candidate": rows.only_candidate,
        },
        "neurons": neurons.layers,
        "values": values.layers,
        "words": [*alignment_words(pair, rows, layers, neurons, values), *equality.words()],
    }
    if everywhere is not None:
        document["all_pairs"] = everywhere.document("neurons")
    if rows is not None and rows.how == "bytes":
        from forebear.comparison.tests.fates import tell_fates  # equal vocabularies have no rows to tell of

        tell_fates(document, pair, rows)
    _add_gauge(document, gauge)
    return document
