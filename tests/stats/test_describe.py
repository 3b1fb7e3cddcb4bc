"""Description: a stream gives what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.stats.describe import SAMPLE, describe


def test_blocks_of_any_size_give_the_moments_of_the_whole(rng):
    values = 1000 + rng.standard_t(5, 5000)  # a large mean, where naive sums cancel
    whole, parts = describe([values]), describe(np.split(values, [1, 2, 700, 4999]))
    centred = values - values.mean()
    for found in (whole, parts):
        assert found.count == 5000
        assert found.mean == pytest.approx(values.mean())
        assert found.std == pytest.approx(values.std())
        assert found.kurtosis == pytest.approx((centred**4).mean() / (centred**2).mean() ** 2 - 3)
        assert (found.low, found.high) == (values.min(), values.max())
        assert dict(found.quantiles)[0.5] == pytest.approx(np.median(values))
    assert whole.quantiles == parts.quantiles


def test_known_shapes_have_known_kurtosis(rng):
    assert describe([rng.standard_normal(100_000)]).kurtosis == pytest.approx(0, abs=0.06)
    assert describe([np.array([-1.0, 1.0] * 50)]).kurtosis == pytest.approx(-2)
    assert describe([rng.laplace(size=100_000)]).kurtosis == pytest.approx(3, abs=0.5)


def test_constants_nothing_and_non_finite_values_are_told_apart():
    flat = describe([np.full(10, 0.1), np.full(7, 0.1)])
    assert (flat.std, flat.kurtosis, flat.mean) == (0.0, None, pytest.approx(0.1))
    empty = describe([])
    assert (empty.count, empty.quantiles, empty.kurtosis) == (0, (), None)
    mixed = describe([np.array([np.nan, 1, np.inf, 0.0]), np.array([-np.inf, 3.0])])
    assert (mixed.count, mixed.non_finite, mixed.zeros, mixed.mean) == (3, 3, 1, pytest.approx(4 / 3))


def test_long_streams_keep_a_bounded_spaced_sample(rng):
    values = rng.standard_normal(5 * SAMPLE + 17)
    found = describe(np.array_split(values, 37))
    for level, value in found.quantiles:
        assert np.mean(values <= value) == pytest.approx(level, abs=0.005)
    assert found.count == len(values)
    assert describe(np.array_split(values, 5)).quantiles == found.quantiles
