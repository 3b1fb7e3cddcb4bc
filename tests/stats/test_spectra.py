"""Layers that differ in kind: strangers drawn with a layer's own spectrum measure what an aligner reaches on it (decision 0131)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.stats import ceiling
from forebear.stats.attention import align_heads, head_products, in_place
from forebear.stats.ceiling import apart_layers, compare_aligned, compare_strength
from forebear.stats.spectra import mixed_neurons, scattered_heads
from forebear.stats.strength import neurons, strength
from forebear.stats.strength_thresholds import FACTOR, MOST_NEURONS
from tests.stats.test_ceiling import PLAIN, D, N, aligned_to, places, seen, stack, turn

RANKS = ((1, D, D), (D, 1, D), (D, D, 1), (D, D, D))
"""Of gate, up and down, layer by layer."""
START = [np.eye(D, dtype=np.float32)]


def cut(layers):
    """Every matrix with so many singular values."""
    out = []
    for layer, ranks in zip(layers, RANKS, strict=True):
        parts = [(*np.linalg.svd(view, full_matrices=False), rank) for view, rank in zip(layer, ranks, strict=True)]
        out.append([np.asarray((u[:, :rank] * s[:rank]) @ v[:rank], dtype=np.float32) for u, s, v, rank in parts])
    return out


def test_an_aligned_stranger_whose_layers_have_ranks_of_their_own_is_within_reach(monkeypatch):
    candidate = cut(stack("spectra/candidate"))
    framed = aligned_to(cut(stack("spectra/stranger")), candidate)
    told = compare_strength(seen(framed), seen(candidate), PLAIN, START, FACTOR, places())
    assert told.ratio < FACTOR
    alone = apart_layers(seen(framed), seen(candidate), PLAIN, places())
    monkeypatch.setattr(ceiling, "apart_layers", lambda *_: replace(alone, maps=alone.maps[:-1]))
    assert compare_strength(seen(framed), seen(candidate), PLAIN, START, FACTOR, places()).ratio > FACTOR


def test_a_descendant_with_such_layers_is_still_beyond_reach_in_place_and_aligned():
    base = cut(stack("spectra/base"))
    rng = generator("test/spectra/noise")
    child = [[v + 0.3 * v.std() * rng.standard_normal(v.shape).astype(np.float32) for v in layer] for layer in base]
    assert compare_strength(seen(child), seen(base), PLAIN, START, FACTOR, places()).ratio > FACTOR
    found = compare_aligned(seen(child), seen(base), PLAIN, START, START, N, D, places())
    assert found is not None
    assert found.ratio > FACTOR


@pytest.mark.parametrize("layers", [1, 2])
def test_mixed_layers_stand_beside_whole_ones_where_layers_are_halved(layers):
    belong = [(k, k) for k in range(layers)]
    a, b = (seen(stack(f"spectra/{side}", layers=layers)) for side in "ab")
    apart = apart_layers(a, b, belong, places())
    assert apart.parts == 2
    assert [(len(apart.a[i]), len(apart.b[j])) for i, j in apart.maps[-1]] == [(N, N)] * layers
    assert [(apart.of_a[i], apart.of_b[j]) for i, j in apart.maps[-1]] == belong
    assert all(apart.touches((0, 0), cell) for cell in apart.maps[-1][:1])
    assert len(apart.shares(belong, [0.5] * layers)) == len(apart.maps)


def test_mixed_neurons_keep_mean_and_covariance_and_no_neuron():
    rng = generator("test/spectra/mixed")
    rows = [rng.standard_normal((600, 12)) * np.linspace(0.2, 2, 12) + 0.5 for _ in range(3)]
    rows[0][5] = 0
    layer = neurons([np.asarray(r, np.float32) for r in rows])
    drawn = mixed_neurons(layer, places())
    assert len(drawn) == MOST_NEURONS
    assert drawn.usable.all()
    for mine, own in zip(drawn.views, layer.views, strict=True):
        assert np.allclose(mine.mean(axis=0), own.mean(axis=0), atol=0.08)
        assert np.allclose(mine.T @ mine / len(mine), own.T @ own / len(own), atol=0.08)
    assert strength(drawn, layer.take(np.flatnonzero(layer.usable)[:MOST_NEURONS])) < 0.5


def test_what_nothing_usable_holds_stays_as_it_is():
    empty = neurons([np.zeros((4, D), np.float32)] * 3)
    assert mixed_neurons(empty, places()) is empty


def test_mixtures_do_not_move_what_is_drawn_after_them():
    a, b = seen(stack("spectra/a")), seen(stack("spectra/b"))
    draw = places()
    apart_layers(a, b, PLAIN, draw)
    assert draw.integers(2**30) == places().integers(2**30)


def heads(purpose, rank=None, count=4, size=8):
    rng = generator("test/spectra/heads", purpose)
    made = []
    for _ in range(4):
        rows = rng.standard_normal((count * size, D))
        if rank:
            u, s, v = np.linalg.svd(rows, full_matrices=False)
            rows = (u[:, :rank] * s[:rank]) @ v[:rank]
        made.append(np.asarray(rows.reshape(count, size, D), np.float32))
    q, k, v, o = made
    return head_products(q, k, v, o, rotary=True)


def test_scattered_heads_keep_their_lengths_and_are_not_brought_back():
    whole = heads("whole")
    other = scattered_heads(whole, places())
    assert np.allclose(other.lengths, whole.lengths)
    assert in_place(other, whole) < 0.2
    assert align_heads([(other, whole)], START[0]).pooled < 0.6


def test_scattered_heads_of_one_direction_are_brought_back_as_an_aligned_stranger_is():
    thin = heads("thin", rank=1)
    pairs = [(scattered_heads(thin, places()), thin)]
    assert max(align_heads(pairs, turn(f"start/{k}")).pooled for k in range(8)) > 0.8
