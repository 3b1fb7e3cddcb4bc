"""What a subject vocabulary kept of one candidate: which tokens stand in exactly the candidate's order (METHODS §15).

Thresholds: decision 0007; what they amount to: forebear.tokens.relation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forebear.tokens.order import exact_stretches, in_byte_order, longest_chain
from forebear.tokens.placeholders import is_placeholder, special_tokens
from forebear.tokens.scripts import scripts_of
from forebear.tokens.vocabulary import Vocabulary

EXACT_RATE = 0.99
"""A stretch counts as kept when this share of its shared tokens stand in the candidate's order."""
LEAST_STRETCH = 48
"""Shortest stretch of shared tokens that can count as kept."""
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Prepared:
    """A vocabulary ready for comparison: tokens that stand for text, in order of id.

    ids: (n,) ascending; tokens: n byte strings; sorted_run: (n,) True where an alphabet explains the order.
    Special, added and ambiguous (duplicate) tokens and placeholders are left out; outside: how special and added ones are
    spelt, so that the other side leaves them out too where its container lists them as ordinary.
    """

    name: str
    vocabulary: Vocabulary
    ids: Ints
    tokens: list[bytes]
    outside: frozenset[bytes] = frozenset()

    @cached_property
    def place(self) -> dict[bytes, int]:
        """Bytes → position in `tokens`."""
        return {token: at for at, token in enumerate(self.tokens)}

    @cached_property
    def sorted_run(self) -> Bools:
        """Where a run in byte order explains the order."""
        return in_byte_order(self.tokens)

    @cached_property
    def scripts(self) -> list[str]:
        """Writing system of each token."""
        return scripts_of(self.tokens)


def prepare(vocabulary: Vocabulary, name: str = "") -> Prepared:
    """Lay out the comparable tokens of a vocabulary in order of id."""
    entries = vocabulary.unique()
    if vocabulary.added:
        entries = {token: id_ for token, id_ in entries.items() if id_ not in vocabulary.added}
    pairs = sorted((id_, token) for token, id_ in entries.items() if not is_placeholder(token))
    ids = np.asarray([id_ for id_, _ in pairs], dtype=np.intp)
    return Prepared(name, vocabulary, ids, [t for _, t in pairs], frozenset(special_tokens(vocabulary)))


@dataclass(frozen=True)
class Kinship:
    """What one subject shares with one candidate.

    subject_at, candidate_at: (n,) positions of the shared tokens, in the subject's order.
    chain: (n,) members of the longest chain in the candidate's order; kept: (n,) those in stretches where it is exact.
    ordered: how many shared tokens have an order that sorting does not explain; in_chain: of those, in the chain.
    """

    subject: Prepared
    candidate: Prepared
    subject_at: Ints
    candidate_at: Ints
    chain: Bools
    kept: Bools
    ordered: int
    in_chain: int
    same_id: int
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def shared(self) -> int:
        """Tokens both have, by bytes."""
        return len(self.subject_at)

    @property
    def kept_count(self) -> int:
        """Tokens that stand in exactly the candidate's order."""
        return int(self.kept.sum())

    @cached_property
    def new(self) -> int:
        """Subject's tokens that the candidate has not, neither as text nor as a special or added token."""
        return len(self.subject.tokens) - self.shared - _set_aside(self.subject, self.candidate)

    @cached_property
    def dropped(self) -> int:
        """Candidate's tokens that the subject has not."""
        return len(self.candidate.tokens) - self.shared - _set_aside(self.candidate, self.subject)

    @cached_property
    def in_reverse(self) -> int:
        """Longest chain when the candidate's order is read backwards, over the tokens that `ordered` counts."""
        told = ~(self.subject.sorted_run[self.subject_at] & self.candidate.sorted_run[self.candidate_at])
        return int(longest_chain(self.candidate_at[told][::-1]).sum())

    @property
    def order_kept(self) -> float | None:
        """Longest chain over shared tokens (METHODS §15); None when nothing shared has an order of its own."""
        return self.in_chain / self.ordered if self.ordered else None


def _set_aside(one: Prepared, other: Prepared) -> int:
    """How many ordinary tokens of one side are special or added, and not ordinary, on the other."""
    return sum(token in one.place and token not in other.place for token in other.outside)


def kinship(subject: Prepared, candidate: Prepared, *, without: frozenset[int] = frozenset()) -> Kinship:
    """Compare two vocabularies; `without`: positions of the subject already explained by someone else.

    Cost: n log n in the shared tokens; nothing is encoded.
    """
    theirs = candidate.place
    hits = [(at, theirs[token]) for at, token in enumerate(subject.tokens) if token in theirs and at not in without]
    pairs = np.asarray(hits, dtype=np.intp).reshape(-1, 2)
    ours_at, theirs_at = pairs[:, 0], pairs[:, 1]
    ordered = ~(subject.sorted_run[ours_at] & candidate.sorted_run[theirs_at])
    where = np.flatnonzero(ordered)
    chain = np.zeros(len(pairs), dtype=np.bool_)
    chain[where] = longest_chain(theirs_at[where])
    kept = np.zeros(len(pairs), dtype=np.bool_)
    kept[where] = exact_stretches(chain[where], rate=EXACT_RATE, least=LEAST_STRETCH)
    if len(where) and not kept[where].all():
        _keep_by_script(subject, where, ours_at, theirs_at, kept)
    if len(where):
        _keep_sorted_runs(ordered, where, kept)
    same_id = int((subject.ids[ours_at] == candidate.ids[theirs_at]).sum())
    return Kinship(subject, candidate, ours_at, theirs_at, chain, kept, len(where), int(chain[where].sum()), same_id)


def _keep_sorted_runs(ordered: Bools, where: Ints, kept: Bools) -> None:
    """Sorted runs say nothing by themselves: they go with their neighbours on both sides."""
    rest = np.flatnonzero(~ordered)
    after = np.searchsorted(where, rest)
    left = kept[where[np.maximum(after - 1, 0)]] | (after == 0)
    right = kept[where[np.minimum(after, len(where) - 1)]] | (after == len(where))
    kept[rest] = left & right


def _keep_by_script(subject: Prepared, where: Ints, ours_at: Ints, theirs_at: Ints, kept: Bools) -> None:
    """A script kept inside a vocabulary whose other scripts were learnt anew is found within the script."""
    scripts = np.asarray([subject.scripts[at] for at in ours_at[where].tolist()])
    for script in np.unique(scripts):
        inside = where[scripts == script]
        if len(inside) >= LEAST_STRETCH:
            members = longest_chain(theirs_at[inside])
            kept[inside] |= exact_stretches(members, rate=EXACT_RATE, least=LEAST_STRETCH)
