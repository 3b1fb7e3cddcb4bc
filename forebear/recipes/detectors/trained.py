"""Training that went on: how far, where most, which parts did not move (METHODS §12)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.readings import Both, blocks
from forebear.recipes.detectors.sight import Proposal
from forebear.recipes.found import Found

LIGHT = 0.1
"""Relative change of the whole up to which training is called light: a real fine-tune has a hundredth."""


def read_training(pieces: list[Both]) -> list[Proposal]:
    """Training went on: how far, where most, which parts did not move at all."""
    size = float(np.sqrt(sum(float(np.linalg.norm(b.theirs.astype(np.float64)) ** 2) for b in pieces)))
    rest = float(np.sqrt(sum(float(np.linalg.norm(b.mine.astype(np.float64) - b.theirs) ** 2) for b in pieces)))
    change = rest / size if size else 0.0
    learnt = [b for b in pieces if b.theirs.any() and float(np.ptp(b.theirs)) > 0]
    parts = sorted({b.part for b in learnt})
    frozen = [p for p in parts if all(b.equal for b in learnt if b.part == p)]
    still = sorted({b.layer for b in learnt if b.layer is not None})
    still = [i for i in still if all(b.equal for b in learnt if b.layer == i)]
    rank = stable_rank(blocks(pieces))
    said: dict[str, object] = {"change": float(f"{change:.4g}"), "light": change < LIGHT, "frozen": frozen}
    if rank is not None:
        said["stable_rank"] = rank
    where = {"parts": [p for p in parts if p not in frozen]}
    if still:
        where["frozen_layers"] = still  # type: ignore[assignment]
    return [Proposal(Found("continued-training", where, said), replays=False)]


def stable_rank(inner: list[Both]) -> float | None:
    """Median over matrices of ||change||_F² / ||change||₂², as a share of that of white noise of the same shape; None without."""
    found = []
    for b in inner[:48]:
        change = (b.mine - b.theirs).astype(np.float64)
        top = float(np.linalg.norm(change, 2)) if change.any() else 0.0
        if top:
            rows, columns = change.shape
            white = rows * columns / (np.sqrt(rows) + np.sqrt(columns)) ** 2
            found.append(float(np.linalg.norm(change) ** 2) / top**2 / white)
    return round(float(np.median(found)), 4) if found else None
