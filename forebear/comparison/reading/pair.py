"""A pair of checkpoints being compared: pieces that correspond, units read from both sides alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.allowance import Allowance, piece_cost
from forebear.comparison.reading.plan import LocalPlan, ReadPlan
from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.core.threads import both
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint, Piece

WORTH_BYTES = 2**17
"""Bytes of the smaller side from which both are read at once."""


@dataclass
class Pair:
    """Subject and candidate, the budget they share, and what could not be done so far.

    looks_log10: log10 of the number of ways the pair itself was chosen (candidates compared, names inferred); every
    p-value is multiplied by it.
    """

    subject: Checkpoint
    candidate: Checkpoint
    allowance: Allowance
    folders: tuple[Path | None, Path | None] = (None, None)
    looks_log10: float = 0.0
    limits: list[Message] = field(default_factory=list)
    unsettled: list[Message] = field(default_factory=list)
    """Layouts of a side that were read one way although others fit as well."""
    attention_chosen: bool = False
    """Whether what is a query, key or value of a side was chosen by what agrees: attention then decides nothing (decision 0119)."""
    plan: ReadPlan = field(default_factory=LocalPlan)
    """What is read; on disk until `plan_reads` has looked where the sides are."""

    @property
    def undecoded(self) -> list[Message]:
        """What each side holds in codes that no decoder knows."""
        sides = (("subject", self.subject), ("candidate", self.candidate))
        return [
            message("limit.side", side=message(f"term.{side}"), what=said)
            for side, checkpoint in sides
            for said in checkpoint.undecoded
        ]

    def note(self, said: Message) -> None:
        """Record what could not be done and why, once."""
        if said not in self.limits:
            self.limits.append(said)

    def note_values(self) -> None:
        """Say which tensors held NaN or infinity where they were read, and which matrices nothing but zeros."""
        for side, checkpoint in (("subject", self.subject), ("candidate", self.candidate)):
            found = checkpoint.container.not_finite
            if found:
                name = min(found)
                values = {"count": len(found), "name": printable(name, 80), "rows": len(found[name])}
                self.note(message("limit.not_finite", side=message(f"term.{side}"), **values))
            if blank := checkpoint.container.blank:
                shown = {"count": len(blank), "name": printable(min(blank), 80)}
                self.note(message("values_blank.zeros", side=message(f"term.{side}"), **shown))

    def both(
        self,
        part: str,
        subject_layer: int | None,
        candidate_layer: int | None,
        expert: int | None = None,
        kind: str = "matrix",
    ) -> tuple[Piece, Piece] | None:
        """The pieces that play one part on both sides, or None when either has none."""
        left = self.subject.piece(part, subject_layer, expert, kind)
        right = self.candidate.piece(part, candidate_layer, expert, kind)
        return (left, right) if left is not None and right is not None else None

    def units(
        self,
        pieces: tuple[Piece, Piece],
        axis: str,
        select: NDArray[np.intp] | None,
        what: Message,
        only: Mapping[str, NDArray[np.intp]] | None = None,
    ) -> tuple[Float32, Float32] | None:
        """Units of both pieces along one axis, shape (blocks, units, features) each, cut to what both have.

        Units and features beyond the smaller side are left out: positions are chosen before anything is looked at, so
        every test stays valid. only: other atoms cut to these indices. None when the budget does not allow it (recorded as
        `what`).
        """
        left, right = pieces
        if not (left.size(axis) and right.size(axis)):
            self.note(message("limit.number_unknown", what=what))
            return None
        count = None if select is None else len(select)
        costs = piece_cost(self.subject, left, axis, count, only), piece_cost(self.candidate, right, axis, count, only)
        if not self.allowance.allows(*costs, what):
            return None
        mine, theirs = (partial(s.units, p, axis, select, only=only) for s, p in ((self.subject, left), (self.candidate, right)))
        apart = self.subject.container is not self.candidate.container
        a, b = both(mine, theirs) if apart and min(costs) >= WORTH_BYTES else (mine(), theirs())
        blocks, units, features = (min(x, y) for x, y in zip(a.shape, b.shape, strict=True))
        return a[:blocks, :units, :features], b[:blocks, :units, :features]


def axis_size(piece: Piece, axis: str) -> int:
    """Units of an axis in a piece, per block (the size of its atom)."""
    return piece.size(axis)


def spread(count: int) -> Iterator[int]:
    """0..count-1 so that any prefix is spread evenly: ends first, then halves."""
    seen: set[int] = set()
    for order in (0, count - 1, *_halves(0, count - 1)):
        if 0 <= order < count and order not in seen:
            seen.add(order)
            yield order


def _halves(low: int, high: int) -> Iterator[int]:
    queue = [(low, high)]
    while queue:
        left, right = queue.pop(0)
        middle = (left + right) // 2
        if middle in (left, right):
            continue
        yield middle
        queue += [(left, middle), (middle, right)]
