"""The reading budget of a comparison: what each side may still read, asked before every read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forebear.core.messages import Message
from forebear.files.base import Container
from forebear.models.checkpoint import Checkpoint, Piece


def row_bytes(checkpoint: Checkpoint, tensor: str) -> int:
    """Stored bytes of one row of the first axis, rounded up."""
    entry = checkpoint.container.tensors[tensor]
    rows = entry.shape[0] if entry.shape else 1
    return -(-entry.stored_bytes // max(1, rows))


def piece_cost(
    checkpoint: Checkpoint,
    piece: Piece,
    axis: str,
    count: int | None,
    only: Mapping[str, NDArray[np.intp]] | None = None,
) -> int:
    """Bytes that `checkpoint.units(piece, axis, only=only)` of `count` units reads; all units for None."""
    return checkpoint.cost(piece, axis, count, only)


def vector_cost(checkpoint: Checkpoint, tensor: str) -> int:
    """Bytes that reading a vector whole costs: at an address what is still to be fetched."""
    entry, container = checkpoint.container.tensors[tensor], checkpoint.container
    if container.grain_bytes <= 1 or not entry.shape:
        return entry.stored_bytes
    return container.cost(tensor, np.arange(entry.shape[0], dtype=np.intp))


@dataclass
class Allowance:
    """Bytes each side may read in this comparison; `None` sets no bound.

    The bound holds for tensor bytes read after construction; refusals are remembered so that the report can say what
    was left out for want of budget.
    """

    subject: Container
    candidate: Container
    budget: int | None
    refused: list[Message] = field(default_factory=list)
    _start: tuple[int, int] = (0, 0)
    _quick: int | None = None
    kept: int = 0
    """Bytes kept for what comes last; set to 0 before it reads."""

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, budget: int | None = None) -> None:
        """Count from here: what was read to settle equality is not taken from the tests. budget: a larger one from here on, which
        searches that take long for what they read do not get."""
        if budget is not None and self.budget is not None:
            self._quick, self.budget = self.budget, max(self.budget, budget)
        self._start = (self.subject.bytes_read, self.candidate.bytes_read)

    def left(self) -> int | None:
        """Bytes the tighter side may still read; None without a bound."""
        if self.budget is None:
            return None
        used = max(self.subject.bytes_read - self._start[0], self.candidate.bytes_read - self._start[1])
        return max(0, self.budget - self.kept - used)

    def allows(self, subject_bytes: int, candidate_bytes: int, what: Message, *, slow: bool = False) -> bool:
        """Whether both reads fit; a refusal is recorded under `what`. slow: the search takes long for what it reads."""
        left = self.left()
        if slow and self._quick is not None and left is not None:
            left = min(left, self._quick)
        if left is None or max(subject_bytes, candidate_bytes) <= left:
            return True
        if what not in self.refused:
            self.refused.append(what)
        return False
