"""One family of a library: distances, merges, the shortest tree, models that are not there, and the way each edge points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.threads import one_thread
from forebear.library.store import Store
from forebear.library.tree.candidates import Member
from forebear.library.tree.distances import Sample, Way, print_sample, same_layers, sample_of, way
from forebear.library.tree.merges import Alike, Merge, alike, on_line, proposed, proven
from forebear.library.tree.proof import KIN, Prover
from forebear.library.tree.shape import Edge, Groups, Looked, Ways, shortest, siblings_apart, unknown
from forebear.library.tree.thresholds import MOST_READ
from forebear.models.checkpoint import open_checkpoint

ALL_PAIRS = 40
"""Members of a family up to which every two are measured; in larger ones those that something proposes."""


@dataclass
class Family:
    """What was found of one family. edges: pairs that are next to each other; merges: child -> merge, with what proved it;
    junctions: groups of edges that meet in a model that is not there. guests: models whose weights are not at hand, joined by
    `proposed` edges alone. weighed: whether weights gave the distances."""

    members: list[int]
    edges: list[Edge] = field(default_factory=list)
    merges: list[tuple[Merge, dict[str, Any] | None]] = field(default_factory=list)
    junctions: list[list[Edge]] = field(default_factory=list)
    guests: list[int] = field(default_factory=list)
    proposed: list[Edge] = field(default_factory=list)
    weighed: bool = False
    measured: Measured | None = None
    limits: list[Message] = field(default_factory=list)


class Measured:
    """Distances inside one family, each measured once."""

    def __init__(self, store: Store, members: Sequence[Member], inside: Sequence[int], *, weights: bool) -> None:
        self.limits: list[Message] = []
        self.weighed = weights and len(inside) <= MOST_READ
        self._store, self._members = store, members
        self.samples: dict[int, Sample] = {}
        if self.weighed:
            self.samples = {member: made for member in inside if (made := self._read(members[member])) is not None}
            self.weighed = len(self.samples) == len(inside)
        if not self.weighed:
            if weights:
                self.limits.append(message("tree.by_prints", count=len(inside), names=[members[inside[0]].name]))
            self.samples = {member: print_sample(store.get(members[member].id)) for member in inside}
        self._ways: dict[Edge, Way] = {}

    def _read(self, member: Member) -> Sample | None:
        try:
            with closing(open_checkpoint(member.where)) as opened:
                return sample_of(opened)
        except RefusedError as error:
            self.limits.append(message("tree.not_read", name=member.name, why=error.message()))
            return None

    def has(self, *some: int) -> bool:
        """Whether all of these were measured."""
        return all(member in self.samples for member in some)

    def way(self, a: int, b: int) -> Way:
        """The way between two members."""
        a, b = min(a, b), max(a, b)
        if (a, b) not in self._ways:
            self._ways[a, b] = way(self.samples[a], self.samples[b], self._layers(a, b))
        return self._ways[a, b]

    def _layers(self, a: int, b: int) -> dict[int, int]:
        """Which layer of b each of a is; prints are asked only where the two have not as many."""
        counts = [int(self._members[end].about["layers"]) for end in (a, b)]
        if counts[0] == counts[1]:
            return {layer: layer for layer in range(counts[0])}
        return same_layers(*(self._store.get(self._members[end].id) for end in (a, b)))

    def table(self, some: Sequence[int]) -> Any:
        """The ways in weak directions between every two of some members. Shape (n, n)."""
        return np.array([[0.0 if a == b else self.way(a, b).weak for b in some] for a in some])

    def ways(self, v: int, a: int, b: int) -> Ways:
        """The three ways between three members."""
        three = (self.way(v, a), self.way(v, b), self.way(a, b))
        weak, whole = ([getattr(one, name) for one in three] for name in ("weak", "whole"))
        return Ways((weak[0], weak[1], weak[2]), (whole[0], whole[1], whole[2]))


@one_thread()
def family_of(
    store: Store, members: Sequence[Member], inside: Sequence[int], pairs: Mapping[Edge, Any], prover: Prover | None
) -> Family:
    """The tree of one family. prover: what compares pairs on weights; None for a tree of proposals, which has no merges and
    no unknown ancestors."""
    found = Family(list(inside))
    measured = Measured(store, members, inside, weights=prover is not None)
    found.limits += measured.limits
    found.weighed, found.measured = measured.weighed, measured
    groups = list(alike(inside, measured.samples)) if measured.weighed else []
    if prover is not None:
        found.merges = _merges(members, groups, prover, found)
    lengths = _lengths(inside, pairs, measured, prover)
    allowed = {pair: length for pair, length in lengths.items() if _may_join(pair, found.merges, measured, inside)}
    merged = [(merge.child, parent) for merge, _ in found.merges for parent in merge.parents]
    looked = measured.ways if measured.weighed else None
    found.edges = _proven_tree(inside, allowed, lengths, merged, prover, looked)
    if prover is not None and measured.weighed:
        found.junctions = unknown(found.edges, measured.ways)
    return found


def _lengths(
    inside: Sequence[int], pairs: Mapping[Edge, Any], measured: Measured, prover: Prover | None
) -> dict[Edge, float]:
    """The length of every way that may become an edge, those refuted by a comparison left out."""
    few = prover is not None and len(inside) <= ALL_PAIRS
    wanted = combinations(sorted(inside), 2) if few else (pair for pair in pairs if set(pair) <= set(inside))
    made = prover.made if prover is not None else {}
    kept = [pair for pair in wanted if pair not in made or made[pair]["relation"] in KIN]
    return {pair: measured.way(*pair).length for pair in kept}


def _may_join(pair: Edge, merges: Sequence[tuple[Merge, Any]], measured: Measured, inside: Sequence[int]) -> bool:
    """Whether two members may be joined by a plain edge: a merge to what was made from it alone.

    Not to one that stands elsewhere on the parents, nor to one from which another member leads to every parent: that one hangs
    on an ancestor of the parents.
    """
    for merge, _ in merges:
        if merge.child in pair:
            other = pair[0] if pair[1] == merge.child else pair[1]
            if other in merge.parents or not on_line(merge, measured.table([other, *merge.parents])):
                return False
            for one in inside:
                if one not in (other, merge.child, *merge.parents) and all(
                    measured.ways(one, other, parent).between for parent in merge.parents
                ):
                    return False
    return True


def _proven_tree(
    inside: Sequence[int], allowed: Mapping[Edge, float], lengths: Mapping[Edge, float], merged: Sequence[Edge],
    prover: Prover | None, looked: Looked | None,
) -> list[Edge]:  # fmt: skip
    """The shortest tree whose every edge a comparison bears out, as far as comparisons may be made. merged: edges of merges."""
    refuted: set[Edge] = set()
    while True:
        edges = shortest(inside, {pair: length for pair, length in allowed.items() if pair not in refuted})
        if looked is not None:
            held = {edge for edge in edges if any(child in edge for child, _ in merged)}
            free = siblings_apart([edge for edge in edges if edge not in held], looked)
            edges = [*held, *(edge for edge in free if edge not in refuted)]
        groups = Groups(inside)
        for edge in [*edges, *merged]:
            groups.join(*edge)
        # what a merge was kept from is joined all the same where nothing else joins it
        edges += _bridges(groups, {pair: length for pair, length in lengths.items() if pair not in refuted})
        if prover is None:
            return sorted(edges)
        fresh = {edge for edge in edges if prover.relation(edge) not in (*KIN, "")}
        if not fresh:
            return sorted(edges)
        refuted |= fresh


def _bridges(groups: Groups, lengths: Mapping[Edge, float]) -> list[Edge]:
    """The shortest edges that join groups which stand apart."""
    return [pair for pair in sorted(lengths, key=lambda one: (lengths[one], one)) if groups.join(*pair)]


def _merges(
    members: Sequence[Member], groups: Sequence[Alike], prover: Prover, found: Family
) -> list[tuple[Merge, dict[str, Any] | None]]:
    """Merges that the weights bear out; every parent is proven to share weights with its child."""
    kept: list[tuple[Merge, dict[str, Any] | None]] = []
    for group in groups:
        for merge in proposed(group):
            places = [members[one].where for one in (merge.child, *merge.parents)]
            made, said = proven(places, [members[one].id for one in merge.parents])
            found.limits += said
            if made is None or len(made["parents"]) != len(merge.parents):
                continue
            if all(prover.kin((merge.child, parent)) for parent in merge.parents):
                kept.append((merge, made))
    return kept


__all__ = ["Family", "Measured", "family_of"]
