"""A change of low rank merged into some maps of the layers (METHODS §12)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forebear.core.messages import message
from forebear.recipes.detectors.readings import Both, counted, white
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.detectors.stored import rank_over_rounding, type_of
from forebear.recipes.found import Found
from forebear.recipes.narrow import cast
from forebear.stats.arrays import F32

LETTERS = {"q": "q", "k": "k", "v": "v", "o": "o", "gate": "g", "shared_gate": "g", "up": "u", "shared_up": "u", "down": "d",
           "shared_down": "d"}  # fmt: skip
LOW, LOW_BESIDE = 3, 8
"""A rank is low below the full one over this; over the second where there is noise, which heads that were copied repeat."""
EDGE, MOST_STEPS = 1.15, 12
"""Singular value of a change, as a multiple of the largest that noise gives, from which it is not noise; rounds of finding that."""
GAP, CLEAR = 1.5, 3.0
"""The last singular value of a change as a multiple of the first of the noise: noise that copied heads repeat has no gap (decision
0090); the same of a subject that was put back, where a fit leaves something besides."""


def read_low_rank(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Some maps of the layers changed by a matrix of low rank; all else equal, or changed by noise of one size."""
    moved = [b for b in pieces if not b.same]
    noise = _noise_of(moved)
    gap = GAP if sight.fitted is None else CLEAR
    if noise:
        moved = [b for b in moved if b.kind == "matrix" and b.part in LETTERS and _rank(b, gap)]
    if not moved or any(b.part not in LETTERS or b.kind != "matrix" for b in moved):
        return []
    if float(np.median([np.mean((b.mine != b.theirs)[slice(None) if b.known is None else b.known]) for b in moved])) < 0.5:
        return []  # such a change moves nearly every value
    made = [] if noise or not sight.made_experts else [b for b in moved if b.expert is not None and _full(b)]
    moved = [b for b in moved if b not in made]  # experts with noise of their own, of whatever rank
    if not moved:
        return []
    ranks = [_rank(b, gap if noise else 0.0) for b in moved[:64]]
    rank, full = int(np.median(ranks)), min(min(b.mine.shape) for b in moved)
    if not rank or rank > full / (LOW_BESIDE if noise else LOW) or max(ranks) > 2 * rank + 1:
        return []
    both = [*moved, *(b for b in made if any(one.part == b.part for one in moved))]
    exact = {"changes": {(b.part, b.layer, b.expert): truncated(b.mine - b.theirs, rank) for b in both}}
    known = [1.0 if b.known is None else float(np.mean(b.known)) for b in moved]
    size = float(np.median([b.change / np.sqrt(share) for b, share in zip(moved, known, strict=True)]))
    return [Proposal(_found(moved, rank, size), exact)]


SAME_RANK, ASKED = 0.75, 64
"""Share of the changed matrices that must have one rank beside rounding; matrices that are asked at most, over all layers."""


def read_rounded_low_rank(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Some maps of the layers changed by a matrix of low rank, and the rounding of the narrow type it was stored in."""
    moved = [b for b in pieces if not b.same]
    dtype = type_of(moved)
    moved = [b for b in moved if not np.array_equal(b.mine, cast(b.theirs, dtype))] if dtype else []
    inner = all(b.part in LETTERS and b.kind == "matrix" and b.known is None and b.layer is not None for b in moved)
    if not moved or not inner:
        return []
    asked = moved[:: -(-len(moved) // ASKED)]
    ranks = [rank_over_rounding(b, dtype, GAP) for b in asked]
    rank, full = int(np.median(ranks)), min(min(b.mine.shape) for b in moved)
    if not rank or rank > full / LOW or float(np.mean(np.array(ranks) == rank)) < SAME_RANK:
        return []
    changes = {(b.part, b.layer, b.expert): truncated(b.mine - b.theirs, rank) for b in moved}
    sizes = [float(np.linalg.norm(changes[b.part, b.layer, b.expert]) / np.linalg.norm(b.theirs)) for b in moved]
    found = replace(_found(moved, rank, float(np.median(sizes))), said=(message("recipe_open.beneath", stored=dtype),))
    return [Proposal(found, {"changes": changes, "stored": dtype})]


def _found(moved: list[Both], rank: int, size: float) -> Found:
    parts = "".join(dict.fromkeys(letter for part, letter in LETTERS.items() if any(b.part == part for b in moved)))
    where = {
        "parts": sorted({b.part for b in moved}),
        "layers": sorted({b.layer for b in moved if b.layer is not None}),
    }
    return Found("low-rank-merged", where, {"rank": rank, "size": float(f"{size:.4g}"), "parts": parts})


def _noise_of(moved: list[Both]) -> bool:
    """Whether tables of tokens, which such a change leaves alone, show noise."""
    tables = [b for b in moved if b.part in ("embedding", "head") and b.kind == "matrix" and counted(b) >= 1024]
    return bool(tables) and white(tables)


def _rank(b: Both, gap: float) -> int:
    """Singular values of a change above rounding; with noise beside it, above the most that noise of the size of the rest gives,
    where the next is smaller by `gap` (0: no noise)."""
    change = (b.mine - b.theirs).astype(np.float64)
    if b.known is not None and gap:  # of channels that a step drew nothing is known
        change = change[:, b.known.any(axis=0)]
    values = np.linalg.svd(change, compute_uv=False)
    if not gap:
        return int((values > 1e-3 * values[0]).sum())
    rows, columns = change.shape
    rank = 0
    for _ in range(MOST_STEPS):
        rest = float((values[rank:] ** 2).sum()) / max(1, rows * columns - rank * (rows + columns))
        last, rank = rank, int((values > EDGE * np.sqrt(rest) * (np.sqrt(rows) + np.sqrt(columns))).sum())
        if rank == last:
            break
    return rank if 0 < rank < len(values) and values[rank - 1] > gap * values[rank] else 0


def _full(b: Both) -> bool:
    """Whether a change is of no low rank."""
    return bool(_rank(b, 0.0) > min(b.mine.shape) / LOW)


def truncated(change: F32, rank: int) -> F32:
    """The nearest matrix of a rank."""
    left, values, right = np.linalg.svd(change.astype(np.float64), full_matrices=False)
    return np.asarray((left[:, :rank] * values[:rank]) @ right[:rank], dtype=np.float32)
