"""Effects: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.stats import effect as e
from forebear.stats.arrays import finite_or_zero
from tests.stats import twins


def test_distance_and_cosine_of_known_changes(rng):
    a = rng.standard_normal((40, 30))
    assert e.relative_distance(a, a) == 0
    assert e.relative_distance(1.5 * a, a) == pytest.approx(0.5)
    assert e.relative_distance(rng.standard_normal((40, 30)), a) == pytest.approx(np.sqrt(2), abs=0.08)
    assert e.relative_distance(1e200 * a, 1e200 * -a) == pytest.approx(2)
    assert e.aligned_cosine(a, -3 * a) == pytest.approx(-1)
    assert e.aligned_cosine(1e-200 * a, 1e200 * a) == pytest.approx(1)
    assert abs(e.aligned_cosine(a, rng.standard_normal((40, 30)))) < 0.15
    assert e.aligned_cosine(a, 0 * a) is None
    for bad in (lambda: e.relative_distance(a, 0 * a), lambda: e.relative_distance(a, a[:3])):
        with pytest.raises(IncomparableError):
            bad()
    with pytest.raises(IncomparableError):
        e.aligned_cosine(a, np.full_like(a, np.nan))


def test_stable_rank_counts_directions(rng):
    left, right = np.linalg.qr(rng.standard_normal((60, 4)))[0], np.linalg.qr(rng.standard_normal((50, 4)))[0]
    assert e.stable_rank(left @ right.T) == pytest.approx(4, rel=1e-4)
    assert e.stable_rank(1e-200 * np.outer(left[:, 0], right[:, 0])) == pytest.approx(1)
    assert e.stable_rank(np.eye(30)) == pytest.approx(30)
    assert e.stable_rank(np.zeros((3, 4))) == 0
    full = rng.standard_normal((60, 50))
    singular = np.linalg.svd(full, compute_uv=False)
    assert e.stable_rank(full) == pytest.approx((singular**2).sum() / singular[0] ** 2, rel=1e-3)
    with pytest.raises(IncomparableError):
        e.stable_rank(np.full((2, 2), np.inf))


def test_bitwise_equal_rows_know_minus_zero_and_nan():
    a = np.array([[0.0, 1], [2, np.nan], [4, 5], [6, 7]], np.float32)
    b = a.copy()
    b[0, 0], b[2, 1] = -0.0, np.nextafter(np.float32(5), np.float32(6))
    assert e.bitwise_equal_rows(a, b) == 0.5
    assert e.bitwise_equal_rows(a, a.copy()) == 1
    with pytest.raises(IncomparableError):
        e.bitwise_equal_rows(a, a.astype(np.float64))


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
