"""Tensor by tensor: what answers to what, a few rows of each read once for effects and distributions (METHODS §10, §16)."""

from __future__ import annotations

from typing import Any

import numpy as np

from forebear.comparison.findings.surveyed import Figures, Moments, Surveyed
from forebear.comparison.findings.weights import drawn, moments
from forebear.comparison.reading.allowance import row_bytes, vector_cost
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.core.errors import printable
from forebear.core.messages import message
from forebear.files.base import Float32, notice
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.arrays import finite_or_zero

MAX_TENSORS = 3000
"""Rows of the table kept in a document; a mixture of experts has tens of thousands of tensors."""
MAX_VECTOR = 65_536
"""Longest vector read whole."""
ROWS = 8
"""Rows read of each matrix, spread evenly."""

def survey(pair: Pair, layers: LayerMap) -> list[Surveyed]:
    """Every piece of both sides, paired by part and aligned layer, with figures over the same few rows of both.

    Reads at most ROWS rows of a matrix, fewer where the budget is tight, none of tensors beyond MAX_TENSORS.
    """
    pieces = _pieces(pair, layers)
    if len(pieces) > MAX_TENSORS:
        pair.note(message("limit.tensor_table", count=MAX_TENSORS, of=len(pieces)))
    pieces = pieces[:MAX_TENSORS]
    rows = _rows_affordable(pair, pieces)
    return [_look(pair, left, right, rows) for left, right in pieces]


def _pieces(pair: Pair, layers: LayerMap) -> list[tuple[Piece | None, Piece | None]]:
    partner, main = dict(layers.pairs), pair.subject.definition.main_stack if pair.subject.definition else ""
    other = {piece.key: piece for piece in pair.candidate.pieces}
    rows: list[tuple[Piece | None, Piece | None]] = []
    met = set()
    for piece in pair.subject.pieces:
        layer = partner.get(piece.layer) if piece.layer is not None and piece.stack == main else piece.layer
        key = (piece.part, piece.role, piece.kind, piece.stack, layer, piece.expert)
        found = other.get(key) if piece.layer is None or layer is not None else None
        met.add(None if found is None else found.key)
        rows.append((piece, found))
    return rows + [(None, piece) for piece in pair.candidate.pieces if piece.key not in met]


def _rows_affordable(pair: Pair, pieces: list[tuple[Piece | None, Piece | None]]) -> int:
    one = [0, 0]
    for both in pieces:
        for at, (side, piece) in enumerate(zip((pair.subject, pair.candidate), both, strict=True)):
            if piece is not None and len(piece.shape) == 2:
                one[at] += row_bytes(side, piece.tensor)
    return max(1, pair.plan.affordable(pair, ROWS, max(one)))


def _look(pair: Pair, left: Piece | None, right: Piece | None, rows: int) -> Surveyed:
    shapes = [p.shape for p in (left, right) if p is not None]
    beside = len(shapes) == 2 and len(shapes[0]) == len(shapes[1])
    shared = min(s[0] for s in shapes) if beside and shapes[0] else None
    a = None if left is None else _read(pair, 0, left, rows, shared)
    b = None if right is None else _read(pair, 1, right, rows, shared)
    figures = figures_of(a, b, centred=left is not None and left.kind != "matrix") if beside else None
    taken = None if a is None or figures is None else (a.shape[0], shared if shared is not None and len(shapes[0]) == 2 else 1)
    return Surveyed(left, right, _moments(left, a), _moments(right, b), figures, taken)


def _moments(piece: Piece | None, rows: Float32 | None) -> Moments | None:
    return moments(rows) if piece is not None and rows is not None and drawn(piece) else None


def _read(pair: Pair, which: int, piece: Piece, rows: int, shared: int | None) -> Float32 | None:
    """A few rows of a matrix piece, or a vector as one row; None where it is neither, too long or beyond the budget.

    At an address: the first rows, and only of what was fetched for the tests.
    """
    what = message("budget.figures")
    side = (pair.subject, pair.candidate)[which]
    if not pair.plan.covers(which, piece.tensor):
        pair.note(message("limit.figures_remote"))
        return None
    if len(piece.shape) == 1:
        entry = side.container.tensors[piece.tensor]
        cost = vector_cost(side, piece.tensor)
        if entry.parameters > MAX_VECTOR or not pair.allowance.allows(cost, cost, what):
            return None
        values = side.container.rows(piece.tensor).ravel()
        notice(side.container, piece.tensor, np.zeros(1, dtype=np.intp), values[None])
        return values[piece.spans[0].positions()][None]
    if len(piece.shape) != 2:
        return None
    size = piece.shape[0] if shared is None else shared
    chosen = pair.plan.positions(size, rows)
    places, across = piece.spans[0].positions()[chosen], piece.spans[1]
    if not pair.plan.covers(which, piece.tensor, places):
        return None
    cost = pair.plan.figure_cost(len(chosen) * row_bytes(side, piece.tensor))
    if not pair.allowance.allows(cost, cost, what):
        return None
    block = side.container.take(piece.tensor, places)
    notice(side.container, piece.tensor, places, block)
    if piece.kind == "matrix" and block.size and not np.count_nonzero(block):
        side.container.blank.add(piece.tensor)
    return block[:, across.start : across.start + across.count] if across.contiguous else block[:, across.positions()]


def figures_of(a: Float32 | None, b: Float32 | None, *, centred: bool) -> Figures | None:
    """(cosine, ||A−B||/||B||, share of rows bitwise equal); None when they differ in shape or a side is all zero.

    Shapes:  (rows, columns) each. centred: cosine after centring, for vectors: gains are near one (METHODS §7).
    """
    if a is None or b is None or a.shape != b.shape or not a.size:
        return None
    x, y = (finite_or_zero(v).astype(np.float64) for v in (a, b))
    change, whole = float(np.linalg.norm(x - y)), float(np.linalg.norm(y))
    if centred:
        x, y = x - x.mean(), y - y.mean()
    norms = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    if not whole or not norms[0] or not norms[1]:
        return None
    return float((x * y).sum() / norms[0] / norms[1]), change / whole, float(np.mean((a == b).all(axis=1)))


def tensor_rows(pair: Pair, surveyed: list[Surveyed]) -> list[dict[str, Any]]:
    """The table of tensors as it stands in a comparison document; figures None where nothing was read.

    rows: {"compared", "of"}: the figures are over so many of the rows that both sides have.
    """
    return [_row(pair, s) for s in surveyed]


def _row(pair: Pair, s: Surveyed) -> dict[str, Any]:
    figures = s.figures or (None, None, None)
    return {
        "part": s.piece.part,
        "kind": s.piece.kind,
        "role": s.piece.role,
        "expert": s.piece.expert,
        "subject": _side(pair.subject, s.subject),
        "candidate": _side(pair.candidate, s.candidate),
        "cosine": None if figures[0] is None else round(figures[0], 6),
        "distance": None if figures[1] is None else round(figures[1], 6),
        "equal": None if figures[2] is None else round(figures[2], 4),
        "rows": None if s.rows is None else {"compared": s.rows[0], "of": s.rows[1]},
    }


def _side(checkpoint: Checkpoint, piece: Piece | None) -> dict[str, Any] | None:
    if piece is None:
        return None
    return {
        "name": printable(piece.tensor),
        "layer": piece.layer,
        "shape": list(piece.shape),
        "dtype": checkpoint.container.tensors[piece.tensor].dtype,
    }
