"""What one pair of vocabularies is to each other, by thresholds that independents do not reach (METHODS §15).

Descent is shown by exact order, or by containment too large for chance. Between descent and nothing: vocabularies alike in
order, or alike in their tokens. The same text learnt again, local renumbering, changed case, a reversal or a shuffle with
changes look like that. Thresholds: decisions 0007 and 0028.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from forebear.tokens.kinship import Kinship

LEAST_KEPT = 96
"""Fewest kept tokens that make two vocabularies related."""
LEAST_SHARE = 0.15
"""And the least share of the smaller vocabulary that they must make up."""
NEARLY_ALL = 0.9
"""Extended and trimmed keep at least this share of the vocabulary they come from, or go into."""
LOPSIDED = 3.0
"""And what is new outnumbers what is dropped by this factor (or the reverse)."""
CONTAINED = 0.999
"""Containment of this share shows descent even when the order is lost..."""
CONTAINED_FROM = ((1000, 0.4), (8000, 0.1))
"""...with this many tokens in the smaller vocabulary and this overlap: a large one contains small independents."""
ALIKE_STRENGTH = 16.0
"""Chain over the square root of the tokens that can tell, from which order is alike (independents: at most 8.1)."""
ALIKE_ORDER = 0.1
"""And the least share of those tokens that the chain holds."""
ALIKE_OVERLAP = 0.85
"""Overlap from which tokens are alike (independents: at most 0.75), with LEAST_ALIKE tokens in the smaller vocabulary."""
LEAST_ALIKE = 1000
ALIKE_CONTAINED = 0.99
"""Or containment from which they are, with the next two figures (independents with them: at most 0.89)."""
LEAST_ALIKE_CONTAINED = 4000
CONTAINED_OVERLAP = 0.4

IN_ORDER, IN_TOKENS = "alike-in-order", "alike-in-tokens"
ALIKE = frozenset({IN_ORDER, IN_TOKENS})
NO_KIN = ALIKE | {"unrelated"}
"""Answers that show no descent."""


@dataclass(frozen=True)
class Alikeness:
    """How alike two vocabularies are; none of it is descent.

    chain:     longest chain over the shared tokens that have an order of their own, in the candidate's order or its reverse.
    order:     the chain over their number; strength: over the square root of it (about 2 for a random order).
    contained: shared tokens over the smaller vocabulary; overlap: over all tokens that either has.
    """

    chain: int
    backwards: bool
    order: float
    strength: float
    contained: float
    overlap: float


def alikeness(found: Kinship) -> Alikeness:
    """The figures of one pair."""
    ours, theirs, shared = len(found.subject.tokens), len(found.candidate.tokens), found.shared
    # a chain of more than half leaves no longer one in reverse
    backwards = 2 * found.in_chain <= found.ordered and found.in_chain < found.in_reverse
    chain = found.in_reverse if backwards else found.in_chain
    return Alikeness(
        chain=chain,
        backwards=backwards,
        order=chain / found.ordered if found.ordered else 0.0,
        strength=chain / sqrt(found.ordered) if found.ordered else 0.0,
        contained=shared / max(1, min(ours, theirs)),
        overlap=shared / max(1, ours + theirs - shared),
    )


def kept_in_order(found: Kinship) -> bool:
    """Whether enough stands in exactly the same order."""
    smaller = min(len(found.subject.tokens), len(found.candidate.tokens))
    return found.kept_count >= max(LEAST_KEPT, LEAST_SHARE * smaller)


def contained(found: Kinship) -> bool:
    """Whether one side holds the other so wholly that chance does not explain it."""
    ours, theirs, shared = len(found.subject.tokens), len(found.candidate.tokens), found.shared
    smaller, either = min(ours, theirs), ours + theirs - shared
    if shared < CONTAINED * smaller:
        return False
    return any(smaller >= least and shared >= overlap * either for least, overlap in CONTAINED_FROM)


def related(found: Kinship) -> bool:
    """Whether descent is shown: enough in exact order, containment, or the same tokens under the same ids."""
    same = not found.new and not found.dropped and found.same_id == found.shared > 0
    return same or kept_in_order(found) or contained(found)


def alike(found: Kinship) -> str | None:
    """The answer between descent and nothing, or None."""
    like = alikeness(found)
    smaller = min(len(found.subject.tokens), len(found.candidate.tokens))
    if like.strength >= ALIKE_STRENGTH and like.order >= ALIKE_ORDER:
        return IN_ORDER
    if like.overlap >= ALIKE_OVERLAP and smaller >= LEAST_ALIKE:
        return IN_TOKENS
    enough = like.overlap >= CONTAINED_OVERLAP and smaller >= LEAST_ALIKE_CONTAINED
    return IN_TOKENS if enough and like.contained >= ALIKE_CONTAINED else None


def relation_of(found: Kinship) -> str:
    """What the subject is with respect to the candidate; "stitched" needs two candidates and is decided elsewhere."""
    if not related(found):
        return alike(found) or "unrelated"
    new, dropped = found.new, found.dropped
    if not new and not dropped:
        return "identical" if found.same_id == found.shared else "renumbered"
    held = found.kept_count if kept_in_order(found) else found.shared
    if not dropped or (held >= NEARLY_ALL * len(found.candidate.tokens) and new >= LOPSIDED * dropped):
        return "extended"
    if not new or (held >= NEARLY_ALL * len(found.subject.tokens) and dropped >= LOPSIDED * new):
        return "trimmed"
    return "partly-relearnt"
