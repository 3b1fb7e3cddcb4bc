"""Rival: independence tests of Zhu, Ahmed, Kuditipudi and Liang (arXiv 2502.12292), phi_U and phi_MATCH.

MATCH assigns units of two models by cosine; SPEARMAN turns a matching pi into p: with r the rank correlation of pi with the
identity and t = r sqrt((h - 2) / (1 - r²)), p is the upper tail of Student's t with h - 2 degrees; FISHER joins layers.
    phi_U:     units are rows of the up projection; the matching is compared with the identity.
    phi_MATCH: gate and up activations are matched apart, on random tokens; both matchings must name the same partners.

Filled in: layer i is compared with layer i as far as both go; p is not let below 1/h!, the smallest the permutations
themselves allow, since Student's tail gives 0 for a perfect matching; gate activations are taken before their function; 2048
uniform random tokens. For an MLP without a gate phi_MATCH needs the published distillation into a gated one, ten thousand
steps a layer: not done.
"""

from __future__ import annotations

from math import lgamma, log
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from bench.methods.parts import Matrix, weights
from bench.methods.score import Figure, Score
from forebear.core.seeds import generator
from forebear.stats.alignment import assign

TOKENS = 2048
LN10 = log(10)


def match(a: Matrix, b: Matrix) -> np.ndarray:
    """For every row of a the row of b it is assigned to: largest sum of cosines. Shapes: (h, m) each."""
    x, y = (m / np.maximum(np.linalg.norm(m, axis=1, keepdims=True), 1e-300) for m in (a, b))
    return assign(x @ y.T)


def spearman_log10_p(one: np.ndarray, other: np.ndarray) -> float:
    """log10 p that two matchings of h units agree so well by chance, never below log10(1/h!)."""
    h = len(one)
    gaps = one.astype(np.float64) - other
    r = 1 - 6 * float((gaps * gaps).sum()) / (h * (h * h - 1))
    half = mpmath.betainc((h - 2) / mpmath.mpf(2), 0.5, 0, max(0.0, 1 - r * r), regularized=True) / 2
    p = half if r >= 0 else 1 - half
    return max(float(mpmath.log10(p)), -lgamma(h + 1) / LN10) if p > 0 else -lgamma(h + 1) / LN10


def fisher_log10_p(log10_p: list[float]) -> float:
    """log10 of the chance that a sum of -2 ln p of so many independent p is as large: chi squared, 2 degrees each."""
    half = -sum(log10_p) * LN10
    if half <= 0:
        return 0.0
    terms = [k * log(half) - lgamma(k + 1) for k in range(len(log10_p))]
    top = max(terms)
    return min(0.0, (-half + top + log(sum(np.exp(t - top) for t in terms))) / LN10)


def _score(name: str, by_layer: list[float]) -> Score:
    p = fisher_log10_p(by_layer)
    return Score(-p, log10_p=p, figures={name: Figure(p, "p")})


def up_method(subject: Path, candidate: Path) -> Score:
    """phi_U. Score: minus log10 of Fisher's p over the layers."""
    both = zip(weights(subject).blocks, weights(candidate).blocks, strict=False)
    found = [match(x.up, y.up) for x, y in both]
    return _score("phi_U p", [spearman_log10_p(pi, np.arange(len(pi))) for pi in found])


def match_method(subject: Path, candidate: Path) -> Score:
    """phi_MATCH. Score: minus log10 of Fisher's p over the layers. Raises: ValueError where there is no gate."""
    found = [
        spearman_log10_p(match(gate_a, gate_b), match(up_a, up_b))
        for (gate_a, up_a), (gate_b, up_b) in zip(_activations(subject), _activations(candidate), strict=False)
    ]
    return _score("phi_MATCH p", found)


def _activations(folder: Path) -> list[tuple[Matrix, Matrix]]:
    """What gate and up give on random tokens, by layer, (h, tokens) each: every model on its own way through."""
    import torch  # heavy, and needed by this rival alone

    from bench.checkpoint import load
    from bench.network import mlp_inputs

    arrays, shape = load(folder)
    if shape.family not in ("llama", "qwen2"):
        raise ValueError("phi_MATCH needs an MLP with a gate")
    size = (TOKENS // shape.context, shape.context)
    tokens = torch.from_numpy(generator("bench/zhu/tokens").integers(0, shape.vocabulary, size))
    tensors: dict[str, Any] = {n: torch.from_numpy(a) for n, a in arrays.items()}
    found = []
    for layer, inputs in enumerate(mlp_inputs(tensors, shape, tokens)):
        rows = inputs.flatten(0, 1).double().numpy()
        p = f"model.layers.{layer}.mlp."
        gate, up = (arrays[f"{p}{x}_proj.weight"].astype(np.float64) @ rows.T for x in ("gate", "up"))
        found.append((gate, up))
    return found
