"""Strength in place: equal, independent, further trained, scaled, flipped, unusable."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.stats.strength import cosine_table, cosines_in_place, free_signs, neurons, strength


def rows(purpose, n=120, d=48, matrices=3):
    return list(generator("test/strength", purpose).standard_normal((matrices, n, d)))


def trained(stack, purpose, share):
    """Rows that keep a share of themselves: cosine `share` with what they were."""
    other = rows(f"{purpose}/more", *stack[0].shape, len(stack))
    return [share * r + np.sqrt(1 - share**2) * o for r, o in zip(stack, other, strict=True)]


@pytest.mark.parametrize("matrices", [2, 3])
def test_an_equal_layer_has_strength_one(matrices):
    a = neurons(rows("one", matrices=matrices))
    assert strength(a, a) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
def test_further_training_leaves_the_cosine_it_keeps(share):
    stack = rows("kept", n=400)
    assert strength(neurons(stack), neurons(trained(stack, "kept", share))) == pytest.approx(share, abs=0.02)


def test_independents_have_next_to_none():
    gated = strength(neurons(rows("left", n=400)), neurons(rows("right", n=400)))
    plain = strength(neurons(rows("left", 400, matrices=2)), neurons(rows("right", 400, matrices=2)))
    assert 0.03 < gated < 0.1  # the sign of up and down is chosen: 2/3 of E|z| / sqrt(2d)
    assert abs(plain) < 0.02


def test_signs_and_scales_that_leave_the_outputs_unchanged_change_nothing():
    gate, up, down = rows("scaled")
    factor = generator("test/strength/factor").uniform(-3, 3, (len(gate), 1))
    assert strength(neurons([gate, up, down]), neurons([gate, factor * up, down / factor])) == pytest.approx(
        1.0, abs=1e-5
    )


def test_the_sign_of_a_gate_or_of_a_plain_neuron_is_not_free():
    gate, up, down = rows("fixed")
    assert strength(neurons([gate, up, down]), neurons([-gate, up, down])) == pytest.approx(1 / 3, abs=1e-5)
    assert strength(neurons([up, down]), neurons([-up, -down])) == pytest.approx(-1.0, abs=1e-5)


def test_up_and_down_flip_together_only():
    gate, up, down = rows("together")
    assert strength(neurons([gate, up, down]), neurons([gate, -up, down])) < 0.4


def test_a_neuron_that_one_side_only_can_use_counts_as_none_and_one_of_neither_is_left_out():
    stack = rows("holes", n=40)
    broken = [r.copy() for r in stack]
    broken[0][3] = 0
    broken[1][5, 2] = np.nan
    broken[2][7, 1] = np.inf
    found = cosines_in_place(neurons(stack), neurons(broken))
    assert np.flatnonzero(np.isnan(found)).tolist() == [3, 5, 7]
    assert strength(neurons(stack), neurons(broken)) == pytest.approx(37 / 40, abs=1e-6)
    assert strength(neurons(broken), neurons(broken)) == pytest.approx(1.0, abs=1e-6)
    table = cosine_table(neurons(stack), neurons(broken))
    assert not table[:, [3, 5, 7]].any()
    assert np.isfinite(table).all()


def test_the_table_holds_what_stands_in_place_and_signs_bring_it_there():
    a, b = neurons(rows("a", n=30)), neurons(rows("b", n=30))
    np.testing.assert_allclose(np.diag(cosine_table(a, b)), cosines_in_place(a, b), atol=1e-6)
    partner = np.arange(30)[::-1].copy()
    sign = free_signs(a, b, partner)
    by_hand = (np.einsum("ij,ij->i", a.views[0], b.views[0][partner])
               + sign * sum(np.einsum("ij,ij->i", a.views[k], b.views[k][partner]) for k in (1, 2))) / 3  # fmt: skip
    np.testing.assert_allclose(cosine_table(a, b)[np.arange(30), partner], by_hand, atol=1e-6)


def test_other_shapes_and_kinds_are_refused():
    a = neurons(rows("shape"))
    with pytest.raises(IncomparableError, match="one shape"):
        strength(a, neurons(rows("shape", n=60)))
    with pytest.raises(IncomparableError, match="gated"):
        strength(a, neurons(rows("shape", matrices=2)))
    with pytest.raises(IncomparableError, match="one to three"):
        neurons(rows("shape")[:1])
    empty = neurons([np.zeros_like(r) for r in rows("shape")])
    assert strength(a, empty) == 0
    with pytest.raises(IncomparableError, match="usable"):
        strength(empty, empty)
    with pytest.raises(IncomparableError, match="coordinates"):
        cosine_table(a, neurons(rows("shape", d=20)))
