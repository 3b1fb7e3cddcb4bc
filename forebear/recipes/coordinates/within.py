"""Maps inside layers fitted again, to values that operations made, low-rank changes left aside (METHODS §9, §12).

A map inside a head or neuron is fitted to rows as they are now. Where these were changed as well, the fit takes a part of the
change for its own, and what is left of the change has no shape any more. Whatever the map, a change of low rank lies in few
directions of the residual channels: fitted on the others, the map is met exactly, and the change is seen as it was made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.recipes.coordinates.invariants import Floats
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.layout import Layer, Linear
from forebear.recipes.steps.model import Model

EXACT = 2e-5
"""What may be left of a pair of maps, as a share, for the fit to be exact: what rounding leaves of a subject that was put back."""
ROUNDS = 160
MOST_RANK = 1 / 3
"""Rank of a change up to which it is left aside, as a share of the channels."""
TRIED, LESS = 5, 0.5
"""Rounds after which less than this share must be left of what the first round left."""
GIVEN_UP = 2
"""Places without an exact fit after which an operation's others are not tried."""


@dataclass(frozen=True)
class _Pair:
    """Rows that one map mixes, and those that take it back. Shapes: first (g, k, d), second (g, e·k, d) as (g, e, k, d)."""

    first: Floats
    second: Floats


def refitted(subject: Model, state: Model, ops: frozenset[str]) -> Mapping[str, Mapping[tuple[int, ...], Floats]]:
    """What the maps of `ops` have to be multiplied by, by operation and place (layer, layer, expert).

    subject: put back with maps that were fitted. state: the candidate after the operations found, in the subject's shapes.
    Returns: only places where the fit left more than rounding does, and where a further one is exact.
    Raises: RefusedError where the two have no shapes in common.
    """
    mine, theirs = Draft(subject), Draft(state)
    found: dict[str, dict[tuple[int, ...], Floats]] = {}
    failed: Counter[str] = Counter()
    if len(mine.parts.layers) != len(theirs.parts.layers):
        raise refusal(message("recipe_refused.layers"), where="layers")
    for layer, other in zip(mine.parts.layers, theirs.parts.layers, strict=True):
        for op, key, (a, b) in _places(mine, layer, theirs, other, ops):
            same = a.first.shape == b.first.shape and a.second.shape == b.second.shape
            if same:
                a, b = _known(a, b)
            if not same or failed[op] >= GIVEN_UP or (_left(a.first, b.first) < EXACT and _left(a.second, b.second) < EXACT):
                continue
            maps = _fitted(a, b)
            if maps is not None:
                found.setdefault(op, {})[key] = maps
            failed[op] += maps is None
    return found


def _known(mine: _Pair, theirs: _Pair) -> tuple[_Pair, _Pair]:
    """Both on the channels where they differ: those a growth drew hold the subject's own values in both, not moved by maps."""
    apart = (mine.first != theirs.first).any(axis=(0, 1))
    if apart.all() or int(apart.sum()) <= mine.first.shape[1]:
        return mine, theirs
    one, other = (_Pair(pair.first[..., apart], pair.second[..., apart]) for pair in (mine, theirs))
    return one, other


def _places(
    mine: Draft, layer: Layer, theirs: Draft, other: Layer, ops: frozenset[str]
) -> Iterator[tuple[str, tuple[int, ...], tuple[_Pair, _Pair]]]:
    at = layer.index
    for op in ops & {"value-mixing", "value-permutation"}:
        yield op, (at, at), (_heads(mine, layer.v, layer.o, True), _heads(theirs, other.v, other.o, True))
    for op in ops & {"head-rotation", "query-key-mixing"}:
        yield op, (at, at), (_heads(mine, layer.k, layer.q, False), _heads(theirs, other.k, other.q, False))
    if "neuron-scaling" in ops and len(layer.mlps) == len(other.mlps):
        for expert, (one, its) in enumerate(zip(layer.mlps, other.mlps, strict=True)):
            pairs = (_neurons(mine, one.up, one.down), _neurons(theirs, its.up, its.down))
            yield "neuron-scaling", (at, at, expert), pairs


def _rows(draft: Draft, linear: Linear, writes: bool = False) -> Floats:
    values = draft.weight(linear).astype(np.float64)
    return np.asarray(values.T if writes else values)


def _heads(draft: Draft, few: Linear, many: Linear, writes: bool) -> _Pair:
    groups, each = draft.parts.kv_heads, draft.parts.queries_per_group
    first, second = _rows(draft, few), _rows(draft, many, writes)
    size = len(first) // groups
    return _Pair(first.reshape(groups, size, -1), second.reshape(groups, each, size, -1))


def _neurons(draft: Draft, up: Linear, down: Linear) -> _Pair:
    return _Pair(_rows(draft, up)[:, None, :], _rows(draft, down, True)[:, None, None, :])


def _fitted(mine: _Pair, theirs: _Pair) -> Floats | None:
    """The inverse of what the maps are off by, (g, k, k); None where no fit is exact."""
    width = theirs.first.shape[-1]
    none = np.zeros((width, 0))
    plain = _solved(mine, theirs, none, none)
    if _outside(mine, theirs, plain, 0)[0] < EXACT:
        return np.asarray(np.linalg.inv(plain), dtype=np.float64)
    rank = 1
    while rank <= MOST_RANK * width:
        maps = _aside(mine, theirs, plain, rank)
        if maps is not None:
            while rank > 1 and (fewer := _aside(mine, theirs, maps, rank - 1)) is not None:
                maps, rank = fewer, rank - 1  # directions too many would be taken from the maps
            return np.asarray(np.linalg.inv(maps), dtype=np.float64)
        rank *= 2
    return None


def _aside(mine: _Pair, theirs: _Pair, maps: Floats, rank: int) -> Floats | None:
    """The fit on the directions in which nothing changed, these found in turn with it; None where it does not get exact."""
    first = np.inf
    for at in range(ROUNDS):
        left, one, other = _outside(mine, theirs, maps, rank)
        if left < EXACT:
            return maps
        first = left if at == 0 else first
        if at == TRIED and left > LESS * first:
            return None
        maps = _solved(mine, theirs, one, other)
    return None


def _outside(mine: _Pair, theirs: _Pair, maps: Floats, rank: int) -> tuple[float, Floats, Floats]:
    """What is left beyond a change of a rank, as a share, and the directions of the change, (d, rank), of both."""
    width = theirs.first.shape[-1]
    first = np.linalg.solve(maps, mine.first) - theirs.first
    second = np.einsum("gji,gejd->geid", maps, mine.second) - theirs.second
    left, found = 0.0, []
    for change, whole in ((first, theirs.first), (second, theirs.second)):
        rows = change.reshape(-1, width)
        directions = np.linalg.eigh(rows.T @ rows)[1][:, width - rank :]
        rest = rows - (rows @ directions) @ directions.T
        left = max(left, float(np.linalg.norm(rest)) / max(float(np.linalg.norm(whole)), 1e-30))
        found.append(directions)
    return left, found[0], found[1]


def _solved(mine: _Pair, theirs: _Pair, one: Floats, other: Floats) -> Floats:
    """Maps N with N·theirs = mine for first rows and Nᵀ·mine = theirs for second rows, by least squares, outside the directions
    `one` and `other`. The normal equations are A N + N B = C with A and B symmetric. Shapes: (g, k, k)."""
    x, mx = (m - (m @ one) @ one.T for m in (theirs.first, mine.first))
    y, my = (m - (m @ other) @ other.T for m in (theirs.second, mine.second))
    x, mx = (m / max(float(np.linalg.norm(x)), 1e-30) for m in (x, mx))
    y, my = (m / max(float(np.linalg.norm(y)), 1e-30) for m in (y, my))
    a = np.einsum("geid,gejd->gij", my, my)
    b = np.einsum("gid,gjd->gij", x, x)
    c = np.einsum("gid,gjd->gij", mx, x) + np.einsum("geid,gejd->gij", my, y)
    p, u = np.linalg.eigh(a)
    q, v = np.linalg.eigh(b)
    inner = np.swapaxes(u, 1, 2) @ c @ v / np.maximum(p[:, :, None] + q[:, None, :], 1e-30)
    return np.asarray(u @ inner @ np.swapaxes(v, 1, 2))


def _left(mine: Floats, theirs: Floats) -> float:
    return float(np.linalg.norm(mine - theirs)) / max(float(np.linalg.norm(theirs)), 1e-30)
