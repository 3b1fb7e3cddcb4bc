"""What the tokenizers beside both checkpoints say of their rows: which token each stands for, and what became of the list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.vocabulary import carried
from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint
from forebear.tokens.order import longest_chain
from forebear.tokens.vocabulary import Vocabulary, shared_tokens

Ids = NDArray[np.intp]
UNNAMED = -2
"""Partner of a row that no token of the subject stands for, or one that several stand for: its values alone say what it is."""
IN_ORDER = 0.74
"""Share of shared tokens in one order from which a list goes back to the other; strangers have 0.04 at most (METHODS §15)."""
FIRST = 0.9
"""Share of the ids up to the last one in its place that must be in theirs for a list to be stitched."""


@dataclass(frozen=True)
class Spelling:
    """partner: (tokens of the subject,) the candidate's id of the same token; -1: it has none; UNNAMED.

    kind: same, appended, trimmed, renumbered, stitched, re-learnt, or changed (several of these).
    kept, moved, new, dropped: tokens in both, of these under another id, in the subject alone, in the candidate alone.
    in_order: share of the kept ones that are in one order on both sides.
    """

    partner: Ids
    kind: str
    kept: int
    moved: int
    new: int
    dropped: int
    in_order: float

    def words(self) -> Message:
        """One sentence on the two lists."""
        counts = {"kept": self.kept, "moved": self.moved, "new": self.new, "dropped": self.dropped}
        return message(f"recipe_tokens.{self.kind}", **counts, in_order=round(self.in_order, 4))


def spelling_of(subject: Checkpoint, candidate: Checkpoint) -> tuple[Spelling | None, Message | None]:
    """How the two lists of tokens correspond, by the bytes of tokens.

    Returns: None without a tokenizer on both sides; and what is to be said where one cannot be read.
    """
    try:
        mine, theirs = carried(subject), carried(candidate)
    except RefusedError as error:
        return None, message("recipe_tokens.unread", why=error.message())
    return (None, None) if mine is None or theirs is None else (compared(mine, theirs), None)


def compared(mine: Vocabulary, theirs: Vocabulary) -> Spelling:
    """The correspondence of two vocabularies; special tokens by their spelling. Source: METHODS §15."""
    ours, other = shared_tokens(mine, theirs)
    special = {theirs.tokens[i]: i for i in sorted(theirs.special)}
    both = [(i, special[token]) for i in sorted(mine.special) if (token := mine.tokens[i]) is not None and token in special]
    partner = np.array([UNNAMED if token is None else -1 for token in mine.tokens], dtype=np.intp)
    partner[ours] = other
    for one, its in both:
        partner[one] = its
    ours = np.flatnonzero(partner >= 0)
    kept, moved = len(ours), int((partner[ours] != ours).sum())
    in_order = float(longest_chain(partner[ours]).mean()) if kept else 0.0
    counts = {"kept": kept, "moved": moved, "new": int((partner == -1).sum()), "dropped": theirs.count - kept}
    return Spelling(partner, _kind(partner, counts, in_order), in_order=in_order, **counts)


def _kind(partner: Ids, counts: dict[str, int], in_order: float) -> str:
    new, dropped, moved = counts["new"], counts["dropped"], counts["moved"]
    fresh = np.flatnonzero(partner == -1)
    if not new and not dropped:
        return "renumbered" if moved else "same"
    if not dropped and not moved and counts["kept"] and fresh[0] > np.flatnonzero(partner >= 0)[-1]:
        return "appended"
    if not new and in_order >= IN_ORDER:
        return "trimmed"
    placed = np.flatnonzero(partner == np.arange(len(partner)))
    if len(placed) and dropped and float((partner[: placed[-1] + 1] == np.arange(placed[-1] + 1)).mean()) >= FIRST:
        return "stitched"
    return "changed" if in_order >= IN_ORDER else "re-learnt"
