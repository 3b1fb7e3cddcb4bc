"""Weight distributions per part and layer: figures that describe both sides and never decide (METHODS §16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.surveyed import Surveyed
from forebear.models.checkpoint import Piece
from forebear.stats.median import median

PARTS = ("embedding", "q", "k", "v", "o", "gate", "up", "down", "head")
LEVELS = (0.01, 0.25, 0.5, 0.75, 0.99)
FIGURES = ("mean", "std", "kurtosis", "quantiles")
MIN_CURVE = 3
"""Layer pairs below which a correlation of two curves says nothing."""


def drawn(piece: Piece) -> bool:
    """Whether a piece enters the figures by part: a matrix of one of PARTS, of a mixture its first expert."""
    return piece.part in PARTS and piece.kind == "matrix" and piece.expert in (None, 0)


def weights_of(surveyed: Sequence[Surveyed]) -> dict[str, Any]:
    """Mean, standard deviation, excess kurtosis and quantiles of the sampled rows, by part, side and layer.

    Returns: {"levels", "parts": [{"part", "subject", "candidate", "curve_correlation"}], "curve_correlation"}; a side is
             {"layers", "mean", "std", "kurtosis", "quantiles"} with one entry a layer, empty where the part is missing.
             curve_correlation: Pearson of log std over paired layers, None below MIN_CURVE of them; of all parts: the median.
    Source:  METHODS §16; what it is worth: §13.
    """
    found = []
    for part in PARTS:
        ours = [s for s in surveyed if s.piece.part == part and drawn(s.piece)]
        sides = {name: _side(ours, name) for name in ("subject", "candidate")}
        if any(side["layers"] for side in sides.values()):
            found.append({"part": part, **sides, "curve_correlation": _curves(ours)})
    known = [p["curve_correlation"] for p in found if p["curve_correlation"] is not None]
    middle = round(median(np.array(known)), 4) if known else None
    return {"levels": list(LEVELS), "parts": found, "curve_correlation": middle}


def _side(surveyed: Sequence[Surveyed], name: str) -> dict[str, list[Any]]:
    both = [(getattr(s, name), getattr(s, f"{name}_moments")) for s in surveyed]
    known = sorted(((p.layer, m) for p, m in both if p is not None and m), key=lambda item: item[0] or 0)
    return {"layers": [layer for layer, _ in known]} | {f: [m[f] for _, m in known] for f in FIGURES}


def moments(rows: NDArray[np.float32]) -> Mapping[str, Any] | None:
    """Figures of the finite values of a few rows; None when there are none. Kurtosis None where nothing varies.

    Shapes: any; all values are taken together.
    """
    finite = np.isfinite(rows)
    kept = rows.flatten() if finite.all() else rows[finite]
    if not kept.size:
        return None
    kept.sort()
    values = kept.astype(np.float64)
    mean = float(values.mean())
    centred = values - mean
    squares = centred * centred
    variance = float(squares.mean())
    fourth = float((squares * squares).mean())
    kurtosis = fourth / variance**2 - 3 if variance**2 > 0 and isfinite(fourth) else None
    return {
        "mean": short(mean),
        "std": short(variance**0.5),
        "kurtosis": None if kurtosis is None or not isfinite(kurtosis) else short(kurtosis),
        "quantiles": [short(float(values[round(level * (values.size - 1))])) for level in LEVELS],
    }


def short(value: float) -> float:
    """Five significant digits: what a page draws, and no more."""
    return float(f"{value:.5g}")


def _curves(surveyed: Sequence[Surveyed]) -> float | None:
    """How alike the two std curves run along paired layers; independents of one recipe run alike too (METHODS §13)."""
    pairs = [
        (s.subject_moments["std"], s.candidate_moments["std"])
        for s in surveyed
        if s.subject_moments and s.candidate_moments and s.piece.layer is not None
    ]
    positive = [p for p in pairs if min(p) > 0]
    return curve_correlation(np.array(positive)) if len(positive) >= MIN_CURVE else None


def curve_correlation(pairs: NDArray[np.float64]) -> float | None:
    """Pearson correlation of the logarithms of two columns of positive numbers; None where one does not vary.

    Shapes: (n, 2).
    """
    logs = np.log(pairs)
    centred = logs - logs.mean(axis=0)
    norms = np.sqrt((centred * centred).sum(axis=0))
    if not (norms > 1e-12).all():
        return None
    return round(float((centred[:, 0] * centred[:, 1]).sum() / norms.prod()), 4)
