"""Do units find their best partner at their own place? The deck test, on any axis whose order is free (METHODS §3)."""

from __future__ import annotations

from forebear.comparison.findings.evidence import ORDER_ASSUMPTION
from forebear.comparison.tests.axis_test import AxisRead, AxisTest, Figure, Law
from forebear.comparison.thresholds import VERDICT_LOG10_LEVEL
from forebear.stats.deck import deck_log10_p


def _figure(read: AxisRead) -> Figure | None:
    """The best block of all; nothing of blocks too small to say anything alone, where their sum is looked at."""
    decks = read.decks
    if decks is None or (read.blocks_apart and deck_log10_p(decks.attainable) > VERDICT_LOG10_LEVEL):
        return None
    return Figure(
        deck_log10_p(decks.best),
        read.best_looks_log10,
        decks.figures,
        decks.matched,
        decks.of,
        deck_log10_p(decks.attainable),
    )


TEST = AxisTest(
    name="deck",
    rule="permutation",
    symmetry="order",
    kind="exact",
    assumption=ORDER_ASSUMPTION,
    laws=(Law.MOVED_TOGETHER, Law.NEGATED_TOGETHER, Law.SCALED, Law.SHUFFLED, Law.FOUND),
    figure=_figure,
)
