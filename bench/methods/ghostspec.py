"""Rival: GhostSpec (arXiv 2511.06390), singular values of products inside attention, layers aligned in order.

Per layer the singular values of M_qk = W_q W_kᵀ and M_vo = W_v W_o, the top r scaled to 0..1 by least and largest;
D_ij = half the sum over both of the mean squared difference; an alignment of layers that keeps their order and pays a cost
for a gap; similarity is a falling function of the distance along it.

Filled in: r is every value that both models have; a gap costs the mean of D; the distance is the cost along the alignment
divided by the larger depth. Steepness and offset of the published sigmoid are not in the formula, so the score is minus
the distance, which ranks pairs alike and has no published threshold.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.methods.parts import Block, Matrix, weights
from bench.methods.score import Figure, Score

Spectra = tuple[Matrix, Matrix]


def spectra(block: Block) -> Spectra:
    """Singular values of the products of queries with keys and of values with outputs, largest first, (width,) each."""
    queries = block.q.T @ block.repeated(block.k)
    values = block.repeated(block.v).T @ block.o.T
    return np.linalg.svd(queries, compute_uv=False), np.linalg.svd(values, compute_uv=False)


def scaled(values: Matrix, count: int) -> Matrix:
    """The largest `count` values, the least of them 0 and the largest 1; all 0 where they are equal."""
    top = values[:count]
    width = float(top[0] - top[-1])
    return (top - top[-1]) / width if width > 0 else np.zeros_like(top)


def distance(a: Spectra, b: Spectra) -> float:
    """D of two layers."""
    total = 0.0
    for x, y in zip(a, b, strict=True):
        count = min(len(x), len(y))
        total += float(np.mean((scaled(x, count) - scaled(y, count)) ** 2))
    return total / 2


def along(table: Matrix, gap: float) -> float:
    """Least cost of an alignment of layers in order: D of each pair, `gap` for each layer left out."""
    rows, columns = table.shape
    cost = np.zeros((rows + 1, columns + 1))
    cost[:, 0], cost[0, :] = gap * np.arange(rows + 1), gap * np.arange(columns + 1)
    for i in range(rows):
        for j in range(columns):
            cost[i + 1, j + 1] = min(cost[i, j] + table[i, j], cost[i, j + 1] + gap, cost[i + 1, j] + gap)
    return float(cost[-1, -1])


def method(subject: Path, candidate: Path) -> Score:
    """Score: minus the distance; no null is published, so no p."""
    a, b = ([spectra(block) for block in weights(folder).blocks] for folder in (subject, candidate))
    table = np.array([[distance(x, y) for y in b] for x in a])
    value = along(table, float(table.mean())) / max(table.shape)
    return Score(-value, figures={"GhostSpec distance": Figure(value)})
