"""The stack of layers: inserted (copied, identity, new) and dropped (METHODS §12)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.side import cosine
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found

WORN = 0.7
"""Likeness of layers that have a partner below which one without is not told as a new one in the place of another."""
WRITES, HEADS = 0.75, 0.5
"""Likeness of what a layer's MLP writes to its source's, as a share of that of what it reads, below which it wrote nothing at
first; the same of its heads, which are worn more, where the MLP does not tell."""
SEEN = 0.3
"""Likeness of what it reads from which that is asked."""
COPIED = 0.5
"""Likeness of an inserted layer to another from which it is called its copy: one drawn anew may come near by training."""


def find(sight: Sight) -> list[Proposal]:
    """Dropped layers first, then inserted ones; numbers of layers are the candidate's."""
    a, b = sight.subject, sight.state
    pairs = sight.layers
    if not pairs or (a.layers == b.layers == len(pairs)):
        return []
    if a.layers == b.layers and float(np.median([sight.layer_similarity[pair] for pair in pairs])) < WORN:
        return []  # worn as far as all are, one layer may be as unlike the one in its place as another layer is
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
        like = similarity.max() > COPIED
        silent = _silent(sight, layer) or (like and _began_silent(sight, layer, int(similarity.argmax())))
        kind = "identity" if silent else "copy" if like else "new"
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


def _began_silent(sight: Sight, layer: int, source: int) -> bool:
    """Whether a layer that was trained since reads as its source does and writes otherwise: it began as a copy that wrote nothing.
    Both are the subject's own layers. Maps inside heads and neurons concern what is read and what is written alike, so each is
    asked about beside the other."""
    side = sight.subject
    other = next((i for i, j in sight.layers if j == source), None)
    if other is None:
        return False
    for reads, writes, least in (("up", "down", WRITES), ("v", "o", HEADS)):
        asked = []
        for e in [None] if reads == "v" else side.places(layer):
            found = [(side.matrix(part, layer, e), side.matrix(part, other, e)) for part in (reads, writes)]
            both = [(a, b) for a, b in found if a is not None and b is not None and a.shape == b.shape]
            if len(both) == 2 and (alike := cosine(*both[0])) > SEEN:
                asked.append(cosine(*both[1]) < least * alike)
        if asked:
            return all(asked)
    return False


def _after(sight: Sight, layer: int) -> int:
    """The candidate's layer that an inserted one stands after, or before where it is like that one."""
    before = [j for i, j in sight.layers if i < layer]
    following = [j for i, j in sight.layers if i > layer]
    place = max(before) if before else 0
    similarity = sight.layer_similarity[layer]
    source = int(np.argmax(similarity))
    return source if similarity.max() > COPIED and following and source == min(following) else place


def _place(sight: Sight, layer: int, present: set[int]) -> int:
    """The same in numbers of the state as it is when the layer is inserted: what the subject has before it already."""
    before = sum(one < layer for one in present) - 1
    following = [j for i, j in sight.layers if i > layer]
    similarity = sight.layer_similarity[layer]
    like_next = similarity.max() > COPIED and following and int(np.argmax(similarity)) == min(following)
    return min(max(0, before + bool(like_next)), len(present) - 1)
