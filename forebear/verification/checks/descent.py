"""Claims of descent: a symmetric comparison shows that weights are shared, never who was first; none contradicts descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.core.messages import message
from forebear.verification.bases import SHARED, Base, named_by
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of, public


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
