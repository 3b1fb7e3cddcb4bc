"""Which of several candidates a vocabulary comes from, and which part of it from which (METHODS §15).

Each further parent must explain tokens that the others leave unexplained; a third party that explains them as well is named
beside it, so a stranger that merely overlaps never becomes a parent.
Thresholds: decision 0007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from forebear.tokens.kinship import LEAST_KEPT, Kinship, Prepared, kinship, related, relation_of

LEAST_PART = 0.05
"""Least share of the subject that a further parent must explain by itself."""
LEAST_FIT = 0.5
"""And of the tokens it shares among the unexplained ones, this share must stand in its order."""
ENTANGLED = 0.25
"""Chains at least this long, as a share of what is shared, let two candidates be tried together."""
AS_GOOD = 0.9
"""A third party that explains this share of what a parent explains is as good an answer as that parent."""
MOST_PARENTS = 4
_ORDER = ("identical", "renumbered", "extended", "trimmed", "partly-relearnt")


@dataclass(frozen=True)
class Part:
    """What one parent explains once the other parents' tokens are set aside: positions in the subject.

    rivals: third parties that explain it as well, by name.
    """

    parent: Prepared
    positions: frozenset[int]
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Descent:
    """The answer over all candidates: relation, parents with their parts, and every candidate taken by itself."""

    relation: str
    parts: tuple[Part, ...]
    singles: tuple[Kinship, ...]


def descent(subject: Prepared, candidates: Sequence[Prepared]) -> Descent:
    """Relation of the subject to the candidates together.

    Cost: one pass per candidate, and one more per candidate and parent found.
    """
    singles = tuple(kinship(subject, candidate) for candidate in candidates)
    best = _best_single(singles)
    if best is not None and relation_of(best) in ("identical", "renumbered"):
        return Descent(relation_of(best), (_part_of(best, singles),), singles)
    parts = _further(
        subject, candidates, [_positions(best)] if best is not None else [], [best.candidate] if best else []
    )
    if len(parts) < 2:
        entangled = _entangled(subject, singles)
        if entangled is not None:
            parts = _further(subject, candidates, [e for _, e in entangled], [c for c, _ in entangled])
    if len(parts) >= 2:
        named = tuple(_with_rivals(subject, part, parts, candidates) for part in parts)
        return Descent("stitched", named, singles)
    if best is None:
        return Descent("unrelated", (), singles)
    return Descent(relation_of(best), (_part_of(best, singles),), singles)


def _positions(found: Kinship) -> frozenset[int]:
    """Subject positions kept; all shared ones when containment, not order, made the relation."""
    at = found.subject_at[found.kept] if found.kept_count >= LEAST_KEPT else found.subject_at
    return frozenset(at.tolist())


def _best_single(singles: Sequence[Kinship]) -> Kinship | None:
    """The candidate that explains most; among near equals the one of which the subject kept the largest share."""
    kin = [found for found in singles if related(found)]
    if not kin:
        return None
    most = max(len(_positions(found)) for found in kin)
    close = [found for found in kin if len(_positions(found)) >= AS_GOOD * most]
    return min(close, key=lambda f: (_ORDER.index(relation_of(f)), -len(_positions(f)) / len(f.candidate.tokens)))


def _part_of(best: Kinship, singles: Sequence[Kinship]) -> Part:
    explained = _positions(best)
    rivals = [
        found.candidate.name
        for found in singles
        if found is not best and len(_positions(found) & explained) >= AS_GOOD * len(explained) and related(found)
    ]
    return Part(best.candidate, explained, tuple(rivals))


def _fits(found: Kinship) -> bool:
    """Whether a candidate explains enough of what nobody explains yet, and in its own order."""
    enough = found.kept_count >= max(LEAST_KEPT, LEAST_PART * len(found.subject.tokens))
    return enough and found.in_chain >= LEAST_FIT * found.ordered


def _further(
    subject: Prepared, candidates: Sequence[Prepared], explained: list[frozenset[int]], parents: list[Prepared]
) -> list[Part]:
    """Add parents one at a time, each on the tokens that the ones before it leave; the largest part first."""
    explained, parents = list(explained), list(parents)
    while parents and len(parents) < MOST_PARENTS:
        known = frozenset().union(*explained)
        rest = [kinship(subject, c, without=known) for c in candidates if all(c is not p for p in parents)]
        fitting = [found for found in rest if _fits(found)]
        if not fitting:
            break
        chosen = max(fitting, key=lambda found: found.kept_count)
        explained.append(frozenset(chosen.subject_at[chosen.kept].tolist()))
        parents.append(chosen.candidate)
    return [Part(parent, part) for parent, part in zip(parents, explained, strict=True)]


def _entangled(subject: Prepared, singles: Sequence[Kinship]) -> list[tuple[Prepared, frozenset[int]]] | None:
    """Two candidates dealt together: neither order is exact alone, each is once the other's tokens are set aside."""
    likely = [found for found in singles if found.shared >= LEAST_KEPT and found.chain.mean() >= ENTANGLED]
    for first, second in combinations(likely, 2):
        left = frozenset(first.subject_at[first.chain].tolist())
        for _ in range(3):
            theirs = kinship(subject, second.candidate, without=left)
            right = frozenset(theirs.subject_at[theirs.chain].tolist())
            ours = kinship(subject, first.candidate, without=right)
            left = frozenset(ours.subject_at[ours.chain].tolist())
        theirs = kinship(subject, second.candidate, without=left)
        if _fits(ours) and _fits(theirs):
            return [(found.candidate, frozenset(found.subject_at[found.kept].tolist())) for found in (ours, theirs)]
    return None


def _with_rivals(subject: Prepared, part: Part, parts: Sequence[Part], candidates: Sequence[Prepared]) -> Part:
    """Third-party control: who else would explain this part as well?"""
    others = frozenset().union(*(p.positions for p in parts if p is not part))
    rivals = []
    for candidate in candidates:
        if any(candidate is p.parent for p in parts):
            continue
        found = kinship(subject, candidate, without=others)
        mine = frozenset(found.subject_at[found.kept].tolist()) & part.positions
        if len(mine) >= AS_GOOD * len(part.positions):
            rivals.append(candidate.name)
    return Part(part.parent, part.positions, tuple(rivals))
