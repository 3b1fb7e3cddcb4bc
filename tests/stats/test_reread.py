"""Layers that are read again give what layers in memory give, and never more than one of them lies there."""

from __future__ import annotations

import weakref
from functools import partial

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.stats.ceiling import compare_aligned, compare_strength, lone_ceiling
from forebear.stats.reread import Reread, Shelf
from forebear.stats.strength import Neurons, neurons
from forebear.stats.zero_share import common_zeros
from forebear.stats.zeros import over_places
from tests.stats.test_ceiling import D, rewritten, stack, turn

EYE = [np.eye(D, dtype=np.float32)]


class Disk:
    """Layers as a file has them. most: rows of layers that were alive at once after a read; reads: how often one was read."""

    def __init__(self, layers):
        self.layers, self.refs, self.most, self.reads = layers, [], 0, 0

    def read(self, number):
        self.reads += 1
        found = neurons([np.array(part) for part in self.layers[number]])
        self.refs += [weakref.ref(view) for view in found.views]
        self.most = max(self.most, sum(ref() is not None for ref in self.refs))
        return found

    def shelved(self, room):
        shelf = Shelf(room)
        return [shelf.put(neurons(layer), partial(self.read, k)) for k, layer in enumerate(self.layers)]


def draw():
    return generator("test/reread")


def pair(layers=5, **more):
    base = stack("base", layers, **more)
    own = [[part + 0.5 * other for part, other in zip(*two, strict=True)] for two in zip(base, stack("own", layers, **more), strict=True)]
    return own, base


@pytest.mark.parametrize("room", [0, 3 * 96 * 32 * 4 * 2])
@pytest.mark.parametrize("layers", [1, 2, 5])
def test_figures_are_those_of_layers_in_memory(layers, room):
    one, other = pair(layers)
    moved = rewritten(one, turn("turn"), "moved")
    belong = [(k, k) for k in range(layers)]
    results = []
    for shelved in (False, True):
        a, b, c = ((Disk(s).shelved(room) if shelved else [neurons(x) for x in s]) for s in (one, other, moved))
        results.append((
            compare_strength(a, b, belong, EYE, 1.2, draw()), compare_strength(c, b, belong, EYE, 1.2, draw()),
            compare_aligned(c, b, belong, [turn("turn").T], EYE, 64, D, draw()), common_zeros(a, b, belong),
            compare_aligned(c, b, belong, [turn("turn").T], EYE, 64, 16, draw()),
            over_places(a, b, belong, EYE, 0.3, draw(), placed=True),
            lone_ceiling(a, b, belong, EYE, 0, draw()),
        ))  # fmt: skip
    assert results[0] == results[1]


def test_one_layer_of_those_without_room_lies_in_memory():
    disk = Disk(stack("many", 6))
    layers = disk.shelved(2 * 3 * 96 * D * 4)
    assert [isinstance(layer, Reread) for layer in layers] == [False] * 2 + [True] * 4
    for layer in layers:
        layer.take(np.arange(3))
        layer.take(np.arange(5))
    assert disk.reads == 4
    assert disk.most <= 3


def test_a_large_part_of_a_layer_is_read_again_too():
    big = [rows.astype(np.float32) for rows in np.random.default_rng(0).standard_normal((3, 1400, 8))]
    layer = Shelf(0).put(neurons(big), lambda: neurons(big))
    half, whole = layer.take(np.arange(0, 1400, 2)), neurons(big).take(np.arange(0, 1400, 2))
    assert isinstance(half, Reread)
    assert not isinstance(half.take(np.arange(9)), Reread)
    assert all(np.array_equal(x, y) for x, y in zip(half.views, whole.views, strict=True))
    assert isinstance(whole, Neurons)
