"""The weight that a merge is said to give a model, beside the one that recipes estimate (METHODS §12, decision 0128)."""

from __future__ import annotations

from math import isfinite
from typing import Any

from forebear.core.messages import Message, message
from forebear.verification.bases import named_by
from forebear.verification.checks.kinds import MERGES, WITH_RECIPE
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of, public
from forebear.verification.making import Making

APART = 0.05
"""Most that a share may lie from the estimate: weights are rounded to a tenth or so, and an estimate has an error of its own."""


def check_merge_weight(claim: Claim, making: Making) -> Tested:
    """A stated weight of a linear merge, as a share of all that its file states, against the share that was estimated.

    Never contradicted: what was trained after a merge, or a model that was not given, moves an estimate.
    """
    beside = [one for one in making.claims if one.kind == claim.kind and one.source.file == claim.source.file]
    total = sum(float(one.stated) for one in beside)
    merged = [one for one in making.claims if one.kind == "kind_merge" and one.source.file == claim.source.file]
    found = named_by(claim.about, making.bases)
    if len(found) != 1 or not merged or not isfinite(total) or total <= 0:
        return outcome_of(claim, Outcome.not_testable, message("shown.not_given", name=public(claim.about)))
    given, missing = making.merged_with(merged[0])
    related = [one for one in given if one.relation in WITH_RECIPE]
    if missing or found[0] not in related or len(related) < len(beside) or len(related) < 2:
        return outcome_of(claim, Outcome.not_testable, message("making.too_few"))
    answer = making.mixture(related)
    if isinstance(answer, Message):
        return outcome_of(claim, Outcome.not_testable, answer)
    steps = (step.parameters for step in answer.found if step.op in MERGES and step.grade == "replayed")
    plain = (one for one in steps if one.get("method") in ("linear", "slerp") and "weights_vary" not in one)
    weights: dict[str, Any] = next((one["weights"] for one in plain), {})
    weight = weights.get(making.label(found[0]))
    value = weight.get("value") if isinstance(weight, dict) else weight
    if value is None:
        return outcome_of(claim, Outcome.not_testable, message("making.no_merge", names=[public(one.name) for one in related]))
    share, estimate = float(claim.stated) / total, float(value)
    said = message("merge_weight.shown", estimate=round(estimate, 3), share=round(share, 3))
    if abs(share - estimate) <= APART:
        return outcome_of(claim, Outcome.borne_out, said, estimate=round(estimate, 4), share=round(share, 4))
    return outcome_of(claim, Outcome.not_shown, said, flagged=True, estimate=round(estimate, 4), share=round(share, 4))
