"""Many decks at once are the deck test pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.stats.deck import deck
from forebear.stats.many_decks import decks_among


@pytest.mark.parametrize("groups", [2, 5])
def test_every_pair_is_what_the_deck_test_says(rng, groups):
    shared = rng.standard_normal((20, 30))
    units = [
        (shared * (i % 2) + rng.standard_normal((20 + i, 30 + i))[:20, :30]).astype(np.float32) for i in range(groups)
    ]
    found = decks_among(units)
    for i in range(groups):
        for j in range(groups):
            assert found[i, j] == (0 if i == j else deck(units[i], units[j]).matched)


def test_clones_match_in_every_place_and_strangers_in_about_one(rng):
    unit = rng.standard_normal((64, 40)).astype(np.float32)
    found = decks_among(
        [unit, unit + 0.01 * rng.standard_normal(unit.shape).astype(np.float32), rng.standard_normal((64, 40))]
    )
    assert found[0, 1] == found[1, 0] == 64
    assert max(found[0, 2], found[2, 0]) <= 6


def test_zero_and_unreadable_rows_match_nothing(rng):
    unit = rng.standard_normal((16, 9)).astype(np.float32)
    broken = unit.copy()
    broken[:4], broken[4:8] = 0, np.nan
    assert decks_among([unit, broken])[0, 1] == 8
    assert decks_among([unit]).tolist() == [[0]]
