"""Gains: ranks with ties, an exact permutation null, and 'not applicable' instead of zero."""

from __future__ import annotations

from itertools import permutations
from math import log10
from statistics import NormalDist

import numpy as np
import pytest

from forebear.core.errors import IncomparableError, UsageError
from forebear.stats.gains import gains_test
from forebear.stats.normal import normal_log10_p
from forebear.stats.ranks import average_ranks, centred_ranks, rising_ranks, spearman
from tests.stats import twins


def test_ranks_and_spearman_equal_counting_by_hand(rng):
    for _ in range(20):
        x, y = rng.integers(0, 6, 15).astype(float), rng.standard_normal(15).round(1)
        assert average_ranks(x).tolist() == twins.ranks(x.tolist())
        assert spearman(x, y) == pytest.approx(twins.spearman(x.tolist(), y.tolist()))
    assert average_ranks(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("count", [2, 3, 32, 1536])
def test_rising_values_have_the_ranks_they_would_be_sorted_to(count):
    found = rising_ranks(count)
    assert found is not None
    assert found.tolist() == centred_ranks(np.cumsum(np.arange(count) + 0.5)).tolist()
    assert found.tolist() != centred_ranks(np.arange(count)[::-1].astype(np.float64)).tolist()


def test_one_value_has_no_ranks_to_speak_of():
    assert rising_ranks(1) is None
    assert rising_ranks(0) is None
    assert spearman(np.arange(5.0), -np.arange(5.0)) == pytest.approx(-1)
    assert spearman(np.ones(5), np.arange(5.0)) is None
    assert spearman(np.array([1.0, np.nan, 2.0, 3.0]), np.array([1.0, 5.0, 2.0, 4.0])) == pytest.approx(1)


def test_gains_of_strangers_are_near_one_in_raw_cosine_and_near_zero_here(seed):
    draws = np.random.default_rng(seed)
    a, b = 1 + 0.1 * draws.standard_normal((2, 384))
    raw = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    found = gains_test(a, b, "test/gains", seed)
    assert raw > 0.95  # the mistake METHODS §7 warns of
    assert abs(found.rho) < 0.2
    assert found.log10_p > -3


def test_further_trained_gains_are_found_down_to_the_smallest_p_of_the_shuffles(seed):
    draws = np.random.default_rng(seed)
    a = 1 + 0.1 * draws.standard_normal(384)
    b = a + 0.05 * draws.standard_normal(384)
    found = gains_test(a, b, "test/gains", seed)
    assert found.rho > 0.8
    assert found.reached == 0
    assert found.log10_p == pytest.approx(-4)
    assert found.log10_p_normal < -50
    assert gains_test(a, draws.permutation(b), "test/gains", seed).log10_p > -3


def test_constant_gains_are_not_applicable_on_either_side():
    ones, varied = np.ones(64), np.arange(64.0)
    for pair in [(ones, varied), (varied, ones), (ones, ones), (np.zeros(0), np.zeros(0)), (varied * np.nan, varied)]:
        found = gains_test(*pair, "test/constant")
        assert not found.applicable
        assert found.rho is None
        assert found.log10_p == 0
        assert "constant" in found.reason


def test_permutation_p_is_that_of_all_shuffles_with_ties(rng):
    x, y = np.array([1.0, 1, 2, 3, 3, 4]), np.array([2.0, 1, 2, 5, 3, 3])
    rho = twins.spearman(x.tolist(), y.tolist())
    exact = np.mean([twins.spearman(x.tolist(), list(p)) >= rho - 1e-12 for p in permutations(y.tolist())])
    found = gains_test(x, y, "test/ties", shuffles=20_000)
    assert found.rho == pytest.approx(rho)
    assert 10**found.log10_p == pytest.approx(exact, abs=0.01)


def test_permutation_p_is_uniform_for_independents(seed):
    draws = np.random.default_rng(seed)
    pairs = draws.standard_normal((500, 2, 30))
    ps = [10 ** gains_test(x, y, "test/null", seed, k, shuffles=199).log10_p for k, (x, y) in enumerate(pairs)]
    assert np.max(np.abs(np.sort(ps) - np.arange(1, 501) / 500)) < 1.63 / np.sqrt(500) + 1 / 200


def test_normal_tail_is_right_here_and_beyond_floats():
    for z in (-2.0, 0.0, 3.0):
        assert normal_log10_p(z) == pytest.approx(log10(NormalDist().cdf(-z)), abs=1e-6)
    assert normal_log10_p(8) == pytest.approx(log10(6.2209605742718e-16), abs=1e-6)  # published tables
    assert normal_log10_p(29.999999) == pytest.approx(normal_log10_p(30.000001), abs=1e-3)
    assert normal_log10_p(100) < -2000


def test_bad_calls_are_refused():
    with pytest.raises(IncomparableError):
        gains_test(np.ones(3), np.ones(4), "test/bad")
    with pytest.raises(UsageError):
        gains_test(np.arange(3.0), np.arange(3.0), "test/bad", shuffles=0)
