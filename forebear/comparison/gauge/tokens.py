"""Embedding rows after a rotation they did not make: do they follow it, in place or under other token ids? (METHODS §9, §10)"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forebear.comparison.gauge.rotation import Rotation
from forebear.comparison.gauge.thresholds import (
    LEAST_ROWS_D_EFF,
    MATCHED_ROWS,
    MOST_MATCHED_BYTES,
    ROWS_ASKED,
    ROWS_FOLLOW,
)
from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.folded import Side, centred
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.thresholds import COPIED_ROWS, ROWS_LEFT
from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.stats.arrays import F32
from forebear.stats.effect import effective_dimension, row_cosines
from forebear.stats.gauge import mutual

MATCHED_BUDGET = message("budget.matched_rows")


@dataclass(frozen=True)
class RowsFound:
    """What rows say. state: as `GaugeOutcome.embedding`; words: where tokens moved, None otherwise."""

    state: str = ""
    words: Message | None = None


def rows_of_their_own_rotation(rows: SharedRows, rotation: Rotation) -> str:
    """ "rotated" where held-out rows follow the rotation of the others nearly exactly, and differ enough to mean anything."""
    d_eff = effective_dimension(rows.b, rows.b)
    close = rotation.tokens > 0 and rotation.fit >= COPIED_ROWS and d_eff is not None and d_eff >= LEAST_ROWS_D_EFF
    return "rotated" if close else ""


def rows_after(pair: Pair, rows: SharedRows | None, sides: tuple[Side, Side], rotation: Rotation) -> RowsFound:
    """Rows held in a rotation made by neurons: in place where tokens are paired by their bytes, else matched by their signature."""
    if rows is not None:
        a, b = (centred(r, s.rule.mean_subtracted) for r, s in zip((rows.a, rows.b), sides, strict=True))
        cosines = row_cosines(a @ rotation.matrix, b)
        mean = float(np.mean(cosines[np.isfinite(cosines)])) if np.isfinite(cosines).any() else 0.0
        if mean >= ROWS_FOLLOW:
            return RowsFound("carried")
        if rows.how != "ids":
            return RowsFound("left" if mean <= ROWS_LEFT else "")
    return _matched(pair, sides, rotation)


def _matched(pair: Pair, sides: tuple[Side, Side], rotation: Rotation) -> RowsFound:
    """A few rows of the subject against every row of the candidate: where do they name each other?"""
    pieces = pair.both("embedding", None, None)
    if pieces is None:
        return RowsFound()
    counts = [side.checkpoint.container.tensors[p.tensor].shape[0] for side, p in zip(sides, pieces, strict=True)]
    chosen = evenly(counts[0], ROWS_ASKED)
    costs = [row_bytes(side.checkpoint, p.tensor) for side, p in zip(sides, pieces, strict=True)]
    if counts[1] * costs[1] > MOST_MATCHED_BYTES or not pair.allowance.allows(
        len(chosen) * costs[0], counts[1] * costs[1], MATCHED_BUDGET
    ):
        return RowsFound()
    mine = sides[0].checkpoint.container.take(pieces[0].tensor, chosen)
    theirs = sides[1].checkpoint.container.rows(pieces[1].tensor)
    a: F32 = centred(mine, sides[0].rule.mean_subtracted) @ rotation.matrix
    b = centred(theirs, sides[1].rule.mean_subtracted)
    partners = mutual((a, b, False))
    kept = partners >= 0
    cosines = row_cosines(a[kept], b[partners[kept]])
    strong = cosines >= MATCHED_ROWS
    found, moved = int(strong.sum()), int(np.count_nonzero(strong & (partners[kept] != chosen[kept])))
    if found * 2 < len(chosen):
        return RowsFound()
    where = message("term.under another token id" if moved * 2 > found else "term.under the same token id")
    return RowsFound("carried", message("tokens.by_content", found=found, of=len(chosen), where=where))
