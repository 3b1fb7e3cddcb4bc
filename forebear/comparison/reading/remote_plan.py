"""What a comparison reads of a checkpoint at an address: chosen before it begins, few requests, fetched side by side.

On disk every row costs itself, so rows are taken one by one over the whole tensor. At an address a request costs more than its
bytes, so each tensor gives its first rows in one piece, the same rows on both sides, and only tensors that decide are read.
Positions are fixed before anything is looked at, so every test stays exact (METHODS §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from forebear.comparison.reading.allowance import piece_cost, row_bytes
from forebear.comparison.reading.pair import spread
from forebear.comparison.reading.plan import Narrowed, Picked, Pieces, Rows, Sides
from forebear.core.limits import DEFAULT_BUDGET_BYTES
from forebear.core.messages import Message, message
from forebear.core.seeds import Draws
from forebear.core.spacing import evenly
from forebear.files.base import PIECE_BYTES, Container, Float32, spread_rows
from forebear.files.bytes.remote import SmallFile
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.models.reading import rows_read

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
REMOTE_NEURONS = 32
"""Neurons a layer that strength reads: one piece that lies together, its place drawn."""


@dataclass
class RemotePlan:
    """A side at an address, or both. See `ReadPlan`.

    units: neurons of a layer, or value dimensions of its first head; 0 where they do not lie in rows or the budget is too small.
    parts: the parts whose first rows are read in every layer. rows: by side, the rows of each tensor asked for so far.
    """

    units: int = 0
    parts: tuple[str, ...] = ()
    rows: tuple[dict[str, Rows], dict[str, Rows]] = field(default_factory=lambda: ({}, {}))
    reads_whole: bool = False
    reads_new_rows: bool = False
    far_neurons: int = REMOTE_NEURONS
    unpaid: Message = field(default_factory=lambda: message("strength.remote"))

    def leaves_out(self, pair: Sides, said: Message) -> bool:
        """See `ReadPlan.leaves_out`."""
        pair.note(said)
        return True

    def second_budget(self, pair: Sides, budget: int) -> None:
        """None: of an address nobody asked for a second budget."""

    def keep(self, pair: Sides, part: int) -> None:
        """Nothing: what comes last is chosen with the rest."""

    def affordable(self, pair: Sides, wanted: int, each: int, share: int = 1) -> int:
        """All: they were fetched already, or lie together."""
        return wanted

    def positions(self, size: int, count: int) -> Rows:
        """The first."""
        return np.arange(min(size, count), dtype=np.intp)

    def screen_parts(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Those fetched."""
        return self.parts

    def probed(self, side: int, container: Container, rows: int) -> Iterator[tuple[tuple[int, ...], Float32]]:
        """Of the tensors of which rows were fetched."""
        for name, places in self.rows[side].items():
            yield container.tensors[name].shape, container.take(name, places[:rows])

    def fetch_whole(self, container: Container) -> None:
        """See `ReadPlan.fetch_whole`; of a side on disk nothing is fetched."""
        if container.grain_bytes > 1:
            container.prefetch((n, np.arange(t.shape[0], dtype=np.intp)) for n, t in container.tensors.items() if t.shape)

    def narrowed(
        self, pair: Sides, atom: str, leading: tuple[str, ...], pairs: tuple[tuple[int, int], ...], units: Message
    ) -> Narrowed:
        """Only parts that lie in rows, and of value dimensions a few layers: the rest would be read whole or one by one."""
        if not self.units:
            return Narrowed(leading, False, pairs)
        if atom == "neuron":
            return Narrowed(self.parts, False, pairs)
        some = tuple(pairs[i] for i in islice(spread(len(pairs)), VALUE_LAYERS))
        both = [pair.both(part, left, right) for left, right in some for part in leading]
        self._fetch_units(pair, [pieces for pieces in both if pieces is not None], atom)
        pair.note(message("limit.first_heads", units=units, layers=len(some)))
        return Narrowed(leading, False, some)

    def experts(self, most: int) -> int:
        """The first."""
        return 1

    def layer_units(self, size: int) -> int | None:
        """Those fetched; the budget decides where none were."""
        return min(size, self.units) if self.units else None

    def fetched_units(self, most: int) -> int:
        """Those fetched."""
        return min(most, self.units)

    def only(self, pieces: Pieces, atom: str) -> dict[str, Rows] | None:
        """The first head, so that units lie together."""
        return first_heads(pieces, atom)

    def gains(self, pair: Sides, found: list[Pieces], order: Sequence[int]) -> list[Pieces]:
        """At most MOST_GAINS of either side, fetched side by side."""
        rank = {layer: at for at, layer in enumerate(order)}
        kept = sorted(found, key=lambda pieces: -1 if pieces[0].layer is None else rank[pieces[0].layer])[:MOST_GAINS]
        wanted = [[(p.tensor, p.spans[0].positions()) for p in side] for side in zip(*kept, strict=True)] or [[], []]
        self.fetch(pair, *wanted)
        return kept

    def bound_tokenizers(self, pair: Sides) -> None:
        """No tokenizer at an address takes more than half of what is left to read."""
        left = pair.allowance.left()
        for side in (pair.subject, pair.candidate) if left is not None else ():
            for file in side.container.beside.values():
                if isinstance(file, SmallFile):
                    file.limit = min(file.limit, (left or 0) // 2)

    def tokens(self, pair: Sides, tensors: tuple[str, str], ids: tuple[Rows, Rows], count: int, share: int) -> Rows:
        """Tokens that lie together, their rows fetched."""
        left = pair.allowance.left()
        pick = token_places(pair, tensors, ids, count, None if left is None else left // share)
        self.fetch(pair, [(tensors[0], np.unique(ids[0][pick]))], [(tensors[1], np.unique(ids[1][pick]))])
        return pick

    def covers(self, side: int, tensor: str, rows: Rows | None = None) -> bool:
        """What was asked for already."""
        known = self.rows[side].get(tensor)
        return known is not None and (rows is None or bool(np.isin(rows, known).all()))

    def figure_cost(self, cost: int) -> int:
        """Nothing: only what was fetched is shown."""
        return 0

    def pays_for_gauge(self, pair: Sides) -> bool:
        """Whether the budget pays for the MLP of one layer on either side."""
        left = pair.allowance.left()
        for side in (pair.subject, pair.candidate):
            pieces = [side.piece(part, 0) or side.piece(part, 0, 0) for part in ("gate", "up", "down")]
            costs = [piece_cost(side, p, "neuron", None) for p in pieces if p is not None and p.has("neuron")]
            if left is not None and sum(costs) > left:
                return False
        return True

    def draw(self, drawn: Draws, size: int, count: int) -> Rows:
        """A run of neighbours, its place drawn."""
        count = min(size, count)
        return np.arange(count, dtype=np.intp) + drawn.below(size - count + 1)

    def pays_for_neurons(self, pair: Sides, picked: Sequence[Picked], more: tuple[int, int], what: Message) -> bool:
        """See `ReadPlan.pays_for_neurons`; gains are among what was fetched."""
        if any(p.atoms[0] != ("neuron",) or 0 in p.sizes[0] for pieces, _ in picked for two in pieces for p in two):
            return False
        sides = (pair.subject, pair.candidate)
        wanted = [
            [(two[k].tensor, two[k].spans[0].positions()[pick]) for pieces, pick in picked for two in pieces] for k in range(2)
        ]
        costs = [sum(side.container.cost(*one) for one in asked) for side, asked in zip(sides, wanted, strict=True)]
        if not pair.allowance.allows(costs[0], costs[1], what):
            return False
        self.fetch(pair, wanted[0], wanted[1])
        return True

    def _fetch_units(self, pair: Sides, both: Sequence[Pieces], axis: str) -> None:
        """The first units of pieces of both sides, side by side."""
        wanted: tuple[Wanted, Wanted] = ([], [])
        for pieces in both:
            only = first_heads(pieces, axis)
            count = min(self.units, *(piece.size(axis) for piece in pieces))
            for asked, piece in zip(wanted, pieces if only is not None else (), strict=False):
                asked.append((piece.tensor, rows_read(piece, axis, count, only or {})))
        self.fetch(pair, *wanted)

    def fetch(self, pair: Sides, subject: Iterable[tuple[str, Rows]], candidate: Iterable[tuple[str, Rows]]) -> None:
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


def _paid(pair: Sides, subject: Wanted, candidate: Wanted) -> tuple[Wanted, Wanted]:
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


def remote_plan(pair: Sides) -> RemotePlan:
    """The plan of a pair of which a side is at an address, its first rows fetched."""
    plan = RemotePlan()
    sides = (pair.subject, pair.candidate)
    if any(side.definition is None for side in sides):
        plan.fetch(pair, *(_some(side.container) for side in sides))
        return plan
    plan.units, plan.parts, wanted = _leading(pair)
    plan.fetch(pair, *wanted)
    return plan


def _some(container: Container) -> Wanted:
    """First rows of a few tensors of each side, in an order that names hardly matter to."""
    names = sorted((e.shape, name) for name, e in container.tensors.items() if e.parameters and e.shape)
    return [(names[i][1], np.arange(min(2, names[i][0][0]), dtype=np.intp)) for i in evenly(len(names), PROBES)]


def _leading(pair: Sides) -> tuple[int, tuple[str, ...], tuple[Wanted, Wanted]]:
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


def token_places(pair: Sides, tensors: tuple[str, str], ids: tuple[Rows, Rows], count: int, share: int | None) -> Rows:
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
