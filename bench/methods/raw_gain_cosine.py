"""Rival: cosine of concatenated norm gains, not centred (the signal NLF of the Cisco Model Provenance Kit 1.0.0)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.methods.parts import arrays
from bench.methods.score import Figure, Score

SMALLEST = 64
WORDS = ("norm", "ln_", "post_attention")


def gains(folder: Path) -> list[np.ndarray]:
    """One-dimensional tensors of at least SMALLEST entries whose name says norm, in the order of their names."""
    tensors = arrays(folder)
    return [
        tensors[n].astype(np.float64)
        for n in sorted(tensors)
        if tensors[n].ndim == 1 and tensors[n].size >= SMALLEST and any(w in n for w in WORDS)
    ]


def method(subject: Path, candidate: Path) -> Score:
    """Cosine held to 0..1; of mean, deviation, largest and smallest by tensor where the lengths differ."""
    left, right = gains(subject), gains(candidate)
    a, b = np.concatenate(left), np.concatenate(right)
    if len(a) != len(b):
        a, b = (np.concatenate([[g.mean(), g.std(), g.max(), g.min()] for g in side]) for side in (left, right))
        a, b = a[: min(len(a), len(b))], b[: min(len(a), len(b))]
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    score = min(1.0, max(0.0, float(a @ b) / norm)) if norm > 0 else 0.0
    return Score(score, figures={"raw gain cosine": Figure(score)})
