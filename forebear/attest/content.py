"""What a record says of a checkpoint: a tree of digests, a screen, and rows that nobody can choose (METHODS §18, §19).

root:    Merkle tree over tensors by name (leaf and node told apart by a first byte, as RFC 6962 does), of digests of values, so a
         checkpoint keeps its root when it is stored in another type without loss.
screen:  two-sided signed bucket sums of every matrix, each of unit norm, hashed by position, added up: 256 numbers, -127 to 127.
rows:    at places drawn from a digest: those of the chain's first record, alike in all records, and those of this checkpoint's
         own root, which its maker learns only when the weights are final.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.seeds import generator
from forebear.files.base import Container
from forebear.files.digests import value_digest

F64 = NDArray[np.float64]
SIDE = 16
"""Buckets of rows, and of columns: 16 x 16 sums."""
ROWS = 8
"""Rows kept at the places of either digest."""
ROW_VALUES = 32
"""Most values kept of a row."""
BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Content:
    """See the module. tensors: how many there are; parameters: how many numbers."""

    root: str
    tensors: int
    parameters: int
    screen: tuple[int, ...]
    fixed_rows: tuple[Mapping[str, Any], ...]
    own_rows: tuple[Mapping[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """As it stands in a record."""
        return {
            "root": self.root,
            "tensors": self.tensors,
            "parameters": self.parameters,
            "screen": list(self.screen),
            "fixed_rows": [dict(row) for row in self.fixed_rows],
            "own_rows": [dict(row) for row in self.own_rows],
        }


def content_of(container: Container, first_root: str | None = None) -> Content:
    """Read a checkpoint once for its digests, once for its screen. first_root: of the chain's first record; None for itself.

    Raises: RefusedError when it cannot be read.
    """
    digests = {name: value_digest(container, name).digest for name in sorted(container.tensors)}
    root = root_of(digests)
    return Content(
        root,
        len(digests),
        sum(entry.parameters for entry in container.tensors.values()),
        screen_of(container),
        rows_at(container, first_root or root),
        rows_at(container, root),
    )


def root_of(digests: Mapping[str, str]) -> str:
    """The root over tensors in order of their names.

    >>> root_of({})[:8]
    'e3b0c442'
    >>> root_of({"a": "00"}) != root_of({"b": "00"})
    True
    """
    level = [
        hashlib.sha256(b"\x00" + f"{name}\x00{digest}".encode()).digest() for name, digest in sorted(digests.items())
    ]
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\x01" + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()


def root_in(container: Container) -> str:
    """The root of what a container holds."""
    return root_of({name: value_digest(container, name).digest for name in container.tensors})


def matrices(container: Container) -> list[str]:
    """Names of two-dimensional tensors with more than one row and column, in order."""
    return [n for n, e in sorted(container.tensors.items()) if len(e.shape) == 2 and min(e.shape) > 1]


def screen_of(container: Container) -> tuple[int, ...]:
    """The 256 sums, scaled so that the largest is 127; zeros where nothing is finite."""
    total = np.zeros((SIDE, SIDE))
    for name in matrices(container):
        rows, columns = container.tensors[name].shape
        sums, square = _sums(container, name, rows, columns)
        if np.isfinite(square) and square > 0:
            total += sums / np.sqrt(square)
    largest = float(np.abs(total).max())
    scaled = np.rint(total / largest * 127) if largest > 0 else total
    return tuple(int(v) for v in scaled.ravel())


def _sums(container: Container, name: str, rows: int, columns: int) -> tuple[F64, float]:
    right = _signed(f"columns {name}", columns)
    left = _signed(f"rows {name}", rows)
    total, square = np.zeros((SIDE, SIDE)), 0.0
    with np.errstate(all="ignore"):
        for start in range(0, rows, BLOCK_ROWS):
            block = container.rows(name, start, min(rows, start + BLOCK_ROWS)).astype(np.float64)
            total += left[start : start + BLOCK_ROWS].T @ (block @ right)
            square += float(np.square(block).sum())
    return total, square


def _signed(what: str, count: int) -> F64:
    """A table that adds positions into buckets with a sign each. Shapes: (count, SIDE)."""
    draws = generator("attest/screen/1", what, count)
    table = np.zeros((count, SIDE))
    table[np.arange(count), draws.integers(0, SIDE, count)] = draws.integers(0, 2, count) * 2.0 - 1.0
    return table


def rows_at(container: Container, digest: str) -> tuple[dict[str, Any], ...]:
    """Rows at places that follow from a digest: tensor, row, first column, values."""
    names = matrices(container)
    if not names:
        return ()
    draws = generator("attest/rows/1", digest)
    found = []
    for _ in range(ROWS):
        name = names[int(draws.integers(0, len(names)))]
        rows, columns = container.tensors[name].shape
        row, first = int(draws.integers(0, rows)), int(draws.integers(0, max(1, columns - ROW_VALUES + 1)))
        values = container.take(name, [row])[0][first : first + ROW_VALUES]
        kept = [float(v) if np.isfinite(v) else None for v in values]
        found.append({"tensor": name, "row": row, "first": first, "values": kept})
    return tuple(found)


def screen_cosine(a: Sequence[int], b: Sequence[int]) -> float:
    """Cosine of two screens, an estimate of that of the weights with an error near 1/16; 0 where one is zero."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / size if size > 0 else 0.0
