"""Does a tensor hold values that two makers would write alike without copying: a formula, a mask, too little to tell?"""

from __future__ import annotations

import zlib
from math import log10

import numpy as np
from numpy.typing import NDArray

WINDOW, ORDER = 12, 3
"""Values in a run, and how many values before each one predict it: sinusoids with an offset, ramps and powers need three."""
PREDICTED = 0.02
"""Residual of a prediction, as a share of the run's spread, under which the run follows its rule (8 bits leave 0.008)."""
RUNS_THAT_FOLLOW = 0.1
"""From this share of runs on a table counts as a formula: a grid of sinusoids breaks its rule at every new line."""
MAX_RUNS = 512
BANDED = 0.5
"""Share of values that are not zero up to which a table may be a bank of filters."""
MAX_WORDS = 16
"""Tables of so few different values are tried by compression instead: masks, signs, one-hot rows."""
COMPRESSED = 0.5
"""Share of their entropy to which the values of such a table may be compressed before it counts as a pattern."""
MAX_CODES = 2**20
ROWS_CROSSED = 64
"""Rows of a table of signs that are tried for being orthogonal to each other; of random signs one pair in ten is."""

Values = NDArray[np.float32]


def chance_log10(values: Values) -> float:
    """log10 of the chance that two tensors of independent values with this tensor's histogram agree everywhere.

    Shapes:  any; rows (along the first axis) that repeat count once. 0.0 for a constant.
    Assumes: values independent of each other: a formula is not (`follows_a_formula`).
    """
    table = _table(values) + np.float32(0)  # so that -0 has the bytes of 0
    rows = table[list({row.tobytes(): place for place, row in enumerate(table)}.values())]
    _, counts = np.unique(rows, return_counts=True)
    share = counts / rows.size
    return rows.size * log10(float((share**2).sum())) if rows.size else 0.0


def follows_a_formula(values: Values) -> bool:
    """Whether runs of values along rows or columns are predicted by the values before them, or repeat as masks do.

    Sinusoid and Fourier tables, ramps, geometric series, logarithms, windows, triangular filters: every value is a fixed
    combination of the three before it, or the table is zero but for one run a row. Trained or drawn values leave a residual
    of about 0.8 of their spread.
    """
    table = _table(values)
    words, counts = np.unique(table, return_counts=True)
    commonest = words[np.argmax(counts)]
    if _diagonal(table, commonest) or _banded(table, commonest) or _orthogonal_signs(table):
        return True
    if len(words) <= MAX_WORDS:
        return _repeats(np.searchsorted(words, table).astype(np.uint8), len(words))
    return any(_predicted(side) for side in (table, table.T) if side.shape[1] >= WINDOW)


def _diagonal(table: Values, commonest: np.float32) -> bool:
    """Whether what differs from the commonest value repeats along diagonals: identities, shifts, masks of a band."""
    if min(table.shape) < 2:
        return False
    here, there = table[:-1, :-1], table[1:, 1:]
    own = here != commonest
    return bool(own.any() and (here == there)[own].mean() > 1 - RUNS_THAT_FOLLOW)


def _banded(table: Values, commonest: np.float32) -> bool:
    """Whether most is one value (zero, or its logarithm with a floor) and what is not lies in one run a row, as in banks of
    filters, or is one value a row, as in choices.

    Pruning leaves no runs.
    """
    there = table != commonest
    own = there.sum(axis=1)
    if table.shape[1] > 1 and (own <= 1).mean() > 1 - RUNS_THAT_FOLLOW:
        return True
    rows = there[own > 1]
    if not len(rows) or there.mean() > BANDED:
        return False
    runs = (np.diff(rows.astype(np.int8), axis=1, prepend=0) == 1).sum(axis=1)
    return bool((runs == 1).mean() > 1 - RUNS_THAT_FOLLOW)


def _orthogonal_signs(table: Values) -> bool:
    """Whether rows of one size up to their signs are orthogonal to each other, equal or opposite: Hadamard matrices, with random
    signs too, and codes made of their rows."""
    rows = np.abs(table[:ROWS_CROSSED])
    if min(rows.shape) < WINDOW or not rows[0, 0] or (rows != rows[0, 0]).any():
        return False
    signs = np.sign(table[:ROWS_CROSSED])
    crossed = np.abs(signs @ signs.T)
    return bool(((crossed < 0.5) | (crossed > rows.shape[1] - 0.5)).all())


def _table(values: Values) -> Values:
    clean = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return clean.reshape(clean.shape[0], -1) if clean.ndim > 1 else clean.reshape(1, -1)


def _predicted(rows: Values) -> bool:
    """Share of runs along rows that a linear rule of three terms predicts. Shape (rows, columns), columns >= WINDOW."""
    starts = np.linspace(0, rows.shape[1] - WINDOW, num=min(8, rows.shape[1] - WINDOW + 1)).astype(int)
    chosen = np.linspace(0, rows.shape[0] - 1, num=min(rows.shape[0], MAX_RUNS // len(starts))).astype(int)
    runs = np.concatenate([rows[chosen, at : at + WINDOW] for at in starts]).astype(np.float64)
    runs = runs[np.ptp(runs, axis=1) > 0]
    if not len(runs):
        return True
    follow = np.count_nonzero(_residuals(runs) < PREDICTED)
    return bool(follow >= RUNS_THAT_FOLLOW * len(runs))


def _residuals(runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) what three values before each value leave unexplained, as a share of the spread of the values; 1 without spread."""
    before = np.lib.stride_tricks.sliding_window_view(runs[:, :-1], ORDER, axis=1)
    target = runs[:, ORDER:]
    spread = np.linalg.norm(target - target.mean(axis=1, keepdims=True), axis=1)
    basis, size, _ = np.linalg.svd(before, full_matrices=False)
    basis = basis * (size > 1e-9 * size[:, :1])[:, None]  # least squares, as lstsq has them with rcond 1e-9
    left = target - np.einsum("nij,nj->ni", basis, np.einsum("nij,ni->nj", basis, target))
    length = np.linalg.norm(left, axis=1)
    out: NDArray[np.float64] = np.divide(length, spread, out=np.ones_like(length), where=spread > 0)
    return out


def _repeats(codes: NDArray[np.uint8], words: int) -> bool:
    """Whether a table of few values is compressed far below the entropy of its histogram, along rows or columns."""
    cut = codes[: max(1, MAX_CODES // max(1, codes.shape[1])), :MAX_CODES]
    share = np.bincount(cut.ravel(), minlength=words) / max(1, cut.size)
    share = share[share > 0]
    entropy_bytes = -float((share * np.log2(share)).sum()) * cut.size / 8
    least = min(len(zlib.compress(np.ascontiguousarray(side).tobytes(), 9)) for side in (cut, cut.T))
    return entropy_bytes < 64 or least < COMPRESSED * entropy_bytes
