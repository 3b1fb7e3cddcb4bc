"""From evidence to statements that a judge can repeat (METHODS §11). Relation only; direction is never guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log10
from typing import Any, NamedTuple, Protocol

from forebear.comparison.findings.evidence import Deck, Evidence, Sign, Start, Strength, Views
from forebear.comparison.findings.parts import BRANCHES, Component, bare_words, lacking, part_words, shared_alone
from forebear.comparison.thresholds import VERDICT_LOG10_LEVEL
from forebear.core.messages import Message, distinct, message

RELATIONS = (
    "identical",
    "related",
    "shared-start",
    "related-channels-only",
    "shares-components",
    "no-evidence",
    "cannot-tell",
)


class Verdict(NamedTuple):
    """Relation with its reason. `primary` is the evidence quoted, None where no test decided.

    words:           statements, one message each.
    reparameterised: the relation shows only after gauge fixing (METHODS §9).
    equality:        the relation rests on equal values alone.
    """

    relation: str
    words: tuple[Message, ...]
    primary: Evidence | None = None
    reparameterised: bool = False
    equality: bool = False

    def document(self) -> dict[str, Any]:
        """The verdict as it stands in a comparison document."""
        p = _p(self.primary) if self.primary else None
        equal = self.equality or self.relation == "identical"
        return {
            "relation": self.relation,
            "direction": "not-shown",
            "reparameterised": self.reparameterised,
            "kind": self.primary.kind if self.primary else ("exact" if equal else "described"),
            "log10_p": None if p is None else round(p, 3),
            "test": self.primary.name if self.primary else ("equality" if equal else None),
            "assumption": self.primary.assumption if self.primary else None,
            "words": list(self.words),
        }


def _p(e: Evidence) -> float | None:
    """log10 p after everything that was looked at."""
    return e.log10_p if e.corrected_log10_p is None else e.corrected_log10_p


def findings_among(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Evidence that decides and still passes the level after multiplying by the number of deciding tests."""
    deciding = [e for e in evidence if e.decides and e.log10_p is not None]
    factor = log10(max(1, len(deciding)))
    return [e for e in deciding if e.log10_p is not None and e.log10_p + factor <= VERDICT_LOG10_LEVEL]


def could_decide(e: Evidence, evidence: Sequence[Evidence]) -> bool:
    """Whether this test could have reached the level at all with the units it had (METHODS §3: fewer than 13 cannot)."""
    if e.attainable_log10_p is None:
        return True
    deciding = sum(1 for other in evidence if other.decides and other.log10_p is not None)
    return e.attainable_log10_p + log10(max(1, deciding)) <= VERDICT_LOG10_LEVEL


def corrected(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The same evidence, each deciding figure with its p after multiplying by the number of deciding tests."""
    deciding = sum(1 for e in evidence if e.decides and e.log10_p is not None)
    factor = log10(max(1, deciding))
    return [
        replace(e, corrected_log10_p=round(min(0.0, e.log10_p + factor), 3))
        if e.decides and e.log10_p is not None
        else e
        for e in evidence
    ]


def of_packages(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The same evidence, each figure of a test of an installed package with its p after multiplying by the number of those."""
    theirs = sum(1 for e in evidence if e.package and e.log10_p is not None)
    factor = log10(max(1, theirs))
    return [
        replace(e, corrected_log10_p=round(min(0.0, e.log10_p + factor), 3))
        if e.package and e.log10_p is not None
        else e
        for e in evidence
    ]


class Strong(Protocol):
    """What strength allows a verdict to say (forebear/comparison/tests/strength.py)."""

    @property
    def holds(self) -> bool: ...
    @property
    def layers(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def figures(self) -> Strength | None: ...
    @property
    def why(self) -> Message | None: ...


def of_component(evidence: Sequence[Evidence], name: str) -> list[Evidence]:
    """Tests of a component other than the embedding and the layers of the main tower."""
    return [e for e in evidence if e.component == name]


def settled(evidence: Sequence[Evidence]) -> bool:
    """Whether two symmetries agree, one of them on a private axis: what "related" rests on (METHODS §11)."""
    return two_symmetries(findings_among(evidence))


def speaks_for_layers(evidence: Sequence[Evidence]) -> bool:
    """Whether the layers of the main tower are found to agree: by two symmetries, or by the calibrated test."""
    return settled(evidence) or any(e.kind == "calibrated" for e in findings_among(evidence))


def in_place(evidence: Sequence[Evidence]) -> bool:
    """Whether units were found in their places by a deck: else what is compared channel by channel says nothing.

    A shuffle of channels may leave one outlier where it was; trace and sign of neurons see that one, and no deck does.
    """
    return any(e.test == "deck" for e in findings_among(evidence))


def two_symmetries(found: Sequence[Evidence]) -> bool:
    """The same of findings; a further tower or the head speaks for itself only."""
    own = [e for e in found if not e.component]
    return {"order", "sign"} <= {e.symmetry for e in own} and any(e.private for e in own if e.symmetry != "none")


def judge(
    evidence: Sequence[Evidence],
    *,
    identical: bool,
    shared_start: Message | None,
    training: Message | None,
    training_shared: bool,
    power: Callable[[], list[Message]],
    withheld: Sequence[Message],
    components: Sequence[Component] = (),
    strength: Strong | None = None,
    unread: Sequence[Message] = (),
    undecoded: Sequence[Message] = (),
    unsettled: Sequence[Message] = (),
) -> Verdict:
    """The verdict of one pair.

    identical:    every value was read and is equal.
    shared_start: what the shared-start test says when it says that only the start is shared (METHODS §1), else None.
    training:     what that test says otherwise (None when it did not run); training_shared: whether it excludes a shared start.
    power:        what would have been found; withheld: reasons why axes may not decide.
    components:   what each part of the model shows; a part that shows nothing beside one that is shared is named.
    strength:     whether the layers agree more closely than an aligned independent would; without it they decide nothing.
    unread:       what the budget did not pay for; undecoded: codes of a side, which nobody could read; unsettled: layouts of a
                  side that were read one way although others fit as well.
    Source:       METHODS §11.
    """
    if identical:
        return Verdict("identical", (message("verdict.identical"),))
    evidence = corrected(evidence)
    found = findings_among(evidence)
    primary = min(found, key=lambda e: e.log10_p or 0.0, default=None)
    if speaks_for_layers(evidence):
        if strength is None or not strength.holds:
            return _within_reach(found, primary, strength, withheld, components)
        said = () if training is None else (training,)
        strong = (*_strong_words(strength), *said)
        return _agreement(evidence, found, primary, shared_start, strong, training_shared, components)
    if undecoded and not found:
        return Verdict("cannot-tell", (message("verdict.codes_unread", sides=list(undecoded)), *_reasons(withheld)))
    if shared_alone(components) or _branch_shared(components):
        return _parts(components, found, primary)
    if found:
        return _half_found(evidence, found, primary, withheld, components)
    if any(c.state == "rotated" for c in components):
        return Verdict("cannot-tell", (message("verdict.rotated_rows"), *power(), *_reasons(withheld)))
    if any(e.decides and could_decide(e, evidence) for e in evidence):
        return _nothing(unsettled, power, withheld)
    if any(e.decides for e in evidence):
        return Verdict("cannot-tell", (message("verdict.nothing_reachable"), *_reasons(withheld)))
    lacking = message("verdict.budget_ran_out", what=list(unread)) if unread else message("verdict.no_axis")
    reasons = _reasons(withheld) or (lacking,)
    return Verdict("cannot-tell", (message("verdict.no_test"), *reasons))


def _nothing(unsettled: Sequence[Message], power: Callable[[], list[Message]], withheld: Sequence[Message]) -> Verdict:
    """No test found anything: of layouts that were settled that tells something."""
    if unsettled:
        return Verdict("cannot-tell", (message("verdict.layout_unsettled", sides=list(unsettled)), *_reasons(withheld)))
    return Verdict("no-evidence", (message("verdict.nothing_found"), *power(), *_reasons(withheld)))


UNSETTLED = ("no-evidence", "cannot-tell", "related-channels-only")


def by_equal_tensors(verdict: Verdict, words: Sequence[Message]) -> Verdict:
    """The verdict of a pair that shares tensors value for value and whose tests settle nothing more (METHODS §11)."""
    assert verdict.relation in UNSETTLED
    kept = () if verdict.relation == "no-evidence" else verdict.words
    return Verdict("shares-components", (*words, *kept), None, equality=True)


def _branch_shared(components: Sequence[Component]) -> bool:
    """Whether a branch of the layers agrees more closely than an aligned independent's would."""
    return any(c.state == "shared" and c.name in BRANCHES for c in components)


def _parts(
    components: Sequence[Component],
    found: Sequence[Evidence],
    primary: Evidence | None,
    training_shared: bool = False,
    rewritten: bool = False,
) -> Verdict:
    words = part_words(components, _figures(found), training_shared)
    return Verdict("shares-components", words, primary, rewritten)


def _within_reach(
    found: Sequence[Evidence],
    primary: Evidence | None,
    strength: Strong | None,
    withheld: Sequence[Message],
    components: Sequence[Component],
) -> Verdict:
    """Units correspond, but no closer than an independent aligned to the candidate would come (METHODS §17).

    A part that is closer, or whose rows are the candidate's own, is named.
    """
    if any(c.state == "shared" and c.name != "layers" for c in components):
        return _parts(components, found, primary)
    figures = message("verdict.figures", found=_figures(found))
    return Verdict("cannot-tell", (figures, *strength_words(strength), *_reasons(withheld)), primary)


def strength_words(strength: Strong | None) -> tuple[Message, ...]:
    """Why strength does not let a verdict say more: both figures, or why there are none."""
    known = strength.figures if strength is not None else None
    if known is None:
        why = strength.why if strength is not None else None
        return (message("verdict.strength_open", why=why or message("strength.not_measured")),)
    if known.ceiling is None:
        return (message("verdict.strength_open", why=message("strength.copies")),)
    key = "verdict.within_bound" if known.how == "far" else "verdict.within_reach"
    return (message(key, value=known.value, ceiling=known.ceiling, factor=known.factor),)


def _strong_words(strength: Strong) -> tuple[Message, ...]:
    known = strength.figures
    if known is None or known.ceiling is None:
        return ()
    return (
        message(
            f"verdict.strong_{'bound' if known.how == 'far' else 'pair'}", value=known.value, ceiling=known.ceiling
        ),
    )


def _agreement(
    evidence: Sequence[Evidence],
    found: Sequence[Evidence],
    primary: Evidence | None,
    shared_start: Message | None,
    said: Sequence[Message],
    training_shared: bool,
    components: Sequence[Component],
) -> Verdict:
    """The layers of the main tower agree: is it the weights, and is it all of the model? said: what ends every answer but one."""
    if shared_start is not None:
        return Verdict("shared-start", (shared_start,), primary)
    rewritten = not settled([e for e in evidence if not e.gauge and not e.displaced])
    if lacking(components):
        return _parts(components, found, primary, training_shared, rewritten)
    if rewritten and not _start_excluded(evidence):
        return Verdict("cannot-tell", (message("verdict.start_open", found=_figures(found)), *said), primary)
    if not settled(evidence):
        primary = next(e for e in found if e.kind == "calibrated")
    words = (*_related_words(found, training_shared, rewritten), *bare_words(components), *said)
    return Verdict("related", words, primary, rewritten)


def _half_found(
    evidence: Sequence[Evidence],
    found: Sequence[Evidence],
    primary: Evidence | None,
    withheld: Sequence[Message],
    components: Sequence[Component],
) -> Verdict:
    """Something was found, but not what "related" rests on: channels alone, or one symmetry alone."""
    figures = message("verdict.figures", found=_figures(found))
    private = [e for e in found if e.private]
    if not private and not any(e.private and e.decides for e in evidence):
        return Verdict("cannot-tell", (figures, message("verdict.no_private_axis"), *_reasons(withheld)), primary)
    if not private:
        return _channels_alone(evidence, found, primary, withheld, components)
    kind = "order" if "order" in {e.symmetry for e in found} else "sign"
    return Verdict("cannot-tell", (figures, message(f"verdict.{kind}_alone"), *_reasons(withheld)), primary)


def _channels_alone(
    evidence: Sequence[Evidence],
    found: Sequence[Evidence],
    primary: Evidence | None,
    withheld: Sequence[Message],
    components: Sequence[Component],
) -> Verdict:
    """Channels of one table agree: by order and by sign, or by order where this axis has no signs that could be tested.

    One pruning mask shared by independents keeps the order of the columns that it leaves and says nothing of their signs.
    """
    figures, alone = message("verdict.figures", found=_figures(found)), [message("verdict.channels_only")]
    close = next((c.row_cosine for c in components if c.name == "embedding"), None)
    alone += [] if close is None else [message("verdict.rows_in_place", cosine=close)]
    symmetries = {table: {e.symmetry for e in found if e.component == table} for table in {e.component for e in found}}
    if any({"order", "sign"} <= both for both in symmetries.values()):
        return Verdict("related-channels-only", (figures, *alone), primary)
    by_order = any("order" in one for one in symmetries.values())
    signed = any(e.symmetry == "sign" and not e.private and e.component in symmetries for e in evidence)
    if by_order and not signed:
        unsigned = message("verdict.channels_unsigned")
        return Verdict("related-channels-only", (figures, *alone, unsigned), primary)
    why = message(f"verdict.channels_{'order' if by_order else 'sign'}_alone")
    return Verdict("cannot-tell", (figures, why, *_reasons(withheld)), primary)


def _start_excluded(evidence: Sequence[Evidence]) -> bool:
    """Whether gauge fixing found more than one initial seed explains, or nothing that training of their own would have left."""
    decisions = [e.figures.decision for e in evidence if e.gauge and isinstance(e.figures, Start)]
    return any(decision in ("shared-training", "close") for decision in decisions)


def _related_words(found: Sequence[Evidence], training_shared: bool, rewritten: bool) -> tuple[Message, ...]:
    """Worded "weights or shared randomness" unless the shared-start test excludes a mere start (METHODS §1)."""
    what = "weights" if training_shared else "or_start"
    key = f"verdict.related_{what}{'_rewritten' if rewritten else ''}"
    return message(key, found=_figures(found)), message("verdict.related_meaning")


def _figures(found: Sequence[Evidence]) -> list[Message]:
    """One clause a finding, with its p after everything that was looked at."""
    return [_figure(e) for e in found if e.log10_p is not None]


def _figure(e: Evidence) -> Message:
    p, axis, figures = _p(e), axis_words(e), e.figures
    if e.test == "deck" and isinstance(figures, Deck) and e.matched is not None and e.of is not None:
        layers = figures.layers or 0
        if layers > 1 and e.matched == e.of and e.of % layers == 0:
            return message("found.deck_all", units=e.of // layers, axis=axis, layers=layers, p=p)
        key = "found.deck_layers" if layers > 1 else "found.deck"
        values = {"matched": e.matched, "of": e.of, "axis": axis, "expected": figures.expected, "p": p}
        return message(key, **values, **({"layers": layers} if layers > 1 else {}))
    if e.test == "sign" and isinstance(figures, Sign):
        return message("found.sign", axis=axis, z=figures.z, max_z=figures.max_z, p=p)
    if isinstance(figures, Views):
        values = {"matched": e.matched, "of": e.of, "layers": figures.layers, "expected": figures.expected}
        return message("found.two-views", **values, p=p)
    return message("found.other", test=message(f"test.{e.test}"), axis=axis, p=p)


def axis_words(e: Evidence) -> Message:
    """The axis of a test, with the component it belongs to: "channels of the head"."""
    axis = message(f"term.{e.axis.value}")
    if e.everywhere:
        return message("found.of_all_pairs", axis=axis)
    return (
        axis if e.component is None else message("found.of_component", axis=axis, part=message(f"term.{e.component}"))
    )


def _reasons(withheld: Sequence[Message]) -> tuple[Message, ...]:
    unique = distinct(withheld)
    return (message("verdict.withheld", reasons=unique),) if unique else ()
