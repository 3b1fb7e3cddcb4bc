"""Every value of a checkpoint read once more: digests, grid and statistics by tensor, and what is odd about them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.limits import READ_BLOCK_BYTES
from forebear.core.messages import Message, message
from forebear.core.progress import tell
from forebear.files.base import Container, TensorEntry
from forebear.files.digests import value_digest

EXTREME = 1e4
"""A value this large in a weight is told; half precision ends at 65504."""
SHOWN = 5

Row = dict[str, Any]


@dataclass
class Summary:
    """Least, greatest, mean and spread of finite values, merged block by block (Chan)."""

    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    m2: float = 0.0
    nan: int = 0
    infinite: int = 0
    zeros: int = 0

    def add(self, block: NDArray[np.float32]) -> None:
        """Take in one block of any shape."""
        values = block.ravel()
        finite = np.isfinite(values)
        if not finite.all():
            self.nan += int(np.count_nonzero(np.isnan(values)))
            self.infinite += int(np.count_nonzero(np.isinf(values)))
            values = values[finite]
        if not values.size:
            return
        wide = values.astype(np.float64)
        mean = float(wide.mean())
        wide -= mean
        total, gap = self.count + wide.size, mean - self.mean
        self.m2 += float(wide @ wide) + gap * gap * self.count * wide.size / total
        self.mean += gap * wide.size / total
        self.count = total
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        self.zeros += int(values.size - np.count_nonzero(values))

    def document(self) -> Row:
        """The figures as they stand in a row of tensors; None where there is no finite value."""
        some = self.count > 0
        return {
            "min": self.low if some else None,
            "max": self.high if some else None,
            "mean": self.mean if some else None,
            "std": math.sqrt(self.m2 / self.count) if some else None,
            "nan": self.nan,
            "infinite": self.infinite,
            "zeros": self.zeros,
        }


def read_values(container: Container, tensors: list[Row]) -> dict[str, int]:
    """Digest, constancy, grid and statistics of every tensor, written into its row.

    Returns: how many tensors lie on each value grid.
    Raises:  RefusedError when the file changed or cannot be read.
    """
    grids: Counter[str] = Counter()
    of, done = sum(container.tensors[row["name"]].stored_bytes for row in tensors), 0
    for row in tensors:
        entry = container.tensors[row["name"]]
        tell(done, of, entry.name)
        done += entry.stored_bytes
        digest = value_digest(container, entry.name, grid=True)
        summary = Summary()
        for block in blocks(container, entry):
            summary.add(block)
        row |= {"digest": digest.digest, "constant": digest.constant, "value_grid": digest.grid, **summary.document()}
        grids[str(digest.grid)] += 1
    return dict(grids)


def blocks(container: Container, entry: TensorEntry) -> Iterator[NDArray[np.float32]]:
    """A tensor in blocks of rows, each at most READ_BLOCK_BYTES as float32 (or one row)."""
    rows = entry.shape[0] if entry.shape else 1
    if not entry.parameters:
        return
    step = max(1, READ_BLOCK_BYTES // 4 * rows // entry.parameters)
    for start in range(0, rows, step):
        yield container.rows(entry.name, start, min(rows, start + step))


def odd_values(tensors: list[Row]) -> list[Message]:
    """What is odd about values that were read: constants, copies, NaN, extremes, zeros."""
    read = [t for t in tensors if "digest" in t]
    return [
        *_said("constant", [t for t in read if t["constant"] and t["parameters"] > 1]),
        *_said("nan", [t for t in read if t["nan"]]),
        *_said("infinite", [t for t in read if t["infinite"]]),
        *_said("extreme", [t for t in read if _largest(t) > EXTREME], beyond=EXTREME),
        *_said("zeros", [t for t in read if not t["constant"] and t["zeros"] * 2 > t["parameters"] > 1]),
        *_copies(read),
    ]


def _largest(row: Row) -> float:
    return max(abs(row["min"]), abs(row["max"])) if row["min"] is not None else 0.0


def _said(what: str, rows: list[Row], **values: Any) -> list[Message]:
    if not rows:
        return []
    names = [str(r["name"]) for r in rows[:SHOWN]] + (["…"] if len(rows) > SHOWN else [])
    if len(rows) == 1:
        return [message(f"odd.one_{what}", names=names, **values)]
    return [message(f"odd.{what}", count=len(rows), names=names, **values)]


def _copies(read: list[Row]) -> list[Message]:
    """Tensors that are not constant and yet equal in value."""
    same: dict[str, list[Row]] = {}
    for row in read:
        if not row["constant"] and row["parameters"] > 1:
            same.setdefault(row["digest"], []).append(row)
    groups = [rows for rows in same.values() if len(rows) > 1]
    return _said("copies", [row for rows in groups for row in rows], groups=len(groups))
