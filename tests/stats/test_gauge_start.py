"""Gains that were folded and rotated away leave their mark in columns; a shared start leaves none."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.stats.gauge_start import aligned_gains, column_energy, shared_spread


def folded(rng, gain, n=400):
    return (rng.standard_normal((n, len(gain))) * gain).astype(np.float32)


def turned(rng, d):
    return np.linalg.qr(rng.standard_normal((d, d)))[0].astype(np.float32)


def test_column_energy_rises_with_the_gain_and_ignores_the_size_of_rows():
    rng = generator("test/start/energy")
    gain = np.exp(0.2 * rng.standard_normal(48))
    rows = folded(rng, gain)
    sizes = np.exp(rng.standard_normal((len(rows), 1))).astype(np.float32)
    energy = column_energy([rows], np.ones(48))
    np.testing.assert_allclose(column_energy([rows * sizes], np.ones(48)), energy, rtol=1e-3)
    assert aligned_gains([(gain, energy)] * 2, []).rho > 0.85
    assert aligned_gains([(gain, energy)] * 2, []).trained


def test_channels_a_rotation_does_not_reach_are_left_out():
    energy = column_energy([np.ones((5, 3), np.float32)], np.array([1.0, 0.5, 0.0]))
    assert np.isnan(energy[2])
    assert energy[1] == pytest.approx(2 * energy[0])


def test_strangers_gains_do_not_make_training_shared():
    """60 pairs of eight norms of 64 channels each."""
    for seed in range(60):
        rng = generator("test/start/null", seed)
        norms = []
        for _ in range(8):
            own, other = (np.exp(0.1 * rng.standard_normal(64)) for _ in range(2))
            norms.append((own, column_energy([folded(rng, other)], np.ones(64))))
        assert not aligned_gains(norms, []).trained


def test_constant_gains_say_nothing():
    found = aligned_gains([(np.ones(32), np.arange(32.0))], [])
    assert (found.rho, found.norms, found.trained) == (None, 0, False)


def test_the_spread_of_unlike_matrices_is_shared_where_one_gain_stood_before_both_whatever_the_rotation():
    rng = generator("test/start/spread")
    gain, turn = np.exp(0.4 * rng.standard_normal(32)), turned(rng, 32)
    gate, up = folded(rng, gain) @ turn, folded(rng, gain) @ turn
    assert shared_spread(gate, up) > 0.7
    assert abs(shared_spread(gate, folded(rng, np.exp(0.4 * rng.standard_normal(32))) @ turned(rng, 32))) < 0.15
    with pytest.raises(IncomparableError):
        shared_spread(gate, up[:, :8])


def test_the_spread_is_the_cosine_of_second_moments_without_their_trace():
    rng = generator("test/start/twin")
    a, b = (rng.standard_normal((20, 6)).astype(np.float32) for _ in range(2))
    moments = []
    for rows in (a, b):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        second = unit.T @ unit
        moments.append(second - np.eye(6) * np.trace(second) / 6)
    plain = np.sum(moments[0] * moments[1]) / np.linalg.norm(moments[0]) / np.linalg.norm(moments[1])
    assert shared_spread(a, b) == pytest.approx(plain, abs=1e-4)
