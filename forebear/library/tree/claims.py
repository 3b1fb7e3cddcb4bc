"""Bases that cards and configurations claim, beside what the tree shows. Sharing is symmetric: few can be refuted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forebear.library.tree.candidates import Member
from forebear.library.tree.proof import KIN, Prover
from forebear.library.tree.shape import Edge

DISAGREE = ("other-direction", "elsewhere", "circle", "itself")
"""Outcomes with which the tree, or the claims among themselves, do not agree."""
_PLAIN = re.compile(r"[^\w]+|_")
MOST_CLAIMS = 20_000


@dataclass(frozen=True)
class Shown:
    """What the tree shows, for claims. groups: member -> proven family; next_to: pairs with a proven edge; parents: (parent, child)
    where direction is shown; proposed: pairs drawn without proof; meet: pairs that meet in a missing model."""

    groups: Mapping[int, int]
    next_to: frozenset[Edge]
    parents: frozenset[Edge]
    proposed: frozenset[Edge]
    meet: frozenset[Edge] = frozenset()


Claims = Mapping[int, Sequence[tuple[str, Sequence[int]]]]
"""Claimant -> its claims, each with the members that it may name."""


def plain(name: str) -> str:
    """A name in small letters and digits alone, its organisation and revision left out."""
    return _PLAIN.sub("", name.split("@")[0].rstrip("/").rsplit("/", 1)[-1].casefold())


def meant(members: Sequence[Member]) -> dict[int, list[tuple[str, list[int]]]]:
    """For every member its claims, each with the members that it may name: those of the full name, else those of its last part."""
    full: dict[str, list[int]] = {}
    last: dict[str, list[int]] = {}
    for at, member in enumerate(members):
        for name in member.names:
            full.setdefault(name.split("@")[0].casefold(), []).append(at)
            last.setdefault(plain(name), []).append(at)
    found: dict[int, list[tuple[str, list[int]]]] = {}
    left = MOST_CLAIMS
    for at, member in enumerate(members):
        for claim in member.bases[: max(0, left)]:
            named = full.get(claim.split("@")[0].casefold()) or (last.get(plain(claim)) if plain(claim) else None) or []
            found.setdefault(at, []).append((claim, sorted(set(named))))
            left -= 1
    return found


def pairs_of(claims: Claims) -> list[Edge]:
    """Pairs that claims name, to compare."""
    return sorted(
        {
            (min(at, one), max(at, one))
            for at, rows in claims.items()
            for _, named in rows
            for one in named[:4]
            if one != at
        }
    )


def judged(
    members: Sequence[Member],
    claims: Claims,
    shown: Shown,
    prover: Prover | None,
) -> list[dict[str, Any]]:
    """A row for every claim: whose, its words, whom it means, the outcome, who is next to the claimant in the tree."""
    near: dict[int, list[int]] = {}
    for a, b in sorted(shown.next_to):
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    circle = _circles(claims)
    rows = []
    for at, listed in claims.items():
        for claim, named in listed:
            outcomes = [(_outcome(at, one, shown, prover, circle), one) for one in named]
            outcome, one = min(outcomes, key=lambda row: _ORDER.index(row[0]), default=("not-here", None))
            rows.append({
                "model": members[at].id, "name": members[at].name, "claim": claim,
                "means": None if one is None else members[one].id, "outcome": outcome, "disagrees": outcome in DISAGREE,
                "next_to": [members[other].name for other in near.get(at, ())],
            })  # fmt: skip
    rows.sort(
        key=lambda row: (not row["disagrees"], _ORDER.index(str(row["outcome"])), str(row["name"]), str(row["claim"]))
    )
    return rows


_ORDER = (
    "borne-out", "other-direction", "circle", "meet", "farther", "elsewhere", "itself", "proposed", "nothing", "cannot-tell",
    "not-compared", "not-here",
)  # fmt: skip


def _outcome(at: int, base: int, shown: Shown, prover: Prover | None, circle: frozenset[Edge]) -> str:
    pair = (min(at, base), max(at, base))
    group = shown.groups.get(at)
    drawn = {
        "itself": at == base, "other-direction": (at, base) in shown.parents, "borne-out": (base, at) in shown.parents,
        "circle": (at, base) in circle, "next": pair in shown.next_to, "meet": pair in shown.meet,
        "farther": group is not None and group == shown.groups.get(base),
    }  # fmt: skip
    outcome = next((name for name, true in drawn.items() if true), "")
    if outcome:
        return "borne-out" if outcome == "next" else outcome
    relation = "" if prover is None or pair not in prover.made else prover.relation(pair)
    if relation in KIN:
        return "borne-out"
    if relation == "no-evidence":
        return "nothing" if group is None else "elsewhere"
    if relation:
        return "cannot-tell"
    return "proposed" if pair in shown.proposed else "not-compared"


def _circles(claims: Claims) -> frozenset[Edge]:
    """(claimant, base) of claims that lead back to the claimant, each naming one model: not all of them can be true.

    Both ends are in one strongly connected part (Kosaraju's two passes, as in Sharir 1981, without recursion).
    """
    leads = {
        at: sorted({named[0] for _, named in rows if len(named) == 1 and named[0] != at}) for at, rows in claims.items()
    }
    back: dict[int, list[int]] = {}
    for at, bases in leads.items():
        for base in bases:
            back.setdefault(base, []).append(at)
    part: dict[int, int] = {}
    for start in reversed(_left_in_order(leads)):
        if start in part:
            continue
        part[start] = start
        reached = [start]
        for node in reached:
            fresh = [other for other in back.get(node, ()) if other not in part]
            part.update(dict.fromkeys(fresh, start))
            reached += fresh
    return frozenset((at, base) for at, bases in leads.items() for base in bases if part.get(at) == part.get(base))


def _left_in_order(leads: Mapping[int, Sequence[int]]) -> list[int]:
    """Every number, in the order in which a walk in depth leaves it for good."""
    seen: set[int] = set()
    left: list[int] = []
    for start in leads:
        work = [(start, False)]
        while work:
            node, over = work.pop()
            if over:
                left.append(node)
            elif node not in seen:
                seen.add(node)
                work.append((node, True))
                work += [(other, False) for other in leads.get(node, ()) if other not in seen]
    return left


__all__ = ["DISAGREE", "Shown", "judged", "meant", "pairs_of", "plain"]
