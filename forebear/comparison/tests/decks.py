"""Do the units of all blocks together find their best partners at their own places? For axes of few units (METHODS §3)."""

from __future__ import annotations

from forebear.comparison.tests.axis_test import AxisRead, AxisTest, Figure, Law
from forebear.core.messages import message
from forebear.stats.deck import deck_layers_log10_p


def _figure(read: AxisRead) -> Figure | None:
    """The sum over blocks; nothing where they were not shuffled apart, or the map was chosen for them."""
    decks, apart = read.decks, read.blocks_apart
    if decks is None or not apart:
        return None
    return Figure(
        deck_layers_log10_p(decks.matched, apart),
        read.map_looks_log10,
        decks.figures,
        decks.matched,
        decks.of,
        deck_layers_log10_p(decks.of, apart),
    )


TEST = AxisTest(
    name="decks",
    rule="permutation",
    symmetry="order",
    kind="exact",
    assumption=message("assumption.order_by_layer"),
    laws=(Law.MOVED_TOGETHER, Law.NEGATED_TOGETHER, Law.SCALED, Law.SHUFFLED, Law.FOUND),
    figure=_figure,
)
