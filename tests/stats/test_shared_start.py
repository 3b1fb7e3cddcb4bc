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
LONG_FIRST = np.linspace(3.0, 1.0, 500)
MOVED = (LONG_FIRST, LONG_FIRST * 1.1)
"""Lengths of rows on either side: the first are those that training moved most."""


def test_the_toys_of_methods_are_told_apart(rng):
    start = shared_start(True, [0.03, -0.02, 0.05], rows(rng, 0.19, 0.64), USE, lengths=MOVED)
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


def test_gains_that_disagree_show_nothing_by_themselves(rng):
    """A part taken over, a mixture and an aligned independent all lack agreement in gains."""
    assert shared_start(True, [0.01, 0.04]).decision == "undecided"
    assert shared_start(True, [0.0], rows(rng, 0.19, 0.64), USE).decision == "undecided"


@pytest.mark.parametrize("lengths", [
    (LONG_FIRST, LONG_FIRST[::-1]),  # one side says otherwise
    (LONG_FIRST, np.ones(500)),  # one side does not tell rows apart
    (LONG_FIRST ** 0.1, LONG_FIRST ** 0.1),
])  # fmt: skip
def test_a_start_needs_rows_that_training_moved_on_both_sides(rng, lengths):
    assert shared_start(True, [0.0], rows(rng, 0.19, 0.64), USE, lengths=lengths).decision == "undecided"
    assert shared_start(True, [0.0], rows(rng, 0.19, 0.64), USE, lengths=MOVED).decision == "shared-start"


def test_rows_that_agree_where_training_moved_them_are_no_proof_of_a_start(rng):
    for most, least in ((0.64, 0.19), (0.6, 0.64), (0.5, 0.5), (-0.2, -0.1)):
        assert shared_start(True, [0.0], rows(rng, most, least), USE, lengths=MOVED).decision == "undecided"
    assert shared_start(True, [0.8], rows(rng, 0.1, 0.7), USE, lengths=MOVED).decision == "shared-training"


def test_token_ids_only_stand_in_for_use_so_they_never_speak_beside_gains_nor_unsteadily(rng):
    assert shared_start(True, [0.8], rows(rng, 0.1, 0.7), USE).decision == "shared-training"
    assert shared_start(True, [0.0], rows(rng, 0.7, 0.1), USE).decision == "undecided"
    bytes_first = np.repeat([0.47, 0.86, 0.60, 0.43, 0.41], 100) + 0.01 * rng.standard_normal(500)  # a toy's own
    found = shared_start(True, [None], bytes_first, USE)
    assert found.gradient > 0.3
    assert found.decision == "undecided"
    assert shared_start(True, [None], rows(rng, 0.68, 0.47), USE).decision == "shared-training"


def test_words_say_constant_only_of_gains_that_were_compared(rng):
    assert "constant" in text(shared_start(True, [None]).words)
    assert "not compared" in text(shared_start(True, []).words)


def test_nothing_is_asked_without_agreement(rng):
    assert shared_start(False, [0.0], rows(rng, 0.0, 0.0), USE).decision == "not-asked"


def test_usage_may_come_in_any_order_and_must_fit(rng):
    cosines, order = rows(rng, 0.19, 0.64), rng.permutation(500)
    straight, mixed = shared_start(True, [None], cosines, USE), shared_start(True, [None], cosines[order], USE[order])
    assert mixed.fifths == pytest.approx(straight.fifths)
    assert straight.fifths[0] == pytest.approx(cosines[:100].mean())
    with pytest.raises(IncomparableError):
        shared_start(True, [], cosines, USE[:5])
