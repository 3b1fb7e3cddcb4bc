"""Claims of descent: a symmetric comparison shows that weights are shared, never who was first; none contradicts descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.models.checkpoint import open_checkpoint
from forebear.verification.bases import SHARED, Base, named_by
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of, public
from forebear.verification.subject import Subject


def check_parent(claim: Claim, bases: Sequence[Base]) -> list[Tested]:
    """A named parent: that weights are shared, and who was first, each by itself."""
    found = named_by(claim.stated, bases)
    if not found:
        return [outcome_of(claim, Outcome.not_testable, message("shown.not_given", name=public(claim.stated)))]
    return [row for base in found for row in _against(claim, base, bases)]


def _against(claim: Claim, base: Base, bases: Sequence[Base]) -> list[Tested]:
    shares = Claim("shares", claim.stated, claim.source, claim.decided, base.name)
    if base.document is None:
        return [outcome_of(shares, Outcome.not_testable, *([base.why] if base.why else []))]
    said = message("shown.relation", name=public(base.name), relation=message(f"related_as.{base.relation}"))
    words = [*base.document["verdict"]["words"]]
    figures: dict[str, Any] = {"relation": base.relation, "log10_p": base.log10_p}
    if base.relation in SHARED:
        first = Claim("direction", claim.stated, claim.source, claim.decided, base.name)
        return [
            outcome_of(shares, Outcome.borne_out, said, *words, **figures),
            outcome_of(first, Outcome.not_shown, message("shown.symmetric")),
        ]
    if base.relation == "cannot-tell":
        return [outcome_of(shares, Outcome.not_testable, said, *words, **figures)]
    others = [one for one in bases if one.relation in SHARED]
    flagged = base.relation == "no-evidence" and bool(others)
    more = [message("shown.others", names=[public(one.name) for one in others])] if flagged else []
    return [outcome_of(shares, Outcome.not_shown, said, *more, *words, flagged=flagged, **figures)]


def check_unknown_parent(claim: Claim, bases: Sequence[Base]) -> list[Tested]:
    """A card that says its base is not known, beside bases that share weights."""
    others = [public(one.name) for one in bases if one.relation in SHARED]
    if not others:
        return [outcome_of(claim, Outcome.not_testable, message("shown.none_given"))]
    return [outcome_of(claim, Outcome.not_shown, message("shown.others", names=others), message("shown.symmetric"), flagged=True)]


def check_scratch(claim: Claim, bases: Sequence[Base]) -> list[Tested]:
    """The words "from scratch": sharing weights is no proof against them, since the other model may be the later one."""
    return check_unknown_parent(claim, bases)


def check_kind(claim: Claim, subject: Subject, bases: Sequence[Base]) -> list[Tested]:
    """How a model is said to have been made from a parent, as far as equality, shapes and types decide it."""
    found = named_by(claim.stated, bases)
    tests = {"finetune": _finetune, "quantized": _quantized, "adapter": _adapter, "merge": _merge}
    test = tests.get(claim.kind.removeprefix("kind_"))
    if test is None:
        return [outcome_of(claim, Outcome.not_testable, message("shown.no_kind"))]
    if claim.kind != "kind_adapter" and not found:
        return [outcome_of(claim, Outcome.not_testable, message("shown.not_given", name=public(claim.stated)))]
    return [test(claim, subject, base) for base in found] or [test(claim, subject, None)]


def _finetune(claim: Claim, subject: Subject, base: Base | None) -> Tested:
    if base is None or base.document is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))
    if subject.adapter:
        return outcome_of(claim, Outcome.not_testable, message("shown.adapter_alone"))
    if base.relation == "identical":
        equal = message("shown.all_equal", name=public(base.name))
        if subject.other_weights:
            return outcome_of(claim, Outcome.not_shown, equal, message("shown.more_weights"))
        return outcome_of(claim, Outcome.contradicted, equal)
    width = _width_differs(subject, base)
    if width is not None:
        return outcome_of(claim, Outcome.contradicted, width)
    return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))


def _quantized(claim: Claim, subject: Subject, base: Base | None) -> Tested:
    if base is None or base.document is None or subject.checkpoint is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))
    width = _width_differs(subject, base)
    if width is not None:
        return outcome_of(claim, Outcome.contradicted, width)
    if base.relation == "identical":
        return outcome_of(claim, Outcome.contradicted, message("shown.all_equal", name=public(base.name)))
    plain = set(subject.dtypes) <= {"F32", "F64"} and "quantization_config" not in subject.checkpoint.config
    if plain and subject.grids and all(grid[0] in ("F32", "F64") for grid in subject.grids):
        said = message("shown.no_grid", count=len(subject.grids))
        return outcome_of(claim, Outcome.not_shown, said, message("shown.no_recipe"), flagged=True)
    stored = message("shown.stored", names=sorted(subject.dtypes))
    return outcome_of(claim, Outcome.not_testable, stored, message("shown.no_recipe"))


def _adapter(claim: Claim, subject: Subject, base: Base | None) -> Tested:
    if subject.checkpoint is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    if not subject.adapter:
        if any(name.rpartition("/")[2].startswith("adapter_") for name in subject.digests) or not subject.readable:
            return outcome_of(claim, Outcome.not_testable, message("shown.adapter_beside"))
        if any(word in name for name in subject.checkpoint.container.tensors for word in ("lora", "adapter", "prefix", "prompt")):
            return outcome_of(claim, Outcome.not_testable, message("shown.adapter_beside"))
        if not subject.layers:
            return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
        return outcome_of(claim, Outcome.contradicted, message("shown.whole_model", count=subject.counts["total"]))
    if base is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.not_given", name=public(claim.stated)))
    return _fits(claim, subject, base)


def _fits(claim: Claim, subject: Subject, base: Base) -> Tested:
    """Whether an adapter's factors meet the matrices of a base: shapes that do not are proof, shapes that do are none."""
    try:
        open_checkpoint(subject.path, base=base.path).close()
    except RefusedError as error:
        return outcome_of(claim, Outcome.not_shown, error.message(), flagged=True)
    return outcome_of(claim, Outcome.not_shown, message("shown.adapter_fits", name=public(base.name)))


def _merge(claim: Claim, subject: Subject, base: Base | None) -> Tested:
    if base is None or base.document is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))
    if base.relation == "identical":
        return outcome_of(claim, Outcome.contradicted, message("shown.all_equal", name=public(base.name)))
    return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))


def _width_differs(subject: Subject, base: Base) -> Message | None:
    """That the residual widths differ, which neither further training nor quantisation can bring about."""
    assert base.document is not None
    theirs, ours = base.document["candidate"]["width"], base.document["subject"]["width"]
    if not theirs or not ours or theirs == ours or not subject.readable:
        return None
    return message("shown.widths", ours=ours, theirs=theirs, name=public(base.name))

