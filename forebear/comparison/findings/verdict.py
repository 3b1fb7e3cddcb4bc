"""From evidence to one sentence that a judge can repeat (METHODS §11). Relation only; direction is never guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log10
from typing import Any, Literal

from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.thresholds import VERDICT_LOG10_LEVEL
from forebear.core.records import record

RELATIONS = (
    "identical",
    "related",
    "shared-start",
    "related-channels-only",
    "shares-components",
    "no-evidence",
    "cannot-tell",
)


ROTATED_WORDS = (
    "Embedding rows of tokens that played no part in it follow one rotation nearly exactly, as rows of the candidate's own would; "
    "no test with a known null decides on that, and nothing else beyond chance was found."
)


@record(frozen=True)
class Verdict:
    """Relation with its reason. `primary` is the evidence quoted, None where no test decided.

    reparameterised: the relation shows only after gauge fixing (METHODS §9).
    """

    relation: str
    words: str
    primary: Evidence | None = None
    reparameterised: bool = False

    def document(self) -> dict[str, Any]:
        """The verdict as it stands in a comparison document."""
        return {
            "relation": self.relation,
            "direction": "not-shown",
            "reparameterised": self.reparameterised,
            "kind": self.primary.kind if self.primary else ("exact" if self.relation == "identical" else "described"),
            "log10_p": round(self.primary.log10_p, 3) if self.primary and self.primary.log10_p is not None else None,
            "test": self.primary.name if self.primary else ("equality" if self.relation == "identical" else None),
            "assumption": self.primary.assumption if self.primary else "",
            "words": self.words,
        }


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
        replace(e, extra={**e.extra, "corrected_log10_p": round(min(0.0, e.log10_p + factor), 3)})
        if e.decides and e.log10_p is not None
        else e
        for e in evidence
    ]


TABLES = ("embedding", "head")
"""Components that hold a row a token. A model whose layers are another's is related to it whatever became of these."""
State = Literal["shared", "alike", "rotated", "not-found", "open", "unlike", "not-tested"]


@record(frozen=True)
class Component:
    """A part of a model that may have an origin of its own (METHODS §11, shares components).

    name:    "embedding", "layers", "head", "vision layers".
    state:   "shared"; "alike" (channels agree, rows do not); "rotated" (rows follow one rotation, which has no exact test);
             "not-found" (tests that could have reached the level show nothing); "open"; "unlike" (rows looked at do not agree,
             which describes).
    log10_p: the least of its own tests, before the factor of all tests.
    """

    name: str
    state: State
    log10_p: float | None = None


def of_component(evidence: Sequence[Evidence], name: str) -> list[Evidence]:
    """Tests of a component other than the embedding and the layers of the main tower."""
    return [e for e in evidence if e.extra.get("component") == name]


def settled(evidence: Sequence[Evidence]) -> bool:
    """Whether two symmetries agree, one of them on a private axis: what "related" rests on (METHODS §11)."""
    return two_symmetries(findings_among(evidence))


def in_place(evidence: Sequence[Evidence]) -> bool:
    """Whether units were found in their places by a deck: else what is compared channel by channel says nothing.

    A shuffle of channels may leave one outlier where it was; trace and sign of neurons see that one, and no deck does.
    """
    return any(e.test == "deck" for e in findings_among(evidence))


def two_symmetries(found: Sequence[Evidence]) -> bool:
    """The same of findings; a further tower or the head speaks for itself only."""
    own = [e for e in found if not e.extra.get("component")]
    return {"order", "sign"} <= {e.symmetry for e in own} and any(e.private for e in own if e.symmetry != "none")


def judge(
    evidence: Sequence[Evidence],
    *,
    identical: bool,
    shared_start: str | None,
    training: str,
    training_shared: bool,
    power: Callable[[], str],
    withheld: Sequence[str],
    components: Sequence[Component] = (),
) -> Verdict:
    """The verdict of one pair.

    identical:    every value was read and is equal.
    shared_start: words of the shared-start test when it says that only the start is shared (METHODS §1), else None.
    training:     what that test says otherwise ("" when it did not run); training_shared: whether it excludes a shared start.
    power:        what would have been found; withheld: reasons why axes may not decide.
    components:   what each part of the model shows; a part that shows nothing beside one that is shared is named.
    Source:       METHODS §11.
    """
    if identical:
        return Verdict(
            "identical",
            "Every value is equal after a lossless cast; names, order and constant tensors were left out of account.",
        )
    found = findings_among(evidence)
    primary = min(found, key=lambda e: e.log10_p or 0.0, default=None)
    if settled(evidence) or any(e.kind == "calibrated" for e in found):
        return _agreement(evidence, found, primary, shared_start, training, training_shared, components)
    if _parts_alone(components):
        return Verdict("shares-components", _component_words(components, found, training_shared=False), primary)
    if found:
        return _half_found(evidence, found, primary, withheld)
    if any(c.state == "rotated" for c in components):
        return Verdict("cannot-tell", f"{ROTATED_WORDS} {power()}{_reasons(withheld)}")
    if any(e.decides and could_decide(e, evidence) for e in evidence):
        return Verdict("no-evidence", f"Nothing beyond chance was found. {power()}{_reasons(withheld)}")
    if any(e.decides for e in evidence):
        words = (
            "Nothing was found, and nothing could have been: no axis that was read has units enough to reach the level."
        )
        return Verdict("cannot-tell", f"{words}{_reasons(withheld)}")
    return Verdict(
        "cannot-tell", f"No test could decide.{_reasons(withheld) or ' No exchangeable axis is known for this pair.'}"
    )


def _agreement(
    evidence: Sequence[Evidence],
    found: Sequence[Evidence],
    primary: Evidence | None,
    shared_start: str | None,
    training: str,
    training_shared: bool,
    components: Sequence[Component],
) -> Verdict:
    """The layers of the main tower agree: is it the weights, and is it all of the model?"""
    if shared_start is not None:
        return Verdict("shared-start", shared_start, primary)
    rewritten = not settled([e for e in evidence if not e.extra.get("gauge") and not e.extra.get("astray")])
    if rewritten and not _start_excluded(evidence):
        return Verdict("cannot-tell", _start_open(found, training), primary)
    if _lacking(components):
        words = f"{_component_words(components, found, training_shared)} {training}".strip()
        return Verdict("shares-components", words, primary, rewritten)
    if not settled(evidence):
        primary = next(e for e in found if e.kind == "calibrated")
    words = f"{_related_words(found, training_shared, rewritten)}{_bare_words(components)} {training}".strip()
    return Verdict("related", words, primary, rewritten)


def _lacking(components: Sequence[Component]) -> bool:
    """Whether a further tower was tested and shows nothing beside layers that are shared."""
    return any(c.state == "not-found" and c.name not in ("layers", *TABLES) for c in components)


def _bare_words(components: Sequence[Component]) -> str:
    """Tables of tokens that show nothing beside layers that are shared: a new vocabulary, a new head or another origin."""
    bare = [c.name for c in components if c.state == "not-found" and c.name in TABLES]
    if not bare:
        return ""
    return f" Nothing shared was found in: {', '.join(bare)} (replaced, trained anew or of another origin)."


def _parts_alone(components: Sequence[Component]) -> bool:
    """Whether a part is shared although the layers of the main tower, tested, show nothing."""
    states = {c.name: c.state for c in components}
    return states.get("layers") == "not-found" and "shared" in states.values()


def _component_words(components: Sequence[Component], found: Sequence[Evidence], training_shared: bool) -> str:
    shared = [c.name for c in components if c.state == "shared"]
    lacking = [c.name for c in components if c.state == "not-found"]
    what = "weights" if training_shared else "weights, or the randomness they started from,"
    return (
        f"The subject shares {what} with the candidate in some components: {', '.join(shared)}. Nothing shared was found in: "
        f"{', '.join(lacking)}. {_figures(found)} Every figure was multiplied by all tests of the {len(components)} components "
        "looked at."
    )


def _half_found(
    evidence: Sequence[Evidence], found: Sequence[Evidence], primary: Evidence | None, withheld: Sequence[str]
) -> Verdict:
    """Something was found, but not what "related" rests on: channels alone, or one symmetry alone."""
    private = [e for e in found if e.private]
    if not private and not any(e.private and e.decides for e in evidence):
        words = f"{_figures(found)} No axis private to a layer could be tested, so nothing more can be said.{_reasons(withheld)}"
        return Verdict("cannot-tell", words, primary)
    if not private:
        return Verdict(
            "related-channels-only",
            f"{_figures(found)} No private axis that was tested agrees: copied embeddings, training on hidden states or a "
            "shared start all do this.",
            primary,
        )
    kind = "order" if "order" in {e.symmetry for e in found} else "sign"
    other = "sign" if kind == "order" else "order"
    return Verdict(
        "cannot-tell",
        f"{_figures(found)} Only the {kind} of units agrees; no {other} test confirms it, and one symmetry alone can be "
        f"broken by how a file was written.{_reasons(withheld)}",
        primary,
    )


def _start_excluded(evidence: Sequence[Evidence]) -> bool:
    """Whether gauge fixing found more than one initial seed explains, or nothing that training of their own would have left."""
    asked = [e for e in evidence if e.test == "shared-start" and e.extra.get("gauge")]
    return any(e.extra["decision"] in ("shared-training", "close") for e in asked)


def _start_open(found: Sequence[Evidence], training: str) -> str:
    """After a rewriting gains are gone from their place, so a shared start must be excluded before "related" is said."""
    return (
        "After undoing a rewriting that leaves the outputs unchanged the subject agrees with the candidate far beyond chance: "
        f"{_figures(found)} Weights were shared, or only the randomness they started from. {training}"
    ).strip()


def _related_words(found: Sequence[Evidence], training_shared: bool, rewritten: bool) -> str:
    """Worded "weights or shared randomness" unless the shared-start test excludes a mere start (METHODS §1)."""
    what = "shares weights" if training_shared else "shares weights, or the randomness they started from,"
    after = ", after undoing a rewriting that leaves the outputs unchanged" if rewritten else ""
    return f"The subject {what} with the candidate{after}: {_figures(found)} This shows a common origin, not who came first."


def _figures(found: Sequence[Evidence]) -> str:
    said = []
    for e in found:
        if e.test == "deck" and e.matched is not None:
            said.append(
                f"{_counted(e)} keep their place (chance expects {e.extra.get('expected', 1)}; log10 p ≤ {e.log10_p:.0f})"
            )
        elif e.test == "sign":
            said.append(
                f"signs of {_of(e)} agree (z {e.extra.get('z', 0.0):.1f} of at most {e.extra.get('max_z', 0.0):.1f})"
            )
        elif e.kind == "calibrated":
            said.append(
                f"both views of {e.matched} of {e.of} neurons in {e.extra.get('layers', 0)} layer pairs name the same partner "
                f"(chance is credited with {e.extra.get('expected', 0):.0f}; log10 p {e.log10_p:.0f}, calibrated)"
            )
        elif e.log10_p is not None:
            said.append(f"the {e.test} test on {e.axis} rejects (log10 p ≤ {e.log10_p:.0f})")
    return "; ".join(said) + "." if said else ""


def _counted(e: Evidence) -> str:
    layers = e.extra.get("layers", 0)
    if layers > 1 and e.matched == e.of and e.of is not None and e.of % layers == 0:
        return f"all {e.of // layers} {_of(e)} in each of {layers} layers"
    return f"{e.matched} of {e.of} {_of(e)}" + (f" in {layers} layers" if layers > 1 else "")


def _of(e: Evidence) -> str:
    """Units with the component they belong to: "channels of the head"."""
    return e.axis.replace(", ", " of the ", 1) if e.extra.get("component") else e.axis


def _reasons(withheld: Sequence[str]) -> str:
    unique = list(dict.fromkeys(withheld))
    return f" Withheld: {'; '.join(unique)}." if unique else ""
