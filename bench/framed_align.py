"""Aligners: an independent model rewritten to look like a candidate, its outputs unchanged (METHODS §17, stratum framed)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import numpy.typing as npt

from bench.framed_anneal import annealed
from forebear.core.seeds import generator
from forebear.recipes.steps.attention import mix_head_columns, mix_head_rows, split_heads, take_heads
from forebear.recipes.steps.draft import Draft, times
from forebear.recipes.steps.experts import order_experts
from forebear.recipes.steps.layout import Layer, Linear, Mlp
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.neurons import rescale_neurons, take_neurons
from forebear.recipes.steps.norms import fold_gains
from forebear.recipes.steps.orthogonal import rotation, rotation_keeping_ones
from forebear.recipes.steps.residual import move_residual, residual_norms
from forebear.stats.alignment import assign
from forebear.stats.gauge import fold, polar
from forebear.stats.joint import align
from forebear.stats.strength import Neurons, cosine_table, free_signs, neurons

Matrix = npt.NDArray[np.float64]
ALIGNERS = (
    "permutation", "signs", "procrustes", "procrustes and assignment", "heads", "LM head", "one layer", "joint", "annealed",
)  # fmt: skip
"""From the weakest to the strongest. Each is public knowledge: git re-basin, orthogonal Procrustes, assignment."""
COOLED_STARTS = 2
"""Drawn rotations that soft partners are cooled from."""
JOINT_STARTS = 6
"""Rotations the joint aligner begins with besides those of the embedding and of the LM head."""


def framed(independent: Model, candidate: Model, how: str, seed: int) -> Model:
    """The independent in other coordinates, as near to the candidate as one of ALIGNERS brings it; its outputs stay.

    seed:   names the random starts of the joint aligner.
    Raises: KeyError for another name of an aligner.
    """
    draft, target = Draft(independent), Draft(candidate)
    moves = _MOVES[how]
    if moves.exact:
        order, sign = _channels(draft, target, moves.signs and not draft.parts.mean_subtracted)
        move_residual(draft, lambda values: np.take(values, order, axis=-1) * sign.astype(values.dtype))
        for norm in residual_norms(draft):
            for name in (norm.gain, norm.bias):
                if name:
                    draft.set_vector(name, draft.arrays[name][order])
    else:
        draft.untie()
        turn = _ROTATIONS[moves.rotation](draft, target, seed)
        fold_gains(draft)
        move_residual(draft, lambda values: times(values, turn))
        for norm in residual_norms(draft):
            if norm.bias:
                draft.set_vector(norm.bias, times(draft.arrays[norm.bias][None], turn)[0])
    if moves.neurons:
        _place_neurons(draft, target, moves.signs)
    if moves.heads:
        for mine, theirs in zip(draft.parts.layers, target.parts.layers, strict=True):
            _place_heads(draft, mine, target, theirs)
    return draft.finish()


@dataclass(frozen=True)
class Moves:
    """What an aligner does. exact: channels are reordered, else turned by the rotation that is named."""

    exact: bool = False
    signs: bool = True
    rotation: str = "embedding"
    neurons: bool = True
    heads: bool = False


_MOVES = {
    "permutation": Moves(exact=True, signs=False),
    "signs": Moves(exact=True),
    "procrustes": Moves(neurons=False),
    "procrustes and assignment": Moves(),
    "heads": Moves(heads=True),
    "LM head": Moves(rotation="LM head"),
    "one layer": Moves(rotation="one layer"),
    "joint": Moves(rotation="joint", heads=True),
    "annealed": Moves(rotation="annealed", heads=True),
}


def mlp_rows(draft: Draft, layer: Layer, mlp: Mlp) -> Neurons:
    """Neurons of one MLP over the bare residual stream."""
    gain, subtracted = draft.arrays[layer.mlp_norm.gain], draft.parts.mean_subtracted
    inward = [fold(draft.weight(linear), gain, mean_subtracted=subtracted) for linear in mlp.inward]
    return neurons([*inward, fold(draft.weight(mlp.down).T, mean_subtracted=subtracted)])


def layers_of(draft: Draft) -> list[Neurons]:
    """Neurons of every layer, experts one after the other."""
    found = []
    for layer in draft.parts.layers:
        each = [mlp_rows(draft, layer, mlp) for mlp in layer.branches]
        views = tuple(np.concatenate(rows) for rows in zip(*(one.views for one in each), strict=True))
        found.append(Neurons(views, np.concatenate([one.usable for one in each]), each[0].gated))
    return found


def table(draft: Draft, head: bool = False) -> npt.NDArray[np.float32]:
    """Rows of the embedding, or of the LM head with the final gain folded in, centred over tokens."""
    parts = draft.parts
    if head and parts.head is not None:
        assert parts.final_norm is not None
        rows = fold(
            draft.weight(parts.head), draft.arrays[parts.final_norm.gain], mean_subtracted=parts.mean_subtracted
        )
    else:
        rows = fold(draft.arrays[parts.embedding], mean_subtracted=parts.mean_subtracted)
    return np.asarray(rows - rows.mean(axis=0, keepdims=True), dtype=np.float32)


def start_rotation(draft: Draft, target: Draft, head: bool = False) -> npt.NDArray[np.float32]:
    """Procrustes rotation of one table of tokens, (d, d)."""
    return polar(table(draft, head), table(target, head))


def _whole(draft: Draft, turn: npt.NDArray[np.float32]) -> Matrix:
    """A full orthogonal matrix: under LayerNorm the all-ones direction, which rows lack, goes to itself."""
    out = turn.astype(np.float64)
    if draft.parts.mean_subtracted:
        out = out + np.full(out.shape, 1 / len(out))
    left, _, right = np.linalg.svd(out)
    return np.asarray(left @ right)


def _from_embedding(draft: Draft, target: Draft, seed: int) -> Matrix:
    return _whole(draft, start_rotation(draft, target))


def _from_head(draft: Draft, target: Draft, seed: int) -> Matrix:
    return _whole(draft, start_rotation(draft, target, head=True))


def _one_layer(draft: Draft, target: Draft, seed: int) -> Matrix:
    """Everything for one layer, whose number the seed gives: against rules by which a single layer may decide."""
    layer = seed % len(draft.parts.layers)
    pairs = [(layers_of(draft)[layer], layers_of(target)[layer])]
    starts = [start_rotation(draft, target, head) for head in (False, True)]
    tried = [search(pairs, start) for search in (align, annealed) for start in starts]
    return _whole(draft, max(tried, key=lambda found: found.pooled).rotation)


def _joint(draft: Draft, target: Draft, seed: int) -> Matrix:
    """Many starts, then turns of the best found by small steps: the largest pooled strength over all layers.

    The ceiling does not depend on what an aligner does, so the largest s is the largest s / c.
    """
    mine, theirs = layers_of(draft), layers_of(target)
    pairs = list(zip(mine, theirs, strict=True))
    rng = generator("bench/framed/joint", seed)
    make = rotation_keeping_ones if draft.parts.mean_subtracted else rotation
    width = draft.parts.width
    starts = [start_rotation(draft, target, head) for head in (False, True)]
    starts += [make(rng, width).astype(np.float32) for _ in range(JOINT_STARTS)]
    tried = [align(pairs, start, exact=False) for start in starts]
    for size in (0.3, 0.1):
        step = rng.standard_normal((width, width)) * size / np.sqrt(width)
        near = max(tried, key=lambda found: found.pooled).rotation
        shaken = polar(np.eye(width), (near @ (np.eye(width) + step - step.T)).astype(np.float32))
        tried.append(align(pairs, shaken, exact=False))
    tried.sort(key=lambda found: -found.pooled)
    best = max((align(pairs, found.rotation) for found in tried[:3]), key=lambda found: found.pooled)
    for _ in range(2 if any(len(layer.mlps) > 1 for layer in draft.parts.layers) else 0):
        # a mixture's experts keep their neurons: assign experts, then turn towards these
        pairs = [p for k in range(len(mine)) for p in _expert_pairs(draft, target, k, best.rotation)]
        best = align(pairs, best.rotation)
    return _whole(draft, best.rotation)


def _cooled(draft: Draft, target: Draft, seed: int) -> Matrix:
    """The best of the joint aligner and of soft partners cooled from its rotation, from both tables and from drawn rotations.

    A mixture's experts are those that the joint aligner assigned to each other: they keep their neurons.
    """
    rng = generator("bench/framed/annealed", seed)
    make = rotation_keeping_ones if draft.parts.mean_subtracted else rotation
    joint = _rows_only(_joint(draft, target, seed), draft)
    pairs = [p for k in range(len(draft.parts.layers)) for p in _expert_pairs(draft, target, k, joint)]
    starts = [joint, *(start_rotation(draft, target, head) for head in (False, True))]
    starts += [make(rng, draft.parts.width).astype(np.float32) for _ in range(COOLED_STARTS)]
    tried = [align(pairs, joint), *(annealed(pairs, start) for start in starts)]
    return _whole(draft, max(tried, key=lambda found: found.pooled).rotation)


def _rows_only(turn: Matrix, draft: Draft) -> npt.NDArray[np.float32]:
    """A full rotation as rows know it: under LayerNorm they lack the all-ones direction."""
    return (turn - np.full(turn.shape, 1 / len(turn)) if draft.parts.mean_subtracted else turn).astype(np.float32)


def _expert_pairs(
    draft: Draft, target: Draft, layer: int, turn: npt.NDArray[np.float32]
) -> list[tuple[Neurons, Neurons]]:
    """MLPs of one layer with those of the target that they reach best under a rotation."""
    mine, theirs = draft.parts.layers[layer], target.parts.layers[layer]
    own = [mlp_rows(draft, mine, mlp) for mlp in mine.branches]
    others = [mlp_rows(target, theirs, mlp) for mlp in theirs.branches]
    if len(own) == 1:
        return [(own[0], others[0])]
    score = np.array([[_mean_assigned(x.turned(turn), y) for y in others] for x in own])
    return [(x, others[j]) for x, j in zip(own, assign(score).tolist(), strict=True)]


def _mean_assigned(a: Neurons, b: Neurons) -> float:
    scores = cosine_table(a, b)
    return float(scores[np.arange(len(scores)), assign(scores)].mean())


_ROTATIONS: dict[str, Callable[[Draft, Draft, int], Matrix]] = {
    "embedding": _from_embedding,
    "LM head": _from_head,
    "one layer": _one_layer,
    "joint": _joint,
    "annealed": _cooled,
}


def _channels(draft: Draft, target: Draft, signs: bool) -> tuple[npt.NDArray[np.int64], Matrix]:
    """Order and signs of residual channels nearest to the target's: embedding first, then neurons matched under it."""
    a, b = table(draft), table(target)
    cross = a.T @ b  # (d, d)
    order, sign = _nearest(cross, signs)
    for _ in range(3):
        cross = (a.T @ b) / np.linalg.norm(a) / np.linalg.norm(b)
        for mine, theirs in zip(layers_of(draft), layers_of(target), strict=True):
            moved = replace(mine, views=tuple(v[:, order] * sign.astype(np.float32) for v in mine.views))
            partner = assign(cosine_table(moved, theirs))
            flips = free_signs(moved, theirs, partner)[:, None]
            for place, (x, y) in enumerate(zip(mine.views, theirs.views, strict=True)):
                cross = cross + (x * flips if place and signs else x).T @ y[partner] / len(mine)
        order, sign = _nearest(cross, signs)
    return order, sign


def _nearest(cross: npt.NDArray[np.floating], signs: bool) -> tuple[npt.NDArray[np.int64], Matrix]:
    """For every channel of the target the channel to put there, and its sign."""
    order = assign(np.ascontiguousarray((np.abs(cross) if signs else cross).T))
    chosen = cross[order, np.arange(len(order))]
    return order, np.where(chosen < 0, -1.0, 1.0) if signs else np.ones(len(order))


def _place_neurons(draft: Draft, target: Draft, signs: bool) -> None:
    """Every neuron to the place of its partner by assignment; experts first, by what their neurons reach."""
    for mine, theirs in zip(draft.parts.layers, target.parts.layers, strict=True):
        if len(mine.mlps) > 1:
            score = np.array([[_reach(draft, mine, x, target, theirs, y) for x in mine.mlps] for y in theirs.mlps])
            order_experts(draft, mine, assign(score))
        for x, y in zip(mine.branches, theirs.branches, strict=True):
            a, b = mlp_rows(draft, mine, x), mlp_rows(target, theirs, y)
            found = assign(_signed_table(b, a, signs))
            take_neurons(draft, x, found)
            if a.gated and signs:
                moved = mlp_rows(draft, mine, x)
                rescale_neurons(draft, x, free_signs(moved, b, np.arange(len(b))))


def _signed_table(a: Neurons, b: Neurons, signs: bool) -> npt.NDArray[np.float32]:
    if signs or not a.gated:
        return cosine_table(a, b)
    total = sum(x @ y.T for x, y in zip(a.views, b.views, strict=True))
    return np.asarray(total, dtype=np.float32)


def _reach(draft: Draft, mine: Layer, x: Mlp, target: Draft, theirs: Layer, y: Mlp) -> float:
    return _mean_assigned(mlp_rows(draft, mine, x), mlp_rows(target, theirs, y))


def _place_heads(draft: Draft, mine: Layer, target: Draft, theirs: Layer) -> None:
    """KV groups in the best order, then each head mixed as far as positions allow: values freely turned, queries and keys too.

    Values turn by the Procrustes rotation of V rows and O columns; queries and keys by that of theirs, under rotary
    positions plane by plane.
    """
    parts = draft.parts
    scores = np.array(
        [
            [_value_reach(draft, mine, g, target, theirs, h) for g in range(parts.kv_heads)]
            for h in range(parts.kv_heads)
        ]
    )
    order = np.array(max(permutations(range(parts.kv_heads)), key=lambda p: scores[np.arange(len(p)), list(p)].sum()))
    each = parts.queries_per_group
    take_heads(draft, mine, (order[:, None] * each + np.arange(each)).ravel(), order)
    crosses = [_value_cross(draft, mine, g, target, theirs, g) for g in range(parts.kv_heads)]
    turns = np.stack([_orthogonal(cross).T for cross in crosses])
    mix_head_rows(draft, mine.v, turns)
    mix_head_columns(draft, mine.o, np.repeat(np.swapaxes(turns, 1, 2), each, axis=0))
    keys = np.stack([_query_turn(draft, mine, target, theirs, g) for g in range(parts.kv_heads)])
    mix_head_rows(draft, mine.q, np.repeat(keys, each, axis=0))
    mix_head_rows(draft, mine.k, keys)


def _orthogonal(cross: Matrix) -> Matrix:
    left, _, right = np.linalg.svd(cross)
    return np.asarray(left @ right)


def _head(draft: Draft, layer: Layer, linear: Linear, count: int, index: int) -> Matrix:
    """Rows of one head, (k, d), gains of the norm it reads through folded in."""
    gain = draft.arrays[layer.attention_norm.gain]
    return np.asarray(split_heads(draft.weight(linear) * gain, count)[index], dtype=np.float64)


def _columns(draft: Draft, layer: Layer, index: int) -> Matrix:
    """Output columns of one query head as rows, (k, d)."""
    return np.asarray(split_heads(draft.weight(layer.o).T, draft.parts.heads)[index], dtype=np.float64)


def _value_cross(draft: Draft, mine: Layer, g: int, target: Draft, theirs: Layer, h: int) -> Matrix:
    parts = draft.parts
    v, w = _head(draft, mine, mine.v, parts.kv_heads, g), _head(target, theirs, theirs.v, parts.kv_heads, h)
    cross: Matrix = v @ w.T / np.linalg.norm(v) / np.linalg.norm(w)
    for query in range(parts.queries_per_group):
        x = _columns(draft, mine, g * parts.queries_per_group + query)
        y = _columns(target, theirs, h * parts.queries_per_group + query)
        cross = cross + x @ y.T / np.linalg.norm(x) / np.linalg.norm(y)
    return cross


def _value_reach(draft: Draft, mine: Layer, g: int, target: Draft, theirs: Layer, h: int) -> float:
    return float(np.linalg.svd(_value_cross(draft, mine, g, target, theirs, h), compute_uv=False).sum())


def _query_turn(draft: Draft, mine: Layer, target: Draft, theirs: Layer, g: int) -> Matrix:
    """(k, k) by which queries and keys of a group turn towards the target's; plane by plane under rotary positions."""
    parts = draft.parts
    each = parts.queries_per_group
    pairs = [(_head(draft, mine, mine.k, parts.kv_heads, g), _head(target, theirs, theirs.k, parts.kv_heads, g))]
    for query in range(g * each, (g + 1) * each):
        q = (_head(draft, mine, mine.q, parts.heads, query), _head(target, theirs, theirs.q, parts.heads, query))
        pairs.append(q)
    cross = sum(x @ y.T / np.linalg.norm(x) / np.linalg.norm(y) for x, y in pairs)
    matrix = np.asarray(cross, dtype=np.float64)
    if not parts.family.rope:
        return np.asarray(_orthogonal(matrix).T)
    half = parts.head_dim // 2
    i = np.arange(half)
    even = matrix[i, i] + matrix[i + half, i + half]
    odd = matrix[i, i + half] - matrix[i + half, i]
    size = np.maximum(np.hypot(even, odd), 1e-30)
    out: Matrix = np.zeros(matrix.shape)
    out[i, i], out[i + half, i + half] = even / size, even / size
    out[i + half, i], out[i, i + half] = odd / size, -odd / size
    return out


__all__ = ["ALIGNERS", "framed", "layers_of", "start_rotation"]
