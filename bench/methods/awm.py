"""Rival: AWM (arXiv 2510.06738), query and key matrices after the embedding gave order and signs of the channels.

Columns of both embeddings are assigned by |cosine|; the order and the signs of the matched cosines go to the subject's Q
and K; then the unbiased linear CKA of Qᵀ with Qᵀ and of Kᵀ with Kᵀ, each (width, out), averaged over both and all layers.

Filled in: tokens are matched by their number; layers of unequal depth are assigned by their mean of both values.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.methods.parts import Block, Matrix, weights
from bench.methods.score import Figure, Score
from forebear.stats.alignment import assign

NULL_MEAN, NULL_SD = 0.00375, 0.0028
"""Of the authors' 90 unrelated pairs. The published z is (similarity - mean) / sd."""


def channels(subject: Matrix, candidate: Matrix) -> tuple[np.ndarray, Matrix]:
    """For every channel of the candidate the subject's channel that is assigned to it, and its sign.

    Shapes: embeddings of the same tokens, (tokens, width) each.
    """
    a, b = (x / np.maximum(np.linalg.norm(x, axis=0), 1e-300) for x in (subject, candidate))
    cosines = b.T @ a
    order = assign(np.abs(cosines))
    return order, np.where(cosines[np.arange(len(order)), order] < 0, -1.0, 1.0)


def unbiased(rows: Matrix) -> Matrix:
    """The Gram matrix of rows, its diagonal zero, centred so that sums of products estimate HSIC without bias. (n, n)."""
    gram = rows @ rows.T
    np.fill_diagonal(gram, 0.0)
    n = len(gram)
    means = gram.sum(axis=0) / (n - 2) - gram.sum() / (2 * (n - 1) * (n - 2))
    out = gram - means[:, None] - means[None, :]
    np.fill_diagonal(out, 0.0)
    return np.asarray(out)


def cka(a: Matrix, b: Matrix) -> float:
    """Unbiased linear CKA of rows that correspond: (n, p) and (n, q)."""
    k, m = unbiased(a), unbiased(b)
    norm = float(np.sqrt((k * k).sum() * (m * m).sum()))
    return float((k * m).sum()) / norm if norm > 0 else 0.0


def similarity(subject: Path, candidate: Path) -> float:
    """Mean unbiased CKA of Q and K over the layers, between 0 and 1 for what is alike."""
    a, b = weights(subject), weights(candidate)
    tokens = min(len(a.embedding), len(b.embedding))
    order, signs = channels(a.embedding[:tokens], b.embedding[:tokens])

    def both(x: Block, y: Block) -> float:
        turned = [(m[:, order] * signs).T for m in (x.q, x.k)]
        return float(np.mean([cka(left, right.T) for left, right in zip(turned, (y.q, y.k), strict=True)]))

    if len(a.blocks) == len(b.blocks):
        return float(np.mean([both(x, y) for x, y in zip(a.blocks, b.blocks, strict=True)]))
    table = np.array([[both(x, y) for y in b.blocks] for x in a.blocks])
    table = table if table.shape[0] <= table.shape[1] else table.T
    return float(table[np.arange(len(table)), assign(table)].mean())


def method(subject: Path, candidate: Path) -> Score:
    """Score: the similarity; z with the published constants beside it, which were measured at widths of thousands."""
    value = similarity(subject, candidate)
    figures = {"AWM similarity": Figure(value), "AWM z, published constants": Figure((value - NULL_MEAN) / NULL_SD)}
    return Score(value, figures=figures)
