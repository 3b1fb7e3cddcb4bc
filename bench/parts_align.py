"""The strongest aligner for attention: an independent whose heads do, as nearly as can be, what the candidate's do."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt

from bench.framed_align import _orthogonal, _place_neurons, _query_turn, _value_cross, start_rotation
from forebear.core.seeds import generator
from forebear.recipes.steps.attention import mix_head_columns, mix_head_rows, split_heads, take_heads
from forebear.recipes.steps.draft import Draft, times
from forebear.recipes.steps.layout import Layer
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.norms import fold_gains
from forebear.recipes.steps.orthogonal import rotation, rotation_keeping_ones
from forebear.recipes.steps.residual import move_residual, residual_norms
from forebear.stats.alignment import assign
from forebear.stats.attention import HeadProducts, align_heads, head_products, likeness
from forebear.stats.gauge import fold

STARTS = 8
"""Drawn rotations to begin with, besides those of embedding and LM head."""
Matrix = npt.NDArray[np.float64]


def products_of(draft: Draft, layer: Layer) -> HeadProducts:
    """What the heads of one layer write and how they score, gains folded."""
    parts, each = draft.parts, draft.parts.queries_per_group
    gain = draft.arrays[layer.attention_norm.gain]
    subtracted = parts.mean_subtracted
    q, k, v = (fold(draft.weight(m), gain, mean_subtracted=subtracted) for m in (layer.q, layer.k, layer.v))
    o = fold(np.asarray(draft.weight(layer.o)).T, mean_subtracted=subtracted)
    keys, values = (np.repeat(split_heads(m, parts.kv_heads), each, axis=0) for m in (k, v))
    both = split_heads(q, parts.heads), split_heads(o, parts.heads)
    q, keys, values, o = (np.asarray(m, dtype=np.float32) for m in (both[0], keys, values, both[1]))
    return head_products(q, keys, values, o, rotary=bool(parts.family.rope))


def attention_aligned(independent: Model, candidate: Model, seed: int, layer: int | None = None) -> Model:
    """The independent turned for its attention, heads in the best order their groups allow; its outputs stay.

    Mixing inside heads changes none of the products that are compared; it is done all the same, and neurons are placed, so that
    the exact tests see order and signs. seed: of the drawn starts. layer: the one everything is done for; None for all.
    """
    draft, target = Draft(independent), Draft(candidate)
    draft.untie()
    turn = _turn(draft, target, seed, layer)
    fold_gains(draft)
    move_residual(draft, lambda values: times(values, turn))
    for norm in residual_norms(draft):
        if norm.bias:
            draft.set_vector(norm.bias, times(draft.arrays[norm.bias][None], turn)[0])
    for mine, theirs in zip(draft.parts.layers, target.parts.layers, strict=True):
        _order_heads(draft, mine, likeness(products_of(target, theirs), products_of(draft, mine)))
        _mix_heads(draft, mine, target, theirs)
    _place_neurons(draft, target, True)
    return draft.finish()


def _turn(draft: Draft, target: Draft, seed: int, layer: int | None) -> Matrix:
    """The rotation with the largest mean likeness of heads over many starts, kept orthogonal as a whole."""
    both = list(zip(draft.parts.layers, target.parts.layers, strict=True))
    chosen = both if layer is None else both[layer : layer + 1]
    pairs = [(products_of(draft, mine), products_of(target, theirs)) for mine, theirs in chosen]
    rng = generator("bench/parts/attention", seed)
    make = rotation_keeping_ones if draft.parts.mean_subtracted else rotation
    starts = [start_rotation(draft, target, head) for head in (False, True)]
    starts += [make(rng, draft.parts.width).astype(np.float32) for _ in range(STARTS)]
    best = max((align_heads(pairs, start) for start in starts), key=lambda found: found.pooled).rotation
    out = best.astype(np.float64)
    if draft.parts.mean_subtracted:
        out = out + np.full(out.shape, 1 / len(out))
    left, _, right = np.linalg.svd(out)
    return np.asarray(left @ right)


def _order_heads(draft: Draft, layer: Layer, table: Matrix) -> None:
    """Heads to the places where they are likest, groups kept together. table: (target's heads, own heads)."""
    groups, each = draft.parts.kv_heads, draft.parts.queries_per_group
    blocks = table.reshape(groups, each, groups, each).transpose(0, 2, 1, 3)
    partners = [[assign(np.ascontiguousarray(blocks[i, j])) for j in range(groups)] for i in range(groups)]
    gained = np.array(
        [[blocks[i, j][np.arange(each), partners[i][j]].sum() for j in range(groups)] for i in range(groups)]
    )
    order = max(permutations(range(groups)), key=lambda p: float(gained[np.arange(groups), list(p)].sum()))
    heads = [j * each + int(h) for i, j in enumerate(order) for h in partners[i][j]]
    take_heads(draft, layer, np.array(heads), np.array(order))


def _mix_heads(draft: Draft, mine: Layer, target: Draft, theirs: Layer) -> None:
    """Values, queries and keys of every group turned towards the target's, as far as positions allow."""
    groups, each = draft.parts.kv_heads, draft.parts.queries_per_group
    turns = np.stack([_orthogonal(_value_cross(draft, mine, g, target, theirs, g)).T for g in range(groups)])
    mix_head_rows(draft, mine.v, turns)
    mix_head_columns(draft, mine.o, np.repeat(np.swapaxes(turns, 1, 2), each, axis=0))
    keys = np.stack([_query_turn(draft, mine, target, theirs, g) for g in range(groups)])
    mix_head_rows(draft, mine.q, np.repeat(keys, each, axis=0))
    mix_head_rows(draft, mine.k, keys)


__all__ = ["attention_aligned", "products_of"]
