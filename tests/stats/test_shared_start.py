"""Shared training, shared start, or not to be told apart."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.stats.shared_start import shared_start
from tests.said import text


def rows(rng: np.random.Generator, most: float, least: float, noise: float = 0.05, tokens: int = 500) -> np.ndarray:
    """Cosines that run from the most used token to the least used."""
    return np.linspace(most, least, tokens) + noise * rng.standard_normal(tokens)


USE = np.arange(500.0)


def test_the_toys_of_methods_are_told_apart(rng):
    start = shared_start(True, [0.03, -0.02, 0.05], rows(rng, 0.19, 0.64), USE)
    assert start.decision == "shared-start"
    assert start.gradient < -0.5
    assert start.fifths[0] < 0.3 < 0.5 < start.fifths[-1]
    trained = shared_start(True, [0.72, 0.70], rows(rng, 0.68, 0.47), USE)
    assert trained.decision == "shared-training"
    assert trained.gradient > 0.5
    assert (trained.gains_norms, trained.gains_rho) == (2, pytest.approx(0.71))


def test_a_short_fine_tune_moves_used_tokens_most_and_is_still_shared_training(rng):
    found = shared_start(True, [0.99], rows(rng, 0.97, 1.0, noise=0.002), USE)
    assert found.gradient < -0.5
    assert found.decision == "shared-training"
    assert shared_start(True, [None], rows(rng, 0.97, 1.0, noise=0.002), USE).decision == "undecided"


def test_never_a_shared_start_where_gains_are_constant_and_the_gradient_says_nothing(rng):
    for cosines in (None, rows(rng, 0.5, 0.5), np.full(500, 0.3), np.full(500, np.nan), rows(rng, 0.2, 0.6)[:20]):
        usage = None if cosines is None else USE[: len(cosines)]
        found = shared_start(True, [None, None], cosines, usage)
        assert found.decision == "undecided"
        assert "shared weights or shared randomness" in text(found.words).lower()
        assert found.gains_rho is None


def test_figures_that_contradict_each_other_decide_nothing(rng):
    assert shared_start(True, [0.8], rows(rng, 0.1, 0.7), USE, usage="counts").decision == "undecided"
    assert shared_start(True, [0.0], rows(rng, 0.7, 0.4), USE, usage="counts").decision == "undecided"
    assert shared_start(True, [0.35]).decision == "undecided"


def test_token_ids_only_stand_in_for_use_so_they_never_outvote_gains_nor_speak_unsteadily(rng):
    assert shared_start(True, [0.8], rows(rng, 0.1, 0.7), USE).decision == "shared-training"
    assert shared_start(True, [0.0], rows(rng, 0.7, 0.4), USE).decision == "shared-start"
    bytes_first = np.repeat([0.47, 0.86, 0.60, 0.43, 0.41], 100) + 0.01 * rng.standard_normal(
        500
    )  # a trained toy's own
    found = shared_start(True, [None], bytes_first, USE)
    assert found.gradient > 0.3
    assert found.decision == "undecided"
    assert shared_start(True, [0.34, 0.18, -0.10, -0.03, 0.15], bytes_first, USE).decision == "shared-start"


def test_one_speaking_figure_is_enough_and_nothing_is_asked_without_agreement(rng):
    assert shared_start(True, [0.01, 0.04]).decision == "shared-start"
    assert shared_start(True, [None], rows(rng, 0.19, 0.64), USE).decision == "shared-start"
    assert shared_start(True, [None], rows(rng, 0.68, 0.47), USE).decision == "shared-training"
    assert shared_start(False, [0.0], rows(rng, 0.0, 0.0), USE).decision == "not-asked"


def test_usage_may_come_in_any_order_and_must_fit(rng):
    cosines, order = rows(rng, 0.19, 0.64), rng.permutation(500)
    straight, mixed = shared_start(True, [None], cosines, USE), shared_start(True, [None], cosines[order], USE[order])
    assert mixed.fifths == pytest.approx(straight.fifths)
    assert straight.fifths[0] == pytest.approx(cosines[:100].mean())
    with pytest.raises(IncomparableError):
        shared_start(True, [], cosines, USE[:5])
