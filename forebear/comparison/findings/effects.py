"""Effects: how much, not whether. Per part and layer pair, over sampled rows in place (METHODS §10)."""

from __future__ import annotations

from typing import Any

import numpy as np

from forebear.comparison.findings.surveyed import Surveyed
from forebear.comparison.findings.weights import PARTS, drawn
from forebear.stats.median import median


def effects_of(surveyed: list[Surveyed]) -> list[dict[str, Any]]:
    """Median cosine, relative change and share of bitwise equal rows for every part, with the figures by layer.

    rows: {"compared", "of"}: over how many rows of how many the figures of a part, and of a layer, are.
    """
    found = []
    for part in PARTS:
        known = [(s, s.figures) for s in surveyed if s.piece.part == part and drawn(s.piece) and s.figures]
        if known:
            found.append(_effect(part, known))
    return found


def whole_change(surveyed: list[Surveyed]) -> float:
    """How far all matrices together are from the candidate's: ‖B−A‖/‖A‖; 0 where nothing was compared.

    Each matrix counts by its size, (mean² + variance) of its sampled rows times its values; of a mixture the first expert.
    """
    size = moved = 0.0
    for s in surveyed:
        if s.candidate is None or s.candidate_moments is None or s.figures is None:
            continue
        square = s.candidate_moments["mean"] ** 2 + s.candidate_moments["std"] ** 2
        energy = square * float(np.prod(s.candidate.shape, dtype=np.float64))
        size += energy
        moved += energy * s.figures[1] ** 2
    return round((moved / size) ** 0.5, 6) if size else 0.0


def _effect(part: str, known: list[tuple[Surveyed, tuple[float, float, float]]]) -> dict[str, Any]:
    figures = np.array([f for _, f in known])
    return {
        "part": part,
        "layers": len(known),
        "cosine": round(median(figures[:, 0]), 6),
        "distance": round(median(figures[:, 1]), 6),
        "equal_rows": round(float(figures[:, 2].mean()), 6),
        "rows": _rows([s for s, _ in known]),
        "by_layer": [
            {
                "layers": [None if p is None else p.layer for p in (s.subject, s.candidate)],
                "cosine": round(f[0], 6),
                "distance": round(f[1], 6),
                "equal_rows": round(f[2], 6),
                "rows": _rows([s]),
            }
            for s, f in known
        ],
    }


def _rows(surveyed: list[Surveyed]) -> dict[str, int]:
    """Rows that figures are over, and rows that there are."""
    rows = [s.rows for s in surveyed if s.rows is not None]
    return {"compared": sum(compared for compared, _ in rows), "of": sum(there for _, there in rows)}
