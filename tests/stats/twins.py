"""Slow, obvious twins: what each fast function must equal, written without its tricks."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise, permutations
from math import comb, factorial, isfinite

import numpy as np


def cosine(a: np.ndarray, b: np.ndarray) -> float | None:
    """Cosine in float64; None where a vector is zero or not finite."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else None


def best_partner(i: int, a: np.ndarray, b: np.ndarray, absolute: bool = True, gap: float = 1e-6) -> int:
    """argmax_j of |cos|, -1 on a tie or an unusable row."""
    scores = []
    for j in range(len(b)):
        value = cosine(a[i], b[j])
        if value is not None:
            scores.append((abs(value) if absolute else value, j))
    scores.sort(reverse=True)
    if not scores or (len(scores) > 1 and scores[0][0] - scores[1][0] < gap):
        return -1
    return scores[0][1]


def deck(a: np.ndarray, b: np.ndarray, absolute: bool = True) -> list[int]:
    return [best_partner(i, a, b, absolute) for i in range(len(a))]


def mutual(a: np.ndarray, b: np.ndarray, absolute: bool = True) -> list[tuple[int, int]]:
    there, back = deck(a, b, absolute), deck(b, a, absolute)
    return [(i, j) for i, j in enumerate(there) if j >= 0 and back[j] == i]


def increasing(best: list[int]) -> int:
    """Longest strictly increasing subsequence by trying every subset."""
    seen = [v for v in best if v >= 0]
    for k in range(len(seen), 0, -1):
        for chosen in combinations(seen, k):
            if all(x < y for x, y in pairwise(chosen)):
                return k
    return 0


def deck_bound(k: int, looks: int = 1) -> Fraction:
    return min(Fraction(1), Fraction(looks, factorial(k)))


def layers_bound(total: int, layers: int) -> Fraction:
    """The best over j of E[C(X, j)] / C(k, j), with E[C(X, j)] <= L^j / j! (Vandermonde on L shuffles)."""
    return min([Fraction(1)] + [Fraction(layers**j, factorial(j) * comb(total, j)) for j in range(total + 1)])


def permanent(matrix: np.ndarray) -> float:
    n = len(matrix)
    return float(sum(np.prod([matrix[i, p[i]] for i in range(n)]) for p in permutations(range(n))))


def all_traces(similarity: np.ndarray) -> np.ndarray:
    n = len(similarity)
    order = np.array(list(permutations(range(n))))
    return similarity[np.arange(n), order].sum(axis=1)


def sign_tail(values: np.ndarray) -> float:
    """Exact P(sum of fair signs times sizes >= sum), by all 2^n sign patterns."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    observed = values[np.isfinite(values)].sum()
    patterns = ((np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes))) & 1) * 2 - 1
    return float(np.mean(patterns @ sizes >= observed - 1e-12))


def best_alignment(similarity: np.ndarray, threshold: float) -> float:
    """Largest total over every ordered one-to-one map."""
    rows, columns = similarity.shape
    best = 0.0
    for k in range(1, min(rows, columns) + 1):
        for left in combinations(range(rows), k):
            for right in combinations(range(columns), k):
                gains = [similarity[i, j] - threshold for i, j in zip(left, right, strict=True)]
                if all(isfinite(g) and g > 0 for g in gains):
                    best = max(best, sum(gains))
    return best


def best_assignment(score: np.ndarray) -> float:
    n, m = score.shape
    return max(sum(score[i, p[i]] for i in range(n)) for p in permutations(range(m), n))


def ranks(values: list[float]) -> list[float]:
    """Average ranks from 1, counted by hand."""
    return [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]


def spearman(x: list[float], y: list[float]) -> float:
    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])
