"""The residual stream grown: empty, duplicated or drawn channels (METHODS §12)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.masks import zeroed
from forebear.recipes.detectors.new_rows import initial
from forebear.recipes.detectors.side import Side, cosine
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found

EMPTY = 0.05
"""Size of new channels, as a share of the old ones', below which they are taken for empty."""
ALIKE = 0.5
"""Cosine of the second block of channels with the first from which channels are taken for duplicated."""

QUIET = 0.5
"""The same as a share of what an initialiser draws: empty channels to which noise was added since (decision 0064)."""
NOTHING = 0.01
"""Size of a value, as a share of the root mean square, up to which it is a zero that was turned back."""
PRUNED = 0.2
"""Share of zeros among old channels from which the layers' values are pruned, and the tables alone show how channels began."""
BEYOND, APART = 1.25, 1.2
"""Size of new channels over what old ones moved by from which they were drawn: empty ones reach 1.05 by training (decision 0113);
what old ones moved by, as a share of their size, from which rows are not those in their places."""
UNSEEN = 0.05
"""Share of a table's rows, the quietest ones, that are looked at for tokens no text had."""
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
    pruned = float(np.median([_zeros(m[:, :old]) for m in blocks])) > PRUNED or _masked(sight)
    share = float(shares[0] if pruned else min(shares))  # rows that other steps drew since are full; pruning empties small ones
    second = rest[:, : min(old, rest.shape[1])]
    repeated = cosine(start[:, : second.shape[1]], second)
    drawn = a.config.get("initializer_range")
    quiet = isinstance(drawn, (int, float)) and min(_size(m[:, old:]) for m in (blocks[:1] if pruned else blocks)) < QUIET * drawn
    empty = share < EMPTY or (quiet and repeated < ALIKE)
    kind: str | None = "zeros" if empty else "duplicate" if repeated > ALIKE else "drawn"
    if kind == "drawn" and not pruned:  # what a mask took is no movement
        kind = _after_training(sight, old)
    size = _noise(sight, 1 if kind != "duplicate" else a.width // old)
    noise = float(f"{size:.3g}") if LEAST < size < MOST else 0.0
    said: dict[str, object] = {"factor": round(a.width / old, 4), "kind": kind, "noise": noise}
    if kind is None:
        said["kind_one_of"] = ["zeros", "drawn"]
    return [Proposal(Found("width-grown", {"parts": ["all"]}, said), {"noise": 0.0, **({} if kind else {"kind": "drawn"})})]


def _masked(sight: Sight) -> bool:
    """Whether a subject that was put back shows a mask by size on neurons, which takes what is small in new channels."""
    a, b = sight.subject, sight.state
    if sight.fitted is None or a.layers != b.layers:
        return False
    found = [sight.both("up", (at, at), a.places(at)[0]) for at in range(min(6, a.layers))]
    pairs = [(m[:, : n.shape[1]], n) for m, n in (both for both in found if both is not None) if len(m) == len(n)]
    return bool(pairs) and zeroed(pairs) is not None


def _after_training(sight: Sight, old: int) -> str | None:
    """How channels began that are neither empty nor duplicates: drawn where they are larger than what old values moved by since,
    empty where rows that no text has still are; None where neither shows (decision 0113)."""
    found: dict[str, list[float]] = {}
    for part in ("embedding", "q", "k", "v"):
        for layer in (None,) if part == "embedding" else range(sight.subject.layers):
            mine, theirs = sight.subject.matrix(part, layer), sight.state.matrix(part, layer)
            if mine is None or theirs is None or len(mine) < len(theirs):
                continue
            moved = _size(mine[: len(theirs), :old] - theirs)
            if moved < APART * _size(theirs - theirs.mean(axis=0)):  # rows in another order say nothing of how far they moved
                found.setdefault(part, []).append(_size(mine[:, old:]) / max(1e-30, moved))
    if not found or max(float(np.median(ratios)) for ratios in found.values()) > BEYOND:
        return "drawn"
    table = sight.subject.matrix("embedding")
    rows = np.sqrt((table[:, old:].astype(np.float64) ** 2).mean(axis=1)) if table is not None else np.ones(1)
    return "zeros" if float(np.quantile(rows, UNSEEN)) < QUIET * initial(sight.subject.config) else None


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


def _zeros(values: np.ndarray) -> float:
    """Share of values that are nothing, but for what turning them back leaves."""
    return float(np.mean(np.abs(values) <= NOTHING * _size(values)))


def _size(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))


def _blocks(side: Side) -> list[np.ndarray]:
    found = [side.matrix(part, layer) for layer in range(side.layers) for part in ("q", "k", "v")]
    return [m for m in (side.matrix("embedding"), *found) if m is not None]
