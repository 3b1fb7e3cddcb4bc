"""Sign test: exact tails, honest nulls with heavy tails, and what it refuses to count."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.stats.sign import pooled, sign_log10_p, sign_z, unit_products
from tests.stats import twins


def test_equal_contributions_reach_the_largest_z_and_the_known_p():
    found = sign_z(np.ones(128))
    assert found.z == pytest.approx(np.sqrt(128))
    assert found.max_z == pytest.approx(11.3137, abs=1e-4)
    assert found.log10_p == pytest.approx(-64 / np.log(10))
    assert (found.of, found.positive) == (128, 128)


@pytest.mark.parametrize("style", ["normal", "cauchy", "one giant", "few"])
def test_bound_is_above_the_exact_tail_of_every_sign_pattern(rng, style):
    for _ in range(20):
        values = rng.standard_normal(3 if style == "few" else 12)
        if style == "cauchy":
            values = rng.standard_cauchy(12)
        if style == "one giant":
            values[0] = 1e6
        found = sign_z(values)
        assert 10**found.log10_p >= twins.sign_tail(values) - 1e-12
        assert found.z == pytest.approx(values.sum() / np.sqrt((values**2).sum()))


@pytest.mark.parametrize("tail", ["normal", "t2", "cauchy"])
def test_twenty_thousand_independents_stay_under_the_bound(seed, tail):
    draws = np.random.default_rng(seed)
    sizes = {
        "normal": lambda: draws.standard_normal((20_000, 64)),
        "t2": lambda: draws.standard_t(2, (20_000, 64)),
        "cauchy": lambda: draws.standard_cauchy((20_000, 64)),
    }[tail]()
    z = sizes.sum(axis=1) / np.sqrt((sizes**2).sum(axis=1))
    assert z[0] == pytest.approx(sign_z(sizes[0]).z)
    for level in (0.5, 0.1, 0.01, 0.001):
        share = np.mean(np.array([sign_log10_p(v) for v in z]) <= np.log10(level))
        assert share <= level + 4 * np.sqrt(level / 20_000)
    assert z.std() == pytest.approx(1, abs=0.03)


def test_further_training_is_found_and_an_independent_is_not(rng):
    a = rng.standard_normal((352, 64)).astype(np.float32)
    b = 0.1 * a + rng.standard_normal(a.shape).astype(np.float32)
    assert sign_z(unit_products(a, b)).log10_p < -20
    assert sign_z(unit_products(a, rng.standard_normal(a.shape).astype(np.float32))).log10_p > -4
    flips = rng.choice([-1.0, 1.0], size=(352, 1)).astype(np.float32)
    assert sign_z(unit_products(a, b * flips)).log10_p > -4


def test_disagreement_is_not_descent():
    found = sign_z(-np.ones(50))
    assert found.z == pytest.approx(-np.sqrt(50))
    assert found.log10_p == 0
    assert sign_log10_p(6.44) == pytest.approx(-9, abs=0.01)
    assert sign_log10_p(6.44, looks=100) == pytest.approx(-7, abs=0.01)
    assert sign_log10_p(float("nan")) == 0


def test_non_finite_zero_and_huge_values_are_counted_not_believed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sign_z(np.array([1.0, 0.0, np.nan, np.inf, -np.inf, 2.0]))
        huge = sign_z(np.full(9, 1e300))
        tiny = sign_z(np.full(9, 1e-300))
        nothing = sign_z(np.zeros(5))
    assert (found.of, found.non_finite, found.z) == (2, 3, pytest.approx(3 / np.sqrt(5)))
    assert huge.z == pytest.approx(3)
    assert tiny.z == pytest.approx(3)
    assert (nothing.of, nothing.z, nothing.log10_p) == (0, 0.0, 0.0)


def test_products_equal_a_plain_loop_in_blocks_and_centring_stays_inside_a_unit(rng, monkeypatch):
    monkeypatch.setattr("forebear.stats.sign.BLOCK_ELEMENTS", 10)
    a, b = rng.standard_normal((2, 11, 4)).astype(np.float32) + 3
    expected = [sum(float(x) * float(y) for x, y in zip(p, q, strict=True)) for p, q in zip(a, b, strict=True)]
    np.testing.assert_allclose(unit_products(a, b), expected, rtol=1e-12)
    centred = [np.dot(p - p.mean(), q - q.mean()) for p, q in zip(a.astype(float), b.astype(float), strict=True)]
    np.testing.assert_allclose(unit_products(a, b, centred=True), centred, atol=1e-5)
    flipped = b.copy()
    flipped[4] *= -1
    change = unit_products(a, flipped, centred=True) + unit_products(a, b, centred=True)
    assert change[4] == pytest.approx(0)
    with pytest.raises(IncomparableError):
        unit_products(a, b[:, :3])
    b[2, 1] = np.nan
    assert np.isnan(unit_products(a, b)[2])


def test_pooling_adds_what_flips_together_and_no_tensor_drowns_another(rng):
    v, o = rng.standard_normal((2, 40))
    np.testing.assert_allclose(pooled([v, 1e8 * o]), v / np.sqrt((v**2).mean()) + o / np.sqrt((o**2).mean()))
    v[3], o[3], o[5] = np.nan, np.nan, np.inf
    total = pooled([v, o])
    assert np.isnan(total[3])
    assert np.isfinite(total[5])
    assert np.isfinite(pooled([np.zeros(3), np.full(3, 1e300)])).all()
    with pytest.raises(IncomparableError):
        pooled([v, o[:5]])
    with pytest.raises(IncomparableError):
        pooled([])


def test_splitting_one_unit_into_many_coins_would_lie_which_is_why_pooling_exists(seed):
    """The 'not found' twin: entries of one unit share one coin; counted singly, independents look related."""
    draws = np.random.default_rng(seed)
    wrong, right = [], []
    for _ in range(300):
        direction = np.abs(draws.standard_normal(64))  # both models learnt one direction, up to each unit's sign
        a, b = (draws.choice([-1, 1], (8, 1)) * direction + 0.3 * draws.standard_normal((8, 64)) for _ in range(2))
        wrong.append(sign_z((a * b).ravel()).log10_p)
        right.append(sign_z(unit_products(a, b)).log10_p)
    assert np.mean(np.array(wrong) < -9) > 0.05
    assert min(right) > -2
