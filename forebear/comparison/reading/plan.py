"""What a comparison reads and in what order; sides on disk and sides at an address differ here and nowhere else.

On disk every row costs itself, so rows are taken one by one over the whole tensor, and the tests ask the budget before each
read. At an address a request costs more than its bytes (remote_plan.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.allowance import Allowance
from forebear.core.messages import Message, message
from forebear.core.seeds import Draws
from forebear.core.spacing import evenly
from forebear.files.base import Container, Float32
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.strength_thresholds import FAR_NEURONS

Rows = NDArray[np.intp]
Pieces = tuple[Piece, Piece]
"""The pieces that play one part on both sides."""
Picked = tuple[Sequence[Pieces], Rows]
"""Pieces of one layer pair, and which of their neurons."""


class Sides(Protocol):
    """What a plan needs of the pair it is for (pair.py)."""

    subject: Checkpoint
    candidate: Checkpoint
    allowance: Allowance

    def note(self, said: Message) -> None:
        """See `Pair.note`."""

    def both(self, part: str, subject_layer: int | None, candidate_layer: int | None) -> Pieces | None:
        """See `Pair.both`."""


class Narrowed(NamedTuple):
    """What is read of a private axis. leading: parts that name its units; others: whether parts beside them are read too."""

    leading: tuple[str, ...]
    others: bool
    pairs: tuple[tuple[int, int], ...]


class ReadPlan(Protocol):
    """Asked by every test before it reads. Positions never depend on values, so each test is exact under either plan.

    reads_whole: whether small files are read whole, unasked, to show that they are identical.
    reads_new_rows: whether embedding rows are read of tokens that one side alone has.
    far_neurons: neurons a layer that strength draws. unpaid: why it was not measured where the budget does not pay for it.
    """

    reads_whole: bool
    reads_new_rows: bool
    far_neurons: int
    unpaid: Message

    def leaves_out(self, pair: Sides, said: Message) -> bool:
        """Whether a search that reads more than the plan's own tensors is left out; `said` is noted then."""

    def second_budget(self, pair: Sides, budget: int) -> None:
        """Give a later search a budget of its own; nobody asked for one at an address."""

    def keep(self, pair: Sides, part: int) -> None:
        """Keep one part in so many of the budget for what comes last."""

    def affordable(self, pair: Sides, wanted: int, each: int, share: int = 1) -> int:
        """How many of `wanted` rows of `each` bytes one part in `share` of what is left pays for."""

    def positions(self, size: int, count: int) -> Rows:
        """At most `count` of 0..size-1, those that cost least."""

    def screen_parts(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Parts whose rows are sampled to find the layer map."""

    def probed(self, side: int, container: Container, rows: int) -> Iterator[tuple[tuple[int, ...], Float32]]:
        """Shape and first rows of the tensors by which two files may be equal."""

    def fetch_whole(self, container: Container) -> None:
        """Say that a side is read whole next."""

    def narrowed(
        self, pair: Sides, atom: str, leading: tuple[str, ...], pairs: tuple[tuple[int, int], ...], units: Message
    ) -> Narrowed:
        """What is read of a private axis, fetched where that is to be done together."""

    def experts(self, most: int) -> int:
        """Experts of a mixture layer that are read."""

    def layer_units(self, size: int) -> int | None:
        """Units of a layer that are read, of `size`; None where the budget decides."""

    def fetched_units(self, most: int) -> int:
        """Units of a layer there are to read, of `most`, before the budget is asked."""

    def only(self, pieces: Pieces, atom: str) -> dict[str, Rows] | None:
        """What to keep of the other atoms in the rows of both pieces; None for all."""

    def gains(self, pair: Sides, found: list[Pieces], order: Sequence[int]) -> list[Pieces]:
        """Norm gains that are read, of those found. order: layers of the subject, those to keep first."""

    def bound_tokenizers(self, pair: Sides) -> None:
        """Let no tokenizer take more of the budget than it may."""

    def tokens(self, pair: Sides, tensors: tuple[str, str], ids: tuple[Rows, Rows], count: int, share: int) -> Rows:
        """Places in `ids`, (n,) token ids of either side in one order, whose embedding rows are read; at most `count`."""

    def covers(self, side: int, tensor: str, rows: Rows | None = None) -> bool:
        """Whether a tensor, or rows of it, may be shown in figures; reading them costs nothing the tests need."""

    def figure_cost(self, cost: int) -> int:
        """What rows shown in figures still cost of `cost` bytes."""

    def pays_for_gauge(self, pair: Sides) -> bool:
        """Whether the budget pays for the least that gauge fixing needs."""

    def draw(self, drawn: Draws, size: int, count: int) -> Rows:
        """`count` of 0..size-1, their places drawn."""

    def pays_for_neurons(self, pair: Sides, picked: Sequence[Picked], more: tuple[int, int], what: Message) -> bool:
        """Whether the budget pays for these neurons and `more` bytes a side, fetched where that is to be done together."""


class LocalPlan:
    """Both sides on disk. See `ReadPlan`."""

    reads_whole = True
    reads_new_rows = True
    far_neurons = FAR_NEURONS
    unpaid = message("strength.no_budget")

    def leaves_out(self, pair: Sides, said: Message) -> bool:
        """Nothing is."""
        return False

    def second_budget(self, pair: Sides, budget: int) -> None:
        """See `ReadPlan.second_budget`."""
        pair.allowance.restart(budget)

    def keep(self, pair: Sides, part: int) -> None:
        """See `ReadPlan.keep`."""
        if pair.allowance.budget is not None:
            pair.allowance.kept = pair.allowance.budget // part

    def affordable(self, pair: Sides, wanted: int, each: int, share: int = 1) -> int:
        """See `ReadPlan.affordable`."""
        left = pair.allowance.left()
        return wanted if left is None else min(wanted, left // share // max(1, each))

    def positions(self, size: int, count: int) -> Rows:
        """Spread evenly."""
        return evenly(size, count)

    def screen_parts(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """All."""
        return parts

    def probed(self, side: int, container: Container, rows: int) -> Iterator[tuple[tuple[int, ...], Float32]]:
        """Of every tensor that has values."""
        for name, entry in container.tensors.items():
            if entry.parameters:
                values = container.rows(name, 0, min(rows, entry.shape[0])) if entry.shape else container.rows(name)
                yield entry.shape, values

    def fetch_whole(self, container: Container) -> None:
        """Nothing to fetch."""

    def narrowed(
        self, pair: Sides, atom: str, leading: tuple[str, ...], pairs: tuple[tuple[int, int], ...], units: Message
    ) -> Narrowed:
        """All of it."""
        return Narrowed(leading, True, pairs)

    def experts(self, most: int) -> int:
        """As many as asked for."""
        return most

    def layer_units(self, size: int) -> int | None:
        """The budget decides."""
        return None

    def fetched_units(self, most: int) -> int:
        """All."""
        return most

    def only(self, pieces: Pieces, atom: str) -> dict[str, Rows] | None:
        """All."""
        return None

    def gains(self, pair: Sides, found: list[Pieces], order: Sequence[int]) -> list[Pieces]:
        """All."""
        return found

    def bound_tokenizers(self, pair: Sides) -> None:
        """They lie on disk."""

    def tokens(self, pair: Sides, tensors: tuple[str, str], ids: tuple[Rows, Rows], count: int, share: int) -> Rows:
        """Spread evenly."""
        return evenly(len(ids[0]), count)

    def covers(self, side: int, tensor: str, rows: Rows | None = None) -> bool:
        """Everything."""
        return True

    def figure_cost(self, cost: int) -> int:
        """All of it."""
        return cost

    def pays_for_gauge(self, pair: Sides) -> bool:
        """Gauge fixing asks the budget itself."""
        return True

    def draw(self, drawn: Draws, size: int, count: int) -> Rows:
        """One by one."""
        return np.sort(drawn.order(size)[:count])

    def pays_for_neurons(self, pair: Sides, picked: Sequence[Picked], more: tuple[int, int], what: Message) -> bool:
        """See `ReadPlan.pays_for_neurons`."""
        costs = [
            sum(side.cost(two[k], "neuron", len(pick)) for pieces, pick in picked for two in pieces) + more[k]
            for k, side in enumerate((pair.subject, pair.candidate))
        ]
        return pair.allowance.allows(costs[0], costs[1], what)
