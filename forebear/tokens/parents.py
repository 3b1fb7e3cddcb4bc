"""Which of several candidates a vocabulary comes from, and which part of it from which (METHODS §15).

One candidate that explains everything the others explain is the answer by itself, whatever the order of the candidates.
A further parent must explain tokens that the ones before it leave unexplained; a third party that explains a part as well
is named with it, so a vocabulary that merely overlaps never becomes a parent.
Thresholds: decisions 0007 and 0028.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

from forebear.tokens.kinship import LEAST_STRETCH, Kinship, Prepared, kinship
from forebear.tokens.relation import ALIKE, IN_ORDER, LEAST_KEPT, kept_in_order, related, relation_of

LEAST_PART = 0.05
"""Least share of the subject that a further parent must explain by itself."""
LEAST_FIT = 0.5
"""And of the tokens it shares among the unexplained ones, this share must be in its order."""
ENTANGLED = 0.25
"""Chains at least this long, as a share of what is shared, let two candidates be tried together."""
MOST_ENTANGLED = 6
"""Most candidates that are tried in pairs: those with the longest chains."""
AS_GOOD = 0.9
"""A third party that explains this share of what a parent explains is as good an answer as that parent."""
LEAST_BEYOND = 12
"""Fewest tokens in order, beyond what another candidate explains, that are no accident."""
BEYOND_FIT = 4.0
"""They must make up this many times 1/√n of the n tokens shared beyond it (a random order: 2/√n), at most EXACT_FIT."""
EXACT_FIT = 0.95
MOST_PARENTS = 4


@dataclass(frozen=True)
class Part:
    """What one parent explains once the other parents' tokens are set aside: positions in the subject.

    rivals: third parties that explain it as well, by name; within: related ones that explain less of it, and how much.
    """

    parent: Prepared
    positions: frozenset[int]
    rivals: tuple[str, ...] = ()
    within: tuple[tuple[str, int], ...] = ()


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
    best = _best_single(subject, singles)
    explained = _positions(best) if best is not None else frozenset()
    rest = len(subject.tokens) - len(explained)
    parts: list[Part] = []
    if rest >= max(LEAST_KEPT, LEAST_PART * len(subject.tokens)):
        if best is not None:
            parts = _further(subject, candidates, [Part(best.candidate, explained)])
        if len(parts) < 2:
            parts = _further(subject, candidates, _entangled(subject, singles, len(explained)))
    if len(parts) >= 2:
        named = tuple(_with_rivals(subject, part, parts, candidates) for part in parts)
        return Descent("stitched", named, singles)
    if best is None:
        said = {relation_of(found) for found in singles} & ALIKE
        return Descent(IN_ORDER if IN_ORDER in said else said.pop() if said else "unrelated", (), singles)
    return Descent(relation_of(best), (_part_of(best, singles),), singles)


def _positions(found: Kinship) -> frozenset[int]:
    """Subject positions kept; all shared ones when containment, not order, made the relation."""
    at = found.subject_at[found.kept] if kept_in_order(found) else found.subject_at
    return frozenset(at.tolist())


def _distance(found: Kinship) -> tuple[int, int, int, str]:
    """How far a candidate is: tokens that only one side has, tokens under another id, special tokens that only one side has.

    The name settles the rest, so that the order of the candidates never does.
    """
    special = len(found.subject.outside ^ found.candidate.outside)
    return found.new + found.dropped, -found.same_id, special, found.candidate.name


def _best_single(subject: Prepared, singles: Sequence[Kinship]) -> Kinship | None:
    """The candidate that explains most; of those that it explains nothing more than, the one least far away.

    Order is evidence before containment is: a vocabulary large enough contains many a smaller one.
    """
    kin = [found for found in singles if related(found)]
    kin = [found for found in kin if kept_in_order(found)] or kin
    if not kin:
        return None
    most = min(kin, key=lambda found: (-len(_positions(found)), _distance(found)))
    return min((found for found in kin if found is most or not _adds(subject, most, found)), key=_distance)


def _adds(subject: Prepared, more: Kinship, other: Kinship) -> bool:
    """Whether a candidate explains something beyond another one that is no accident."""
    known = _positions(other)
    if not _positions(more) - known:
        return False
    beyond = kinship(subject, more.candidate, without=known)
    if beyond.kept_count >= LEAST_STRETCH:
        return True
    fits = beyond.in_chain >= LEAST_FIT * beyond.ordered
    if beyond.shared >= AS_GOOD * (len(subject.tokens) - len(known)):
        return fits  # it has nearly every token that the other one leaves
    need = min(EXACT_FIT, max(LEAST_FIT, BEYOND_FIT / sqrt(max(1, beyond.ordered))))
    return beyond.in_chain >= max(LEAST_BEYOND, need * beyond.ordered)


def _part_of(best: Kinship, singles: Sequence[Kinship]) -> Part:
    explained = _positions(best)
    counts = [
        (found.candidate.name, len(_positions(found) & explained))
        for found in singles
        if found is not best and related(found)
    ]
    return _with_counts(Part(best.candidate, explained), counts)


def _with_counts(part: Part, counts: Sequence[tuple[str, int]]) -> Part:
    """A part with what each third party explains of it: as much, or a notable share."""
    whole = len(part.positions)
    ranked = sorted(counts, key=lambda pair: (-pair[1], pair[0]))
    return replace(
        part,
        rivals=tuple(name for name, count in ranked if count >= AS_GOOD * whole),
        within=tuple((name, count) for name, count in ranked if LEAST_KEPT <= count < AS_GOOD * whole),
    )


def _fits(found: Kinship) -> bool:
    """Whether a candidate explains enough of what nobody explains yet, and in its own order."""
    enough = found.kept_count >= max(LEAST_KEPT, LEAST_PART * len(found.subject.tokens))
    return enough and found.in_chain >= LEAST_FIT * found.ordered


def _kept(found: Kinship) -> frozenset[int]:
    return frozenset(found.subject_at[found.kept].tolist())


def _further(subject: Prepared, candidates: Sequence[Prepared], parts: Sequence[Part]) -> list[Part]:
    """Add parents one at a time, each on the tokens that the ones before it leave; the largest part first."""
    found = list(parts)
    while found and len(found) < MOST_PARENTS:
        known = frozenset().union(*(part.positions for part in found))
        rest = [kinship(subject, c, without=known) for c in candidates if all(c is not p.parent for p in found)]
        fitting = [one for one in rest if _fits(one)]
        if not fitting:
            break
        chosen = min(fitting, key=lambda one: (-one.kept_count, _distance(one)))
        found.append(Part(chosen.candidate, _kept(chosen)))
    return found


def _entangled(subject: Prepared, singles: Sequence[Kinship], alone: int) -> list[Part]:
    """Two candidates dealt together: neither order is exact alone, each is once the other's tokens are set aside.

    alone: how many tokens the best single candidate explains; two must explain LEAST_PART more.
    Returns: the pair that explains most, or nothing.
    """
    likely = [found for found in singles if found.shared >= LEAST_KEPT and found.chain.mean() >= ENTANGLED]
    likely.sort(key=lambda found: (-found.in_chain, _distance(found)))
    best: list[Part] = []
    most = alone + LEAST_PART * len(subject.tokens)
    for first, second in combinations(likely[:MOST_ENTANGLED], 2):
        pair = _dealt(subject, first, second)
        if pair and sum(len(part.positions) for part in pair) > most:
            best, most = pair, sum(len(part.positions) for part in pair)
    return best


def _dealt(subject: Prepared, first: Kinship, second: Kinship) -> list[Part]:
    """What each of two candidates explains when the other one's chain is set aside, after three rounds of that."""
    left = frozenset(first.subject_at[first.chain].tolist())
    for _ in range(3):
        theirs = kinship(subject, second.candidate, without=left)
        right = frozenset(theirs.subject_at[theirs.chain].tolist())
        ours = kinship(subject, first.candidate, without=right)
        left = frozenset(ours.subject_at[ours.chain].tolist())
    theirs = kinship(subject, second.candidate, without=left)
    if not (_fits(ours) and _fits(theirs)):
        return []
    return [Part(found.candidate, _kept(found)) for found in (ours, theirs)]


def _with_rivals(subject: Prepared, part: Part, parts: Sequence[Part], candidates: Sequence[Prepared]) -> Part:
    """Third-party control: who else would explain this part, and how much of it?"""
    others = frozenset().union(*(p.positions for p in parts if p is not part))
    counts = []
    for candidate in candidates:
        if all(candidate is not p.parent for p in parts):
            found = kinship(subject, candidate, without=others)
            counts.append((candidate.name, len(_kept(found) & part.positions)))
    return _with_counts(part, counts)
