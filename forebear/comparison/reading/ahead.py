"""What a comparison reads of a checkpoint at an address: chosen before it begins, few requests, fetched side by side.

On disk every row costs itself, so rows are taken one by one over the whole tensor. At an address a request costs more than its
bytes, so each tensor gives its first rows in one piece, the same rows on both sides, and only tensors that decide are read.
Positions are fixed before anything is looked at, so every test stays exact (METHODS §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.allowance import piece_cost, row_bytes
from forebear.core.limits import DEFAULT_BUDGET_BYTES
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.files.base import PIECE_BYTES, Container, spread_rows
from forebear.files.bytes.remote import SmallFile
from forebear.models.reading import rows_read

if TYPE_CHECKING:
    from forebear.comparison.reading.pair import Pair
    from forebear.models.checkpoint import Checkpoint, Piece

Rows = NDArray[np.intp]
Wanted = list[tuple[str, Rows]]

LEADING = ("gate", "up")
"""Parts whose rows are neurons; the last is in every family and carries signs."""
MOST_LEADING = 108
"""Requests a side for neurons, of about 200 in all; a deeper model is read by `up` alone."""
MOST_TOKENS = 24
"""Requests a side for embedding rows."""
MOST_GAINS = 36
"""Norm gains a side, each a request unless they lie together."""
VALUE_LAYERS = 12
"""Layers whose value dimensions are read, spread over the depth."""
LEAST_UNITS = 16
"""Units below which a deck is not worth a request (METHODS §3: fewer than 13 cannot decide)."""
PROBES = 16
"""Tensors looked at for equality where no part is known."""


@dataclass
class Ahead:
    """What is read of each side.

    units: neurons of a layer, or value dimensions of its first head; 0 where they do not lie in rows or the budget is too small.
    parts: the parts whose first rows are read in every layer. rows: by side, the rows of each tensor asked for so far.
    """

    units: int = 0
    parts: tuple[str, ...] = ()
    rows: tuple[dict[str, Rows], dict[str, Rows]] = field(default_factory=lambda: ({}, {}))

    def fetch(self, pair: Pair, subject: Iterable[tuple[str, Rows]], candidate: Iterable[tuple[str, Rows]]) -> None:
        """Fetch rows of both sides side by side, as far as the budget goes, and remember that they were asked for.

        The two lists run side by side: what the budget does not pay on one side is not fetched on the other.
        """
        asked = _paid(pair, list(subject), list(candidate))
        for known, wanted in zip(self.rows, asked, strict=True):
            for name, rows in wanted:
                known[name] = np.union1d(known[name], rows) if name in known else rows
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(pair.subject.container.prefetch, asked[0])
            pair.candidate.container.prefetch(asked[1])
            waiting.result()

    def covers(self, side: int, tensor: str, rows: Rows) -> bool:
        """Whether these rows were asked for already."""
        known = self.rows[side].get(tensor)
        return known is not None and bool(np.isin(rows, known).all())

    @staticmethod
    def bound_tokenizers(pair: Pair) -> None:
        """Let no tokenizer at an address take more than half of what is left to read."""
        left = pair.allowance.left()
        for side in (pair.subject, pair.candidate) if left is not None else ():
            for file in side.container.beside.values():
                if isinstance(file, SmallFile):
                    file.limit = min(file.limit, (left or 0) // 2)

    @staticmethod
    def pays_for_a_layer(pair: Pair) -> bool:
        """Whether the budget pays for the MLP of one layer on either side: what gauge fixing needs at the least."""
        left = pair.allowance.left()
        for side in (pair.subject, pair.candidate):
            pieces = [side.piece(part, 0) or side.piece(part, 0, 0) for part in ("gate", "up", "down")]
            costs = [piece_cost(side, p, "neuron", None) for p in pieces if p is not None and p.has("neuron")]
            if left is not None and sum(costs) > left:
                return False
        return True


def _paid(pair: Pair, subject: Wanted, candidate: Wanted) -> tuple[Wanted, Wanted]:
    left = pair.allowance.left()
    if left is None:
        return subject, candidate
    lengths = []
    for side, wanted in ((pair.subject, subject), (pair.candidate, candidate)):
        costs = np.cumsum([side.container.cost(name, rows) for name, rows in wanted])
        lengths.append(int(np.searchsorted(costs, left, side="right")))
    if max(len(subject), len(candidate)) > min(lengths):
        pair.allowance.allows(left + 1, left + 1, message("budget.remote_rows"))
    return subject[: min(lengths)], candidate[: min(lengths)]


def look_ahead(pair: Pair) -> Ahead | None:
    """The plan of a pair of which a side is at an address, its first rows fetched; None for two local sides."""
    if max(pair.subject.container.grain_bytes, pair.candidate.container.grain_bytes) <= 1:
        return None
    ahead = Ahead()
    sides = (pair.subject, pair.candidate)
    if any(side.definition is None for side in sides):
        ahead.fetch(pair, *(_some(side.container) for side in sides))
        return ahead
    ahead.units, ahead.parts, wanted = _leading(pair)
    ahead.fetch(pair, *wanted)
    return ahead


def _some(container: Container) -> Wanted:
    """First rows of a few tensors of each side, in an order that names hardly matter to."""
    names = sorted((e.shape, name) for name, e in container.tensors.items() if e.parameters and e.shape)
    return [(names[i][1], np.arange(min(2, names[i][0][0]), dtype=np.intp)) for i in evenly(len(names), PROBES)]


def _leading(pair: Pair) -> tuple[int, tuple[str, ...], tuple[Wanted, Wanted]]:
    """(units a layer, parts, rows of either side) for as many leading parts as requests and budget pay for."""
    left = pair.allowance.left()
    share = (DEFAULT_BUDGET_BYTES if left is None else left) // 2
    grain = max(pair.subject.container.grain_bytes, pair.candidate.container.grain_bytes)
    sides = (pair.subject, pair.candidate)
    for parts in (LEADING, LEADING[-1:]):
        found = [_pieces(side, parts) for side in sides]
        count = max(len(pieces) for pieces in found)
        if not all(found) or count > MOST_LEADING:
            continue
        in_rows = all(piece.atoms[0] == ("neuron",) and 0 not in piece.sizes[0] for pieces in found for piece in pieces)
        dearest = max(row_bytes(side, p.tensor) for side, pieces in zip(sides, found, strict=True) for p in pieces)
        units = (min(PIECE_BYTES, share // count) - grain) // max(1, dearest)
        if units >= LEAST_UNITS:
            wanted = [[(p.tensor, p.spans[0].positions()[:units]) for p in pieces] for pieces in found]
            return int(units) if in_rows else 0, parts, (wanted[0], wanted[1])
    return 0, (), ([], [])


def _pieces(side: Checkpoint, parts: Sequence[str]) -> list[Piece]:
    found = (side.piece(part, layer) or side.piece(part, layer, 0) for layer in range(side.layers) for part in parts)
    return [piece for piece in found if piece is not None and len(piece.shape) == 2]


def first_heads(pieces: tuple[Piece, Piece], axis: str) -> dict[str, Rows] | None:
    """What to keep of the other atoms in the rows of both pieces, so that units lie together; None where they do not."""
    others = []
    for piece in pieces:
        if axis not in piece.atoms[0] or 0 in piece.sizes[0]:
            return None
        others.append([atom for atom in piece.atoms[0] if atom != axis])
    return {atom: np.zeros(1, dtype=np.intp) for atom in others[0]} if others[0] == others[1] else None


def fetch_units(pair: Pair, both: Sequence[tuple[Piece, Piece]], axis: str) -> None:
    """Fetch the first units of pieces of both sides, side by side."""
    assert pair.ahead is not None
    wanted: tuple[Wanted, Wanted] = ([], [])
    for pieces in both:
        only = first_heads(pieces, axis)
        count = min(pair.ahead.units, *(piece.size(axis) for piece in pieces))
        for asked, piece in zip(wanted, pieces if only is not None else (), strict=False):
            asked.append((piece.tensor, rows_read(piece, axis, count, only or {})))
    pair.ahead.fetch(pair, *wanted)


def fetch_vectors(pair: Pair, both: Sequence[tuple[Piece, Piece]], order: Sequence[int]) -> list[tuple[Piece, Piece]]:
    """At most MOST_GAINS vectors of either side, fetched side by side. order: layers of the subject, those to keep first."""
    assert pair.ahead is not None
    rank = {layer: at for at, layer in enumerate(order)}
    kept = sorted(both, key=lambda pieces: -1 if pieces[0].layer is None else rank[pieces[0].layer])[:MOST_GAINS]
    wanted = [[(p.tensor, p.spans[0].positions()) for p in side] for side in zip(*kept, strict=True)] or [[], []]
    pair.ahead.fetch(pair, *wanted)
    return kept


def token_places(pair: Pair, tensors: tuple[str, str], ids: tuple[Rows, Rows], count: int, share: int | None) -> Rows:
    """Which of the shared tokens to read: runs of neighbours, as many as requests and the budget's share allow.

    ids: (n,) token ids of either side, in one order. Returns: sorted positions into them.
    """
    sides = (pair.subject, pair.candidate)
    far = [(row_bytes(side, t), side.container, t) for side, t in zip(sides, tensors, strict=True)
           if side.container.grain_bytes > 1]  # fmt: skip
    _, container, tensor = max(far, key=lambda item: item[0])
    while True:
        pick = spread_rows(container, tensor, len(ids[0]), count)
        rows = [np.unique(side_ids[pick]) for side_ids in ids]
        cost = max(side.container.cost(t, r) for side, t, r in zip(sides, tensors, rows, strict=True))
        asked = max(_requests(side, t, r) for side, t, r in zip(sides, tensors, rows, strict=True))
        if count <= 2 or (asked <= MOST_TOKENS and (share is None or cost <= share)):
            return pick
        count = max(2, count * 3 // 4)


def _requests(side: Checkpoint, tensor: str, rows: Rows) -> int:
    """Pieces that these rows lie in; 0 on disk."""
    grain = side.container.grain_bytes
    if grain <= 1:
        return 0
    one = row_bytes(side, tensor)
    blocks = np.unique(np.concatenate((rows * one // grain, ((rows + 1) * one - 1) // grain)))
    runs = np.split(blocks, np.flatnonzero(np.diff(blocks) > 2) + 1)
    return sum(-(-int(run[-1] - run[0] + 1) * grain // PIECE_BYTES) for run in runs)
