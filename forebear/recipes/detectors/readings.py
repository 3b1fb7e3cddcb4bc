"""Single readings of values in place: stored narrower, pruned, on a grid, a low rank, noise, training (METHODS §12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import numpy as np

from forebear.recipes.detectors import grids
from forebear.recipes.detectors.masks import old_channels, shares
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found
from forebear.recipes.narrow import to_bfloat16, to_half
from forebear.stats.arrays import F32, Bools

BLOCK_PARTS = ("q", "k", "v", "o", "gate", "up", "down", "shared_gate", "shared_up", "shared_down")
ROUNDING = 1e-6
"""Relative difference that float32 leaves after folding and mapping; replay only."""
PUT_BACK = 2e-5
"""The same of a subject that was put back."""
BLUR = 1e-5
"""What a value of a subject that was put back may be off a grid, as a share of its matrix's root mean square."""
ABSORBED, BESIDE = 0.25, 0.5
"""The share of noise that a fitted rotation may take away from a part; that it may take or add where it left channels out."""
MORE_NOISE = 1.1
"""Noise of matrices over that of gains and biases from which the growth before added noise of its own."""
LOUD = 0.7
"""Size of noise from which it is not told from other values."""
OF_EXPERTS = ("gate", "up", "down")
"""Parts of experts, which steps that make experts put noise of their own on."""
TWO_KINDS = 1.25
"""The largest change of experts over the least from which some were changed and others not."""
QUIETER = 0.3
"""What is left outside experts, as a share of their noise, up to which it leaves that noise as it is read."""
ON_ALL = frozenset(("resaved", "pruned-by-size", "pruned-in-groups", "quantised-int8", "quantised-int4", "quantised-fp8"))
"""Operations on values after which only noise from before is asked about: other changes show through none of them."""


@dataclass(frozen=True, eq=False)
class Both:
    """One piece in both: values of the subject and of the state, (units, channels) or (n,)."""

    part: str
    kind: str
    layer: int | None
    expert: int | None
    role: str
    name: str
    mine: F32
    theirs: F32
    rounding: float = 0.0
    known: Bools | None = None
    """Values that no step drew; None: all."""

    @property
    def equal(self) -> bool:
        """Whether every value is the same."""
        return bool(np.array_equal(self.mine, self.theirs))

    @cached_property
    def same(self) -> bool:
        """Equal, or after a replay as near as rounding leaves it."""
        return self.equal or bool(self.rounding and self.change < self.rounding)

    @property
    def change(self) -> float:
        """||mine - theirs|| / ||theirs||."""
        size = float(np.linalg.norm(self.theirs.astype(np.float64)))
        rest = float(np.linalg.norm(self.mine.astype(np.float64) - self.theirs))
        return rest / size if size else float(bool(rest))


def everything(sight: Sight) -> list[Both]:
    """Every piece that both have in one shape, layers in place; values that a step drew count as the subject's own."""
    return list(_everything(sight))


def _everything(sight: Sight) -> Iterator[Both]:
    rounding = PUT_BACK if sight.fitted is not None else ROUNDING if sight.replayed else 0.0
    for piece in sight.subject.pieces:
        place = (piece.kind, piece.part, piece.layer, piece.expert, piece.role)
        mine, theirs, other = (side.values(*place) for side in (sight.subject, sight.state, sight.other))
        if mine is None or theirs is None or mine.shape != theirs.shape or not mine.size:
            continue
        known = None
        if other is not None and other is not theirs and other.shape == theirs.shape:
            known = theirs == other
            theirs = np.where(known, theirs, mine)
        drawn = sight.drawn.values(*place) if sight.drawn is not None else None
        if drawn is not None and drawn.any():
            known = drawn == 0
        yield Both(piece.part, piece.kind, piece.layer, piece.expert, piece.role, piece.tensor, mine, theirs, rounding, known)


def blocks(found: list[Both]) -> list[Both]:
    """Matrices inside the layers."""
    return [b for b in found if b.kind == "matrix" and b.layer is not None and b.part in BLOCK_PARTS]


def read_stored(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Tensors stored in a narrower type, every value what the candidate's becomes there."""
    mine = {n: e.dtype for n, e in sight.subject.checkpoint.container.tensors.items()}
    theirs = {n: e.dtype for n, e in sight.state.checkpoint.container.tensors.items()}
    for dtype, cast in (("BF16", to_bfloat16), ("F16", to_half)):
        chosen = [b for b in pieces if mine.get(b.name) == dtype and theirs.get(b.name) != dtype]
        if not chosen:
            chosen = [b for b in pieces if not b.same and np.array_equal(b.mine, cast(b.mine))]
        chosen = [b for b in chosen if not np.array_equal(b.theirs, cast(b.theirs)) or b.equal]
        if not chosen or len(chosen) < len(pieces) / 2:
            continue
        exact = [np.array_equal(b.mine, cast(b.theirs)) for b in chosen]
        if not all(exact) and all(b.same for b in pieces):
            continue
        names = {b.name for b in chosen}
        pattern = "*" if len(names) >= len({b.name for b in pieces}) else _pattern(names, set(mine))
        said = {"dtype": dtype, "tensors": pattern}
        return [Proposal(Found("resaved", {"parts": sorted({b.part for b in chosen})}, said))]
    return []


def _pattern(names: set[str], every: set[str]) -> str:
    """A pattern that names these tensors and no other, the shortest word of theirs first; "*" when none does."""
    words = sorted({w for n in names for w in n.replace("_", ".").split(".") if len(w) > 2}, key=len)
    for word in words:
        if {n for n in every if fnmatchcase(n, f"*{word}*")} == names:
            return f"*{word}*"
    return "*"


def read_pruned(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    inner = [b for b in blocks(pieces) if old_channels(b).any()]
    if not inner:
        return []
    places = [old_channels(b) if sight.fitted is not None else np.ones(b.mine.shape[1], dtype=bool) for b in inner]
    mine, theirs = ([float(np.mean(m[:, at] == 0)) for m, at in zip(side, places, strict=True)]
                    for side in ([b.mine for b in inner], [b.theirs for b in inner]))  # fmt: skip
    share, before = float(np.median(mine)), float(np.median(theirs))
    if share < 0.02 or share < before + 0.02:
        return []
    where = {
        "parts": sorted({b.part for b in inner}),
        "layers": sorted({b.layer for b in inner if b.layer is not None}),
    }
    parts = [replace(b, mine=b.mine[:, at], theirs=b.theirs[:, at]) for b, at in zip(inner, places, strict=True)]
    pattern = grids.group_pattern([along_inputs(b) for b in parts], [_like(b) for b in parts])
    if pattern is not None:
        return [Proposal(Found("pruned-in-groups", where, {"keep": pattern[0], "group": pattern[1]}))]
    if sight.fitted is not None and not all(at.all() for at in places):
        said = shares(list(zip(inner, mine, strict=True)), sight.subject.layer_norm, 4)
        return [Proposal(Found("pruned-by-size", where, said), replays=said["share"] is not None)]
    plain = round(share, 2)  # shares are whole numbers of a hundred as a rule, and counts are whole
    told = plain if abs(plain - share) < 1 / min(b.mine.size for b in inner) + 1e-4 else round(share, 4)
    return [Proposal(Found("pruned-by-size", where, {"share": told}))]


def along_inputs(b: Both) -> F32:
    """A matrix as (outputs, inputs): o and down come as (inputs, outputs)."""
    return np.ascontiguousarray(b.mine.T) if b.part in ("o", "down", "shared_down") else b.mine


def read_grid(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    inner = blocks(pieces)
    stored: dict[tuple[str, int | None], list[Both]] = {}
    for b in inner:  # what one tensor holds was put on a grid together
        stored.setdefault((b.name, b.expert), []).append(b)
    mine = [np.concatenate([along_inputs(b) for b in group]) for group in stored.values()]
    own = [group for group in stored.values() if all(b.known is None or b.known.any() for b in group)]  # not the subject's own
    theirs = [np.concatenate([_like(b) for b in group]) for group in own]
    grid = grids.common_grid(mine, theirs, 0.0 if sight.fitted is None else BLUR) if inner else None
    if grid is None:
        return []
    op, said = grid
    where: dict[str, list[str] | list[int]] = {"layers": sorted({b.layer for b in inner if b.layer is not None})}
    tables = (
        [b for b in pieces if b.layer is None and b.kind == "matrix" and not b.same] if op == "quantised-int8" else []
    )
    tables = [b for b in tables if grids.on_rows(b.mine, int(said["bits"]))]
    where["parts"] = sorted({b.part for b in (*inner, *tables)})
    found = (sight.state.piece("matrix", b.part, None, b.expert, b.role) for b in tables)
    return [Proposal(Found(op, where, said), {"tables": [piece.tensor for piece in found if piece is not None]})]


def _like(b: Both) -> F32:
    return np.ascontiguousarray(b.theirs.T) if b.part in ("o", "down", "shared_down") else b.theirs


def read_noise(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Noise of one size on all that changed; or of one on all and more on experts that were made after it; or on these alone."""
    inside = [b for b in pieces if b.part in OF_EXPERTS] if sight.made_experts else []
    outside = [b for b in pieces if b.part not in OF_EXPERTS]
    if not inside or all(b.same for b in outside):
        return _noise(sight, pieces)
    first, more = _noise(sight, outside), _noise(sight, loudest(inside))
    if not more:
        return first
    most = float(more[0].found.parameters["size"])
    if not first:
        rest = [relative(b) for b in outside if not b.same and b.kind == "matrix" and b.part != "router"]
        return more if not rest or float(np.median(rest)) < QUIETER * most else []
    least = float(first[0].found.parameters["size"])
    if most < MORE_NOISE * least:
        return _noise(sight, pieces)
    found = more[0].found
    own = {**found.parameters, "size": float(f"{np.sqrt(most**2 - least**2):.4g}")}
    return [*first, replace(more[0], found=replace(found, parameters=own))]


def loudest(pieces: list[Both]) -> list[Both]:
    """The pieces of experts that changed most, where they are clearly two kinds; else all: copies alone have noise of their own."""
    sizes = {id(b): relative(b) for b in pieces if b.kind == "matrix"}
    least, most = min(sizes.values(), default=0.0), max(sizes.values(), default=0.0)
    return pieces if most < TWO_KINDS * least else [b for b in pieces if sizes.get(id(b), 0.0) > (least + most) / 2]


def relative(b: Both) -> float:
    """Size of the changes of values that no step drew, over the spread of the tensor; 0 where it has none."""
    found, size = changes(b), spread(b)
    return float(np.sqrt((found**2).mean())) / size if found.size and size else 0.0


def _noise(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Gaussian changes whose size is one multiple of the spread of every tensor that changed."""
    moved = _noisy(sight, pieces)
    if len(moved) < (1 if sight.told & ON_ALL or sight.made_experts else 2) or not any(b.kind == "matrix" for b in moved):
        return []
    ratios, kurtosis, weights = [], [], []
    table = next((relative(b) for b in moved if b.part == "embedding" and b.kind == "matrix"), None)
    vectors = [b for b in moved if b.kind != "matrix"]
    folded = bool(sight.told & {"gain-folding", "gain-replacement"})  # after which biases hold what noise on matrices made of them
    grown = "width-grown" in sight.told and len(vectors) > 1 and not folded  # that step's own noise is on matrices alone
    for b in moved:
        change = changes(b)
        size, of = float(np.sqrt((change**2).mean())), {spread(b, "width-grown" in sight.told), spread(b)} - {0.0}
        if not of or not size or (grown and b.kind != "matrix"):
            continue
        # rows that were drawn since do not count to the spread that noise had its size from, those of heads grown with it do
        ratios.append(min((size / one for one in of), key=lambda one: abs(one - table) if table else one))
        weights.append(change.size)
        if change.size >= 1024:
            kurtosis.append(float((change**4).mean() / (change**2).mean() ** 2))
    if not kurtosis:
        return []
    middle = float(np.average(ratios, weights=weights))
    apart = np.abs(np.array(ratios) / middle - 1) * np.sqrt(np.array(weights))
    near = ABSORBED if sight.fitted is not None or "low-rank-merged" in sight.told else 0.05
    beside = sight.fitted is not None and "width-grown" in sight.told
    near = BESIDE if beside else near  # a fit takes noise of the rows it was made on, and leaves more of it on others
    uneven = float(np.mean((apart < 6) | (np.abs(np.array(ratios) / middle - 1) < near)))
    fits = uneven > 0.9 and abs(float(np.median(kurtosis)) - 3) < 0.4 and white(moved) and middle < LOUD
    if not fits:
        return []
    if sight.fitted is not None and not beside:  # what was put back by a fit lacks what the fit took for its own
        middle = table if table is not None else float(np.quantile(ratios, 0.75))  # readers hold noise of gains as well
    names, every = {b.name for b in moved}, {b.name for b in pieces}
    pattern = "*" if len(names) > 0.9 * len(every) else _pattern(names, set(sight.subject.checkpoint.container.tensors))
    where = {"parts": sorted({b.part for b in moved})}
    said: dict[str, Any] = {"size": float(f"{middle:.4g}"), "tensors": pattern}
    if grown:
        filled = [b for b in vectors if spread(b)]
        squares = [(float((changes(b) ** 2).sum()) / spread(b) ** 2, counted(b)) for b in filled]
        last = float(np.sqrt(np.sum([s for s, _ in squares]) / max(1, sum(n for _, n in squares))))
        if middle > MORE_NOISE * last > 0:
            said = {**said, "size": float(f"{last:.4g}"), "before": float(f"{np.sqrt(middle**2 - last**2):.4g}")}
    return [Proposal(Found("noise-added", where, said), replays=False)]


def gaussian(pieces: list[Both]) -> bool:
    """Whether changes of matrices have the fourth moment of noise."""
    found = [c for b in pieces if b.kind == "matrix" for c in (changes(b),) if np.count_nonzero(c) >= 1024]
    filled = [c[c != 0] for c in found]
    return bool(filled) and abs(float(np.median([(c**4).mean() / (c**2).mean() ** 2 for c in filled])) - 3) < 0.4


def _noisy(sight: Sight, pieces: list[Both]) -> list[Both]:
    """Whole tensors that changed and show noise. Of a router that a vector was taken off again that took noise with it; nothing is
    known of noise on gains that were replaced after a growth (decision 0083)."""
    moved = [b for b in _joined(pieces) if not b.same and counted(b) >= 32]
    if "router-shift" in sight.told:
        moved = [b for b in moved if b.part != "router"]
    if sight.fitted is not None and "width-grown" in sight.told:
        moved = [b for b in moved if b.kind == "matrix"]
    return moved


def spread(b: Both, grown: bool = False) -> float:
    """Standard deviation of a tensor's values, or their size where they are all one. grown: as it was after a growth, without rows
    of layers that a step drew since."""
    drawn = grown and b.layer is not None and b.known is not None and b.known.ndim == 2
    rows = b.theirs[b.known.any(axis=1)] if drawn and b.known is not None else b.theirs
    return float(rows.std()) or float(np.abs(rows).mean()) if rows.size else 0.0


def changes(b: Both) -> np.ndarray:
    """The changes of values that no step drew, (n,)."""
    change = (b.mine - b.theirs).astype(np.float64)
    return change[b.known] if b.known is not None else change.ravel()


def counted(b: Both) -> int:
    return b.mine.size if b.known is None else int(b.known.sum())


def _joined(pieces: list[Both]) -> list[Both]:
    """Pieces of one tensor as one."""
    stored: dict[tuple[str, int | None], list[Both]] = {}
    for b in pieces:
        stored.setdefault((b.name, b.expert), []).append(b)
    return [group[0] if len(group) == 1 else _one(group) for group in stored.values()]


def _one(group: list[Both]) -> Both:
    known = None
    if any(b.known is not None for b in group):
        known = np.concatenate([np.ones(b.mine.shape, dtype=bool) if b.known is None else b.known for b in group])
    mine, theirs = np.concatenate([b.mine for b in group]), np.concatenate([b.theirs for b in group])
    return replace(group[0], mine=mine, theirs=theirs, known=known)


def white(moved: list[Both]) -> bool:
    """Whether the changes of rows are of one size."""
    sizes_of = []
    for b in moved:
        if b.kind == "matrix" and min(b.mine.shape) >= 16:
            counts = np.full(len(b.mine), b.mine.shape[1]) if b.known is None else b.known.sum(axis=1)
            rows = counts >= 16
            if rows.sum() < 8:
                continue
            sizes = ((b.mine - b.theirs).astype(np.float64) ** 2).sum(axis=1)[rows] / counts[rows]
            sizes_of.append(float(sizes.std() / max(1e-30, sizes.mean())) * np.sqrt(float(np.median(counts[rows])) / 2))
    return bool(sizes_of) and float(np.median(sizes_of)) < 1.6
