"""What a pipeline expects of a verification, and the statements that do not meet it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.errors import ExpectationError, UsageError

EXPECTATIONS = ("not-contradicted", "not-flagged", "borne-out")
"""What may be expected: no claim contradicted; none flagged either; every claim that is stated borne out."""
NOT_FROM_FILES = frozenset({"direction", "licence", "library", "tag"})
"""Kinds that no file decides where nothing else is given: that they could not be tested fails no expectation."""
MOST_NAMED = 8


def check_expectation(expect: str | None) -> None:
    """Raises: UsageError for a word that is no expectation."""
    if expect is not None and expect not in EXPECTATIONS:
        raise UsageError(f"{expect!r} is no expectation", where="--expect", todo=f"Use one of: {', '.join(EXPECTATIONS)}.")


def expected(expect: str, claims: Sequence[Mapping[str, Any]], noticed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What was expected and what does not meet it. unmet: places of claims; noticed: relatives that no claim names."""
    unmet = [at for at, claim in enumerate(claims) if not _met(expect, claim)]
    relatives = 0 if expect == "not-contradicted" else sum(one["kind"] == "relative" for one in noticed)
    return {"what": expect, "met": not unmet and not relatives, "unmet": unmet, "noticed": relatives}


def _met(expect: str, claim: Mapping[str, Any]) -> bool:
    outcome = claim["outcome"]
    if outcome == "contradicted" or (claim["flagged"] and expect != "not-contradicted"):
        return False
    if expect != "borne-out" or claim["proposed"] or claim["kind"] == "direction":
        return True
    return outcome == "borne-out" or (outcome == "not-testable" and claim["kind"] in NOT_FROM_FILES)


def meet(document: Mapping[str, Any]) -> None:
    """Raises: ExpectationError, with the whole document, when what it expected is not met; the claims are named by their places."""
    asked = document.get("expected")
    if asked is None or asked["met"]:
        return
    claims = [document["claims"][at] for at in asked["unmet"]]
    named = [f"{claim['kind']} ({claim['source']['file']}, line {claim['source']['line']})" for claim in claims[:MOST_NAMED]]
    named += [f"{len(claims) - MOST_NAMED} more"] if len(claims) > MOST_NAMED else []
    relatives = asked["noticed"]
    named += [f"{relatives} {'relative' if relatives == 1 else 'relatives'} that no claim names"] if relatives else []
    count = len(claims) + relatives
    verb = "1 statement does" if count == 1 else f"{count} statements do"
    raise ExpectationError(f"expected {asked['what']}, which {verb} not meet: {'; '.join(named)}", document, where="--expect")
