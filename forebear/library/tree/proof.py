"""Pairs compared on their weights, within a number that is told: which are kin, and how sure that is (METHODS §11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forebear.comparison.compare import Asked, compare_pair
from forebear.core.documents import thaw
from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.progress import within
from forebear.library.tree.candidates import Member, Proposal, order_of
from forebear.library.tree.shape import Edge, Groups
from forebear.library.tree.thresholds import TRIES
from forebear.models.checkpoint import put_there

KIN = ("identical", "related")
"""Relations that draw an edge."""
KEPT = ("relation", "reparameterised", "kind", "log10_p", "test", "assumption", "words")
"""Of a comparison's verdict, kept with the pair."""


@dataclass
class Prover:
    """Comparisons made, each once. looks: pairs that those compared were chosen from; every p-value is multiplied by it."""

    members: Sequence[Member]
    looks: int
    left: int
    proposed: int
    """Pairs that prints propose: about as many comparisons are made, for progress alone."""
    made: dict[Edge, dict[str, Any]] = field(default_factory=dict)
    limits: list[Message] = field(default_factory=list)
    not_made: int = 0

    def relation(self, pair: Edge) -> str:
        """What `compare` says of two members; "" where it could not be asked: the number is used up, or one is not at hand."""
        pair = (min(pair), max(pair))
        if pair in self.made:
            return str(self.made[pair]["relation"])
        subject, candidate = (self.members[end] for end in pair[::-1])
        if not (subject.where and candidate.where):
            return ""
        if self.left <= 0:
            self.not_made += 1
            return ""
        self.left -= 1
        built = put_there(subject.where, candidate.where)
        if built is not None:
            self.limits.append(message("limit.side", side=f"{subject.name}, {candidate.name}", what=built))
        done = len(self.made)
        try:
            with within(done, max(done + 1, min(done + self.left + 1, self.proposed)), f"comparison {done + 1}, {subject.name}"):
                document = compare_pair(
                    subject.where, candidate.where, Asked().options(str(subject.where), [str(candidate.where)]), looks=self.looks
                )
            self.made[pair] = thaw({key: document["verdict"][key] for key in KEPT})
        except RefusedError as error:
            self.limits.append(
                message("tree.not_compared", one=subject.name, other=candidate.name, why=error.message())
            )
            self.made[pair] = dict.fromkeys(KEPT) | {"relation": "", "words": []}
        return str(self.made[pair]["relation"])

    def kin(self, pair: Edge) -> bool:
        """Whether two members are proven to share weights."""
        return self.relation(pair) in KIN


def joined(prover: Prover, pairs: Mapping[Edge, Proposal]) -> Groups:
    """The families that comparisons prove: pairs the nearest first, none between two that are joined already.

    Two groups count as apart after TRIES comparisons that found nothing.
    """
    groups = Groups(range(len(prover.members)))
    failed: dict[frozenset[int], int] = {}
    for pair in sorted(pairs, key=lambda one: tuple(order_of(one, pairs[one]))):
        ends = frozenset(groups.root(end) for end in pair)
        if len(ends) < 2 or failed.get(ends, 0) >= TRIES:
            continue
        relation = prover.relation(pair)
        if relation in KIN:
            groups.join(*pair)
            failed = _again(groups, failed)
        elif relation:
            failed[ends] = failed.get(ends, 0) + 1
    return groups


def _again(groups: Groups, failed: Mapping[frozenset[int], int]) -> dict[frozenset[int], int]:
    """What was tried in vain, by the groups as they are now."""
    found: dict[frozenset[int], int] = {}
    for ends, count in failed.items():
        now = frozenset(groups.root(end) for end in ends)
        if len(now) == 2:
            found[now] = found.get(now, 0) + count
    return found


__all__ = ["KIN", "Prover", "joined"]
