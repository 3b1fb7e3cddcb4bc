"""Claims of how a model was made from a parent: shapes and equal values may contradict one, what recipes recompute bears it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.found import Found
from forebear.recipes.told import told
from forebear.verification.bases import SHARED, Base, named_by, same_owner
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of, public
from forebear.verification.making import Making
from forebear.verification.subject import Subject

WITH_RECIPE = (*SHARED, "shares-components")
"""Relations of which a recipe is told (decision 0034)."""
MERGES = ("merged", "layers-stacked", "experts-transplanted")


def check_kind(claim: Claim, subject: Subject, bases: Sequence[Base], making: Making) -> list[Tested]:
    """How a model is said to have been made from a parent: relation and operation, never who was first (decision 0045)."""
    found = named_by(claim.stated, bases)
    tests = {"finetune": _finetune, "quantized": _quantized, "adapter": _adapter, "merge": _merge}
    test = tests.get(claim.kind.removeprefix("kind_"))
    if test is None:
        return [outcome_of(claim, Outcome.not_testable, message("shown.no_kind"))]
    if claim.kind != "kind_adapter" and not found:
        return [outcome_of(claim, Outcome.not_testable, message("shown.not_given", name=public(claim.stated)))]
    rows = [_surely(test(claim, subject, base, making), base) for base in found]
    return rows or [test(claim, subject, None, making)]


def _surely(row: Tested, base: Base) -> Tested:
    """What proves something against a claim only where the model given is the one that it names: another owner's may be another."""
    if row.outcome is not Outcome.contradicted or same_owner(row.claim.stated, base.name):
        return row
    said = (*row.evidence, message("making_owner.other", name=public(base.name)))
    return replace(row, outcome=Outcome.not_shown, evidence=said, flagged=True)


def _finetune(claim: Claim, subject: Subject, base: Base | None, making: Making) -> Tested:
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
    if base.relation not in WITH_RECIPE:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))
    steps = making.only_converted(base)
    if isinstance(steps, Message):
        return outcome_of(claim, Outcome.not_testable, steps)
    if _whole(steps):  # rounding may swallow what was trained: no proof against it
        only = message("making.only_converted", name=public(base.name))
        return outcome_of(claim, Outcome.not_shown, only, *_said(steps), flagged=not subject.other_weights)
    moved = making.moved(base)
    if isinstance(moved, Message):
        return outcome_of(claim, Outcome.not_testable, moved)
    far = message("making.moved", name=public(base.name), change=moved.change, equal=moved.equal, count=moved.count)
    return outcome_of(
        claim, Outcome.not_shown, far, message("making.moved_by"),
        change=round(moved.change, 6), equal=moved.equal, matrices=moved.count,
    )  # fmt: skip


def _quantized(claim: Claim, subject: Subject, base: Base | None, making: Making) -> Tested:
    if base is None or base.document is None or subject.checkpoint is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))
    width = _width_differs(subject, base)
    if width is not None:
        return outcome_of(claim, Outcome.contradicted, width)
    stored = message("shown.stored", names=sorted(subject.dtypes))
    if base.relation == "identical":
        return _equal(claim, subject, base, making, stored)
    if base.relation not in WITH_RECIPE:
        return outcome_of(claim, Outcome.not_testable, stored, message("shown.no_recipe"))
    steps = making.conversion(base)
    if isinstance(steps, Message):
        return _by_grid(claim, subject, Outcome.not_testable, stored, steps)
    if not steps:
        return _by_grid(claim, subject, Outcome.not_shown, stored, message("making.no_conversion", name=public(base.name)))
    shown = _whole(steps) and any(step.op.startswith("quantised-") for step in steps)
    more = [] if shown or not _whole(steps) else [message("making.cast")]
    return outcome_of(claim, Outcome.borne_out if shown else Outcome.not_shown, *_said(steps), *more)


def _equal(claim: Claim, subject: Subject, base: Base, making: Making, stored: Message) -> Tested:
    """Equal values: nothing was rounded; that is no proof where they are stored in another form, which may hold them all."""
    equal = message("shown.all_equal", name=public(base.name))
    types = making.types(base)
    if not isinstance(types, Message) and types == set(subject.dtypes):
        return outcome_of(claim, Outcome.contradicted, equal)
    return outcome_of(claim, Outcome.not_shown, equal, stored)


def _by_grid(claim: Claim, subject: Subject, outcome: Outcome, stored: Message, why: Message) -> Tested:
    """Without a conversion that gives the values: whether they lie on any grid at all."""
    assert subject.checkpoint is not None
    plain = set(subject.dtypes) <= {"F32", "F64"} and "quantization_config" not in subject.checkpoint.config
    if plain and subject.grids and all(grid[0] in ("F32", "F64") for grid in subject.grids):
        said = message("shown.no_grid", count=len(subject.grids))
        return outcome_of(claim, Outcome.not_shown, said, why, flagged=True)
    return outcome_of(claim, outcome, stored, why)


def _adapter(claim: Claim, subject: Subject, base: Base | None, making: Making) -> Tested:
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


def _merge(claim: Claim, subject: Subject, base: Base | None, making: Making) -> Tested:
    """Borne out where the parents given leave almost nothing and this one has a part in it; a part of nothing is no contradiction,
    since a merge may give a model the weight zero, and TIES its base."""
    if base is None or base.document is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_recipe"))
    if base.relation == "identical":
        return outcome_of(claim, Outcome.contradicted, message("shown.all_equal", name=public(base.name)))
    given, missing = making.merged_with(claim)
    related = [one for one in given if one.relation in WITH_RECIPE]
    absent = [message("making.not_given", names=[public(name) for name in missing])] if missing else []
    if base not in related or len(related) < 2:
        return outcome_of(claim, Outcome.not_testable, message("making.too_few"), *absent)
    answer = making.mixture(related)
    if isinstance(answer, Message):
        return outcome_of(claim, Outcome.not_testable, answer, *absent)
    steps = [step for step in answer.found if step.op in MERGES]
    if not steps:
        none = message("making.no_merge", names=[public(one.name) for one in related])
        return outcome_of(claim, Outcome.not_testable if missing else Outcome.not_shown, none, *absent, *answer.said)
    mine = [step for step in steps if _has_part(step, making.label(base))]
    if not mine:
        without = message("making.no_part", name=public(base.name))
        return outcome_of(claim, Outcome.not_shown, without, *_said(steps), *absent)
    shown = any(step.grade == "replayed" for step in mine)
    return outcome_of(claim, Outcome.borne_out if shown else Outcome.not_shown, *_said(mine), message("shown.symmetric"), *absent)


def _has_part(step: Found, name: str) -> bool:
    """Whether a model has a part of its own in a merge: a weight that is surely above zero, a unit, or the place of the base."""
    given = step.parameters
    if any(row["from"] == name for row in given.get("map", ())):
        return True
    weight = given.get("weights", {}).get(name)
    if isinstance(weight, dict):
        low = weight["low"] if weight["low"] is not None else weight["value"]
        return float(low) > 0
    return (weight is not None and float(weight) > 0) or given.get("base") == name


def _whole(steps: Sequence[Found]) -> bool:
    """Whether every value was recomputed bit for bit."""
    return bool(steps) and all(step.grade == "re-derived" for step in steps)


def _said(steps: Sequence[Found]) -> list[Message]:
    """Steps in words, each sentence once."""
    found: list[Message] = []
    for step in steps:
        found += [one for one in told(step) if one not in found]
    return found


def _width_differs(subject: Subject, base: Base) -> Message | None:
    """That the residual widths differ, which neither further training nor quantisation can bring about."""
    assert base.document is not None
    theirs, ours = base.document["candidate"]["width"], base.document["subject"]["width"]
    if not theirs or not ours or theirs == ours or not subject.readable:
        return None
    return message("shown.widths", ours=ours, theirs=theirs, name=public(base.name))
