"""The stack of layers: inserted (copied, identity, new) and dropped (METHODS §12)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.side import Side
from forebear.recipes.detectors.sight import SAME_LAYER, Proposal, Sight
from forebear.recipes.found import Found


def find(sight: Sight) -> list[Proposal]:
    """Dropped layers first, then inserted ones; numbers of layers are the candidate's."""
    a, b = sight.subject, sight.state
    pairs = sight.layers
    if not pairs or (a.layers == b.layers == len(pairs)):
        return []
    lost = sorted(set(range(b.layers)) - {j for _, j in pairs})
    fresh = sorted(set(range(a.layers)) - {i for i, _ in pairs})
    found = []
    if lost:
        found.append(Proposal(Found("layers-dropped", {"layers": lost}, {"count": len(lost)}), {"where": lost}))
    for kind, layers in _kinds(sight, fresh).items():
        after = [_after(sight, layer, lost) for layer in layers]
        where = {"layers": layers, "after": [_after(sight, layer, []) for layer in layers]}
        found.append(Proposal(Found("layers-inserted", where, {"count": len(layers), "kind": kind}), {"where": after}))
    return found


def _kinds(sight: Sight, fresh: list[int]) -> dict[str, list[int]]:
    """Kind -> layers of the subject that have no partner."""
    found: dict[str, list[int]] = {}
    for layer in fresh:
        similarity = sight.layer_similarity[layer]
        kind = "identity" if _silent(sight.subject, layer) else "copy" if similarity.max() > SAME_LAYER else "new"
        found.setdefault(kind, []).append(layer)
    return found


def _silent(side: Side, layer: int) -> bool:
    """Whether a layer writes nothing, or next to nothing, to the residual stream."""
    writers = [m for part in ("o", "down") for e in ([None] if part == "o" else side.places(layer))
               for m in (side.matrix(part, layer, e),) if m is not None]  # fmt: skip
    readers = [m for m in (side.matrix("q", layer), side.matrix("v", layer)) if m is not None]
    if not writers or not readers:
        return False
    return max(float(np.abs(w).mean()) for w in writers) < 0.02 * max(float(np.abs(r).mean()) for r in readers)


def _after(sight: Sight, layer: int, lost: list[int]) -> int:
    """The candidate's layer that an inserted one stands after, numbered without the lost ones."""
    pairs = dict(sight.layers)
    similarity = sight.layer_similarity[layer]
    before = [j for i, j in pairs.items() if i < layer]
    place = max(before) if before else 0
    following = [j for i, j in pairs.items() if i > layer]
    if similarity.max() > SAME_LAYER:
        source = int(np.argmax(similarity))
        if source == place or (following and source == min(following)):
            place = source
    return place - sum(one < place for one in lost)
