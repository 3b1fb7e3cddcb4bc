"""The residual channels in other coordinates: in another order, negated, turned (METHODS §9)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.side import Side, cosine, row_cosines
from forebear.recipes.detectors.sight import SAME_ROW, Proposal, Sight
from forebear.recipes.found import Found
from forebear.stats.alignment import assign

PLACED = 0.3
"""Cosine of any part in place from which channels are taken to be where they were (decision 0034)."""

STAYED = 0.9
"""Cosine of a channel of the tables with the one in its place, whatever its sign, from which it is that one."""
TURNED = 0.7
"""A rotation is named where it leaves less than this share of what an order with signs leaves."""


def find(sight: Sight) -> list[Proposal]:
    """One proposal where channels are elsewhere and the tables of tokens tell where; nothing where they are in place."""
    a, b = sight.subject, sight.state
    if a.width != b.width or not a.width:
        return []
    mine, theirs = a.matrix("embedding"), b.matrix("embedding")
    if negated := _negated(mine, theirs):
        return negated
    if _in_place(sight):
        return []
    if mine is None or theirs is None:
        return []
    count = min(len(mine), len(theirs))
    mine, theirs = mine[:count].astype(np.float64), theirs[:count].astype(np.float64)
    ordered = _ordered(mine, theirs, sight.known_channels)
    if ordered and not _turned_nearer(mine, theirs):
        return ordered
    return _turned(mine, theirs) or ordered


def _negated(mine: np.ndarray | None, theirs: np.ndarray | None) -> list[Proposal]:
    """Channels in their places, some of them negated: those that stayed may hold enough of the rows to look in place."""
    if mine is None or theirs is None:
        return []
    count = min(len(mine), len(theirs))
    a, b = (m - m.mean(axis=0) for m in (mine[:count], theirs[:count]))
    sizes = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    alike = np.einsum("ij,ij->j", a, b) / np.maximum(1e-30, sizes)
    if float(np.median(np.abs(alike))) < STAYED or float(alike.min()) > -STAYED:
        return []
    sign = np.where(alike < 0, -1.0, 1.0)
    said = {"negated": int((sign < 0).sum())}
    return [Proposal(Found("residual-signs", {"parts": ["all"], "channels": len(sign)}, said), {"sign": sign})]


def placed_or_ordered(subject: Side, candidate: Side) -> bool:
    """Whether channels are where they were, a wider subject's first ones, or in an order that the tables tell. True as well where
    there is nothing to see it by."""
    mine, theirs = subject.matrix("embedding"), candidate.matrix("embedding")
    if mine is None or theirs is None or mine.shape[1] < theirs.shape[1]:
        return True
    count, width = min(len(mine), len(theirs)), theirs.shape[1]
    a, b = mine[:count], theirs[:count]
    if mine.shape[1] == width:
        known = np.ones(width, dtype=bool)
        return _in_place(Sight(subject, candidate)) or (
            bool(_ordered(a.astype(np.float64), b.astype(np.float64), known)) and not _turned_nearer(a, b)
        )
    if float(np.median(row_cosines(a[:, :width], b))) > SAME_ROW:
        return True
    for part in ("q", "k", "gate", "up"):
        rows, old = subject.matrix(part, 0, subject.places(0)[0] if part in ("gate", "up") else None), candidate.matrix(part, 0)
        if rows is not None and old is not None and len(rows) == len(old) and cosine(rows[:, :width], old) > PLACED:
            return True
    return False


def _turned_nearer(mine: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether a rotation is clearly nearer than the order that the tables tell."""
    a, b = mine.astype(np.float64), theirs.astype(np.float64)
    found = _turned(a, b)
    placed = b
    for one in _ordered(a, b, np.ones(a.shape[1], dtype=bool)):
        placed = placed[:, one.exact["order"]] if "order" in one.exact else placed * one.exact["sign"]
    return bool(found) and bool(np.linalg.norm(a - b @ found[0].exact["turn"]) < TURNED * np.linalg.norm(a - placed))


def _in_place(sight: Sight) -> bool:
    rows = sight.rows_in_place()
    if rows is not None and float(np.median(rows)) > SAME_ROW:
        return True
    best = 0.0
    for i in range(min(sight.subject.layers, sight.state.layers)):
        for part in ("q", "k", "v", "o", "gate", "up", "down"):
            found = sight.both(part, (i, i))
            if found is not None and found[0].shape == found[1].shape:
                best = max(best, cosine(*found))
    return best > PLACED


def _ordered(mine: np.ndarray, theirs: np.ndarray, known: np.ndarray) -> list[Proposal]:
    """The channels' order and signs, from the columns of the tables; nothing where columns do not match one to one.

    known: channels whose values no step drew; the others are left where they are.
    """
    a, b = (m - m.mean(axis=0) for m in (mine, theirs))  # tokens of all share a direction
    a = a / np.maximum(1e-30, np.linalg.norm(a, axis=0))
    b = b / np.maximum(1e-30, np.linalg.norm(b, axis=0))
    table = a.T @ b
    order = np.arange(len(table))
    order[known] = np.flatnonzero(known)[assign(np.abs(table[np.ix_(known, known)]))]
    matched = table[np.arange(len(order)), order]
    if float(np.median(np.abs(matched[known]))) < 0.6:
        return []
    sign = np.where((matched < 0) & known, -1.0, 1.0)
    where = {"parts": ["all"], "channels": len(order)}
    found = []
    if (order != np.arange(len(order))).any():
        moved = int((order != np.arange(len(order))).sum())
        found.append(Proposal(Found("residual-permutation", where, {"moved": moved}), {"order": order}))
    if (sign < 0).any():
        negated = int((sign < 0).sum())
        found.append(Proposal(Found("residual-signs", where, {"negated": negated}), {"sign": sign}))
    return found


def _turned(mine: np.ndarray, theirs: np.ndarray) -> list[Proposal]:
    """A rotation fitted on every other row, kept if it carries the rest over."""
    left, _, right = np.linalg.svd(theirs[::2].T @ mine[::2])
    turn = left @ right
    carried = row_cosines((theirs[1::2] @ turn).astype(np.float32), mine[1::2].astype(np.float32))
    fit = float(np.median(carried))
    if fit < SAME_ROW:
        return []
    left, _, right = np.linalg.svd(theirs.T @ mine)
    said = {"fit": round(fit, 4)}
    return [Proposal(Found("residual-rotation", {"parts": ["all"]}, said), {"turn": left @ right})]
