"""Trace test: the permanent bound against every shuffle, the permutation p against its own definition."""

from __future__ import annotations

from itertools import permutations
from math import factorial, lgamma, log, log10

import numpy as np
import pytest

from forebear.core.errors import IncomparableError, UsageError
from forebear.stats import trace as t
from tests.stats import twins

STYLES = ("normal", "heavy", "ramp", "diagonal", "huge", "constant")


def example(style: str, n: int, rng: np.random.Generator) -> np.ndarray:
    table = rng.standard_normal((n, n))
    if style == "heavy":
        table = rng.standard_cauchy((n, n))
    if style == "ramp":
        table = np.outer(np.arange(n), np.arange(n)).astype(float)
    if style == "diagonal":
        table = table + 3 * np.eye(n)
    if style == "huge":
        table = 1e6 * table
    if style == "constant":
        table = np.full((n, n), 0.3)
    return table


def true_log_p(traces: np.ndarray, total: float) -> float:
    return log10(np.mean(traces >= total - 1e-9 * max(1.0, abs(total))))


def log_mean_exp(values: np.ndarray) -> float:
    top = values.max()
    return float(top + np.log(np.mean(np.exp(values - top))))


@pytest.mark.parametrize("style", STYLES)
def test_bound_is_above_the_true_tail_of_every_shuffle(rng, style):
    for n in (1, 2, 3, 5, 7):
        for _ in range(4):
            table = example(style, n, rng)
            truth = true_log_p(twins.all_traces(table), float(np.trace(table)))
            fine, floor = t.trace_test(table), t.trace_test(table, refined=False)
            assert truth <= fine.log10_p + 1e-9
            assert truth <= floor.log10_p + 1e-9


@pytest.mark.parametrize("style", STYLES)
def test_for_each_lambda_permanent_below_refined_below_floor(rng, style):
    for n in (2, 4, 6):
        table = example(style, n, rng)
        shifted = twins.all_traces(table) - np.trace(table)
        for scale in (0.01, 0.3, 1.0, 4.0):
            truth = log_mean_exp(scale * shifted)  # log of exp(-lambda S) per(K) / n!
            fine = t.layer_log_bound(table, scale)
            floor = t.layer_log_bound(table, scale, refined=False)
            slack = 1e-9 * (1 + abs(floor))
            assert truth <= fine + slack
            assert fine <= floor + slack


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_bound_holds_before_the_scaling_has_converged_and_for_any_positive_factors(rng, monkeypatch, rounds):
    monkeypatch.setattr(t, "_SINKHORN_ROUNDS", rounds)
    for _ in range(10):
        table = 2 * rng.standard_normal((6, 6))
        truth = true_log_p(twins.all_traces(table), float(np.trace(table)))
        for refined in (True, False):
            assert truth <= t.trace_test(table, refined=refined).log10_p + 1e-9
    monkeypatch.setattr(t, "_column_factors", lambda kernel: np.exp(rng.standard_normal(len(kernel)) * 3))
    for _ in range(20):
        table = rng.standard_normal((6, 6))
        truth = log_mean_exp(twins.all_traces(table) - np.trace(table))
        for refined in (True, False):
            assert truth <= t.layer_log_bound(table, 1.0, refined=refined) + 1e-9


def test_without_rows_that_sum_to_one_the_floor_form_would_be_false():
    """Why x must follow from y exactly: rows summing above one break Bregman's floor form."""
    matrix = np.full((4, 4), 0.45)  # floor(1 / 0.45) = 2, row sums 1.8
    floor_form = np.prod([(2.0) ** 0.5 / 2] * 4)
    assert twins.permanent(matrix) > floor_form


def test_the_permanent_of_a_flat_matrix_is_met_exactly_and_the_steps_fall():
    for n in (1, 3, 8, 200):
        assert t.layer_log_bound(np.zeros((n, n)), 1.0) == pytest.approx(0, abs=1e-9)
    steps = t.soules_steps(4096)
    assert steps.sum() == pytest.approx(np.exp(lgamma(4097) / 4096))
    assert (np.diff(steps[:400]) < 1e-12).all()
    assert np.diff(steps).max() < 1e-8


def test_an_exact_copy_reaches_one_over_n_factorial(rng):
    table = 0.9 * np.eye(200) + 0.05 * rng.standard_normal((200, 200))
    found = t.trace_test(table)
    assert found.log10_p == pytest.approx(-lgamma(201) / log(10), rel=0.001)
    assert found.log10_p >= -lgamma(201) / log(10) - 1e-6
    assert t.trace_test(table[:, rng.permutation(200)]).log10_p > -4


def test_layers_add_with_one_lambda_and_stay_above_every_pair_of_shuffles(rng):
    for _ in range(4):
        pair = [rng.standard_normal((4, 4)) + np.eye(4), rng.standard_normal((3, 3))]
        both = (twins.all_traces(pair[0])[:, None] + twins.all_traces(pair[1])).ravel()
        total = float(np.trace(pair[0]) + np.trace(pair[1]))
        found = t.trace_test(pair)
        assert true_log_p(both, total) <= found.log10_p + 1e-9
        assert found.total == pytest.approx(total)
        assert found.expected == pytest.approx(both.mean())
        assert found.z == pytest.approx((total - both.mean()) / both.std())
    weak = [rng.standard_normal((64, 64)) + 0.7 * np.eye(64) for _ in range(6)]
    assert t.trace_test(weak).log10_p < min(t.trace_test(one).log10_p for one in weak)


@pytest.mark.parametrize("style", ["normal", "heavy"])
def test_independents_stay_under_the_permanent_bound(seed, style):
    draws = np.random.default_rng(seed)
    logs = np.array([t.trace_test(example(style, 24, draws)).log10_p for _ in range(400)])
    for level in (0.5, 0.1, 0.01):
        share = np.mean(logs <= log10(level))
        assert share <= level + 4 * np.sqrt(level / 400)


def test_the_z_of_the_trace_misleads_under_heavy_tails_and_the_bound_does_not(rng):
    """One giant similarity in place by luck: chance one in n, yet z reads as far beyond a thousand-millionth."""
    n = 200
    table = 0.01 * rng.standard_normal((n, n))
    table[7, 7] = 100.0
    found = t.trace_test(table)
    assert found.z > 6.5
    assert found.log10_p >= -log10(n) - 0.7  # the other similarities add a little


def test_permutation_p_equals_its_definition_and_is_uniform_under_the_null(seed):
    from forebear.core.seeds import generator

    table = np.random.default_rng(seed).standard_normal((9, 9)) + 0.4 * np.eye(9)
    p, reached = t.shuffle_p(table, "test/trace", seed, shuffles=300)
    orders = generator("test/trace", seed).permuted(np.tile(np.arange(9), (300, 1)), axis=1)
    count = sum(sum(table[i, o[i]] for i in range(9)) >= np.trace(table) for o in orders)
    assert (p, reached) == ((1 + count) / 301, count)
    assert t.shuffle_p(table, "test/trace", seed, shuffles=300)[0] == p
    exact = 10 ** true_log_p(twins.all_traces(table[:7, :7]), float(np.trace(table[:7, :7])))
    assert t.shuffle_p(table[:7, :7], "test/trace", seed, shuffles=20_000)[0] == pytest.approx(exact, abs=0.02)
    draws = np.random.default_rng(seed + 1)
    nulls = draws.standard_normal((500, 12, 12))
    ps = np.sort([t.shuffle_p(c, "test/null", seed, k, shuffles=199)[0] for k, c in enumerate(nulls)])
    assert np.max(np.abs(ps - np.arange(1, 501) / 500)) < 1.63 / np.sqrt(500) + 1 / 200  # Kolmogorov-Smirnov at 1 %


def test_ties_count_against_us_and_constant_similarities_say_nothing():
    flat = np.full((20, 20), 0.1)
    assert t.shuffle_p(flat, "test/flat")[0] == 1
    assert t.trace_test(flat).log10_p == 0
    assert t.trace_test(flat).z == 0
    assert t.trace_test(np.zeros((0, 0))).log10_p == 0


def test_non_finite_similarities_count_as_none_and_shapes_are_checked(rng):
    table = rng.standard_normal((10, 10)) + 2 * np.eye(10)
    clean = table.copy()
    table[2, 3], clean[2, 3] = np.nan, 0
    table[4, 4], clean[4, 4] = np.inf, 0
    assert t.trace_test(table) == t.trace_test(clean)
    with pytest.raises(IncomparableError):
        t.trace_test(np.zeros((3, 4)))
    with pytest.raises(IncomparableError):
        t.similarity(np.zeros((3, 4)), np.zeros((3, 5)))
    with pytest.raises(UsageError):
        t.shuffle_p(clean, "test/none", shuffles=0)
    a = rng.standard_normal((6, 4))
    expected = [[twins.cosine(x, y) for y in -a] for x in a]
    np.testing.assert_allclose(t.similarity(a, -a), expected, atol=1e-6)


def test_a_sorted_axis_breaks_the_trace_test_too(seed):
    """Exchangeability is an assumption: where both sort units by content, independents reject."""
    draws = np.random.default_rng(seed)
    ramp = np.linspace(-4, 4, 100)[:, None]
    models = [np.hstack([ramp, draws.standard_normal((100, 3))]) for _ in range(2)]
    assert t.trace_test(t.similarity(*models)).log10_p < -6
    assert t.trace_test(t.similarity(models[0], models[1][draws.permutation(100)])).log10_p > -4


def test_bound_and_definition_agree_that_the_best_of_seven_is_one_in_factorial_seven():
    table = np.eye(7) * 50
    assert true_log_p(np.array([table[np.arange(7), list(p)].sum() for p in permutations(range(7))]), 350) == (
        pytest.approx(-log10(factorial(7)))
    )
    assert t.trace_test(table).log10_p == pytest.approx(-log10(factorial(7)), abs=1e-6)
