"""Tables that two makers write alike without copying are told from drawn values, whatever type they are stored in."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.stats.tables import chance_log10, follows_a_formula

AT = np.arange(256)[:, None]
SLOW = 10000.0 ** (-np.arange(32) / 32)[None]
GRID = np.arange(14 * 14)


def interleaved(a, b):
    return np.stack([a, b], axis=-1).reshape(len(a), -1)


def hadamard(size):
    table = np.ones((1, 1))
    while len(table) < size:
        table = np.block([[table, table], [table, -table]])
    return table


def filters(count, bins):
    edges = np.linspace(0, np.sqrt(bins - 1), count + 2) ** 2
    rise = (np.arange(bins) - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - np.arange(bins)) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall))


SINUSOIDS = np.concatenate([np.sin(AT * SLOW), np.cos(AT * SLOW)], axis=1)
FORMULAS = {
    "sinusoids": SINUSOIDS,
    "sinusoids in turn": interleaved(np.sin(AT * SLOW), np.cos(AT * SLOW)),
    "sinusoids as float16": SINUSOIDS.astype(np.float16),
    "sinusoids as 8 bits": np.round(SINUSOIDS * 127) / 127,
    "sinusoids of a picture": np.concatenate([f(at[:, None] * SLOW) for at in (GRID % 14, GRID // 14) for f in (np.sin, np.cos)], axis=1),
    "rotary cosines": np.cos(np.concatenate([AT * SLOW, AT * SLOW], axis=1)),
    "rotary frequencies": 500000.0 ** (-np.arange(64) / 64),
    "log of the state": np.log(np.tile(np.arange(1, 17), (96, 1))),
    "ramp": np.arange(512),
    "Fourier basis under a window": np.cos(2 * np.pi * np.arange(101)[:, None] * np.arange(200) / 200) * np.hanning(200),
    "cosine transform": np.cos(np.pi * (np.arange(64)[None] + 0.5) * np.arange(64)[:, None] / 64),
    "window": np.hanning(400),
    "filters": filters(40, 201),
    "Hadamard": hadamard(128),
    "causal mask": np.triu(np.full((128, 128), -1e9), 1),
    "identity": np.eye(300),
    "permutation": np.eye(300)[np.random.default_rng(3).permutation(300)],
    "band": np.abs(np.arange(200)[:, None] - np.arange(200)) < 9,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_known_as_one(name):
    assert follows_a_formula(np.asarray(FORMULAS[name], dtype=np.float32))


def drawn(kind, rng):
    normal = rng.standard_normal((128, 96))
    return {
        "normal": normal,
        "uniform": rng.random((128, 96)),
        "8 bits": np.round(normal * 30) / 100,
        "4 bits": rng.integers(-8, 8, (128, 96)),
        "ternary": rng.integers(-1, 2, (128, 96)),
        "signs": rng.integers(0, 2, (128, 96)) * 2 - 1,
        "pruned": normal * (rng.random((128, 96)) < 0.1),
        "gains": 1 + 0.05 * rng.standard_normal(384),
        "positions that were learnt": 0.1 * np.sin(AT * 0.01 * rng.random(64)) + 0.002 * rng.standard_normal((256, 64)),
        "convolution": rng.standard_normal((64, 3, 3, 3)),
        "repeated rows": np.tile(rng.standard_normal((16, 96)), (8, 1)),
        "orthogonal": np.linalg.qr(rng.standard_normal((96, 96)))[0],
    }[kind]


@pytest.mark.parametrize(
    "kind",
    ["normal", "uniform", "8 bits", "4 bits", "ternary", "signs", "pruned", "gains", "positions that were learnt", "convolution",
     "repeated rows", "orthogonal"],
)  # fmt: skip
def test_drawn_and_trained_values_follow_none(kind, rng):
    values = np.asarray(drawn(kind, rng), dtype=np.float32)
    assert not follows_a_formula(values)
    assert chance_log10(values) < -30


def test_chance_explains_small_and_nearly_constant_tensors(rng):
    few = rng.integers(0, 256, 4).astype(np.float32)
    sparse = np.zeros((64, 64), np.float32)
    sparse[3, 5] = 1
    for values in (few, sparse, np.ones((64, 64), np.float32), np.tile(few, (500, 1)), np.zeros(0, np.float32)):
        assert chance_log10(values) > -30


def test_values_that_are_not_numbers_are_no_fault():
    assert follows_a_formula(np.full((20, 20), np.nan, np.float32))
    assert chance_log10(np.full((20, 20), np.inf, np.float32)) == 0.0


def test_rows_that_repeat_count_once_whatever_the_sign_of_their_zeros():
    rng = generator("test/tables/rows-once")
    rows = rng.integers(-2, 3, (40, 60)).astype(np.float32)
    rows[0] = 0
    negative = np.where(rows == 0, np.float32(-0.0), rows)
    once = chance_log10(rows)
    assert once < -100
    for many in (np.concatenate([rows, rows[:7]]), np.concatenate([rows, negative]), negative[::-1]):
        assert chance_log10(many) == once
