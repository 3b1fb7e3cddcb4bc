"""One way in which values may have been converted: recomputed from the candidate, compared bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from forebear.files.base import Float32

Change = Callable[[Float32], Float32]
By = Literal["row", "column", "block", "whole"]


@dataclass(frozen=True, eq=False)
class Way:
    """A conversion; two of one name and the same parameters are the same.

    op:         its name in a recipe. parameters: what it was done with.
    change:     values of a place -> values it would have left, float32, same shape.
    by:         what is converted apart from the rest and may be recomputed by itself: rows of the first axis, columns of the last,
                blocks of 128 by 128, or only the whole.
    levels:     at most so many values differ in what shares a scale; 0: not known.
    """

    op: str
    change: Change
    parameters: Mapping[str, Any] = field(default_factory=dict)
    by: By = "row"
    levels: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Way) and (self.op, self.parameters) == (other.op, other.parameters)

    def __hash__(self) -> int:
        return hash((self.op, tuple(sorted((name, str(value)) for name, value in self.parameters.items()))))

    def then(self, op: Way) -> Way:
        """This way and then another; the name stays that of the way that loses more (this one)."""
        first, second = self.change, op.change
        return Way(
            self.op, lambda values: second(first(values)), {**self.parameters, "saved_as": op.parameters["dtype"]},
            self.by, self.levels,
        )  # fmt: skip

    def after(self, op: Way) -> Way:
        """Another way first (a cast), then this one."""
        first, second = op.change, self.change
        return Way(
            self.op, lambda values: second(first(values)), {**self.parameters, "from_dtype": op.parameters["dtype"]},
            self.by, self.levels,
        )  # fmt: skip


def equal(left: Float32, right: Float32) -> bool:
    """Equal bit for bit; minus zero counts as zero and every not-a-number as one, as in value digests.

    Shapes: both the same.
    """
    return left.shape == right.shape and bool(same(left, right).all())


def same(left: Float32, right: Float32) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where two arrays of one shape are equal bit for bit in that sense."""
    return np.asarray((left == right) | (np.isnan(left) & np.isnan(right)), dtype=np.bool_)
