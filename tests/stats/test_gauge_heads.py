"""Heads by products no rewriting changes: mixing, turns of rotary planes, orders of heads and groups."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.stats.gauge_heads import match_heads, product_likeness, rotary_likeness

HEADS, SIZE, WIDTH = 6, 8, 40


def drawn(rng, heads=HEADS):
    return rng.standard_normal((heads, SIZE, WIDTH)).astype(np.float32)


def rotary(rng, heads=HEADS):
    """Turns and stretches of every plane (i, i + k/2), and what undoes the stretch on the other side."""
    half = SIZE // 2
    angles, sizes = rng.uniform(0, 2 * np.pi, (heads, half)), np.exp(rng.uniform(-0.5, 0.5, (heads, half)))
    made = []
    for stretch in (sizes, 1 / sizes):
        m, i = np.zeros((heads, SIZE, SIZE)), np.arange(half)
        m[:, i, i] = m[:, i + half, i + half] = stretch * np.cos(angles)
        m[:, i, i + half], m[:, i + half, i] = -stretch * np.sin(angles), stretch * np.sin(angles)
        made.append(m.astype(np.float32))
    return made


def test_the_likeness_of_products_is_that_of_the_matrices_themselves():
    rng = generator("test/heads/twin")
    o, v, p, w = drawn(rng, 3), drawn(rng, 3), drawn(rng, 4), drawn(rng, 4)
    plain = np.zeros((3, 4))
    for i in range(3):
        for j in range(4):
            x, y = o[i].T @ v[i], p[j].T @ w[j]
            plain[i, j] = np.sum(x * y) / np.linalg.norm(x) / np.linalg.norm(y)
    np.testing.assert_allclose(product_likeness(o, v, p, w), plain, atol=1e-5)


def test_the_rotary_likeness_is_that_of_both_products_of_every_plane():
    rng = generator("test/heads/rotary-twin")
    q, k, r, s = (drawn(rng, 2) for _ in range(4))
    turn = np.array([[0, -1], [1, 0]])

    def stacked(a, b):
        planes = [(a[[i, i + SIZE // 2]], b[[i, i + SIZE // 2]]) for i in range(SIZE // 2)]
        return np.stack([m for x, y in planes for m in (x.T @ y, x.T @ turn @ y)])

    for i in range(2):
        for j in range(2):
            x, y = stacked(q[i], k[i]), stacked(r[j], s[j])
            plain = np.sum(x * y) / np.linalg.norm(x) / np.linalg.norm(y)
            assert rotary_likeness(q, k, r, s)[i, j] == pytest.approx(plain, abs=1e-5)


def test_mixed_values_and_turned_planes_change_nothing():
    rng = generator("test/heads/invariant")
    o, v, q, k = (drawn(rng) for _ in range(4))
    mix = rng.standard_normal((HEADS, SIZE, SIZE))
    undo = np.linalg.inv(mix).transpose(0, 2, 1)
    written = product_likeness(o, v, (undo @ o).astype(np.float32), (mix @ v).astype(np.float32))
    np.testing.assert_allclose(np.diag(written), 1, atol=1e-3)
    turn, back = rotary(rng)
    np.testing.assert_allclose(np.diag(rotary_likeness(q, k, turn @ q, back @ k)), 1, atol=1e-3)


def test_turns_that_mix_planes_are_another_attention_under_rotary_positions():
    """The whole product Q·K would not see it, and it is not the same model."""
    rng = generator("test/heads/not-rotary")
    q, k = drawn(rng), drawn(rng)
    turn = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0].astype(np.float32)
    np.testing.assert_allclose(np.diag(product_likeness(q, k, turn @ q, turn @ k)), 1, atol=1e-3)
    assert np.diag(rotary_likeness(q, k, turn @ q, turn @ k)).max() < 0.8


def test_groups_in_another_order_with_their_heads_in_another_order_come_back():
    rng = generator("test/heads/groups")
    each, groups = 3, 4
    o, q = drawn(rng, 12), drawn(rng, 12)
    v, k = (np.repeat(drawn(rng, groups), each, axis=0) for _ in range(2))
    order = np.concatenate([g * each + rng.permutation(each) for g in rng.permutation(groups)])
    written = product_likeness(o[order], v[order], o, v)
    scored = rotary_likeness(q[order], k[order], q, k)
    found = match_heads(written, scored, (each, each))
    assert found.partners.tolist() == order.tolist()
    assert found.agreed == 12
    assert found.groups.tolist() == (order[::each] // each).tolist()


def test_heads_are_matched_without_groups_where_these_are_of_another_size():
    rng = generator("test/heads/regrouped")
    o, q, v, k = (drawn(rng) for _ in range(4))
    order = rng.permutation(HEADS)[:4]
    found = match_heads(product_likeness(o[order], v[order], o, v), rotary_likeness(q[order], k[order], q, k), (2, 1))
    assert found.groups is None
    assert found.partners.tolist() == order.tolist()
    back = match_heads(product_likeness(o, v, o[order], v[order]), rotary_likeness(q, k, q[order], k[order]), (1, 2))
    assert sorted(np.flatnonzero(back.partners >= 0)) == sorted(order)


def test_strangers_heads_agree_on_little():
    """100 layers of six heads: both products name one partner by chance."""
    agreed = 0
    for seed in range(100):
        rng = generator("test/heads/null", seed)
        a, b = [drawn(rng) for _ in range(4)], [drawn(rng) for _ in range(4)]
        agreed += match_heads(
            product_likeness(*a[:2], *b[:2]), rotary_likeness(*a[2:], *b[2:]), (1, 1)
        ).agreed  # fmt: skip
    assert agreed < 100


def test_heads_that_cannot_be_held_together_are_refused():
    rng = generator("test/heads/refused")
    a = drawn(rng)
    with pytest.raises(IncomparableError):
        product_likeness(a, a, a[:, :, :8], a[:, :, :8])
    with pytest.raises(IncomparableError):
        rotary_likeness(a, a, a[:, :6], a[:, :6])
