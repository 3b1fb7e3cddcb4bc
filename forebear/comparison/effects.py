"""Effects: how much, not whether. Per part and layer pair, over sampled rows in place (METHODS §10)."""

from __future__ import annotations

from typing import Any

import numpy as np

from forebear.comparison.layers import LayerMap
from forebear.comparison.pair import Pair
from forebear.core.spacing import evenly
from forebear.files.base import Float32
from forebear.models.checkpoint import Piece
from forebear.stats.median import median

PARTS = ("embedding", "q", "k", "v", "o", "gate", "up", "down", "head")
ROWS = 8


def effects_of(pair: Pair, layers: LayerMap) -> list[dict[str, Any]]:
    """Median cosine, relative change and share of bitwise equal rows for every part, with the figures by layer."""
    found = []
    for part in PARTS:
        figures = [
            f for f in (_figure(pair, part, left, right) for left, right in _places(part, layers)) if f is not None
        ]
        if not figures:
            continue
        found.append(
            {
                "part": part,
                "layers": len(figures),
                "cosine": round(median(np.array([f[0] for f in figures])), 6),
                "distance": round(median(np.array([f[1] for f in figures])), 6),
                "equal_rows": round(float(np.mean([f[2] for f in figures])), 6),
                "by_layer": [
                    {
                        "layers": list(place),
                        "cosine": round(f[0], 6),
                        "distance": round(f[1], 6),
                        "equal_rows": round(f[2], 6),
                    }
                    for place, f in zip(_places(part, layers), figures, strict=False)
                ],
            }
        )
    return found


def _places(part: str, layers: LayerMap) -> list[tuple[int | None, int | None]]:
    if part in ("embedding", "head"):
        return [(None, None)]
    return [(left, right) for left, right in layers.pairs]


def _figure(pair: Pair, part: str, left: int | None, right: int | None) -> tuple[float, float, float] | None:
    pieces = pair.both(part, left, right) or pair.both(part, left, right, 0)
    if pieces is None:
        return None
    read = _rows(pair, pieces)
    if read is None:
        return None
    a, b = (np.where(np.isfinite(x), x, 0).astype(np.float64) for x in read)
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if not norms[0] or not norms[1]:
        return None
    cosine = float((a * b).sum() / norms[0] / norms[1])
    return cosine, float(np.linalg.norm(a - b) / norms[1]), float(np.mean((read[0] == read[1]).all(axis=1)))


def _rows(pair: Pair, pieces: tuple[Piece, Piece]) -> tuple[Float32, Float32] | None:
    shapes = [
        side.container.tensors[piece.tensor].shape
        for side, piece in zip((pair.subject, pair.candidate), pieces, strict=True)
    ]
    if any(len(s) != 2 for s in shapes) or shapes[0][1] != shapes[1][1]:
        return None
    rows = min(shapes[0][0], shapes[1][0])
    index = evenly(rows, ROWS)
    cost = [
        len(index) * side.container.tensors[p.tensor].stored_bytes // max(1, s[0])
        for side, p, s in zip((pair.subject, pair.candidate), pieces, shapes, strict=True)
    ]
    if not pair.allowance.allows(cost[0], cost[1], "effects of some parts (budget)"):
        return None
    return pair.subject.container.take(pieces[0].tensor, index), pair.candidate.container.take(pieces[1].tensor, index)
