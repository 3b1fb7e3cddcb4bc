"""Rival: MDIR (arXiv 2508.06309), the orthogonal map between two embeddings.

Ũ = U Vᵀ for the singular value decomposition U Σ Vᵀ of Eᵀ E′ over shared tokens. Under independence Ũ is taken to be
Haar; the chance of a trace of n t or more is then about exp(-n² I(t)), with
    I(t) = t²/2 up to 1/2,  1/8 - ln(2 (1 - t)) / 4 from there to 1.

Filled in: the rate above is derived (large deviations of the trace), since the published one is given by its title only;
channels may have been reordered, so the best order is tried as well and its chance multiplied by n!, the smaller of both
taken twice. The published maps inside attention are not specified enough to be tested; the figure that the outer map
optimises, the nuclear norm of Eᵀ E′ over the norms of both, is a method of its own here: it sees through every rotation
and reads the embedding only.
"""

from __future__ import annotations

from math import lgamma, log
from pathlib import Path

import numpy as np

from bench.methods.parts import Matrix, weights
from bench.methods.score import Figure, Score
from forebear.stats.alignment import assign

NEAREST_TO_ONE = 1 - 1e-12
"""A trace of n would have no chance at all; the rate stops here so that a figure stays finite."""


def rate(t: float) -> float:
    """I(t): minus the logarithm of the chance of a mean diagonal entry of t or more, over n²; 0 for t <= 0."""
    if t <= 0:
        return 0.0
    return t * t / 2 if t <= 0.5 else 1 / 8 - log(2 * (1 - min(t, NEAREST_TO_ONE))) / 4


def shared(subject: Path, candidate: Path) -> tuple[Matrix, Matrix]:
    """Embeddings of the tokens both have, matched by their number. Raises: ValueError for unequal widths."""
    a, b = weights(subject).embedding, weights(candidate).embedding
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"the trace of a map needs equal widths, not {a.shape[1]} and {b.shape[1]}")
    tokens = min(len(a), len(b))
    return a[:tokens], b[:tokens]


def log10_p(turn: Matrix) -> float:
    """log10 of the chance of such a trace, in place or in the best order, both looks counted. turn: Ũ, (n, n)."""
    n = len(turn)
    in_place = -n * n * rate(float(np.trace(turn)) / n)
    best = float(turn[np.arange(n), assign(turn)].sum())
    ordered = lgamma(n + 1) - n * n * rate(best / n)
    return min(0.0, (min(in_place, ordered) + log(2)) / log(10))


def method(subject: Path, candidate: Path) -> Score:
    """Score: minus log10 p of the trace."""
    a, b = shared(subject, candidate)
    left, _, right = np.linalg.svd(a.T @ b)
    p = log10_p(left @ right)
    return Score(-p, log10_p=p, figures={"MDIR p": Figure(p, "p-bound")})


def nuclear_cosine(a: Matrix, b: Matrix) -> float:
    """The largest cosine of two embeddings that a rotation reaches: sum of singular values of Eᵀ E′ over both norms."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.linalg.svd(a.T @ b, compute_uv=False).sum()) / norm if norm > 0 else 0.0


def outer_method(subject: Path, candidate: Path) -> Score:
    """Score: cosine of the embeddings after the best rotation; no null, so no p."""
    value = nuclear_cosine(*shared(subject, candidate))
    return Score(value, figures={"MDIR outer cosine": Figure(value)})
