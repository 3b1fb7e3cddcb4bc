"""Evenly spread positions: distinct, rising, with both ends."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.spacing import evenly


@pytest.mark.parametrize(("size", "most"), [(1, 1), (5, 9), (1536, 16), (30522, 768), (10**9, 2048), (7, 2)])
def test_positions_are_distinct_rising_and_reach_both_ends(size, most):
    found = evenly(size, most)
    assert len(found) == min(size, most)
    assert (np.diff(found) > 0).all()
    assert found[0] == 0
    assert found[-1] == (size - 1 if len(found) > 1 else 0)


def test_nothing_is_spread_over_nothing():
    assert len(evenly(0, 5)) == len(evenly(5, 0)) == 0
