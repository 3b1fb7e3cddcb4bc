"""Decks between many small groups of units at once: what an index audit asks of every two layers of a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.stats.arrays import F32, I64, Floats, unit_rows


def decks_among(groups: Sequence[Floats]) -> I64:
    """Matches of the deck test for every ordered pair of groups, cut to the units and features that all have.

    Shapes:  m groups (n_i, k_i) -> (m, m): how many units of the row's group find their best |cos| in the column's group at
             their own position; the diagonal is 0. Ties count as a match when the unit at the own position is first: an audit
             may alarm once too often, never too seldom. Zero and unreadable rows never match.
    Memory:  n * m * n floats at a time.
    Source:  METHODS §3, §8.
    """
    if len(groups) < 2:
        return np.zeros((len(groups), len(groups)), dtype=np.int64)
    n, k = min(len(g) for g in groups), min(g.shape[1] for g in groups)
    pairs = [unit_rows(np.ascontiguousarray(g[:n, :k])) for g in groups]
    units: F32 = np.concatenate([p[0] for p in pairs]).astype(np.float32)
    usable = np.stack([p[1] for p in pairs])  # (m, n)
    matched = np.zeros((len(groups), len(groups)), dtype=np.int64)
    place = np.arange(n)
    for row in range(len(groups)):
        cosines = np.abs(units[row * n : (row + 1) * n] @ units.T).reshape(n, len(groups), n)
        in_place = (cosines.argmax(axis=2) == place[:, None]) & usable[row][:, None] & usable.T
        matched[row] = in_place.sum(axis=0)
    np.fill_diagonal(matched, 0)
    return matched
