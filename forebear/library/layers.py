"""Which layers of two models belong together, as their sketches show it: a description, no test (METHODS §14)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.library.prints import Print

SHOWN_Z = 6.0
"""A pair of layers is named when the mean cosine of its parts' sketches, over what it scatters for strangers, is at least this.
With 100 by 100 layers the largest of as many independent normal numbers is below 5 in 99 of 100 cases."""


def layer_map(subject: Print, candidate: Print) -> list[dict[str, Any]]:
    """For each layer of the subject the candidate's layer whose sketches agree most, where any does.

    Returns: rows of subject layer, candidate layer, mean cosine, number of parts, z = mean cosine · √(256 · parts).
    """
    mine, theirs = _by_part(subject), _by_part(candidate)
    total: dict[tuple[int, int], list[float]] = {}
    for part in sorted(set(mine) & set(theirs)):
        (own, a), (other, b) = mine[part], theirs[part]
        cosines = a @ b.T
        for i, layer in enumerate(own):
            for j, partner in enumerate(other):
                total.setdefault((layer, partner), []).append(float(cosines[i, j]))
    best: dict[int, dict[str, Any]] = {}
    for (layer, partner), alike in total.items():
        mean = sum(alike) / len(alike)
        z = mean * np.sqrt(256 * len(alike))
        if z >= SHOWN_Z and (layer not in best or mean > best[layer]["cosine"]):
            best[layer] = {
                "subject": layer,
                "candidate": partner,
                "cosine": round(mean, 4),
                "parts": len(alike),
                "z": round(float(z), 1),
            }
    return [best[layer] for layer in sorted(best)]


def _by_part(one: Print) -> dict[str, tuple[list[int], NDArray[np.float64]]]:
    """Sketches of every part that lies in layers, of unit norm. Values: layers, (layers, 256)."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row, (part, layer) in enumerate(one.matrices()):
        if layer is not None:
            found.setdefault(part, []).append((layer, row))
    out = {}
    for part, places in found.items():
        table = one.arrays["sketches"][[row for _, row in places]].astype(np.float64)
        length = np.linalg.norm(table, axis=1, keepdims=True)
        out[part] = ([layer for layer, _ in places], table / np.where(length > 0, length, 1.0))
    return out
