"""Soft partners cooled to hard ones: the search that finds what turns of assignment and rotation do not (METHODS §17)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.stats.arrays import F32, F64
from forebear.stats.gauge import isometry
from forebear.stats.joint import Alignment, Parts, align
from forebear.stats.strength import Neurons, cosine_table

WARMEST, COLDEST = 0.25, 0.02
"""Temperatures of cosines: at the warmest all partners of a neuron have about the same share, at the coldest one has nearly all."""
COOLINGS = 40
ROUNDS = 2
"""Rotations at every temperature."""
SINKHORN_ROUNDS = 6


def annealed(pairs: Sequence[Parts], start: F32) -> Alignment:
    """The alignment that cooling ends in, finished by the aligner of the ceiling.

    Every neuron has a share of every partner, shares that sum to one both ways; the rotation is the best one for these shares;
    then the temperature falls. At no temperature is a partner settled that a better rotation would change.
    start: (d, d) rotation to begin with.
    Source: deterministic annealing of assignment (Gold and Rangarajan 1996), orthogonal Procrustes (Schönemann 1966).
    """
    rotation = start
    for temperature in temperatures():
        rotation = isometry(soft_cross(pairs, rotation, temperature))
    return align(pairs, rotation)


def temperatures() -> list[float]:
    """The temperature of every round, falling."""
    return [float(t) for t in np.geomspace(WARMEST, COLDEST, COOLINGS) for _ in range(ROUNDS)]


def soft_cross(pairs: Sequence[Parts], rotation: F32, temperature: float) -> F64:
    """Sum of aᵀ·b over all layers and all pairs of neurons, each by its share under the rotation. (d_a, d_b)"""
    return np.asarray(sum(_soft_cross(a, b, rotation, temperature) for a, b in pairs), dtype=np.float64)


def _soft_cross(a: Neurons, b: Neurons, rotation: F32, temperature: float) -> F64:
    """Sum over all pairs of neurons of aᵀ·b, each by its share."""
    turned = a.turned(rotation)
    share = _shares(cosine_table(turned, b), temperature)
    signed = share
    if a.gated:
        free = sum(x @ y.T for x, y in zip(turned.views[1:], b.views[1:], strict=True))
        signed = share * np.sign(np.asarray(free)).astype(np.float32)
    total = np.zeros(rotation.shape)
    for place, (x, y) in enumerate(zip(a.views, b.views, strict=True)):
        total += x.T @ ((signed if place else share) @ y)
    return total


def _shares(table: F32, temperature: float) -> F32:
    """Sinkhorn's shares: rows and columns that sum to one, as nearly as so few rounds bring them."""
    shares = np.exp((table - table.max(axis=1, keepdims=True)) / np.float32(temperature))
    for _ in range(SINKHORN_ROUNDS):
        shares /= np.maximum(shares.sum(axis=0, keepdims=True), np.float32(1e-12))
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.float32(1e-12))
    return np.asarray(shares, dtype=np.float32)


__all__ = ["annealed", "soft_cross", "temperatures"]
