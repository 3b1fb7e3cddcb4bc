"""Strangers that share with a layer its spectrum alone: what an aligner reaches where layers differ in kind (METHODS §17)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.stats.attention import Factors, HeadProducts
from forebear.stats.strength import Neurons, neurons
from forebear.stats.strength_thresholds import MOST_NEURONS


def mixed_neurons(layer: Neurons, draw: np.random.Generator) -> Neurons:
    """Neurons drawn anew: each a random sum of the layer's own, so rows keep their mean and covariance and no neuron is left.

    Where one layer spreads over few directions and the others over many, layers that do not belong together say too little of
    what an aligner reaches on it. At most MOST_NEURONS take part; unusable ones none. draw: names the sums.
    Source: METHODS §17; decision 0131.
    """
    usable = np.flatnonzero(layer.usable)
    if len(usable) > MOST_NEURONS:
        usable = np.sort(draw.permutation(usable)[:MOST_NEURONS])
    if not len(usable):
        return layer
    sums = draw.standard_normal((len(usable), len(usable)), dtype=np.float32) / np.float32(np.sqrt(len(usable)))
    rows = []
    for view in layer.views:
        own = view[usable]
        mean = own.mean(axis=0, keepdims=True)
        rows.append(mean + sums @ (own - mean))
    return neurons(rows, layer.gated)


def scattered_heads(layer: HeadProducts, draw: np.random.Generator) -> HeadProducts:
    """The same heads with the channels of each side of each product in an order of its own, one order for the whole layer.

    Products keep their spectra, their planes and the directions that the heads have in common; no rotation of the stream brings
    all sides back. Means stay, as under LayerNorm they must. draw: names the orders.
    Source: METHODS §17; decision 0131.
    """

    def moved(factors: Sequence[Factors]) -> tuple[Factors, ...]:
        first, second = draw.permutation(layer.width), draw.permutation(layer.width)
        return tuple((x[..., first], y[..., second], m) for x, y, m in factors)

    return HeadProducts(moved(layer.written), moved(layer.scored), layer.lengths)
