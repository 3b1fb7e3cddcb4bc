"""Both sides of a pair under names and cuts that agree (decision 0118)."""

from __future__ import annotations

from forebear.comparison.reading.recut import recut
from forebear.comparison.reading.refit import refit
from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint

LAYOUT_BYTES = 2**29
"""Bytes of each side that the choice of a layout reads at the most where nobody stated a budget; of one, LAYOUT_SHARE."""
LAYOUT_SHARE = 8


def laid_out(
    left: Checkpoint, right: Checkpoint, budget: int | None
) -> tuple[Checkpoint, Checkpoint, float, list[Message], list[Message], bool]:
    """Both sides, those that their family does not read put under its names; then what is fused, cut as the pair says.

    budget: bytes a side that the caller stated, or None.
    Returns: (subject, candidate, log10 of the layouts looked at, what to report, what was read one way although others fit,
              whether what is a query, key or value was chosen).
    """
    most = LAYOUT_BYTES if budget is None else min(LAYOUT_BYTES, budget // LAYOUT_SHARE)
    sides, looks, said, unsettled, attention = [left, right], 0.0, list[Message](), list[Message](), False
    for change in (refit, recut):
        for at, word in enumerate(("subject", "candidate")):
            found = change(sides[at], sides[1 - at], most)
            if found is not None:
                looks += found.looks_log10
                attention = attention or found.attention
                sides[at] = found.side
                told = [message("limit.side", side=message(f"term.{word}"), what=one) for one in found.said]
                said += told
                unsettled += [] if found.settled else told
    return sides[0], sides[1], looks, said, unsettled, attention
