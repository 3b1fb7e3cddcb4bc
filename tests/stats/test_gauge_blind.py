"""Without any embedding: moments turn with the stream, matching by turns finds the rotation, strangers give none."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.stats.gauge import two_views
from forebear.stats.gauge_blind import bundle, fit_rotation, layer_kinship, moments


def layer(rng, n=90, d=24):
    """A gated layer whose neurons differ in size and lean, as trained ones do."""
    size = np.exp(0.5 * rng.standard_normal((3, n, 1)))
    g, u, d_rows = (s * (r + 0.6) for s, r in zip(size, rng.standard_normal((3, n, d)), strict=True))
    return [g, u + 0.4 * rng.standard_normal((n, 1)) * g, d_rows + 0.4 * rng.standard_normal((n, 1)) * u]


def rewritten(rng, rows, turn, noise=0.0):
    n = len(rows[0])
    order, sign, scale = rng.permutation(n), rng.choice([-1.0, 1.0], (n, 1)), np.exp(rng.uniform(-0.7, 0.7, (n, 1)))
    moved = [r + noise * r.std() * rng.standard_normal(r.shape) for r in rows]
    g, u, d = moved[0] @ turn, sign * scale * moved[1] @ turn, sign / scale * moved[2] @ turn
    return [r[order] for r in (g, u, d)], order


def turn_of(rng, d=24):
    q, r = np.linalg.qr(rng.standard_normal((d, d)))
    return q * np.sign(np.diag(r))


def test_features_and_moments_survive_every_rewriting():
    rng = generator("test/blind/moments")
    rows, turn = layer(rng), turn_of(rng)
    other, order = rewritten(rng, rows, turn)
    a, b = bundle(rows), bundle(other)
    np.testing.assert_allclose(a.features[order], b.features, atol=1e-3)
    np.testing.assert_allclose(moments(a) @ turn, moments(b), atol=1e-3)
    assert moments(a).shape == (63, 24)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_rotation_is_found_and_holds_on_a_layer_that_played_no_part(noise):
    rng = generator("test/blind/fit", int(10 * noise))
    stack, turn = [layer(rng) for _ in range(3)], turn_of(rng)
    moved = [rewritten(rng, rows, turn, noise) for rows in stack]
    found = fit_rotation([(bundle(stack[k]), bundle(moved[k][0])) for k in (0, 1)])
    assert np.trace(found.matrix.T @ turn) / 24 > 0.95
    held, other = bundle(stack[2]), bundle(moved[2][0])
    agreed = two_views(
        (held.views[0] @ found.matrix, other.views[0], False), (held.views[1] @ found.matrix, other.views[1], True)
    )
    right = agreed.partners >= 0
    assert np.count_nonzero(right) >= 80
    assert (moved[2][1][agreed.partners[right]] == np.flatnonzero(right)).all()


def test_strangers_fit_their_own_layers_and_nothing_else():
    """The fit always agrees somewhat on what it was fitted on; held-out layers show that it is empty."""
    rng = generator("test/blind/strangers")
    a, b = [bundle(layer(rng)) for _ in range(3)], [bundle(layer(rng)) for _ in range(3)]
    found = fit_rotation(list(zip(a[:2], b[:2], strict=True)))
    agreed = two_views(
        (a[2].views[0] @ found.matrix, b[2].views[0], False), (a[2].views[1] @ found.matrix, b[2].views[1], True)
    )
    assert agreed.matched <= 4


def test_a_fit_is_left_where_nobody_thinks_it_worth_more_and_keeps_the_rotation_so_far():
    rng = generator("test/blind/worth")
    layers = [(bundle(layer(rng)), bundle(layer(rng))) for _ in range(2)]
    seen = []

    def worth(rounds, rotation):
        seen.append((rounds, rotation))
        return rounds < 3

    left, whole = fit_rotation(layers, worth=worth), fit_rotation(layers, worth=lambda *_: True)
    assert [rounds for rounds, _ in seen] == [1, 2, 3]
    assert left.given_up
    assert left.rounds == 3
    assert left.matrix is seen[-1][1]
    assert not whole.given_up
    assert whole.rounds > 3
    np.testing.assert_array_equal(whole.matrix, fit_rotation(layers).matrix)


def test_kinship_of_layers_needs_no_rotation():
    rng = generator("test/blind/kinship")
    stack, turn = [layer(rng) for _ in range(4)], turn_of(rng)
    moved = [rewritten(rng, rows, turn, 0.1)[0] for rows in stack]
    kin = layer_kinship([moments(bundle(r)) for r in stack], [moments(bundle(r)) for r in moved])
    assert kin.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_kinds_of_layers_that_cannot_be_held_together_are_refused():
    rng = generator("test/blind/refused")
    gated, plain = bundle(layer(rng)), bundle(layer(rng)[1:])
    assert moments(plain).shape == (20, 24)
    for layers in ([], [(gated, plain)]):
        with pytest.raises(IncomparableError):
            fit_rotation(layers)
    with pytest.raises(IncomparableError):
        bundle([np.ones((3, 4))])
