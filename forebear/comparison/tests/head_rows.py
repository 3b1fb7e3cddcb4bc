"""Rows of the LM head for tokens that both sides share (METHODS §17)."""

from __future__ import annotations

from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.strength_outcome import BUDGET
from forebear.models.checkpoint import Piece
from forebear.stats.arrays import F32


def head_rows(pair: Pair, head: tuple[Piece, Piece], rows: SharedRows) -> list[tuple[F32, F32]]:
    """Rows of the LM head of either side for the shared tokens that were read; nothing where the budget does not pay."""
    inside = (rows.ids_a < head[0].shape[0]) & (rows.ids_b < head[1].shape[0])
    if not all(p.has("token") and p.has("channel") for p in head) or inside.sum() < 2:
        return []
    sides = (pair.subject, pair.candidate)
    cost = [int(inside.sum()) * row_bytes(side, p.tensor) for side, p in zip(sides, head, strict=True)]
    if not pair.allowance.allows(cost[0], cost[1], BUDGET):
        return []
    a = pair.subject.container.take(head[0].tensor, rows.ids_a[inside])
    b = pair.candidate.container.take(head[1].tensor, rows.ids_b[inside])
    return [(a, b)]
