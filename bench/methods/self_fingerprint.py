"""Rival: SELF (arXiv 2512.03620), singular values and eigenvalues of products inside attention.

Per layer, the first eight only: singular values of W_Qᵀ W_K and W_Vᵀ W_Oᵀ, absolute eigenvalues of W_Q W_Kᵀ and W_Oᵀ W_Vᵀ;
the top 256 of each with length 1 as one row; the distance of two fingerprints is the Frobenius norm of the difference.

Filled in: keys and values of a group are repeated for its query heads; of unlike sizes the rows and places both have count.
The published classifier on top (SimNet) is trained per protected model and is not part of this: its distance alone ranks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.methods.parts import Block, Matrix, weights
from bench.methods.score import Figure, Score

LAYERS, TOP = 8, 256


def rows(block: Block) -> list[Matrix]:
    """The four spectra of one layer, largest first, as long as they are."""
    k, v = block.repeated(block.k), block.repeated(block.v)
    singular = [np.linalg.svd(m, compute_uv=False) for m in (block.q.T @ k, v.T @ block.o.T)]
    eigen = [np.sort(np.abs(np.linalg.eigvals(m)))[::-1] for m in (block.q @ k.T, block.o.T @ v.T)]
    return [*singular, *eigen]


def unit(values: Matrix) -> Matrix:
    """A row with length 1; zeros stay."""
    norm = float(np.linalg.norm(values))
    return values / norm if norm > 0 else values


def distance(subject: list[Matrix], candidate: list[Matrix]) -> float:
    """Frobenius norm of the difference of two fingerprints, given as their rows."""
    total = 0.0
    for x, y in zip(subject, candidate, strict=False):
        count = min(len(x), len(y), TOP)
        total += float(np.sum((unit(x[:count]) - unit(y[:count])) ** 2))
    return float(np.sqrt(total))


def method(subject: Path, candidate: Path) -> Score:
    """Score: minus the distance; no null is published, so no p."""
    a, b = (
        [row for block in weights(folder).blocks[:LAYERS] for row in rows(block)] for folder in (subject, candidate)
    )
    value = distance(a, b)
    return Score(-value, figures={"SELF distance": Figure(value)})
