"""Deck and order tests: exact answers, exact bounds, honest nulls."""

from __future__ import annotations

import warnings
from itertools import permutations
from math import factorial, lgamma, log, log10

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.stats import deck as d
from tests.stats import twins


def noisy_copy(rng: np.random.Generator, a: np.ndarray, share: float) -> np.ndarray:
    return (a + share * rng.standard_normal(a.shape)).astype(np.float32)


@pytest.mark.parametrize("absolute", [True, False])
def test_fast_deck_equals_its_twin_on_bad_rows_ties_and_blocks(rng, absolute, monkeypatch):
    monkeypatch.setattr(d, "BLOCK_ELEMENTS", 600)  # several blocks of rows and of columns
    a = rng.standard_normal((23, 7)).astype(np.float32)
    b = noisy_copy(rng, a, 0.7)
    b[2] = -a[2]
    a[3], b[4] = 0, 0
    a[5, 1], b[6, 2] = np.nan, np.inf
    b[8] = b[9]  # a tie between two units of B
    a[10] *= 1e-25
    b[11] *= 1e25
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = d.deck(a, b, absolute=absolute)
        pairs = d.mutual_best(a, b, absolute=absolute)
    assert found.best.tolist() == twins.deck(a, b, absolute)
    assert found.matched == sum(j == i for i, j in enumerate(twins.deck(a, b, absolute)))
    in_place = [twins.cosine(a[i], b[i]) or 0.0 for i in range(23)]
    np.testing.assert_allclose(found.cosine, in_place, atol=1e-6)
    assert list(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)) == twins.mutual(a, b, absolute)
    assert found.best[3] == -1
    assert 4 not in found.best
    assert 6 not in found.best
    assert bool(found.best[2] == 2) is absolute  # its partner is the same with the other sign


@pytest.mark.parametrize("absolute", [True, False])
def test_the_short_way_for_units_in_place_equals_the_deck_and_gives_up_on_anything_else(rng, absolute, monkeypatch):
    monkeypatch.setattr("forebear.stats.deck.BLOCK_ELEMENTS", 4000)  # several blocks of rows and of columns
    a = rng.standard_normal((90, 24)).astype(np.float32)
    b = (a + 0.1 * rng.standard_normal(a.shape)).astype(np.float32)
    short, whole = d.deck_in_place(a, b, absolute=absolute), d.deck(a, b, absolute=absolute)
    assert short is not None
    assert (short.matched, short.of) == (whole.matched, whole.of) == (90, 90)
    assert np.array_equal(short.best, whole.best)
    assert np.allclose(short.cosine, whole.cosine, atol=1e-6)
    assert np.allclose(short.top_cosine, whole.top_cosine, atol=1e-6)
    swapped, twin, dead, spoiled = (b.copy() for _ in range(4))
    swapped[[3, 70]] = swapped[[70, 3]]
    twin[5] = twin[88]
    dead[11] = 0
    spoiled[11, 2] = np.nan
    for other in (swapped, twin, dead, spoiled, b[:-1]):
        assert d.deck_in_place(a, other, absolute=absolute) is None
        assert d.deck(a, other, absolute=absolute).matched < 90
    assert (d.deck_in_place(a, -b, absolute=absolute) is not None) is absolute


def test_a_noisy_copy_keeps_every_place_and_a_shuffled_one_keeps_none(rng):
    a = rng.standard_normal((352, 64)).astype(np.float32)
    b = noisy_copy(rng, a, 0.3)
    found = d.deck(a, b)
    assert (found.matched, found.of) == (352, 352)
    assert found.log10_p == pytest.approx(-lgamma(353) / log(10))
    assert float(found.top_cosine.min()) > 0.8
    shuffled = d.deck(a, b[np.roll(np.arange(352), 1)])
    assert shuffled.matched == 0
    assert shuffled.log10_p == 0
    assert d.longest_increasing(shuffled.best) == 351  # every unit but one merely moved by one place


def test_an_independent_matches_about_once(seed):
    from forebear.core.seeds import generator

    draws = generator("test/deck-independent", seed)
    counts = [d.deck(*draws.standard_normal((2, 128, 24)).astype(np.float32)).matched for _ in range(200)]
    assert 0.7 < np.mean(counts) < 1.3  # sd of the mean 0.07
    assert max(counts) <= 7  # 200/8! = 0.005


def test_sign_flips_are_found_only_by_the_absolute_deck(rng):
    a = rng.standard_normal((64, 32)).astype(np.float32)
    assert d.deck(a, -a).matched == 64
    assert d.deck(a, -a, absolute=False).matched == 0
    assert d.deck(a, -a).cosine == pytest.approx(-1, abs=1e-6)


def test_a_constant_tensor_or_copies_of_one_unit_match_nowhere():
    ones = np.ones((40, 8), np.float32)
    assert d.deck(ones, ones).matched == 0
    assert d.deck(np.zeros((40, 8), np.float32), np.zeros((40, 8), np.float32)).matched == 0
    assert d.deck(ones, ones).best.tolist() == [-1] * 40


def test_units_of_unequal_number_compare_over_shared_positions_and_widths_must_agree(rng):
    a = rng.standard_normal((30, 8)).astype(np.float32)
    found = d.deck(a[:20], a)
    assert (found.matched, found.of, len(found.best)) == (20, 20, 20)
    found = d.deck(a, a[:20])
    assert (found.matched, found.of, len(found.best)) == (20, 20, 30)
    with pytest.raises(IncomparableError):
        d.deck(a, a[:, :7])
    with pytest.raises(IncomparableError):
        d.deck(a, a[0])


def test_bounds_equal_exact_fractions():
    for k in range(16):
        assert d.deck_log10_p(k) == pytest.approx(log10(twins.deck_bound(k)), abs=1e-9)
        assert d.deck_log10_p(k, 72) == pytest.approx(log10(twins.deck_bound(k, 72)), abs=1e-9)
    for layers in (1, 2, 6, 12):
        for total in range(40):
            expected = log10(twins.layers_bound(total, layers))
            assert d.deck_layers_log10_p(total, layers) == pytest.approx(expected, abs=1e-9)
    assert d.deck_layers_log10_p(5, 6) == 0
    assert d.deck_log10_p(384) == pytest.approx(-log10(factorial(384)))
    assert d.deck_log10_p(12) > -9 > d.deck_log10_p(13)
    assert d.order_log10_p(30, 30) == pytest.approx(-log10(factorial(30)))
    assert d.order_log10_p(3, 30) == 0
    with pytest.raises(IncomparableError):
        d.order_log10_p(5, 4)


@pytest.mark.parametrize("style", ["plain", "skewed", "clustered"])
def test_the_deck_bound_holds_over_every_shuffle_of_seven(rng, style):
    a, b = rng.standard_normal((2, 7, 5)).astype(np.float32)
    if style == "skewed":
        a[:, 0] += 5
        b[:, 0] += 5
    if style == "clustered":
        b[1:4] = b[0] + 0.01 * b[1:4]
    shuffles = list(permutations(range(7)))[:: 1 if style == "plain" else 7]
    counts = np.array([d.deck(a, b[list(p)]).matched for p in shuffles])
    for k in range(1, 6):
        slack = 0 if style == "plain" else 3 * np.sqrt(1 / factorial(k) / len(counts))
        assert np.mean(counts >= k) <= 1 / factorial(k) + slack


def test_ten_thousand_independents_stay_under_one_over_k_factorial(seed):
    draws = np.random.default_rng(seed)
    a = draws.standard_normal((10_000, 24, 12)).astype(np.float32)
    b = draws.standard_normal((10_000, 24, 12)).astype(np.float32)
    a[..., 0] += 3  # a shared direction, as real neurons have
    b[..., 0] += 3
    best = np.argmax(np.abs(unit(a) @ unit(b).transpose(0, 2, 1)), axis=2)
    counts = (best == np.arange(24)).sum(axis=1)
    assert counts[0] == d.deck(a[0], b[0]).matched
    for k in range(1, 6):
        p = 1 / factorial(k)
        assert np.mean(counts >= k) <= p + 4 * np.sqrt(p * (1 - p) / 10_000)
    layered = counts.reshape(-1, 5).sum(axis=1)
    for k in range(5, 14):
        p = 10 ** d.deck_layers_log10_p(k, 5)
        assert np.mean(layered >= k) <= p + 4 * np.sqrt(p / 2000)
    assert 0.5 < counts.mean() <= 1.05


def test_units_sorted_by_norm_break_the_deck_that_unsorted_ones_leave_alone(seed):
    """A sorted axis carries content, so independents agree: the deck alone would lie, and the audit must catch it."""
    draws = np.random.default_rng(seed)
    sorted_counts, plain_counts = [], []
    for _ in range(30):
        level = np.linspace(-2, 2, 64)  # a direction whose strength sets the norm, in both models alike
        models = []
        for _ in range(2):
            units = draws.standard_normal((64, 6)) * 0.05
            units[:, 0] += np.sort(level)
            units[:, 1] += 1
            models.append(units.astype(np.float32))
        sorted_counts.append(d.deck(*models).matched)
        plain_counts.append(d.deck(models[0], models[1][draws.permutation(64)]).matched)
    assert np.mean(sorted_counts) > 6
    assert max(sorted_counts) >= 10
    assert np.mean(plain_counts) < 2


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_longest_increasing_equals_trying_every_subset(rng):
    for _ in range(40):
        best = rng.integers(-1, 9, size=10).astype(np.int32)
        assert d.longest_increasing(best) == twins.increasing(best.tolist())
    assert d.longest_increasing(np.array([-1, -1], np.int32)) == 0


def test_order_bound_holds_over_every_shuffle_of_seven():
    lengths = np.array([d.longest_increasing(np.array(p, np.int32)) for p in permutations(range(7))])
    for k in range(1, 8):
        assert np.mean(lengths >= k) <= 10 ** d.order_log10_p(k, 7) + 1e-12


def test_units_inserted_in_between_are_found_by_order_and_not_in_place(rng):
    a = rng.standard_normal((200, 32)).astype(np.float32)
    b = np.insert(noisy_copy(rng, a, 0.2), sorted(rng.integers(0, 20, size=30)), rng.standard_normal((30, 32)), axis=0)
    where, partner, cosines = d.mutual_best(a, b)
    kept = d.longest_increasing(partner)
    assert d.deck(a, b).matched < 20
    assert kept >= 195
    assert d.order_log10_p(kept, len(where)) < -150
    assert float(np.median(cosines)) > 0.9
    _, partner, _ = d.mutual_best(a, b[rng.permutation(230)])
    assert d.order_log10_p(d.longest_increasing(partner), len(partner)) > -2
