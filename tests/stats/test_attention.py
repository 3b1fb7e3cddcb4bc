"""Attention beside what an aligner reaches: rewritings change nothing, a turn is found again, strangers stay below a copy."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.stats.attention import align_heads, head_products, in_place, likeness, under
from forebear.stats.gauge import isometry
from forebear.stats.gauge_heads import product_likeness, rotary_likeness

HEADS, SIZE, WIDTH = 4, 6, 24


def drawn(rng, heads=HEADS):
    return [rng.standard_normal((heads, SIZE, WIDTH)).astype(np.float32) for _ in range(4)]


def products(rows, turned=True):
    return head_products(*rows, rotary=turned)


@pytest.mark.parametrize("positions", [True, False])
def test_likeness_is_the_mean_of_the_two_products_of_gauge_fixing(positions):
    rng = generator("test/attention/twin")
    a, b = drawn(rng), drawn(rng, 5)
    score = rotary_likeness if positions else product_likeness
    plain = (product_likeness(a[3], a[2], b[3], b[2]) + score(a[0], a[1], b[0], b[1])) / 2
    np.testing.assert_allclose(likeness(products(a, positions), products(b, positions)), plain, atol=1e-5)


def test_mixing_inside_heads_changes_nothing():
    rng = generator("test/attention/mixing")
    q, k, v, o = drawn(rng)
    mixed = rng.standard_normal((HEADS, SIZE, SIZE)).astype(np.float32) + 3 * np.eye(SIZE, dtype=np.float32)
    inverse = np.linalg.inv(mixed).transpose(0, 2, 1)
    half = SIZE // 2
    angle = rng.uniform(0, 6, (HEADS, half)).astype(np.float32)
    turn = np.zeros((HEADS, SIZE, SIZE), dtype=np.float32)
    i = np.arange(half)
    turn[:, i, i] = turn[:, i + half, i + half] = np.cos(angle)
    turn[:, i, i + half], turn[:, i + half, i] = -np.sin(angle), np.sin(angle)
    other = products([turn @ q, turn @ k, mixed @ v, inverse @ o])
    assert in_place(products([q, k, v, o]), other) == pytest.approx(1.0, abs=1e-4)


def test_a_turned_and_reordered_copy_is_found_near_its_rotation_and_a_stranger_is_not():
    rng = generator("test/attention/turned")
    turn = isometry(rng.standard_normal((WIDTH, WIDTH)))
    layers = [drawn(rng) for _ in range(3)]
    order = [2, 0, 3, 1]
    mine = [products(rows) for rows in layers]
    moved = [products([(m @ turn)[order] for m in rows]) for rows in layers]
    near = isometry(turn + 0.05 * rng.standard_normal((WIDTH, WIDTH)))
    found = align_heads(list(zip(mine, moved, strict=True)), near)
    assert found.pooled > 0.99
    strangers = [products(drawn(rng)) for _ in range(3)]
    starts = [np.eye(WIDTH, dtype=np.float32), turn]
    most = max(align_heads(list(zip(mine, strangers, strict=True)), start).pooled for start in starts)
    assert 0.05 < most < 0.6
    assert abs(np.mean([under(a, b, turn) for a, b in zip(mine, strangers, strict=True)])) < 0.2


def test_the_aligner_never_ends_below_its_start():
    rng = generator("test/attention/rising")
    a, b = products(drawn(rng)), products(drawn(rng))
    for _ in range(5):
        start = isometry(rng.standard_normal((WIDTH, WIDTH)))
        assert align_heads([(a, b)], start).pooled >= under(a, b, start)


def test_a_rotation_into_fewer_channels_keeps_cosines_at_one_at_the_most():
    rng = generator("test/attention/narrow")
    a = products(drawn(rng))
    chosen = np.arange(0, WIDTH, 2)
    cut = np.eye(WIDTH, dtype=np.float32)[:, chosen]
    assert under(a, a.on_channels(chosen), cut) == pytest.approx(1.0, abs=1e-5)


def test_rows_that_are_not_finite_or_zero_count_as_nothing():
    rng = generator("test/attention/broken")
    rows = drawn(rng)
    rows[0][0] = np.nan
    rows[2][1] = 0
    found = likeness(products(rows), products(rows))
    assert np.isfinite(found).all()
    assert [found[0, 0], found[1, 1]] == pytest.approx([0.5, 0.5])


def test_heads_of_other_sizes_or_positions_are_refused():
    rng = generator("test/attention/refused")
    rows = drawn(rng)
    with pytest.raises(IncomparableError):
        likeness(products(rows), products(rows, False))
    with pytest.raises(IncomparableError):
        head_products(*(m[:, :5] for m in rows), rotary=True)
    with pytest.raises(IncomparableError):
        align_heads([], np.eye(WIDTH, dtype=np.float32))
