"""The residual stream grown: empty, duplicated or drawn channels (METHODS §12)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.side import Side, cosine
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found

EMPTY = 0.05
"""Size of new channels, as a share of the old ones', below which they are taken for empty."""
ALIKE = 0.5
"""Cosine of the second block of channels with the first from which channels are taken for duplicated."""

QUIET = 0.5
"""The same as a share of what an initialiser draws: empty channels to which noise was added since (decision 0064)."""
PRUNED = 0.2
"""Share of zeros among old channels from which the layers' values are pruned, and the tables alone show how channels began."""
LEAST, MOST = 1e-4, 0.5
"""Sizes of noise between which it is told."""


def find(sight: Sight) -> list[Proposal]:
    """One proposal when the subject is wider."""
    a, b = sight.subject, sight.state
    if not a.width > b.width > 0:
        return []
    blocks = [m for m in _blocks(a) if m.shape[1] == a.width and m[:, : b.width].any()]
    if not blocks:
        return []
    old = b.width
    start = np.concatenate([m[:, :old] for m in blocks])
    rest = np.concatenate([m[:, old:] for m in blocks])
    shares = [_size(m[:, old:]) / max(1e-30, _size(m[:, :old])) for m in blocks]
    pruned = float(np.median([np.mean(m[:, :old] == 0) for m in blocks])) > PRUNED
    share = float(shares[0] if pruned else min(shares))  # rows that other steps drew since are full; pruning empties small ones
    second = rest[:, : min(old, rest.shape[1])]
    repeated = cosine(start[:, : second.shape[1]], second)
    drawn = a.config.get("initializer_range")
    quiet = isinstance(drawn, (int, float)) and min(_size(m[:, old:]) for m in (blocks[:1] if pruned else blocks)) < QUIET * drawn
    kind = "zeros" if share < EMPTY or (quiet and repeated < ALIKE) else "duplicate" if repeated > ALIKE else "drawn"
    size = _noise(sight, 1 if kind != "duplicate" else a.width // old)
    noise = float(f"{size:.3g}") if LEAST < size < MOST else 0.0
    said = {"factor": round(a.width / old, 4), "kind": kind, "noise": noise}
    return [Proposal(Found("width-grown", {"parts": ["all"]}, said), {"noise": 0.0})]


def _noise(sight: Sight, copies: int) -> float:
    """Size of what was added to old values, as a share of the spread of a whole grown tensor: the least of some tensors.

    copies: how often a channel is held, by which readers were divided.
    """
    found = [float("inf")]
    places: list[tuple[str, int | None]] = [("embedding", None), *((part, 0) for part in ("q", "k", "v"))]
    for part, layer in places:
        mine, theirs = sight.subject.matrix(part, layer), sight.state.matrix(part, layer)
        if mine is None or theirs is None:
            continue
        count, old = min(len(mine), len(theirs)), theirs.shape[1]
        apart = mine[:count, :old] - theirs[:count] / (1 if layer is None else copies)
        rows = np.sqrt((apart.astype(np.float64) ** 2).mean(axis=1))
        found.append(float(np.median(rows)) / max(1e-30, float(mine.std())))
    return min(found)


def _size(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))


def _blocks(side: Side) -> list[np.ndarray]:
    found = [side.matrix(part, layer) for layer in range(side.layers) for part in ("q", "k", "v")]
    return [m for m in (side.matrix("embedding"), *found) if m is not None]
