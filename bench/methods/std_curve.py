"""Rival: correlation of the curves of standard deviations over layers (arXiv 2507.03014)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.methods.parts import arrays, attention, layers
from bench.methods.score import Figure, Score

Curve = npt.NDArray[np.float64]


def curves(folder: Path) -> dict[str, Curve]:
    """Standard deviation of all entries of q, k, v, o by layer: part -> (layers,)."""
    tensors = arrays(folder)
    by_layer = [attention(tensors, n) for n in range(layers(tensors))]
    return {x: np.array([float(np.std(parts[x].astype(np.float64))) for parts in by_layer]) for x in "qkvo"}


def correlation(left: Curve, right: Curve) -> float:
    """Pearson correlation of two curves, the shorter one interpolated to the longer; 0 where one is constant."""
    size = max(len(left), len(right))
    a, b = (np.interp(np.linspace(0, 1, size), np.linspace(0, 1, len(c)), c) for c in (left, right))
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm > 0 else 0.0


def method(subject: Path, candidate: Path) -> Score:
    """Mean correlation over q, k, v, o; no null is published, so no p."""
    left, right = curves(subject), curves(candidate)
    score = float(np.mean([correlation(left[x], right[x]) for x in "qkvo"]))
    return Score(score, figures={"std-curve correlation": Figure(score)})
