"""Heads and values of an independent at the places nearest to a candidate's, by the axes that its definition calls free."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.models.axes import negate, permute
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.alignment import assign

Arrays = dict[str, NDArray[Any]]


def heads_placed(arrays: Arrays, checkpoint: Checkpoint, others: Arrays, other: Checkpoint) -> Arrays:
    """KV heads, query heads of each and values where O·V, then V rows and O columns, are nearest; outputs stay.

    Axes that the definition does not call free are left as they are. arrays, others: gains folded, the residual aligned.
    """
    free = {name: axis for name, axis in checkpoint.axes.items() if axis.permutation}
    for layer in range(checkpoint.layers):
        theirs = _written(others, other, layer)
        near = _near(_written(arrays, checkpoint, layer), theirs)
        heads, groups = near.shape[0], near.shape[1]
        if "kv_head" in free:
            gained = np.array([[_best(near[i, :, j])[1] for j in range(heads)] for i in range(heads)])
            order = max(permutations(range(heads)), key=lambda p: float(gained[list(p), range(heads)].sum()))
            arrays = permute(arrays, checkpoint, "kv_head", list(order), layer=layer)
            near = near[list(order)]
        if "group" in free and groups > 1:
            for head in range(heads):
                arrays = permute(arrays, checkpoint, "group", _best(near[head, :, head])[0], layer=layer, block=head)
        if "value" in free:
            arrays = _values_placed(arrays, checkpoint, layer, _rows(others, other, layer))
    return arrays


def _values_placed(arrays: Arrays, checkpoint: Checkpoint, layer: int, theirs: NDArray[Any]) -> Arrays:
    mine = _rows(arrays, checkpoint, layer)
    for head in range(len(mine)):
        table = mine[head] @ theirs[head].T
        signed = checkpoint.axes["value"].sign
        order = assign(np.ascontiguousarray((np.abs(table) if signed else table).T.astype(np.float32)))
        arrays = permute(arrays, checkpoint, "value", order, layer=layer, block=head)
        if signed:
            sign = np.where(table[order, np.arange(len(order))] < 0, -1, 1)
            arrays = negate(arrays, checkpoint, "value", sign, layer=layer, block=head)
    return arrays


def _best(table: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Own query head for each of the other's, and the likeness reached. table: (own, other's)."""
    order = assign(np.ascontiguousarray(table.T.astype(np.float32)))
    return order, float(table[order, np.arange(len(order))].sum())


def _near(mine: NDArray[Any], theirs: NDArray[Any]) -> NDArray[Any]:
    """Cosine of every O·V with every one of the other's: (kv, group, kv, group)."""
    flat = [m.reshape(*m.shape[:2], -1) for m in (mine, theirs)]
    one, two = (m / np.linalg.norm(m, axis=-1, keepdims=True) for m in flat)
    return np.asarray(np.einsum("agx,bhx->agbh", one, two))


def _written(arrays: Arrays, checkpoint: Checkpoint, layer: int) -> NDArray[Any]:
    """O·V of every query head: (kv, group, channel, channel)."""
    v, o = _grids(arrays, checkpoint, layer)
    return np.asarray(np.einsum("kvd,kgve->kged", v, o))


def _rows(arrays: Arrays, checkpoint: Checkpoint, layer: int) -> NDArray[Any]:
    """Each value's row of V and columns of O, of length one each, side by side: (kv, value, numbers)."""
    v, o = _grids(arrays, checkpoint, layer)
    columns = np.moveaxis(o, 2, 1).reshape(v.shape[0], v.shape[1], -1)
    return np.concatenate([m / np.maximum(np.linalg.norm(m, axis=-1, keepdims=True), 1e-30) for m in (v, columns)], axis=-1)


def _grids(arrays: Arrays, checkpoint: Checkpoint, layer: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """V as (kv, value, channel), O as (kv, group, value, channel)."""
    pieces = checkpoint.piece("v", layer), checkpoint.piece("o", layer)
    assert pieces[0] is not None
    assert pieces[1] is not None
    v, o = (_by_head(arrays, piece) for piece in pieces if piece is not None)
    kv, values = v.shape[:2]
    return v, o.reshape(kv, -1, values, o.shape[-1])


def _by_head(arrays: Arrays, piece: Piece) -> NDArray[Any]:
    """A piece with its channels last and what it counts of heads spread out."""
    values = arrays[piece.tensor][np.ix_(*(span.positions() for span in piece.spans))]
    at = piece.atoms.index(("channel",))
    sizes = piece.sizes[1 - at]
    return np.asarray(np.moveaxis(values, at, -1).reshape(*sizes, values.shape[at]))


__all__ = ["heads_placed"]
