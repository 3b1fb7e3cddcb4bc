"""A matrix's sketch without what strangers share: means, identities, Hadamard starts, one direction that outweighs the rest."""

from __future__ import annotations

import numpy as np

from forebear.library.hashing import Float64, known_directions

TOP_SHARE = 0.5
"""Share of a sketch's energy in one direction from which it is taken out. A sketch of 11 by 11 independent numbers has 0.27 to
0.35 there; a matrix of rank one has all of it."""
MOST_REMOVED = 3
"""Directions taken out of one sketch at most; a matrix that still has TOP_SHARE in one is left out of the screen."""
LEAST_LEFT = 1e-4
"""Share of a matrix's energy that must be left after cleaning to count: a start a hundred times as large as what is drawn."""
ROUNDS = 24


def centred(
    sums: Float64, rows: Float64, columns: Float64, total: float, ones: tuple[Float64, Float64], size: tuple[int, int]
) -> Float64:
    """The sketch of a matrix whose row and column means are zero.

    Shapes: sums (b, b); rows: signed bucket sums of the row sums (b,); columns: of the column sums (b,); ones: bucket sums of
            the signs alone, rows (b,) and columns (b,).
    Source: the sketch is linear: W - r1' - 1c' + m.
    """
    n_rows, n_columns = size
    left, right = ones
    return np.asarray(
        sums - np.outer(rows, right) / n_columns - np.outer(left, columns) / n_rows
        + total / (n_rows * n_columns) * np.outer(left, right)
    )  # fmt: skip


def unit_rest(sums: Float64, size: tuple[int, int], part: int, energy: float) -> Float64 | None:
    """A centred sketch without known starts and dominating directions, of unit norm; None when nothing is left to go by.

    Shapes: sums (b, b).
    """
    flat = sums.reshape(-1)
    if not np.isfinite(flat).all() or energy <= 0:
        return None
    basis = known_directions(size[0], size[1], part, len(sums))
    low = np.zeros_like(sums)
    rest = sums
    for _ in range(ROUNDS):  # known starts and dominating directions lean on each other, so both are fitted in turn
        known = (basis @ (basis.T @ (sums - low).reshape(-1))).reshape(sums.shape)
        left, values, right = np.linalg.svd(sums - known)
        count = _dominating(values**2)
        found = (left[:, :count] * values[:count]) @ right[:count]
        rest = sums - known - found
        if np.linalg.norm(found - low) <= 1e-9 * np.linalg.norm(sums):
            break
        low = found
    else:
        rest = rest - (basis @ (basis.T @ rest.reshape(-1))).reshape(sums.shape)
    left_energy = float((rest**2).sum())
    if left_energy < LEAST_LEFT * energy or _dominating(np.asarray(np.linalg.svd(rest, compute_uv=False) ** 2, dtype=np.float64)):
        return None
    return np.asarray(rest / np.sqrt(left_energy))


def _dominating(square: Float64) -> int:
    """How many leading directions each have TOP_SHARE of what is left with them. Shape (b,), descending."""
    count = 0
    while count < MOST_REMOVED and square[count] >= TOP_SHARE * square[count:].sum() > 0:
        count += 1
    return count
