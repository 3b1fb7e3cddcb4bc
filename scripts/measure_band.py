"""Measure how the weight curves of models that share nothing run: the band a page draws behind a pair (METHODS §16).

Usage: python scripts/measure_band.py FOLDER...   the checkpoints, an even number of trained independents of one shape,
such as bench/work/truth/llama64/independent-0*; writes forebear/reports/data/independents.json.
"""

from __future__ import annotations

import json
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import forebear
from forebear.comparison.findings.weights import MIN_CURVE, PARTS, curve_correlation, short

TARGET = Path(__file__).resolve().parent.parent / "forebear" / "reports" / "data" / "independents.json"


def curves(folders: list[Path]) -> list[dict[str, Any]]:
    """Of every model: part -> {"std", "kurtosis"} by layer."""
    found = []
    for left, right in zip(folders[::2], folders[1::2], strict=True):
        parts = forebear.compare(left, [right])["weights"]["parts"]
        found += [{p["part"]: p[side] for p in parts} for side in ("subject", "candidate")]
    return found


def band(models: list[dict[str, Any]], part: str) -> dict[str, Any]:
    """Least and greatest over all models at every depth: std over its mean, kurtosis as it is."""
    std = np.array([m[part]["std"] for m in models])
    kurtosis = np.array([m[part]["kurtosis"] for m in models])
    relative = std / std.mean(axis=1, keepdims=True)
    ends = {
        name: {"low": [short(v) for v in values.min(axis=0)], "high": [short(v) for v in values.max(axis=0)]}
        for name, values in (("std", relative), ("kurtosis", kurtosis))
    }
    return {"depth": [round(v, 4) for v in np.linspace(0, 1, std.shape[1]).tolist()], **ends}


def correlations(models: list[dict[str, Any]], part: str) -> list[float]:
    """Curve correlation of every pair of models in one part; none where the curve is too short."""
    logs = (np.array([a[part]["std"], b[part]["std"]]).T for a, b in combinations(models, 2))
    return [r for pairs in logs if len(pairs) >= MIN_CURVE and (r := curve_correlation(pairs)) is not None]


def main() -> None:
    """Measure and write."""
    folders = sorted(Path(p) for p in sys.argv[1:])
    models = curves(folders)
    parts = {p: band(models, p) for p in PARTS if p in models[0]}
    deep = [p for p in parts if len(models[0][p]["layers"]) >= MIN_CURVE]
    by_pair = np.median(np.array([correlations(models, p) for p in deep]), axis=0)
    ends = np.quantile(by_pair, [0, 0.05, 0.5, 0.95, 1])
    document = {
        "source": "independents trained by the bench: Llama-like toys of width 64 and 4 layers, one text, one order, other seeds",
        "made_by": "scripts/measure_band.py",
        "models": len(models),
        "pairs": len(by_pair),
        "curve_correlation": dict(
            zip(("least", "p05", "median", "p95", "greatest"), (round(float(v), 4) for v in ends), strict=True)
        ),
        "parts": parts,
    }
    TARGET.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    print(f"{len(models)} models, {len(by_pair)} pairs: {document['curve_correlation']}")


if __name__ == "__main__":
    main()
