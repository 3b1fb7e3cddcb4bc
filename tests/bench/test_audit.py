"""The statistics the bench judges others by, against answers known by other means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.audit import (
    auc,
    auc_interval,
    binomial_upper,
    disjoint,
    ks_p,
    levels,
    none_of,
    normal_cdf,
    share_words,
)


def test_disjoint_pairs_use_no_model_twice() -> None:
    used = [m for pair in disjoint(101) for m in pair]
    assert len(used) == len(set(used)) == 100


def test_uniform_values_pass_the_kolmogorov_test_and_squeezed_ones_do_not(rng: np.random.Generator) -> None:
    uniform = rng.random(200)
    assert ks_p(uniform, uniform)[1] > 0.01
    assert ks_p(uniform**3, uniform**3)[1] < 1e-6


def test_kolmogorov_p_is_itself_uniform_under_the_null(rng: np.random.Generator) -> None:
    p = np.array([ks_p(u, u)[1] for u in rng.random((2000, 50))])
    for level in (0.5, 0.1, 0.05):
        assert abs((p <= level).mean() - level) < 4 * math.sqrt(level * (1 - level) / 2000) + 0.01


def test_kolmogorov_distance_has_the_textbook_value() -> None:
    # sample 0.1, 0.2: the empirical steps leave 0.8 above the diagonal
    assert ks_p(np.array([0.1, 0.2]), np.array([0.1, 0.2]))[0] == pytest.approx(0.8)


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        ks_p(np.array([]), np.array([]))


def test_normal_distribution_function_at_known_points() -> None:
    assert normal_cdf(np.array([0.0, 1.959964, -1.959964])) == pytest.approx([0.5, 0.975, 0.025], abs=1e-6)


def test_binomial_limit_agrees_with_simulation(rng: np.random.Generator) -> None:
    limit = binomial_upper(50, 0.1, 0.01)
    draws = rng.binomial(50, 0.1, 200_000)
    assert (draws > limit).mean() <= 0.0115
    assert (draws > limit - 1).mean() > 0.01


def test_levels_alarm_on_a_p_that_is_too_small_and_not_on_an_honest_one(rng: np.random.Generator) -> None:
    honest = np.log10(rng.random(200))
    assert not any(row["alarm"] for row in levels(honest))
    assert any(row["alarm"] for row in levels(honest * 3))


def test_nothing_seen_is_written_with_what_it_still_allows() -> None:
    assert share_words(0, 50) == "0 of 50 (< 0.06)"
    assert share_words(3, 50) == "3 of 50 (0.06)"
    assert none_of(0) == 1.0


def _auc_slowly(positives: list[float], negatives: list[float]) -> float:
    wins = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return wins / len(positives) / len(negatives)


def test_auc_counts_every_pair_of_scores_and_halves_ties(rng: np.random.Generator) -> None:
    positives, negatives = rng.integers(0, 9, 37).tolist(), rng.integers(0, 9, 53).tolist()
    assert auc(positives, negatives) == pytest.approx(_auc_slowly(positives, negatives))
    assert auc([2.0], [1.0]) == 1.0
    assert auc([1.0], [2.0]) == 0.0


def test_auc_needs_both_classes() -> None:
    with pytest.raises(ValueError, match="both classes"):
        auc([1.0], [])


def test_the_interval_of_an_auc_holds_the_truth_as_often_as_it_says(rng: np.random.Generator) -> None:
    for shift, truth in ((0.0, 0.5), (1.0, 0.76025)):
        held = 0
        for _ in range(400):
            value = auc((rng.standard_normal(30) + shift).tolist(), rng.standard_normal(40).tolist())
            low, high = auc_interval(value, 30, 40)
            held += low <= truth <= high
        assert held >= 0.92 * 400


def test_a_perfect_auc_still_has_doubt() -> None:
    low, high = auc_interval(1.0, 20, 20)
    assert high == 1.0
    assert 0.8 < low < 0.97
