"""Rival: HuRef (arXiv 2312.04828), parameter cosine (PCS) and invariant terms (ICS).

ICS for chosen tokens with embeddings X, in the last two layers:
    M_a = X Qᵀ K Xᵀ,  M_b = X Vᵀ Oᵀ Xᵀ,  M_c = X (Gᵀ ∘ Uᵀ) Dᵀ Xᵀ,  rows standardised; the cosine of everything, flattened.

Filled in: tokens are the first 4096 ids, since a vocabulary learnt by merges has frequent pieces first; keys and values of a
group are repeated for its query heads; an MLP without a gate gives M_c = X Uᵀ Dᵀ Xᵀ; PCS takes all tensors both models have
by name and shape.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.methods.parts import Block, Matrix, arrays, weights
from bench.methods.score import Figure, Score

TOKENS = 4096
LAST = 2


def cosine(a: Matrix, b: Matrix) -> float:
    """Cosine of two arrays as vectors; 0 where one is zero."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.vdot(a, b)) / norm if norm > 0 else 0.0


def standardised(rows: Matrix) -> Matrix:
    """Every row with mean 0 and deviation 1; a constant row becomes 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def invariants(chosen: Matrix, block: Block) -> list[Matrix]:
    """M_a, M_b and M_c of one layer, each (tokens, tokens).

    chosen: embeddings of the tokens, (tokens, width).
    """
    attended = (chosen @ block.q.T) @ (chosen @ block.repeated(block.k).T).T
    written = (chosen @ block.repeated(block.v).T) @ block.o.T @ chosen.T
    gated = block.up if block.gate is None else block.gate * block.up
    return [attended, written, (chosen @ gated.T) @ block.down.T @ chosen.T]


def ics(subject: Path, candidate: Path) -> float:
    """Cosine of the standardised invariant terms of the last two layers, over the tokens both vocabularies count."""
    a, b = weights(subject), weights(candidate)
    tokens = min(TOKENS, len(a.embedding), len(b.embedding))
    inner = left = right = 0.0
    for x, y in zip(a.blocks[-LAST:], b.blocks[-LAST:], strict=True):
        terms = zip(invariants(a.embedding[:tokens], x), invariants(b.embedding[:tokens], y), strict=True)
        for one, other in terms:
            m, n = standardised(one), standardised(other)
            inner, left, right = inner + float(np.vdot(m, n)), left + float(np.vdot(m, m)), right + float(np.vdot(n, n))
    return inner / float(np.sqrt(left * right)) if left and right else 0.0


def ics_method(subject: Path, candidate: Path) -> Score:
    """Score: the cosine (published as a hundred times it); no null is published, so no p."""
    value = ics(subject, candidate)
    return Score(value, figures={"ICS": Figure(value)})


def pcs_method(subject: Path, candidate: Path) -> Score:
    """Score: cosine of all parameters as one vector; no null is published, so no p."""
    a, b = arrays(subject), arrays(candidate)
    both = [n for n in a if n in b and a[n].shape == b[n].shape]
    left, right = (np.concatenate([m[n].ravel() for n in both]).astype(np.float64) for m in (a, b))
    value = cosine(left, right)
    return Score(value, figures={"PCS": Figure(value)})
