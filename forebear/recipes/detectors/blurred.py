"""Grids and masks of a subject that was put back by a fit to noisy rows: every value is a little off, so that many together tell
(METHODS §16, decision 0095)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forebear.recipes.detectors import grids
from forebear.recipes.detectors.masks import old_channels, old_rows, shares, zeroed
from forebear.recipes.detectors.readings import Both, along_inputs, blocks
from forebear.recipes.detectors.sight import Proposal
from forebear.recipes.found import Found
from forebear.stats.arrays import F32

ON_GRID = 0.14
"""Mean distance of values from grid points, in steps, below which they stand on them; it is 0.25 of values from elsewhere."""
BEFORE = 0.2
"""The same of the candidate's values from which these do not."""
FACTORS = np.linspace(0.98, 1.02, 41)
"""What the largest value of a cell, which its scale is read off, may be off by."""
NOTHING = 0.1
"""Size, as a share of a matrix's root mean square, below which a value is a zero that was blurred."""
PARTS = ("gate", "up")
"""Parts looked at: those that the fit was made on, in the order of how well their places are known."""
Off = Callable[[F32], float]


def read_blurred(pieces: list[Both], layer_norm: bool) -> list[Proposal]:
    """The operation on values that the matrices of one part show. layer_norm: whether norms of the subject subtract the mean."""
    inner = [b for b in blocks(pieces) if not b.same]
    part = next((one for one in PARTS if any(b.part == one for b in inner)), None)
    looked = [b for b in inner if b.part == part][:6]
    if not looked:
        return []
    both = [_old_channels(b) for b in looked]
    where = {"parts": sorted({b.part for b in inner}), "layers": sorted({b.layer for b in inner if b.layer is not None})}
    found = []
    for op, said, off in _tries():
        mine = float(np.median([off(m) for m, _ in both]))
        if mine < ON_GRID and float(np.median([off(t) for _, t in both])) > BEFORE:
            found.append((mine, op, said))
    if not found:
        mask = _mask(looked, both, layer_norm)
        return [] if mask is None else [Proposal(Found(mask[0], where, mask[1]), replays=False)]
    _, op, said = min(found, key=lambda one: one[0])
    return [Proposal(Found(op, where, said), replays=False)]


def _old_channels(b: Both) -> tuple[F32, F32]:
    """Values of both in the channels that the candidate has: in others a rotation is not known."""
    old = old_channels(b)
    return np.ascontiguousarray(along_inputs(b)[:, old]), np.ascontiguousarray(b.theirs[:, old])


def _tries() -> list[tuple[str, dict[str, Any], Off]]:
    return [
        *(("quantised-fp8", {"block": side}, _floats(side)) for side in (None, 16, 32)),
        *(("quantised-int8", {"bits": bits}, _rows(bits)) for bits in range(2, 9)),
        *(("quantised-int4", {"bits": bits, "group": g}, _groups(bits, g)) for bits in range(2, 7) for g in (8, 16, 32)),
    ]


def _distance(steps: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(steps - np.rint(steps)))


def _floats(side: int | None) -> Off:
    """Off the 8-bit floats of cells of a side; values above the root mean square, whose steps are widest."""

    def off(matrix: F32) -> float:
        size, found = side or max(matrix.shape), []
        for row in range(0, matrix.shape[0], size):
            for column in range(0, matrix.shape[1], size):
                cell = np.abs(matrix[row : row + size, column : column + size].astype(np.float64))
                large = cell[cell > np.sqrt(np.mean(cell**2))]
                if len(large) < 16:
                    continue
                scaled = large[None, :] * (448 / cell.max()) * FACTORS[:, None]
                _, exponents = np.frexp(scaled)
                found.append(float(_distance(scaled / np.ldexp(1.0, exponents - 4)).mean(axis=1).min()))
        return float(np.median(found)) if found else 0.25

    return off


def _rows(bits: int) -> Off:
    top = 2 ** (bits - 1) - 1

    def off(matrix: F32) -> float:
        found = []
        least = NOTHING * float(np.sqrt(np.mean(matrix.astype(np.float64) ** 2)))  # zeros of a mask stand on every grid
        for row in np.abs(matrix[:64].astype(np.float64)):
            filled = row[row >= least]
            if len(filled) >= 8:
                steps = (filled * (top / row.max()))[None, :] * FACTORS[:, None]
                found.append(float(_distance(steps).mean(axis=1).min() if bits > 2 else _distance(steps[20]).mean()))
        return float(np.median(found)) if found else 0.25

    return off


def _groups(bits: int, group: int) -> Off:
    top = 2**bits - 1

    def off(matrix: F32) -> float:
        whole = matrix.shape[1] // group * group
        if not whole:
            return 0.25
        cells = np.sort(matrix[:, :whole].reshape(-1, group).astype(np.float64), axis=1)
        cells = cells[cells[:, -1] > cells[:, 0]]
        inner = (cells[:, 1:-1] - cells[:, :1]) / (cells[:, -1:] - cells[:, :1]) * top
        filled = np.abs(cells[:, 1:-1]) >= NOTHING * float(np.sqrt(np.mean(matrix.astype(np.float64) ** 2)))
        return float(_distance(inner[filled]).mean()) if filled.any() else 0.25

    return off


def _mask(looked: list[Both], both: list[tuple[F32, F32]], layer_norm: bool) -> tuple[str, dict[str, Any]] | None:
    """Small values zeroed, in every group of inputs or over all; None where what is left of values by their size shows no mask."""
    sizes = [float(np.sqrt(np.mean(theirs.astype(np.float64) ** 2))) for _, theirs in both]
    clean = [np.where(np.abs(mine) < NOTHING * size, 0, mine) for (mine, _), size in zip(both, sizes, strict=True)]
    if (pattern := grids.group_pattern(clean, [theirs for _, theirs in both])) is not None:
        return "pruned-in-groups", {"keep": pattern[0], "group": pattern[1]}
    share = zeroed([(mine[old_rows(b)], theirs[old_rows(b)]) for b, (mine, theirs) in zip(looked, both, strict=True)])
    if share is None:
        return None
    return "pruned-by-size", shares([(b, share) for b in looked], layer_norm, 2)
