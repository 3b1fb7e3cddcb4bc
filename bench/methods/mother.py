"""Rival: MoTHer (arXiv 2405.18432), the distance of two models of one architecture that its trees are built on.

The largest over layers of ||W_i - W_j||, scaled by least and largest over a population.

Filled in: two models are no population, so every matrix's distance is divided by the root of the sum of both squared norms:
0 for equal matrices, 1 for matrices at right angles; layer i is compared with layer i as far as both go. The direction
(kurtosis) and the tree need a population as well.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.methods.parts import Matrix, weights
from bench.methods.score import Figure, Score

PARTS = ("q", "k", "v", "o", "gate", "up", "down")


def distance(a: Matrix, b: Matrix) -> float:
    """||a - b|| / sqrt(||a||² + ||b||²); 0 where both are zero."""
    size = float(np.sqrt((a * a).sum() + (b * b).sum()))
    return float(np.linalg.norm(a - b)) / size if size > 0 else 0.0


def method(subject: Path, candidate: Path) -> Score:
    """Score: minus the largest distance over all matrices of all layers. Raises: ValueError for unequal widths."""
    a, b = weights(subject).blocks, weights(candidate).blocks
    found = []
    for x, y in zip(a, b, strict=False):
        for part in PARTS:
            one, other = getattr(x, part), getattr(y, part)
            if one is not None and other is not None:
                found.append(distance(one, other))
    value = max(found)
    return Score(-value, figures={"MoTHer distance": Figure(value)})
