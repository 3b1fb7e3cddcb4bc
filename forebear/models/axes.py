"""Symmetries as actions on named arrays: shuffle or negate the units of an axis in every piece (METHODS §2, §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.models.architecture.layout import Layout
from forebear.models.architecture.pieces import Indices, Piece
from forebear.models.architecture.rules import LEVELS, AxisRule
from forebear.models.checkpoint import Checkpoint

Arrays = Mapping[str, NDArray[Any]]


def permute(
    arrays: Arrays, layout: Checkpoint | Layout, axis: str, order: Sequence[int] | Indices, *,
    layer: int | None = None, block: int | None = None, stack: str | None = None, expert: int | None = None,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Arrays with the units of one axis in another order: unit i of the result is unit order[i] of the input.

    order: a permutation of the units of one block. layer, block, stack, expert: where (None: everywhere the axis is);
    block counts the enclosing atoms of the scope ("value": the KV head). Arrays not touched are the same objects.
    The action is carried out whether or not the definition allows it (proofs need both); ask `Checkpoint.axis` first.
    Raises: RefusedError when the axis is unknown, nothing is there, or order is no permutation of its units.
    """
    found = _layout(layout)
    chosen = _checked_order(order)
    if axis in found.definition.expert_atoms:
        arrays = _permute_experts(arrays, found, axis, chosen, layer, stack, block)
    return _act(arrays, found, axis, (layer, block, stack, expert), len(chosen), lambda grid: grid[..., chosen])


def negate(
    arrays: Arrays, layout: Checkpoint | Layout, axis: str, signs: Sequence[int] | NDArray[Any], *,
    layer: int | None = None, block: int | None = None, stack: str | None = None, expert: int | None = None,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Arrays with units of one axis multiplied by signs (+1 or -1 each), in the parts the axis names (never in gains).

    signs: one per unit of a block. layer, block, stack, expert: as in `permute`.
    Raises: RefusedError when the axis is unknown, nothing is there, or a sign is neither +1 nor -1.
    """
    found = _layout(layout)
    factors = np.asarray(signs)
    if factors.ndim != 1 or not np.isin(factors, (-1, 1)).all():
        raise refusal(message("reorder.signs"))
    rule = _rule(found, axis)
    result = dict(arrays)
    touched = False
    for piece in _pieces(found, arrays, axis, layer, stack, expert):
        if piece.kind == "gain" or (rule.sign_parts and piece.part not in rule.sign_parts):
            continue
        for dimension in _dimensions(piece, axis):
            grid = _blocks_last(piece, dimension, rule, len(factors))
            vector = np.ones(result[piece.tensor].shape[dimension], dtype=result[piece.tensor].dtype)
            view = grid if block is None else grid[block : block + 1]
            vector[view] = factors.astype(vector.dtype)
            result[piece.tensor] = _own(result, arrays, piece.tensor)
            spread = vector[piece.spans[dimension].positions()].reshape(
                [-1 if at == dimension else 1 for at in range(len(piece.spans))]
            )
            window = _window(piece)
            result[piece.tensor][window] = result[piece.tensor][window] * spread
            touched = True
    return result if touched else _nothing(axis, layer)


def _act(
    arrays: Arrays, layout: Layout, axis: str, where: tuple[int | None, int | None, str | None, int | None],
    count: int, change: Callable[[Indices], Indices],
) -> dict[str, NDArray[Any]]:  # fmt: skip
    layer, block, stack, expert = where
    rule = _rule(layout, axis)
    result = dict(arrays)
    touched = axis in layout.definition.expert_atoms
    for piece in _pieces(layout, arrays, axis, layer, stack, expert):
        for dimension in _dimensions(piece, axis):
            grid = _blocks_last(piece, dimension, rule, count)
            take = np.arange(result[piece.tensor].shape[dimension], dtype=np.intp)
            view = grid if block is None else grid[block : block + 1]
            take[view] = change(view)
            source = piece.spans[dimension].positions()
            window = list(_window(piece))
            before = list(window)
            before[dimension] = _broadcast(take[source], dimension, len(window))
            values = result[piece.tensor][tuple(before)]
            result[piece.tensor] = _own(result, arrays, piece.tensor)
            result[piece.tensor][tuple(window)] = values
            touched = True
    return result if touched else _nothing(axis, layer)


def _permute_experts(
    arrays: Arrays, layout: Layout, axis: str, order: Indices, layer: int | None, stack: str | None, block: int | None
) -> dict[str, NDArray[Any]]:
    """Whole experts change places, whether each has tensors of its own or they are stacked in one."""
    result = dict(arrays)
    families: dict[tuple[Any, ...], dict[int, Piece]] = {}
    for piece in layout.pieces:
        if piece.expert is None or piece.tensor not in arrays or not _placed(piece, layer, stack, None):
            continue
        families.setdefault((piece.part, piece.role, piece.kind, piece.stack, piece.layer), {})[piece.expert] = piece
    for members in families.values():
        order_of_all = _expert_map(layout, axis, order, len(members), block)
        if sorted(members) != list(range(len(order_of_all))):
            raise refusal(message("reorder.missing"), where=axis)
        for to, source in enumerate(order_of_all):
            piece, other = members[to], members[int(source)]
            if to == source:
                continue
            values = arrays[other.tensor][_window(other)]
            if piece.shape != other.shape:
                raise refusal(message("reorder.shapes"), where=piece.tensor)
            result[piece.tensor] = _own(result, arrays, piece.tensor)
            result[piece.tensor][_window(piece)] = values
    return result


def _expert_map(layout: Layout, axis: str, order: Indices, total: int, block: int | None) -> Indices:
    """For each flat expert index of the result, the flat index it comes from."""
    atoms = layout.definition.expert_atoms
    sizes = [0] * len(atoms)
    for piece in layout.pieces:
        sizes = [known or piece.size(atom) for known, atom in zip(sizes, atoms, strict=True)]
    if len(atoms) == 1:
        sizes = [total]
    if np.prod(sizes) != total or sizes[atoms.index(axis)] != len(order):
        said = message("reorder.experts", count=len(order), total=total, names=" × ".join(atoms))
        raise refusal(said, where=axis)
    at = atoms.index(axis)
    flat = np.arange(total, dtype=np.intp).reshape(sizes)
    moved = np.moveaxis(flat, at, -1)
    view = moved.reshape(-1, len(order)).copy()
    rows = slice(None) if block is None else slice(block, block + 1)
    view[rows] = view[rows][:, order]
    return np.moveaxis(view.reshape(moved.shape), -1, at).reshape(-1)


def _layout(layout: Checkpoint | Layout) -> Layout:
    found = layout if isinstance(layout, Layout) else layout.layout
    if found is None:
        raise refusal(message("reorder.no_family"), todo=message("reorder.give"))
    return found


def _rule(layout: Layout, axis: str) -> AxisRule:
    rule = layout.definition.axes.get(axis)
    if rule is None:
        raise refusal(message("reorder.no_axis", family=layout.definition.family, axis=repr(axis)))
    return rule


def _placed(piece: Piece, layer: int | None, stack: str | None, expert: int | None) -> bool:
    return (
        (layer is None or piece.layer == layer)
        and (stack is None or piece.stack == stack)
        and (expert is None or piece.expert == expert)
    )


def _pieces(
    layout: Layout, arrays: Arrays, axis: str, layer: int | None, stack: str | None, expert: int | None
) -> Iterator[Piece]:
    for piece in layout.pieces:
        if piece.has(axis) and piece.tensor in arrays and _placed(piece, layer, stack, expert):
            yield piece


def _dimensions(piece: Piece, axis: str) -> Iterable[int]:
    return [at for at, atoms in enumerate(piece.atoms) if axis in atoms]


def _blocks_last(piece: Piece, dimension: int, rule: AxisRule, count: int) -> Indices:
    """Positions along a dimension as (blocks, everything else, units)."""
    if 0 in piece.sizes[dimension]:
        raise refusal(message("axis.sizes", names=rule.name), where=piece.tensor)
    atoms = piece.atoms[dimension]
    at = atoms.index(rule.name)
    if piece.sizes[dimension][at] != count:
        said = message("reorder.units", axis=rule.name, found=piece.sizes[dimension][at], count=count)
        raise refusal(said, where=piece.tensor)
    outer = [i for i, atom in enumerate(atoms) if atom in rule.scope and atom not in LEVELS and i != at]
    rest = [i for i in range(len(atoms)) if i != at and i not in outer]
    grid = piece.grid(dimension).transpose(*outer, *rest, at)
    blocks = int(np.prod([piece.sizes[dimension][i] for i in outer], dtype=np.intp))
    return grid.reshape(blocks, -1, count)


def _window(piece: Piece) -> tuple[Indices, ...]:
    return np.ix_(*(span.positions() for span in piece.spans))


def _broadcast(positions: Indices, dimension: int, total: int) -> Indices:
    return positions.reshape([-1 if at == dimension else 1 for at in range(total)])


def _own(result: dict[str, NDArray[Any]], arrays: Arrays, name: str) -> NDArray[Any]:
    """The result's array, copied the first time it is written to."""
    return result[name].copy() if result[name] is arrays[name] else result[name]


def _checked_order(order: Sequence[int] | Indices) -> Indices:
    chosen = np.asarray(order, dtype=np.intp)
    if chosen.ndim != 1 or not np.array_equal(np.sort(chosen), np.arange(len(chosen))):
        raise refusal(message("reorder.order"))
    return chosen


def _nothing(axis: str, layer: int | None) -> dict[str, NDArray[Any]]:
    where = "" if layer is None else f"layer {layer}"
    raise refusal(message("reorder.nothing", axis=repr(axis)), where=where)
