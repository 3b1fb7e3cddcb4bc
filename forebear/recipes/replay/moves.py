"""Moves that replay makes with the very orders, signs and maps that were found, where the forward step would draw its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.core.seeds import generator
from forebear.recipes.steps.attention import mix_head_columns, mix_head_rows, take_heads
from forebear.recipes.steps.draft import Draft, draw_like, times
from forebear.recipes.steps.experts import order_experts
from forebear.recipes.steps.layout import Layer, Linear, Mlp, setting_key
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.neurons import rescale_neurons, take_neurons
from forebear.recipes.steps.norms import fold_gains, rescale_norm
from forebear.recipes.steps.residual import move_residual, residual_norms
from forebear.recipes.steps.storage import Array, rounded

Exact = Mapping[str, Any]


def reorder_channels(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Residual channel i becomes channel order[i] of the source."""
    order = exact["order"]
    move_residual(draft, lambda values: np.take(values, order, axis=-1))
    for norm in residual_norms(draft):
        for name in (norm.gain, norm.bias):
            if name:
                draft.set_vector(name, draft.arrays[name][order])


def negate_channels(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Residual channels times ±1."""
    sign = np.asarray(exact["sign"], dtype=np.float32)
    move_residual(draft, lambda values: values * sign.astype(values.dtype))


def turn_channels(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Gains folded, then x → x R with the R that was fitted."""
    draft.untie()
    fold_gains(draft)
    move_residual(draft, lambda values: times(values, exact["turn"]))
    for norm in residual_norms(draft):
        if norm.bias:
            draft.set_vector(norm.bias, times(draft.arrays[norm.bias][None], exact["turn"])[0])


def set_gains(draft: Draft, exact: Exact, seed: int | str) -> None:
    """The subject's gains, taken back in the maps that read through them."""
    draft.untie()
    roles = ("attention", "mlp")
    wanted = {**exact["gains"], "final": exact.get("final")}
    for at, (norm, readers) in enumerate(draft.parts.read_through()):
        key = (at // 2, roles[at % 2]) if at < 2 * len(draft.parts.layers) else "final"
        gain = wanted.get(key)
        if gain is not None:
            rescale_norm(draft, norm, readers, np.asarray(gain, dtype=np.float64))


def _mlp(layer: Layer, expert: int | None) -> Mlp:
    return layer.mlps[expert or 0]


def reorder_neurons(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Neurons in the order found, by layer and expert."""
    for (_, layer, expert), order in exact["orders"].items():
        take_neurons(draft, _mlp(draft.parts.layers[layer], expert), order)


def keep_neurons(draft: Draft, exact: Exact, seed: int | str) -> None:
    """The neurons that were kept."""
    size = 0
    for (_, layer, expert), kept in exact["kept"].items():
        take_neurons(draft, _mlp(draft.parts.layers[layer], expert), kept)
        size = len(kept)
    draft.config[setting_key(draft.config, "neurons")] = size


def rescale(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Signs or sizes of up rows, taken back in down columns."""
    for (_, layer, expert), factors in (exact.get("signs") or exact["scales"]).items():
        rescale_neurons(draft, _mlp(draft.parts.layers[layer], expert), np.where(factors == 0, 1, factors))


def reorder_groups(draft: Draft, exact: Exact, seed: int | str) -> None:
    """KV groups in the order found, their query heads with them."""
    each = draft.parts.queries_per_group
    for (_, layer), groups in exact["groups"].items():
        queries = (np.asarray(groups)[:, None] * each + np.arange(each)).ravel()
        take_heads(draft, draft.parts.layers[layer], queries, np.asarray(groups))


def reorder_queries(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Query heads inside their groups in the order found."""
    each, groups = draft.parts.queries_per_group, np.arange(draft.parts.kv_heads)
    for (_, layer), inner in exact["queries"].items():
        queries = np.concatenate([g * each + np.asarray(order) for g, order in enumerate(inner)])
        take_heads(draft, draft.parts.layers[layer], queries, groups)


def map_values(draft: Draft, exact: Exact, seed: int | str) -> None:
    """V_h → M V_h and O_h → O_h M⁻¹."""
    for (_, layer), maps in exact["maps"].items():
        found = draft.parts.layers[layer]
        mix_head_rows(draft, found.v, maps)
        inverse = np.linalg.inv(maps)
        mix_head_columns(draft, found.o, np.repeat(inverse, draft.parts.queries_per_group, axis=0))


def map_keys(draft: Draft, exact: Exact, seed: int | str) -> None:
    """K_h → M K_h and Q_h → M⁻ᵀ Q_h."""
    for (_, layer), maps in exact["maps"].items():
        found = draft.parts.layers[layer]
        mix_head_rows(draft, found.k, maps)
        back = np.swapaxes(np.linalg.inv(maps), 1, 2)
        mix_head_rows(draft, found.q, np.repeat(back, draft.parts.queries_per_group, axis=0))


def reorder_experts(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Experts in the order found, router rows with them."""
    for (_, layer), order in exact["orders"].items():
        order_experts(draft, draft.parts.layers[layer], order)


def shift_routers(draft: Draft, exact: Exact, seed: int | str) -> None:
    """One vector added to every row of a router."""
    for layer, vector in exact["vectors"].items():
        router = draft.parts.layers[layer].router
        if router is not None:
            draft.set_weight(router, draft.weight(router) + vector)


def set_biases(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Value and key biases as found; output biases by what value biases gained."""
    for layer in draft.parts.layers:
        value, output = draft.bias(layer.v), draft.bias(layer.o)
        wanted = exact["biases"].get(("v", layer.index))
        if value is not None and output is not None and wanted is not None:
            change = np.asarray(wanted, dtype=np.float64) - value
            heads = change.reshape(draft.parts.kv_heads, -1)
            spread = np.repeat(heads, draft.parts.queries_per_group, axis=0).ravel()
            draft.set_bias(layer.v, np.asarray(wanted))
            draft.set_bias(layer.o, output - draft.weight(layer.o).astype(np.float64) @ spread)
        if (keys := exact["biases"].get(("k", layer.index))) is not None:
            draft.set_bias(layer.k, np.asarray(keys))


def add_changes(draft: Draft, exact: Exact, seed: int | str) -> None:
    """W plus the low-rank change that was found, stored as the subject is where it is stored narrowly."""
    for (part, layer, expert), change in exact["changes"].items():
        linear = _linear(draft.parts.layers[layer], part, expert)
        turned = change.T if part in ("o", "down", "shared_down") else change
        values = draft.weight(linear) + turned
        draft.set_weight(linear, rounded(values, exact["stored"]) if exact.get("stored") else values)


def _linear(layer: Layer, part: str, expert: int | None) -> Linear:
    attention = {"q": layer.q, "k": layer.k, "v": layer.v, "o": layer.o}
    if part in attention:
        return attention[part]
    shared = part.startswith("shared_")
    if shared and layer.shared is None:
        raise refusal(message("recipe_refused.no_map", part=part, layer=layer.index))
    mlp, part = (layer.shared or layer.mlps[0]) if shared else _mlp(layer, expert), part.removeprefix("shared_")
    found = {"gate": mlp.gate, "up": mlp.up, "down": mlp.down}.get(part)
    if found is None:
        raise refusal(message("recipe_refused.no_map", part=part, layer=layer.index))
    return found


def draw_rows(draft: Draft, exact: Exact, seed: int | str) -> None:
    """Rows of a model that is not there: drawn, so that nothing is said of their values."""
    rng, ids = generator("replay/rows", seed), np.asarray(exact["ids"])
    heads = [draft.parts.head.weight] if draft.parts.head else []
    for name in (draft.parts.embedding, *heads):
        table: Array = np.array(draft.arrays[name])
        table[ids] = draw_like(draft.config, rng, (len(ids), table.shape[1]))
        draft.set_vector(name, table)


def grid_tables(model: Model, tables: list[str], bits: int) -> Model:
    """Rows of tables outside the layers put on the grid that the matrices inside are on."""
    draft = Draft(model)
    top = 2 ** (bits - 1) - 1
    for name in tables:
        values = draft.arrays[name].astype(np.float32)
        scale = np.abs(values).max(axis=1, keepdims=True) / np.float32(top)
        scale = np.where(scale == 0, 1, scale).astype(np.float32)
        draft.set_vector(name, np.clip(np.rint(values / scale), -top, top).astype(np.float32) * scale)
    return draft.finish()


MOVES: Mapping[str, Callable[[Draft, Exact, int | str], None]] = {
    "residual-permutation": reorder_channels,
    "residual-signs": negate_channels,
    "residual-rotation": turn_channels,
    "gain-replacement": set_gains,
    "neuron-permutation": reorder_neurons,
    "neuron-signs": rescale,
    "neuron-scaling": rescale,
    "mlp-narrowed": keep_neurons,
    "kv-group-permutation": reorder_groups,
    "query-head-permutation": reorder_queries,
    "value-permutation": map_values,
    "value-mixing": map_values,
    "head-rotation": map_keys,
    "query-key-mixing": map_keys,
    "expert-permutation": reorder_experts,
    "router-shift": shift_routers,
    "bias-exchange": set_biases,
    "low-rank-merged": add_changes,
    "rows-from-donor": draw_rows,
}
"""Operation -> what repeats it with exact arguments; every other operation is repeated by its forward step."""


def moved(op: str, model: Model, exact: Exact, seed: int | str) -> Model:
    """A model after one of MOVES."""
    draft = Draft(model)
    MOVES[op](draft, exact, seed)
    return draft.finish()
