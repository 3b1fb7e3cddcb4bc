"""Moves inside attention that leave every output as it was: rotations, mixtures, orders of heads, free biases."""

from __future__ import annotations

import numpy as np

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.families import every, no_rope, rope
from forebear.recipes.steps.layout import Layer, Linear, layout
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.orthogonal import mixture, scales, signs
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array


def split_heads(values: Array, heads: int) -> Array:
    """Rows (heads·k, ...) seen as (heads, k, ...)."""
    return values.reshape(heads, values.shape[0] // heads, *values.shape[1:])


def join_heads(values: Array) -> Array:
    """(heads, k, ...) as rows (heads·k, ...)."""
    return values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])


def mix_head_rows(draft: Draft, linear: Linear, mixers: Array) -> None:
    """W_h → M_h W_h and b_h → M_h b_h for every head h.

    Shapes: mixers (heads, k, k), W (heads·k, d).
    """
    heads = mixers.shape[0]
    weight = split_heads(draft.weight(linear).astype(np.float64), heads)
    draft.set_weight(linear, join_heads(np.matmul(mixers, weight)))
    bias = draft.bias(linear)
    if bias is not None:
        draft.set_bias(
            linear, join_heads(np.matmul(mixers, split_heads(bias.astype(np.float64), heads)[..., None])[..., 0])
        )


def mix_head_columns(draft: Draft, linear: Linear, mixers: Array) -> None:
    """W restricted to head h's columns → W_h M_h.

    Shapes: mixers (heads, k, k), W (d, heads·k).
    """
    weight = split_heads(draft.weight(linear).astype(np.float64).T, mixers.shape[0])  # (heads, k, d)
    draft.set_weight(linear, join_heads(np.matmul(np.swapaxes(mixers, 1, 2), weight)).T)


def _rotary(angles: Array, sizes: Array) -> Array:
    """Matrices that turn pair (i, i + k/2) by an angle and stretch it: they commute with RoPE.

    Shapes: angles, sizes (heads, k/2) → (heads, k, k).
    """
    heads, half = angles.shape
    out = np.zeros((heads, 2 * half, 2 * half))
    i = np.arange(half)
    cosine, sine = sizes * np.cos(angles), sizes * np.sin(angles)
    out[:, i, i], out[:, i + half, i + half] = cosine, cosine
    out[:, i, i + half], out[:, i + half, i] = -sine, sine
    return out


def _per_query(draft: Draft, per_group: Array) -> Array:
    """What a KV group has, for each of its query heads: (groups, ...) → (heads, ...)."""
    return np.repeat(per_group, draft.parts.queries_per_group, axis=0)


def rotate_heads(model: Model, rng: np.random.Generator, spread: float = 0.3) -> Model:
    """Turn the frequency pairs of queries and keys by random angles, queries stretched by what keys are shrunk by.

    Pairs are (i, i + head_dim/2), angles one per layer, KV head and pair. With norms on queries and keys (Qwen3)
    only half-turns commute with the gains, so those are used, and the stretch goes into the two gains.
    spread: factors exp(u), u uniform within ±spread; 0 keeps lengths.
    Source: METHODS §9; Zhu et al. 2025, T4 (R commuting with RoPE).
    """
    draft = Draft(model)
    parts = draft.parts
    require(parts.head_dim % 2 == 0, f"a head of {parts.head_dim} dimensions has no rotary pairs")
    shape = (parts.kv_heads, parts.head_dim // 2)
    for layer in parts.layers:
        normed = layer.q_norm is not None and layer.k_norm is not None
        angles = rng.integers(0, 2, shape) * np.pi if normed else rng.uniform(0, 2 * np.pi, shape)
        sizes = np.ones(shape) if normed else scales(rng, shape[0] * shape[1], spread).reshape(shape)
        mix_head_rows(draft, layer.q, _per_query(draft, _rotary(angles, sizes)))
        mix_head_rows(draft, layer.k, _rotary(angles, 1 / sizes))
        if normed:
            _trade_gains(draft, layer, scales(rng, shape[1], spread))
    return draft.finish()


def _trade_gains(draft: Draft, layer: Layer, factor: Array) -> None:
    """Query gains times a factor per pair, key gains divided by it: the products that reach the scores stay."""
    assert layer.q_norm is not None
    assert layer.k_norm is not None
    both = np.concatenate([factor, factor])
    draft.set_vector(layer.q_norm.gain, draft.arrays[layer.q_norm.gain] * both)
    draft.set_vector(layer.k_norm.gain, draft.arrays[layer.k_norm.gain] / both)


def mix_queries_and_keys(model: Model, rng: np.random.Generator, spread: float = 0.3) -> Model:
    """Without rotary positions: W_Q → Mᵀ W_Q, W_K → M⁻¹ W_K per head, any invertible M.

    spread: singular values of M within exp(±spread).
    Source: METHODS §9 (2-D rotations become free where nothing turns the pairs).
    """
    draft = Draft(model)
    parts = draft.parts
    for layer in parts.layers:
        pairs = [mixture(rng, parts.head_dim, spread) for _ in range(parts.kv_heads)]
        mix_head_rows(draft, layer.q, _per_query(draft, np.stack([m.T for m, _ in pairs])))
        mix_head_rows(draft, layer.k, np.stack([inverse for _, inverse in pairs]))
    return draft.finish()


def mix_values(model: Model, rng: np.random.Generator, spread: float = 0.3) -> Model:
    """V → S V and O → O S⁻¹ with a random invertible S per layer and KV head.

    spread: singular values of S within exp(±spread); 0 gives rotations.
    Source: METHODS §9; Zhu et al. 2025, T4 (S).
    """
    draft = Draft(model)
    parts = draft.parts
    for layer in parts.layers:
        pairs = [mixture(rng, parts.head_dim, spread) for _ in range(parts.kv_heads)]
        mix_head_rows(draft, layer.v, np.stack([m for m, _ in pairs]))
        mix_head_columns(draft, layer.o, _per_query(draft, np.stack([inverse for _, inverse in pairs])))
    return draft.finish()


def permute_values(model: Model, rng: np.random.Generator, flip: bool = True) -> Model:
    """Put the value dimensions inside each head in another order and negate some; sizes are kept bit for bit.

    flip: negate each dimension with a chance of one half.
    Source: METHODS §2 (value dimensions), §5.
    """
    draft = Draft(model)
    parts = draft.parts
    for layer in parts.layers:
        eye = np.eye(parts.head_dim)
        mixers = np.stack([eye[rng.permutation(parts.head_dim)] for _ in range(parts.kv_heads)])
        if flip:
            mixers = mixers * signs(rng, parts.kv_heads * parts.head_dim).reshape(parts.kv_heads, -1, 1)
        mix_head_rows(draft, layer.v, mixers)
        mix_head_columns(draft, layer.o, _per_query(draft, np.swapaxes(mixers, 1, 2)))
    return draft.finish()


def take_heads(draft: Draft, layer: Layer, queries: Array, groups: Array) -> None:
    """Keep the named query heads and KV heads in the given order.

    Shapes: queries, groups: indices of heads; q rows and o columns follow `queries`, k and v rows `groups`.
    """
    parts = draft.parts
    for linear, count, order in (
        (layer.q, parts.heads, queries), (layer.k, parts.kv_heads, groups), (layer.v, parts.kv_heads, groups),
    ):  # fmt: skip
        draft.set_weight(linear, join_heads(split_heads(draft.weight(linear), count)[order]))
        bias = draft.bias(linear)
        if bias is not None:
            draft.set_bias(linear, join_heads(split_heads(bias, count)[order]))
    draft.set_weight(layer.o, join_heads(split_heads(draft.weight(layer.o).T, parts.heads)[queries]).T)


def permute_groups(model: Model, rng: np.random.Generator) -> Model:
    """Put the KV groups in another order, their query heads with them (every head is a group without sharing).

    Source: METHODS §2 (KV groups).
    """
    draft = Draft(model)
    parts = draft.parts
    each = parts.queries_per_group
    for layer in parts.layers:
        groups = rng.permutation(parts.kv_heads)
        take_heads(draft, layer, (groups[:, None] * each + np.arange(each)).ravel(), groups)
    return draft.finish()


def permute_queries(model: Model, rng: np.random.Generator) -> Model:
    """Put the query heads inside each KV group in another order; nothing moves where groups have one.

    Source: METHODS §2, §9.
    """
    draft = Draft(model)
    parts = draft.parts
    each = parts.queries_per_group
    for layer in parts.layers:
        queries = np.concatenate([group * each + rng.permutation(each) for group in range(parts.kv_heads)])
        take_heads(draft, layer, queries, np.arange(parts.kv_heads))
    return draft.finish()


def exchange_biases(model: Model, rng: np.random.Generator, size: float = 0.1) -> Model:
    """Add a random vector to value biases, taken back in output biases, and to key biases that softmax ignores.

    Attention weights sum to one, so a value bias b reaches the output as O b. Without rotary positions a key bias
    adds one constant to all scores of a query, which softmax drops. Maps without biases are left as they are.
    size: standard deviation of what is added.
    Source: derived here from the algebra of METHODS §9; kin to §7.
    """
    draft = Draft(model)
    parts = draft.parts
    for layer in parts.layers:
        value, output, key = draft.bias(layer.v), draft.bias(layer.o), draft.bias(layer.k)
        if value is not None and output is not None:
            change = rng.standard_normal(value.shape) * size
            spread = join_heads(_per_query(draft, split_heads(change, parts.kv_heads)))
            draft.set_bias(layer.v, value + change)
            draft.set_bias(layer.o, output - draft.weight(layer.o).astype(np.float64) @ spread)
        if key is not None and not parts.family.rope:
            draft.set_bias(layer.k, key + rng.standard_normal(key.shape) * size)
    return draft.finish()


def _single_queries(model: Model) -> str:
    return "" if layout(model).queries_per_group > 1 else "every KV group has one query head"


def _no_free_bias(model: Model) -> str:
    parts = layout(model)
    free = any((layer.v.bias and layer.o.bias) or (layer.k.bias and not parts.family.rope) for layer in parts.layers)
    return "" if free else "no value bias meets an output bias and no key bias is free"


STEPS = (
    Step(
        "kv-group-permutation", permute_groups, "preserving", every, "METHODS §2, §9",
        "The KV groups of every layer stand in another order, with their query heads.",
    ),
    Step(
        "query-head-permutation", permute_queries, "preserving", every, "METHODS §2, §9",
        "The query heads inside every KV group stand in another order.", obstacle=_single_queries,
    ),
    Step(
        "value-permutation", permute_values, "preserving", every, "METHODS §2, §5",
        "The value dimensions of every head stand in another order, some of them negated.",
    ),
    Step(
        "value-mixing", mix_values, "preserving", every, "METHODS §9",
        "The value dimensions of every head are mixed by an invertible matrix that the output map takes back.",
    ),
    Step(
        "head-rotation", rotate_heads, "preserving", rope, "METHODS §9",
        "The frequency pairs of queries and keys are turned and stretched together.",
    ),
    Step(
        "query-key-mixing", mix_queries_and_keys, "preserving", no_rope, "METHODS §9",
        "Queries and keys of every head are mixed by inverse matrices; positions here do not forbid it.",
    ),
    Step(
        "bias-exchange", exchange_biases, "preserving", every, "METHODS §7, §9",
        "Value biases move into output biases, and key biases that softmax ignores are changed.",
        obstacle=_no_free_bias,
    ),
)  # fmt: skip
