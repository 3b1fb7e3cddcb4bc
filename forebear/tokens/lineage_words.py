"""What a lineage document says in words: which candidate it is about, the sentences, the evidence and its null, the limits."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from forebear.core.messages import Message, message
from forebear.tokens.kinship import Kinship
from forebear.tokens.order import log10_chance
from forebear.tokens.parents import Descent
from forebear.tokens.relation import ALIKE, IN_ORDER, alikeness, kept_in_order, relation_of

NULL = {
    "independent_pairs": 400,
    "called_kin": 0,
    "upper_95": 0.0075,
    "highest_order_kept": 0.2002,
    "wrong_answers": 1,
    "answers": 320,
    "from": "bench/results/tokenizers-lineage-2.json",
}
"""What the held-out run gave: independents and re-learnt vocabularies of about 3,500 tokens (0 of n: at most 3/n)."""
NULL_STRENGTH = 13.4
"""Highest chain over √n among published independents, those that learnt from overlapping text included (decision 0028)."""
NULL_OVERLAP = 0.75
"""Highest overlap among independents of at least 1,000 tokens (decision 0028)."""


def head_of(found: Descent) -> Kinship:
    """The candidate that the top-level figures are about: the first parent, else of the closest kind the one that shares most."""
    if found.parts:
        return next(s for s in found.singles if s.candidate is found.parts[0].parent)
    return max(found.singles, key=lambda single: (relation_of(single) == found.relation, single.shared))


def id_shift(found: Kinship) -> int | None:
    """What is added to every shared token's id, when it is one number."""
    if not found.shared:
        return None
    shifts = np.unique(found.subject.ids[found.subject_at] - found.candidate.ids[found.candidate_at])
    return int(shifts[0]) if len(shifts) == 1 else None


def evidence_of(found: Kinship) -> dict[str, Any]:
    """The figures of one candidate, with their null hypothesis and what it assumes."""
    like = alikeness(found)
    return {
        "test": "token-order",
        "candidate": found.candidate.name,
        "h0": message("h0.vocabularies"),
        "assumption": message("assumption.vocabularies"),
        "kind": "calibrated",
        "chain": found.in_chain,
        "of": found.ordered,
        "expected": rounded(2 / found.ordered**0.5) if found.ordered else None,
        "kept": found.kept_count,
        "log10_bound_random_order": round(log10_chance(found.in_chain, found.ordered), 1),
        "backwards": like.backwards,
        "strength": round(like.strength, 2),
        "contained": rounded(like.contained),
        "overlap": rounded(like.overlap),
        "decides": True,
        "null": NULL | {"highest_strength": NULL_STRENGTH, "highest_overlap": NULL_OVERLAP},
    }


def limits_of(found: Descent, head: Kinship) -> list[Message]:
    """What the answer does not show."""
    limits = [message("lineage.symmetric"), message("lineage.same_program")]
    for single in found.singles:
        if single is not head and relation_of(single) == IN_ORDER:
            limits.append(message("lineage.close", name=single.candidate.name, kept=rounded(alikeness(single).order)))
    kind = head.subject.vocabulary.kind
    if kind in ("unigram", "pieces", "wordpiece", "trie"):
        limits.append(message("lineage.no_merges", kind=kind))
    return limits


def words_of(found: Descent, head: Kinship) -> list[Message]:
    """What a reader can repeat, in one to three messages."""
    name, n = head.candidate.name, len(head.subject.tokens)
    if found.relation == "unrelated":
        several = len(found.singles) > 1
        return [
            message("lineage.unrelated_to_all") if several else message("lineage.unrelated", name=name),
            message(
                "lineage.in_order",
                shared=head.shared,
                name=name,
                chain=head.in_chain,
                kept=head.order_kept or 0.0,
                chance=2 / head.ordered**0.5 if head.ordered else 0.0,
            ),
        ]
    if found.relation in ALIKE:
        return _alike_words(found.relation, head)
    if found.relation == "identical":
        return [message("lineage.identical", count=head.shared, name=name)]
    if found.relation == "renumbered":
        shift = id_shift(head)
        if shift is None:
            return [message("lineage.renumbered", count=head.shared, name=name)]
        return [message("lineage.shifted", count=head.shared, name=name, shift=shift)]
    if found.relation == "stitched":
        parts = [message("lineage.part", count=len(p.positions), name=p.parent.name) for p in found.parts]
        return [message("lineage.stitched", names=parts, rest=n - sum(len(p.positions) for p in found.parts))]
    if not kept_in_order(head):
        return [message("lineage.contained", shared=head.shared, name=name, new=head.new, dropped=head.dropped)]
    in_place = head.same_id == head.shared
    return [
        message(
            "lineage.kept" if in_place else "lineage.kept_moved",
            kept=head.kept_count,
            name=name,
            of=len(head.candidate.tokens),
            new=head.new,
            dropped=head.dropped,
        )
    ]


def _alike_words(relation: str, head: Kinship) -> list[Message]:
    """Alike in order or in tokens: the figure, what independents reach, and what it may come from."""
    like, name = alikeness(head), head.candidate.name
    if relation == IN_ORDER:
        said = message(
            "lineage.alike_reversed" if like.backwards else "lineage.alike_order",
            name=name,
            shared=head.shared,
            of=head.ordered,
            chain=like.chain,
            kept=like.order,
            null=min(1.0, NULL_STRENGTH / sqrt(head.ordered)),
        )
    else:
        figures = {"shared": head.shared, "overlap": like.overlap, "contained": like.contained}
        said = message("lineage.alike_tokens", name=name, null=NULL_OVERLAP, **figures)
    return [said, message("lineage.alike_means")]


def rounded(value: float | None) -> float | None:
    """Four digits, as documents hold shares."""
    return None if value is None else round(float(value), 4)
