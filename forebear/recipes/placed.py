"""What lies in the same place of several checkpoints: pieces of one family by what they are, other tensors by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.files.base import Float32
from forebear.models.architecture.pieces import Piece
from forebear.models.checkpoint import Checkpoint

Key = tuple[Any, ...]
BLOCK_VALUES = 2**22
"""Values read at once of one side: 16 MiB as float32."""
EXACT = frozenset({"F32", "F16", "BF16"})
PLAIN_NUMBERS = frozenset({"I64", "U64", "I32", "U32", "I16", "U16", "I8", "U8", "BOOL", "F64", "C64"})
"""Plain types that hold no weights of a model, or values that float32 does not hold."""


@dataclass(frozen=True)
class Place:
    """One piece of one checkpoint, or a whole tensor where no definition claims it.

    tensor: its name there; part "other" and kind "matrix" or "gain" (by its number of axes) for a tensor nobody claims.
    piece:  None for a whole tensor.
    """

    tensor: str
    part: str
    kind: str
    layer: int | None
    expert: int | None
    shape: tuple[int, ...]
    dtype: str
    piece: Piece | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))


def places(checkpoint: Checkpoint, *, by_name: bool = False) -> dict[Key, Place]:
    """Every place of a checkpoint that holds floating numbers, by what corresponds to it elsewhere.

    by_name: whole tensors under their names, whatever the definition says.
    """
    tensors = checkpoint.container.tensors
    found: dict[Key, Place] = {}
    claimed: dict[str, Piece] = {piece.tensor: piece for piece in checkpoint.pieces}
    if not by_name:
        for piece in checkpoint.pieces:
            dtype = tensors[piece.tensor].dtype
            if piece.kind != "constant" and dtype not in PLAIN_NUMBERS and piece.key not in found:
                kept = None if piece.whole and piece.shape == tensors[piece.tensor].shape else piece
                found[piece.key] = Place(
                    piece.tensor, piece.part, piece.kind, piece.layer, piece.expert, piece.shape, dtype, kept
                )
    for name in tensors if by_name else checkpoint.unclaimed:
        entry, known = tensors[name], claimed.get(name)
        if entry.dtype not in PLAIN_NUMBERS and (known is None or known.kind != "constant"):
            part, kind = (known.part, known.kind) if known else ("other", "matrix" if len(entry.shape) > 1 else "gain")
            layer, expert = (known.layer, known.expert) if known else (None, None)
            found[("name", name)] = Place(name, part, kind, layer, expert, entry.shape, entry.dtype)
    return found


def shared_places(sides: Sequence[Checkpoint]) -> list[tuple[Place, ...]]:
    """Places that every side has in one shape, in the order of the first side.

    Sides of one family are matched by piece (fused or not, stacked or not); others by the names of whole tensors.
    """
    by_name = len({side.family for side in sides}) > 1 or sides[0].family == "unknown"
    each = [places(side, by_name=by_name) for side in sides]
    rows = ([side.get(key) for side in each] for key in each[0])
    return [
        tuple(place for place in row if place is not None)
        for row in rows
        if all(place is not None and row[0] is not None and place.shape == row[0].shape for place in row)
    ]


def read(checkpoint: Checkpoint, place: Place, rows: NDArray[np.intp] | None = None) -> Float32:
    """Values of a place, or of some rows of its first axis, in its shape as float32."""
    total = place.shape[0] if place.shape else 1
    wanted = np.arange(total, dtype=np.intp) if rows is None else rows
    if place.piece is None:
        if not place.shape:
            return checkpoint.container.read(place.tensor)
        taken = checkpoint.container.take(place.tensor, wanted)
        return np.asarray(taken, dtype=np.float32).reshape(wanted.size, *place.shape[1:])
    spans = place.piece.spans
    taken = checkpoint.container.take(place.tensor, spans[0].positions()[wanted])
    for axis, span in enumerate(spans[1:], start=1):
        taken = np.take(taken, span.positions(), axis=axis)
    return np.ascontiguousarray(taken, dtype=np.float32).reshape(wanted.size, *place.shape[1:])


def row_blocks(place: Place, limit: int = BLOCK_VALUES) -> Iterator[NDArray[np.intp]]:
    """Rows of a place in runs of at most `limit` values (one row at least)."""
    total = place.shape[0] if place.shape else 1
    step = max(1, limit * max(1, total) // max(1, place.size))
    for begin in range(0, total, step):
        yield np.arange(begin, min(total, begin + step), dtype=np.intp)


def spread(place: Place, values: int) -> NDArray[np.intp]:
    """Rows spread evenly over a place, about `values` values of them, one row at least."""
    total = place.shape[0] if place.shape else 1
    count = min(total, max(1, values * max(1, total) // max(1, place.size)))
    return np.unique(np.linspace(0, total - 1, count).astype(np.intp))


def where_of(chosen: Iterable[Place]) -> Mapping[str, Any]:
    """Layers, parts and experts of some places, as a found operation says them."""
    listed = list(chosen)
    said: dict[str, Any] = {
        "layers": sorted({place.layer for place in listed if place.layer is not None}),
        "parts": sorted({place.part for place in listed}),
    }
    experts = sorted({place.expert for place in listed if place.expert is not None})
    return {**said, "experts": experts} if experts else said


def is_constant(values: Float32) -> bool:
    """Whether all values are equal: such a place tells nothing of descent (METHODS §11)."""
    return values.size == 0 or bool((values == values.reshape(-1)[0]).all())
