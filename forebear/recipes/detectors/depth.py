"""The stack of layers: inserted (copied, identity, new) and dropped (METHODS §12)."""

from __future__ import annotations

import numpy as np

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
    present = {i for i, _ in pairs}
    for kind, layers in _kinds(sight, fresh).items():
        where = {"layers": layers, "after": [_after(sight, layer) for layer in layers]}
        exact = {"where": [_place(sight, layer, present) for layer in layers]}
        found.append(Proposal(Found("layers-inserted", where, {"count": len(layers), "kind": kind}), exact))
        present |= set(layers)
    return found


def _kinds(sight: Sight, fresh: list[int]) -> dict[str, list[int]]:
    """Kind -> layers of the subject that have no partner."""
    found: dict[str, list[int]] = {}
    for layer in fresh:
        similarity = sight.layer_similarity[layer]
        kind = "identity" if _silent(sight, layer) else "copy" if similarity.max() > SAME_LAYER else "new"
        found.setdefault(kind, []).append(layer)
    return found


def _silent(sight: Sight, layer: int) -> bool:
    """Whether a layer writes nothing, or next to nothing, to the residual stream. Of heads and neurons as many as the candidate has
    must be silent: others may have been added since."""
    side, old = sight.subject, sight.state
    readers = [m for m in (side.matrix("q", layer), side.matrix("v", layer)) if m is not None]
    counts = {"o": old.heads * old.head_dim, "down": old.neurons}
    sizes = []
    for part, count in counts.items():
        for e in [None] if part == "o" else side.places(layer):
            if (m := side.matrix(part, layer, e)) is not None:
                rows = np.sort(np.abs(m).mean(axis=1))
                sizes.append(float(np.median(rows[: count or len(rows)])))
    if not sizes or not readers:
        return False
    return max(sizes) < 0.02 * max(float(np.abs(r).mean()) for r in readers)


def _after(sight: Sight, layer: int) -> int:
    """The candidate's layer that an inserted one stands after, or before where it is like that one."""
    before = [j for i, j in sight.layers if i < layer]
    following = [j for i, j in sight.layers if i > layer]
    place = max(before) if before else 0
    similarity = sight.layer_similarity[layer]
    source = int(np.argmax(similarity))
    return source if similarity.max() > SAME_LAYER and following and source == min(following) else place


def _place(sight: Sight, layer: int, present: set[int]) -> int:
    """The same in numbers of the state as it is when the layer is inserted: what the subject has before it already."""
    before = sum(one < layer for one in present) - 1
    following = [j for i, j in sight.layers if i > layer]
    similarity = sight.layer_similarity[layer]
    like_next = similarity.max() > SAME_LAYER and following and int(np.argmax(similarity)) == min(following)
    return min(max(0, before + bool(like_next)), len(present) - 1)
