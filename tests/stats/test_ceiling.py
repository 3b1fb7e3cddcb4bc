"""The ceiling: what an aligner reaches on layers that do not belong together, with the strangers and relatives it must tell apart."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.stats.alignment import assign
from forebear.stats.ceiling import (
    alike,
    compare_aligned,
    compare_strength,
    lone_ceiling,
    maps_of_halves,
    mismatched_maps,
    sampled_ceiling,
)
from forebear.stats.gauge import polar
from forebear.stats.joint import align
from forebear.stats.strength import cosine_table, free_signs, neurons, strength
from tests.stats.test_strength import rows, trained

LAYERS, N, D = 4, 96, 32
PLAIN = [(i, i) for i in range(LAYERS)]


def stack(purpose, layers=LAYERS, matrices=3, n=N, d=D):
    return [rows(f"{purpose}/{k}", n, d, matrices) for k in range(layers)]


def places():
    return generator("test/ceiling/places")


def seen(layers):
    return [neurons(layer) for layer in layers]


def turn(purpose, d=D):
    q, r = np.linalg.qr(generator("test/ceiling/turn", purpose).standard_normal((d, d)))
    return (q * np.sign(np.diag(r))).astype(np.float32)


def rewritten(layers, rotation, purpose):
    """Neurons shuffled and flipped, residual turned."""
    rng = generator("test/ceiling/rewritten", purpose)
    out = []
    for layer in layers:
        order, sign = rng.permutation(len(layer[0])), rng.choice([-1.0, 1.0], (len(layer[0]), 1))
        free = len(layer) == 3
        out.append([(r * sign if place and free else r)[order] @ rotation for place, r in enumerate(layer)])
    return out


def aligned_to(layers, target):
    """An independent stack brought as near to the target as the aligner brings it, in place."""
    found = align(list(zip(seen(layers), seen(target), strict=True)), np.eye(D, dtype=np.float32))
    out = []
    for mine, theirs in zip(seen(layers), seen(target), strict=True):
        near = mine.turned(found.rotation)
        partner = assign(np.ascontiguousarray(cosine_table(near, theirs).T))
        moved = near.take(partner)
        sign = free_signs(moved, theirs, np.arange(len(partner)))[:, None]
        out.append([v * sign if place and mine.gated else v for place, v in enumerate(moved.views)])
    return out


@pytest.mark.parametrize("matrices", [2, 3])
def test_a_rewritten_copy_is_brought_back(matrices):
    a = stack("copy", matrices=matrices)
    rotation = turn("copy")
    found = align(list(zip(seen(a), seen(rewritten(a, rotation, "copy")), strict=True)), rotation)
    assert found.pooled == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-3)


def test_a_rewritten_relative_is_brought_back_from_a_rotation_that_is_only_near():
    a = stack("near")
    rotation = turn("near/rotation")
    b = rewritten([trained(layer, f"near/{k}", 0.6) for k, layer in enumerate(a)], rotation, "near")
    noise = generator("test/ceiling/noise").standard_normal((D, D)) * 0.5 / np.sqrt(D)
    start = polar(np.eye(D), (rotation @ (np.eye(D) + noise - noise.T)).astype(np.float32))
    found = align(list(zip(seen(a), seen(b), strict=True)), start)
    assert found.pooled == pytest.approx(0.62, abs=0.03)


@pytest.mark.parametrize("matrices", [2, 3])
def test_an_independent_that_was_aligned_does_not_exceed_the_ceiling(matrices):
    a = stack("candidate", matrices=matrices)
    b = [list(layer) for layer in aligned_to(stack("independent", matrices=matrices), a)]
    found = compare_strength(seen(a), seen(b), PLAIN, [np.eye(D, dtype=np.float32)], np.inf, places())
    assert found.value > 0.25
    assert 0.9 < found.ratio < 1.1


@pytest.mark.parametrize(("share", "least"), [(0.95, 2.0), (0.8, 1.8), (0.6, 1.4)])
def test_further_training_exceeds_it(share, least):
    a = stack("base")
    b = [trained(layer, f"base/{k}", share) for k, layer in enumerate(a)]
    found = compare_strength(seen(a), seen(b), PLAIN, [np.eye(D, dtype=np.float32)], np.inf, places())
    assert found.value == pytest.approx(share, abs=0.02)
    assert found.ratio > least


def test_an_independent_as_it_is_stays_far_below():
    found = compare_strength(
        seen(stack("one")), seen(stack("other")), PLAIN, [np.eye(D, dtype=np.float32)], np.inf, places()
    )
    assert found.ratio < 0.4


def test_a_tenth_of_the_candidate_does_not_exceed_it_and_a_half_does():
    a, b = stack("mixed/a"), stack("mixed/b")
    ratios = []
    for share in (0.1, 0.5):
        mixed = [[share * x + (1 - share) * y for x, y in zip(p, q, strict=True)] for p, q in zip(a, b, strict=True)]
        ratios.append(
            compare_strength(seen(a), seen(mixed), PLAIN, [np.eye(D, dtype=np.float32)], np.inf, places()).ratio
        )
    assert ratios[0] < 0.6 < 1.5 < ratios[1]


def test_a_sample_is_never_below_all_neurons():
    a, b = seen(stack("sample/a", n=200)), seen(stack("sample/b", n=200))
    maps, start = mismatched_maps(PLAIN), [np.eye(D, dtype=np.float32)]
    ceilings = [sampled_ceiling(a, b, maps, start, n, np.arange(D), places()) for n in (200, 100, 50, 25)]
    values = [c.value for c in ceilings]
    assert values == sorted(values)
    assert [c.sampled for c in ceilings] == [False, True, True, True]
    narrow = sampled_ceiling(a, b, maps, start, 50, np.arange(16), places())
    assert narrow.value > ceilings[0].value
    assert narrow.channels == 16


def test_a_small_sample_decides_where_it_can_and_all_neurons_where_it_cannot():
    a = stack("levels", n=400)
    start = [np.eye(D, dtype=np.float32)]
    near = [trained(layer, f"levels/{k}", 0.95) for k, layer in enumerate(a)]
    far = [trained(layer, f"levels/far/{k}", 0.6) for k, layer in enumerate(a)]
    quick = compare_strength(seen(a), seen(near), PLAIN, start, 1.25, places())
    slow = compare_strength(seen(a), seen(far), PLAIN, start, 1.25, places())
    assert quick.ceiling.neurons < 50 < quick.ceiling.neurons + 400
    assert quick.ratio >= 1.25
    assert slow.ceiling.neurons == 400
    assert slow.ratio > 1.25


def test_shifts_do_not_wrap_and_the_smallest_come_first():
    assert mismatched_maps(PLAIN) == [[(0, 1), (1, 2), (2, 3)], [(1, 0), (2, 1), (3, 2)], [(0, 2), (1, 3)]]
    assert mismatched_maps([(0, 0)]) == []
    assert mismatched_maps([(0, 1), (2, 5)]) == [[(0, 5)], [(2, 1)]]


def test_layers_that_are_copies_of_each_other_are_left_out():
    layers = stack("copies")
    doubled = [layers[0], layers[0], layers[1], layers[2], layers[3]]
    assert alike(seen(doubled)) == {(0, 1), (1, 0)}
    assert alike(seen(layers)) == set()
    belong = [(i, i) for i in range(5)]
    maps = mismatched_maps(belong, (), alike(seen(doubled)))
    assert all((0, 1) not in cells and (1, 0) not in cells for cells in maps)
    found = compare_strength(seen(doubled), seen(doubled), belong, [np.eye(D, dtype=np.float32)], np.inf, places())
    assert found.ceiling.value < 0.5
    assert found.value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("layers", [1, 2])
def test_models_of_one_or_two_layers_are_measured_on_halves(layers):
    a = stack("few", layers)
    belong = [(i, i) for i in range(layers)]
    start = [np.eye(D, dtype=np.float32)]
    near = [trained(layer, f"few/{k}", 0.95) for k, layer in enumerate(a)]
    assert compare_strength(seen(a), seen(near), belong, start, np.inf, places()).ratio > 1.3
    found = align(list(zip(seen(stack("few/other", layers)), seen(a), strict=True)), start[0])
    ceiling = compare_strength(seen(a), seen(stack("few/other", layers)), belong, start, np.inf, places()).ceiling
    assert found.pooled < 1.05 * ceiling.value
    assert maps_of_halves([(0, 0)]) == [[(0, 1)], [(1, 0)]]


def test_a_wider_relative_is_aligned_into_its_own_width():
    a = stack("wider", d=24)
    into = turn("wider", 32)[:24]
    b = [[r @ into for r in layer] for layer in a]
    found = align(list(zip(seen(a), seen(b), strict=True)), into)
    assert found.pooled == pytest.approx(1.0, abs=1e-4)
    back = align(list(zip(seen(b), seen(a), strict=True)), np.ascontiguousarray(into.T))
    assert back.pooled == pytest.approx(1.0, abs=1e-4)


def test_unusable_neurons_take_no_part():
    a, b = stack("holes/a"), stack("holes/b")
    for layer in b:
        layer[0][::5] = 0
        layer[1][::7, 3] = np.nan
    found = align(list(zip(seen(a), seen(b), strict=True)), np.eye(D, dtype=np.float32))
    assert np.isfinite(found.rotation).all()
    assert 0.2 < found.pooled < 0.7


def test_the_same_input_gives_the_same_figures():
    a, b = seen(stack("again/a")), seen(stack("again/b"))
    one, two = (compare_strength(a, b, PLAIN, [np.eye(D, dtype=np.float32)], np.inf, places()) for _ in range(2))
    assert one == two


def test_what_cannot_be_compared_is_refused():
    a = seen(stack("refused"))
    with pytest.raises(IncomparableError, match="belongs"):
        compare_strength(a, a, [], [np.eye(D, dtype=np.float32)], 1.0, places())
    with pytest.raises(IncomparableError, match="align"):
        align([], np.eye(D, dtype=np.float32))
    with pytest.raises(IncomparableError, match="gated"):
        align([(a[0], neurons(rows("plain", N, D, 2)))], np.eye(D, dtype=np.float32))
    with pytest.raises(IncomparableError, match="rotation"):
        sampled_ceiling(a, a, mismatched_maps(PLAIN), [], 10, np.arange(D), places())


def test_strength_of_an_aligned_stack_is_what_the_aligner_says():
    a, b = stack("says/a"), stack("says/b")
    found = align(list(zip(seen(b), seen(a), strict=True)), np.eye(D, dtype=np.float32))
    placed = [neurons(layer) for layer in aligned_to(b, a)]
    assert np.mean([strength(x, y) for x, y in zip(placed, seen(a), strict=True)]) == pytest.approx(
        found.pooled, abs=1e-3
    )


def test_a_lone_layer_is_set_beside_what_it_reaches_itself_and_not_beside_what_others_cannot():
    a, b = stack("lone/a"), stack("lone/b")
    poor = [a[0], *([np.repeat(r[:1], N, axis=0) + 1e-3 * x for r, x in zip(a[k], rows(f"poor/{k}", N, D, 3), strict=True)]
                    for k in range(1, LAYERS))]  # fmt: skip
    start = [np.eye(D, dtype=np.float32)]
    honest = lone_ceiling(seen(a), seen(b), PLAIN, start, 0, places())
    assert lone_ceiling(seen(poor), seen(b), PLAIN, start, 0, places()) > 0.9 * honest
    assert lone_ceiling(seen(b), seen(poor), PLAIN, start, 0, places()) > 0.9 * honest


def test_empty_layers_and_empty_places_do_not_lower_the_ceiling():
    a, b = stack("empty/a"), stack("empty/b")
    start = [np.eye(D, dtype=np.float32)]
    whole = compare_strength(seen(a), seen(b), PLAIN, start, np.inf, places())
    thin = [[np.where((np.arange(N) % 2 == 0)[:, None], r, 0) for r in layer] for layer in a]
    bare = [[np.zeros_like(r) for r in a[0]], *a[1:]]
    for other in (thin, bare):
        found = compare_strength(seen(other), seen(b), PLAIN, start, np.inf, places())
        assert found.ceiling.value > 0.95 * whole.ceiling.value
        assert found.ratio <= whole.ratio + 0.05
        aligned = compare_aligned(seen(other), seen(b), PLAIN, start, start, N, D, places())
        assert aligned.ratio < 1.1


def test_layers_that_agree_are_set_beside_maps_that_hold_them():
    a, b = stack("some/a"), stack("some/b")
    some = [a[0], a[1], b[2], b[3]]
    found = compare_strength(seen(some), seen(a), PLAIN, [np.eye(D, dtype=np.float32)], np.inf, places())
    assert found.value > 0.5
    assert found.ratio < found.value / found.level
