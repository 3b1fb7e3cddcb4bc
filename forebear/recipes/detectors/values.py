"""What was done to values, as a whole: the first reading that fits, on the parts that show it (METHODS §12)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.low_rank import read_low_rank, read_rounded_low_rank
from forebear.recipes.detectors.readings import (
    BLOCK_PARTS,
    ON_ALL,
    Both,
    blocks,
    everything,
    read_grid,
    read_noise,
    read_pruned,
    read_stored,
)
from forebear.recipes.detectors.remains import of_growth, remaining
from forebear.recipes.detectors.sight import FITTED, Proposal, Sight
from forebear.recipes.detectors.stored import within_rounding
from forebear.recipes.found import Found
from forebear.recipes.narrow import to_bfloat16, to_half
from forebear.stats.arrays import F32

FIT = 1e-3
"""Relative difference from which a part that was put back by fitted maps is asked about."""
EXCHANGED = 0.8
"""Cosine of what output biases lost with what value biases gained, from which the two were exchanged."""
SHIFTED = 0.3
"""What the rows of a router's change differ by, as a share of it, below which one vector was added to all of them."""
BY_CAST = 1.5
"""What is left of a subject that was turned, then stored narrower, in units of what such a cast leaves (decision 0090)."""
NEARER = 0.6
"""What a cast leaves of a difference, as a share, from which the cast is named."""


def find(sight: Sight) -> list[Proposal]:
    """The first reading that fits: nothing, a cast, pruning, a grid, a low rank, noise; else training."""
    pieces = everything(sight)
    if sight.stored and (said := _narrower(sight.stored, pieces)):
        return said
    exchanged = [] if "bias-exchange" in sight.told or all(b.same for b in pieces) else _exchanged_besides(sight, pieces)
    if exchanged:
        return exchanged
    if (rounded := _beside_rounding(sight, pieces)) is not None:
        return rounded
    if sight.told & ON_ALL:
        return read_noise(sight, _outside(sight, pieces))
    if sight.fitted:
        return _put_back(sight, pieces)
    if not pieces or all(b.same for b in pieces):
        return read_stored(sight, pieces)
    mapped = {part for op in sight.told for part in FITTED.get(op, ())}
    free = [b for b in pieces if b.part not in mapped]
    if mapped and not all(b.same for b in free) and (said := read_grid(sight, pieces) or read_noise(sight, free)):
        return said  # parts that maps were fitted to hold what the fit left besides
    for reading in READINGS:
        said = reading(sight, pieces)
        if said:
            return said
    return remaining(sight, pieces)


def _beside_rounding(sight: Sight, pieces: list[Both]) -> list[Proposal] | None:
    """A low rank beside what a narrow type leaves, and after it the cast alone; None where neither is so."""
    if sight.fitted is not None:
        return None
    if "low-rank-merged" in sight.told:
        done = within_rounding(pieces)
        return None if not done else [] if sight.told & ON_ALL else read_stored(sight, pieces)
    return (read_rounded_low_rank(sight, pieces) or None) if sight.told & ON_ALL == {"resaved"} else None


def _narrower(dtype: str, pieces: list[Both]) -> list[Proposal]:
    """A subject stored in a narrower type after it was turned, where rounding to that type explains all that is left."""
    cast = {"BF16": to_bfloat16, "F16": to_half}[dtype]
    moved = [b for b in pieces if b.kind == "matrix"]
    rest, rounded = (
        sum(float(np.linalg.norm(one.astype(np.float64) - b.theirs) ** 2) for b, one in both)
        for both in ([(b, b.mine) for b in moved], [(b, cast(b.theirs)) for b in moved])
    )
    if not rest or rest > BY_CAST**2 * rounded:
        return []
    return [Proposal(Found("resaved", {"parts": sorted({b.part for b in moved})}, {"dtype": dtype, "tensors": "*"}), replays=False)]


def _outside(sight: Sight, pieces: list[Both]) -> list[Both]:
    """What still shows noise after an operation on values: all of what a cast leaves, else tables."""
    if sight.told & ON_ALL != {"resaved"}:
        pieces = [b for b in pieces if b.part not in BLOCK_PARTS]
    fitted = sight.fitted or frozenset()
    return [b for b in pieces if b.part not in fitted]


def _exchanged_besides(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Value biases that moved while output biases lost what the output map makes of it, whatever else was done to values."""
    at = {(b.kind, b.part, b.layer): b for b in pieces if b.layer is not None and b.expert is None}
    alike, moved = [], []
    for layer in sorted({key[2] for key in at if key[:2] == ("bias", "v")}, key=int):
        v, o, out = at[("bias", "v", layer)], at.get(("bias", "o", layer)), at.get(("matrix", "o", layer))
        if o is None or out is None or v.same or not sight.subject.kv_heads:
            continue
        change = (v.mine - v.theirs).astype(np.float64).reshape(sight.subject.kv_heads, -1)
        spread = np.repeat(change, max(1, sight.subject.heads // sight.subject.kv_heads), axis=0).ravel()
        if spread.size == len(out.mine):
            taken, lost = -(spread @ out.mine), (o.mine - o.theirs).astype(np.float64)
            size = float(np.linalg.norm(taken) * np.linalg.norm(lost))
            alike.append(float(taken @ lost) / size if size else 0.0)
            moved += [v, *(k for k in (at.get(("bias", "k", layer)),) if k is not None and sight.subject.positions and not k.same)]
    if not alike or float(np.median(alike)) < EXCHANGED:
        return []
    size = float(np.std(np.concatenate([b.mine - b.theirs for b in moved])))
    where = {"parts": ["k", "o", "v"], "layers": sorted({b.layer for b in moved if b.layer is not None})}
    exact = {"biases": {(b.part, b.layer): b.mine for b in moved}}
    return [Proposal(Found("bias-exchange", where, {"size": float(f"{size:.4g}")}), exact)]


def _put_back(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Values of a subject that was put back: parts that no map was fitted to say what was done to all. Where nothing was done to
    these, a low rank in the others; what else is left of those is what the fit left."""
    shifted = _shifted(pieces)
    if shifted:
        return shifted
    fitted = sight.fitted or frozenset()
    free = [b for b in pieces if b.part not in fitted]
    seen = [b for b in pieces if b.kind == "matrix" or b.part not in fitted]  # biases hold what maps and exchanges made of them
    if not free or all(b.same for b in free):
        return read_low_rank(sight, seen) if any(b.change > FIT for b in seen if b.part in fitted) else []
    if said := read_low_rank(sight, seen) or read_low_rank(sight, free):
        return said  # in parts that maps were fitted to as well, where these were met exactly or it stands clear of what they left
    for reading in (_rounded, read_stored, _router, _exchanged, _on_one_part, of_growth, read_noise):
        said = reading(sight, free)
        if said:
            return said
    return remaining(sight, free)


def _on_one_part(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """A grid or a mask on the part that shows it: orders and maps that were not found hide it in others, and in new layers."""
    inner = [b for b in blocks(pieces) if b.known is None or b.known.any()]
    parts = [[b for b in inner if b.part == part] for part in dict.fromkeys(b.part for b in inner)]
    parts.sort(key=lambda group: -float(np.median([np.mean(b.mine == 0) for b in group])))
    for reading in (read_grid, read_pruned):
        for group in (inner, *parts) if reading is read_grid else parts[:1]:
            if said := reading(sight, group):
                return said
    return []


def _shifted(pieces: list[Both]) -> list[Proposal]:
    """One vector added to every row of each router, whatever else was done to values."""
    routers = [b for b in pieces if b.part == "router" and b.kind == "matrix" and b.known is None and not b.same]
    changes = [(b.mine - b.theirs).astype(np.float64) for b in routers]
    if not changes or not all(float(np.std(c - c.mean(axis=0))) < SHIFTED * float(np.std(c)) for c in changes):
        return []
    size = float(f"{float(np.std(np.concatenate([c.mean(axis=0) for c in changes]))):.4g}")
    exact = {"vectors": {b.layer: c.mean(axis=0).astype(np.float32) for b, c in zip(routers, changes, strict=True)}}
    return [Proposal(Found("router-shift", {"parts": ["router"], "layers": [b.layer for b in routers]}, {"size": size}), exact)]


def _rounded(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Values nearer to what the candidate's become in a narrower type than to the candidate's own."""
    moved = [b for b in pieces if not b.same and b.kind == "matrix" and (b.known is None or b.known.any())]
    table = [b for b in moved if b.part == "embedding"]  # before others there are gains that were cast as well
    for dtype, cast in (("BF16", to_bfloat16), ("F16", to_half)):
        for group in (moved, table):
            rest, cut = (sum(_apart(b, one) for b, one in both) for both in (
                [(b, b.theirs) for b in group], [(b, cast(b.theirs)) for b in group]))  # fmt: skip
            if group and cut < NEARER**2 * rest:
                where = {"parts": sorted({b.part for b in moved})}
                return [Proposal(Found("resaved", where, {"dtype": dtype, "tensors": "*"}))]
    return []


def _apart(b: Both, values: F32) -> float:
    """Squared distance of the subject's values to others, where no step drew them."""
    gap = b.mine.astype(np.float64) - values
    return float((gap[b.known] ** 2).sum() if b.known is not None else (gap**2).sum())


def _router(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """One vector added to every row of a router, everything else equal."""
    moved = [b for b in pieces if not b.same]
    if not moved or any(b.part != "router" for b in moved):
        return []
    changes = [b.mine - b.theirs for b in moved]
    if any(np.ptp(c, axis=0).max() > 1e-4 * max(1e-9, float(np.abs(c).max())) + 1e-6 for c in changes):
        return []
    size = float(f"{float(np.std(np.concatenate([c[0] for c in changes]))):.4g}")
    exact = {"vectors": {b.layer: c[0] for b, c in zip(moved, changes, strict=True)}}
    return [
        Proposal(
            Found("router-shift", {"parts": ["router"], "layers": [b.layer for b in moved]}, {"size": size}), exact
        )
    ]


def _exchanged(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Only biases of values, outputs and keys moved: what value biases gained, output biases lost."""
    moved = [b for b in pieces if not b.same]
    if (
        not moved
        or any(b.kind != "bias" or b.part not in "vok" for b in moved)
        or not any(b.part == "v" for b in moved)
    ):
        return []
    size = float(np.std(np.concatenate([b.mine - b.theirs for b in moved if b.part != "o"])))
    where = {
        "parts": sorted({b.part for b in moved}),
        "layers": sorted({b.layer for b in moved if b.layer is not None}),
    }
    exact = {"biases": {(b.part, b.layer): b.mine for b in moved}}
    return [Proposal(Found("bias-exchange", where, {"size": float(f"{size:.4g}")}), exact)]


READINGS = (
    read_stored, _router, _exchanged, read_grid, read_pruned, read_low_rank, read_rounded_low_rank, read_noise, of_growth,
)  # fmt: skip
"""Readings of values that were never put back, in the order they are asked."""
