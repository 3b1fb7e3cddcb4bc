"""Gauge fixing as arithmetic: what rotations, gains and shuffles do is undone, and strangers agree on nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.stats.deck import deck
from forebear.stats.gauge import (
    FEW,
    calibrated,
    fold,
    mutual,
    poisson_tail_log10,
    polar,
    residual,
    rotation_fit,
    two_views,
)
from tests.said import text


def turned(rng, d):
    q, r = np.linalg.qr(rng.standard_normal((d, d)))
    return q * np.sign(np.diag(r))


def test_folding_multiplies_each_channel_by_its_gain_and_takes_the_mean_away():
    rows, gain = np.array([[1.0, 2.0, 3.0], [0.0, 4.0, 4.0]]), np.array([2.0, 0.5, 1.0])
    assert fold(rows, gain).tolist() == [[2, 1, 3], [0, 2, 4]]
    assert fold(rows, gain, mean_subtracted=True).tolist() == [[0, -1, 1], [-2, 0, 2]]
    with pytest.raises(IncomparableError):
        fold(rows, gain[:2])


@pytest.mark.parametrize("tokens", [200, 30])
def test_the_rotation_of_an_embedding_comes_back(tokens):
    """With fewer tokens than channels only their span comes back, and it carries rows of that span exactly."""
    rng = generator("test/gauge/polar", tokens)
    a, r = rng.standard_normal((tokens, 48)), turned(rng, 48)
    found = polar(a, a @ r)
    np.testing.assert_allclose(a @ found, a @ r, atol=2e-4)
    if tokens > 48:
        np.testing.assert_allclose(found, r, atol=1e-4)
    assert np.linalg.matrix_rank(found, tol=1e-3) == min(tokens, 48)


def test_a_wider_stream_is_reached_by_a_rectangular_rotation():
    rng = generator("test/gauge/wider")
    a = rng.standard_normal((300, 24))
    into = turned(rng, 40)[:24]
    found = polar(a, a @ into)
    assert found.shape == (24, 40)
    np.testing.assert_allclose(found @ found.T, np.eye(24), atol=1e-4)
    assert rotation_fit(a[:50], a[:50] @ into, found) == pytest.approx(1.0, abs=1e-5)


def test_strangers_have_no_held_out_fit():
    rng = generator("test/gauge/strangers")
    a, b = rng.standard_normal((400, 24)), rng.standard_normal((400, 24))
    assert abs(rotation_fit(a[200:], b[200:], polar(a[:200], b[:200]))) < 0.1


def test_a_rotation_needs_the_same_finite_rows():
    rows = np.ones((4, 3))
    with pytest.raises(IncomparableError):
        polar(rows, rows[:3])
    with pytest.raises(IncomparableError):
        polar(rows, rows * np.nan)


def test_a_residual_is_orthogonal_to_all_it_was_made_orthogonal_to():
    rng = generator("test/gauge/residual")
    g, u = rng.standard_normal((9, 16)), rng.standard_normal((9, 16))
    d = rng.standard_normal((9, 16)) + 3 * g + 2 * u
    left = residual(d, g, u)
    for other in (g, u):
        np.testing.assert_allclose(np.einsum("ij,ij->i", left, other), 0, atol=1e-4)
    assert np.linalg.norm(left) > 1


def test_views_of_a_shuffled_flipped_copy_agree_on_every_neuron():
    rng = generator("test/gauge/copy")
    g, u = rng.standard_normal((60, 32)), rng.standard_normal((60, 32))
    order, signs = rng.permutation(60), rng.choice([-1.0, 1.0], 60)
    result = two_views((g, g[order], False), (u, (u * signs[:, None])[order], True))
    assert result.matched == 60
    assert (order[result.partners] == np.arange(60)).all()


def test_views_of_strangers_agree_on_almost_none():
    """60 pairs of independents of 100 neurons: under one agreement each is expected."""
    total = 0
    for seed in range(60):
        rng = generator("test/gauge/null", seed)
        rows = [rng.standard_normal((100, 24)) for _ in range(4)]
        total += two_views((rows[0], rows[1], False), (rows[2], rows[3], True)).matched
    assert total < 60


def test_one_view_used_twice_agrees_with_itself_which_is_why_views_are_made_orthogonal():
    rng = generator("test/gauge/one-key")
    a, b = rng.standard_normal((100, 24)), rng.standard_normal((100, 24))
    assert two_views((a, b, False), (a, b, False)).matched > 20


def test_neurons_left_over_find_their_partners_once_most_agree():
    """Two near twins name one partner; when the others are settled, each has its own. Without most, nothing is added."""
    rng = generator("test/gauge/left-over")
    n, d = 120, 40
    gate, up = rng.standard_normal((n, d)), rng.standard_normal((n, d))
    noisy = [(rows + 1.05 * rng.standard_normal((n, d))).astype(np.float32) for rows in (gate, up)]
    b = [rows.astype(np.float32) for rows in (gate, up)]
    alone = [mutual((x, y, False)) for x, y in zip(noisy, b, strict=True)]
    at_once = int(np.count_nonzero((alone[0] == alone[1]) & (alone[0] >= 0)))
    agreed = two_views((noisy[0], b[0], False), (noisy[1], b[1], False))
    assert n // 2 <= at_once < agreed.matched
    assert np.count_nonzero(agreed.partners == np.arange(n)) == agreed.matched >= 0.95 * n
    strangers = [rng.standard_normal((n, d)).astype(np.float32) for _ in range(2)]
    far = [mutual((x, y, False)) for x, y in zip(strangers, b, strict=True)]
    once = int(np.count_nonzero((far[0] == far[1]) & (far[0] >= 0)))
    assert two_views((strangers[0], b[0], False), (strangers[1], b[1], False)).matched == once <= 3


@pytest.mark.parametrize("kept", [0.0, 0.05, 0.3, 0.45, 0.9])
@pytest.mark.parametrize("flips", [False, True])
def test_neurons_that_cannot_agree_are_left_out_and_nothing_changes(kept, flips):
    """The agreements are those of both views asked in full, from none to most; zero rows, NaN and copies in B among them."""
    rng = generator("test/gauge/pruned", f"{kept}/{flips}")
    m, d, few = 3 * FEW, 48, rng.permutation(3 * FEW)[:200]
    b = [rng.standard_normal((m, d)).astype(np.float32) for _ in range(2)]
    a = [rng.standard_normal((len(few), d)).astype(np.float32) for _ in range(2)]
    same = rng.random(len(few)) < kept
    for mine, theirs in zip(a, b, strict=True):
        mine[same] += 3 * theirs[few[same]]
    a[1] *= rng.choice([-1.0, 1.0], (len(few), 1)) if flips else 1.0
    b[1][few[:3]], b[0][few[3]], a[1][5] = 0, np.nan, 0
    b[0][few[7]], b[1][few[7]] = b[0][few[8]], b[1][few[8]]
    views = (a[0], b[0], False), (a[1], b[1], flips)
    whole = [mutual(view) for view in views]
    agreed = (whole[0] == whole[1]) & (whole[0] >= 0)
    found = two_views(*views)
    if agreed.sum() < len(few) / 2:
        assert found.matched == agreed.sum()
        np.testing.assert_array_equal(found.partners, np.where(agreed, whole[0], -1))
        np.testing.assert_array_equal(found.first, whole[0])
    else:
        assert found.matched >= agreed.sum()
        assert (found.partners[agreed] == whole[0][agreed]).all()
    known = two_views(*views, deck(a[0], b[0], absolute=False).best)
    np.testing.assert_array_equal(known.partners, found.partners)


def test_a_hub_is_named_once_at_most():
    """One neuron of B near to all of A is the best of all, and names only one back."""
    rng = generator("test/gauge/hub")
    middle = 5 * np.ones(24)
    a, b = rng.standard_normal((50, 24)) + middle, rng.standard_normal((50, 24))
    b[7] = middle
    assert np.count_nonzero(mutual((a, b, False)) == 7) == 1


@pytest.mark.parametrize(("k", "mean"), [(1, 0.5), (5, 12.0), (13, 12.0), (40, 12.0), (30, 30.0)])
def test_the_poisson_tail_is_the_sum_of_its_terms(k, mean):
    plain = sum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k, k + 300))
    assert poisson_tail_log10(k, mean) == pytest.approx(math.log10(plain), abs=1e-9)


def test_the_poisson_tail_holds_where_floats_underflow():
    assert poisson_tail_log10(0, 3.0) == 0.0
    assert -1000 < poisson_tail_log10(704, 12.0) < -900
    with pytest.raises(IncomparableError):
        poisson_tail_log10(3, 0.0)


def test_the_rule_decides_on_a_broad_agreement_only():
    four = [352] * 4
    assert calibrated([300] * 4, four, [1, 0, 2], 0.0).decides
    assert not calibrated([3, 2, 1, 2], four, [1, 0, 2], 0.0).decides
    narrow = calibrated([300, 0, 0, 0], four, [1, 0, 2], 0.0)
    assert narrow.log10_p < -9
    assert not narrow.decides
    assert "1 of 4" in text(narrow.why)


def test_agreement_of_layers_that_do_not_belong_together_withholds_the_rule():
    """One key for gate and up made independents agree on 60 neurons of every pair of layers: refused."""
    refused = calibrated([60] * 4, [176] * 4, [55, 58, 61], 0.0)
    assert not refused.decides
    assert "not separate" in text(refused.why)
    assert refused.rate == pytest.approx(116, abs=1)
    assert not calibrated([176] * 4, [176] * 4, [], 0.0).decides
    assert calibrated([256] * 4, [256] * 4, [5, 4], 0.0).decides


def test_maps_looked_at_are_paid_for():
    few = calibrated([22, 22], [176, 176], [0, 1], 0.0)
    assert few.decides
    assert not calibrated([22, 22], [176, 176], [0, 1], 15.0).decides
