"""Layers in order, units one to one: equal to trying everything."""

from __future__ import annotations

from itertools import pairwise
from math import comb, log10

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.stats.alignment import align_layers, assign, monotone_maps_log10
from tests.stats import twins


def test_alignment_scores_what_trying_every_map_scores(rng):
    for shape in [(4, 4), (3, 5), (5, 3), (1, 4)]:
        for _ in range(15):
            table = rng.standard_normal(shape)
            table[rng.random(shape) < 0.1] = np.nan
            found = align_layers(table, 0.2)
            assert found.score == pytest.approx(twins.best_alignment(table, 0.2))
            assert found.score == pytest.approx(sum(table[p] - 0.2 for p in found.pairs))
            assert all(x[0] < y[0] and x[1] < y[1] for x, y in pairwise(found.pairs))
            assert sorted([p[0] for p in found.pairs] + list(found.unmatched_a)) == list(range(shape[0]))
            assert sorted([p[1] for p in found.pairs] + list(found.unmatched_b)) == list(range(shape[1]))


def test_two_inserted_layers_are_named_and_unrelated_stacks_align_nowhere():
    table = np.full((6, 8), 0.01)
    for i, j in enumerate([0, 1, 3, 4, 6, 7]):
        table[i, j] = 0.9
    found = align_layers(table, 0.1)
    assert found.pairs == ((0, 0), (1, 1), (2, 3), (3, 4), (4, 6), (5, 7))
    assert found.unmatched_a == ()
    assert found.unmatched_b == (2, 5)
    assert align_layers(np.full((6, 8), 0.01), 0.1).pairs == ()
    assert align_layers(np.zeros((0, 3))).unmatched_b == (0, 1, 2)
    with pytest.raises(IncomparableError):
        align_layers(np.zeros(3))


def test_number_of_ordered_maps():
    for la, lb in [(1, 1), (3, 4), (6, 12)]:
        counted = sum(comb(la, k) * comb(lb, k) for k in range(min(la, lb) + 1))
        assert monotone_maps_log10(la, lb) == pytest.approx(log10(counted))


def test_assignment_scores_what_trying_every_one_scores(rng):
    for shape in [(1, 1), (4, 4), (6, 6), (3, 6), (5, 7)]:
        for _ in range(15):
            table = rng.standard_normal(shape)
            if rng.random() < 0.3:
                table = np.round(table)  # ties
            found = assign(table)
            assert len(set(found.tolist())) == shape[0]
            assert table[np.arange(shape[0]), found].sum() == pytest.approx(twins.best_assignment(table))
    assert assign(np.zeros((0, 0))).tolist() == []


def test_a_shuffle_is_undone_under_noise_and_bad_scores_are_refused(rng):
    order = rng.permutation(300)
    table = np.eye(300)[order] + 0.2 * rng.standard_normal((300, 300))
    assert np.mean(assign(table) == order) > 0.9
    exact = np.eye(300)[order] + 0.05 * rng.standard_normal((300, 300))
    assert (assign(exact) == order).all()
    with pytest.raises(IncomparableError):
        assign(np.zeros((4, 3)))
    with pytest.raises(IncomparableError):
        assign(np.full((2, 2), np.nan))
