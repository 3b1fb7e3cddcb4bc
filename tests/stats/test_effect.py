"""Effects: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.stats import effect as e
from forebear.stats.arrays import finite_or_zero
from tests.stats import twins


def test_effective_dimension_is_the_width_for_noise_and_small_where_units_share_directions(rng):
    a, b = rng.standard_normal((2, 150, 200)).astype(np.float32)
    assert e.effective_dimension(a, b) == pytest.approx(200, rel=0.02)
    squares = [twins.cosine(a[i], b[j]) ** 2 for i in range(150) for j in range(150) if i != j]
    assert e.effective_dimension(a, b) == pytest.approx(1 / np.mean(squares), rel=1e-4)
    assert e.effective_dimension(a, a + 0.1 * b) == pytest.approx(200, rel=0.05)  # matching units don't count
    shared = 3 * rng.standard_normal(200)
    assert e.effective_dimension(a + shared, b + shared) < 2
    assert e.effective_dimension(a, b, most=50) == pytest.approx(200, rel=0.1)
    assert e.effective_dimension(0 * a, b) is None
    assert e.effective_dimension(a[:1], b[:1]) is None


def test_row_cosines_equal_the_twin_and_mark_unusable_rows(rng):
    a, b = rng.standard_normal((2, 9, 5)).astype(np.float32)
    a[2], b[4, 0] = 0, np.nan
    expected = [np.nan if twins.cosine(x, y) is None else twins.cosine(x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(e.row_cosines(a, b), expected, atol=1e-6)


def test_what_is_not_finite_is_zero_and_nothing_is_copied_where_all_is():
    whole = np.array([[1.0, -2.0], [0.0, 3.0]], np.float32)
    assert finite_or_zero(whole) is whole
    broken = np.array([[1.0, np.nan], [np.inf, -np.inf]], np.float32)
    assert finite_or_zero(broken).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert np.isnan(broken[0, 1])
    assert finite_or_zero(broken).dtype == np.float32
