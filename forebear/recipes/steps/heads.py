"""Operations on attention heads: added, merged, keys and values shared or given back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forebear.recipes.steps.attention import join_heads, split_heads, take_heads
from forebear.recipes.steps.draft import Draft, draw_like
from forebear.recipes.steps.families import rope
from forebear.recipes.steps.layout import Linear, setting_key
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array


def set_counts(draft: Draft, heads: int, kv_heads: int) -> None:
    """Write head counts into the configuration, the head's size outright, and read the parts again.

    Raises: RefusedError where public loaders would refuse the configuration.
    """
    strict = draft.parts.family.rule.heads_divide
    require(not strict or draft.parts.width % heads == 0, f"{heads} heads do not divide a width of {draft.parts.width}")
    draft.config[setting_key(draft.config, "heads")] = heads
    if not draft.parts.family.fused_qkv:
        draft.config["num_key_value_heads"] = kv_heads
        draft.config["head_dim"] = draft.parts.head_dim
    draft.reread()


def _whole_groups(groups: Array, each: int) -> Array:
    """Query heads of the named KV groups, in order."""
    order: Array = (np.asarray(groups)[:, None] * each + np.arange(each)).ravel()
    return order


def grow_fused_heads(draft: Draft, heads: int, rng: np.random.Generator | None) -> None:
    """More heads in fused (d, 3d) storage; the caller grows the residual at once, since the width is that of the heads.

    rng: None holds every head as often, output columns shared out (outputs are kept); otherwise new heads are drawn.
    """
    parts = draft.parts
    times, size = heads // parts.heads, heads * parts.head_dim
    for layer in parts.layers:
        made, biases = [], []
        for linear in layer.attention_readers:
            rows, bias = draft.weight(linear), draft.bias(linear)
            more = (size - len(rows), rows.shape[1])
            made.append(np.tile(rows, (times, 1)) if rng is None else _drawn_below(draft, rows, more, rng))
            if bias is not None:
                biases.append(np.tile(bias, times) if rng is None else np.append(bias, np.zeros(more[0], bias.dtype)))
        columns = draft.weight(layer.o)
        more = (size - columns.shape[1], columns.shape[0])
        grown = np.tile(columns / times, (1, times)) if rng is None else _drawn_below(draft, columns.T, more, rng).T
        draft.set_weight(replace(layer.q, share=(0, 1)), np.concatenate(made))
        if layer.q.bias:
            draft.set_bias(replace(layer.q, share=(0, 1)), np.concatenate(biases))
        draft.set_weight(layer.o, grown)
    draft.config[setting_key(draft.config, "heads")] = heads


def _drawn_below(draft: Draft, rows: Array, more: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Rows with drawn ones after them."""
    return np.concatenate([rows, draw_like(draft.config, rng, more)])


def add_heads(model: Model, rng: np.random.Generator, groups: int = 1, kind: str = "silent") -> Model:
    """Append KV groups with their query heads to every layer.

    kind: "silent" (drawn, output columns zero: outputs are kept), "copy" (of the first groups, output columns halved
          on both sides: outputs are kept), "new" (drawn as at initialisation).
    Raises: RefusedError for another kind, or more copies than there are groups.
    Source: METHODS §12 (heads added).
    """
    require(kind in ("silent", "copy", "new"), f"no kind of head is called {kind!r}", todo="Say silent, copy or new.")
    draft = Draft(model)
    parts = draft.parts
    require(groups >= 1, f"{groups} is no number of groups to add")
    require(kind != "copy" or groups <= parts.kv_heads, f"{groups} copies of {parts.kv_heads} groups")
    sources = np.concatenate([np.arange(parts.kv_heads), np.arange(groups) % parts.kv_heads])
    each = parts.queries_per_group
    for layer in parts.layers:
        take_heads(draft, layer, _whole_groups(sources, each), sources)
        columns = split_heads(np.array(draft.weight(layer.o).T), each * len(sources))
        if kind == "copy":
            columns[: groups * each] /= 2
            columns[parts.heads :] /= 2
        else:
            fresh = columns[parts.heads :].shape
            columns[parts.heads :] = 0 if kind == "silent" else draw_like(draft.config, rng, fresh)
            for linear, old in ((layer.q, parts.heads), (layer.k, parts.kv_heads), (layer.v, parts.kv_heads)):
                _redraw_rows(draft, linear, old * parts.head_dim, rng)
        draft.set_weight(layer.o, join_heads(columns).T)
    set_counts(draft, each * len(sources), len(sources))
    return draft.finish()


def _redraw_rows(draft: Draft, linear: Linear, start: int, rng: np.random.Generator) -> None:
    """Rows from `start` on drawn as at initialisation, their bias zero."""
    weight = np.array(draft.weight(linear))
    weight[start:] = draw_like(draft.config, rng, weight[start:].shape)
    draft.set_weight(linear, weight)
    bias = draft.bias(linear)
    if bias is not None:
        draft.set_bias(linear, np.concatenate([bias[:start], np.zeros_like(bias[start:])]))


def merge_heads(model: Model, rng: np.random.Generator, pairing: str = "adjacent") -> Model:
    """Merge KV groups two by two: queries, keys and values become means, output columns sums.

    pairing: "adjacent" (0 with 1) or "halves" (0 with n/2: undoes appended copies).
    Raises: RefusedError when the number of groups is odd.
    Source: METHODS §12 (heads merged).
    """
    require(pairing in ("adjacent", "halves"), f"no pairing is called {pairing!r}")
    draft = Draft(model)
    parts = draft.parts
    require(parts.kv_heads % 2 == 0, f"{parts.kv_heads} groups cannot be merged two by two")
    numbers = np.arange(parts.kv_heads)
    groups = numbers.reshape(-1, 2) if pairing == "adjacent" else numbers.reshape(2, -1).T
    each = parts.queries_per_group
    queries = np.stack([_whole_groups(groups[:, side], each) for side in (0, 1)], axis=1)  # (heads/2, 2)
    for layer in parts.layers:
        _pool(draft, layer.q, parts.heads, queries)
        _pool(draft, layer.k, parts.kv_heads, groups)
        _pool(draft, layer.v, parts.kv_heads, groups)
        columns = split_heads(draft.weight(layer.o).T, parts.heads)
        draft.set_weight(layer.o, join_heads(columns[queries].sum(axis=1)).T)
    set_counts(draft, parts.heads // 2, parts.kv_heads // 2)
    return draft.finish()


def _pool(draft: Draft, linear: Linear, count: int, members: Array) -> None:
    """Each head of the result is the mean of the named heads. Shapes: members (new heads, members)."""
    weight = split_heads(draft.weight(linear).astype(np.float64), count)
    draft.set_weight(linear, join_heads(weight[members].mean(axis=1)))
    bias = draft.bias(linear)
    if bias is not None:
        draft.set_bias(linear, join_heads(split_heads(bias.astype(np.float64), count)[members].mean(axis=1)))


def share_keys(model: Model, rng: np.random.Generator, kv_heads: int = 1) -> Model:
    """Fewer keys and values: each new KV head is the mean of consecutive old ones (MHA → GQA → MQA).

    kv_heads: the new number.
    Raises: RefusedError unless the new number divides the old and is smaller.
    Source: METHODS §12 (MHA→GQA); mean pooling as in Ainslie et al. 2023 (GQA).
    """
    draft = Draft(model)
    parts = draft.parts
    require(0 < kv_heads < parts.kv_heads, f"{kv_heads} KV heads are not fewer than {parts.kv_heads}")
    require(parts.kv_heads % kv_heads == 0, f"{parts.kv_heads} KV heads cannot be shared out to {kv_heads}")
    members = np.arange(parts.kv_heads).reshape(kv_heads, -1)
    for layer in parts.layers:
        _pool(draft, layer.k, parts.kv_heads, members)
        _pool(draft, layer.v, parts.kv_heads, members)
    set_counts(draft, parts.heads, kv_heads)
    return draft.finish()


def repeat_keys(model: Model, rng: np.random.Generator, times: int | None = None) -> Model:
    """More keys and values: every KV head several times (GQA → MHA by default). Outputs are kept.

    times: how often each is held; None gives every query head its own.
    Raises: RefusedError unless `times` divides the query heads of a group and is at least 2.
    Source: METHODS §12 (heads added).
    """
    draft = Draft(model)
    parts = draft.parts
    each = parts.queries_per_group
    copies = each if times is None else times
    require(copies >= 2 and each % copies == 0, f"{each} query heads a group cannot have {copies} KV heads")
    groups = np.repeat(np.arange(parts.kv_heads), copies)
    for layer in parts.layers:
        take_heads(draft, layer, np.arange(parts.heads), groups)
    set_counts(draft, parts.heads, len(groups))
    return draft.finish()


STEPS = (
    Step(
        "heads-added", add_heads, "operation", rope, "METHODS §12",
        "Attention heads are added: silent, copied or new.", keeps="kind is silent or copy",
    ),
    Step(
        "heads-merged", merge_heads, "operation", rope, "METHODS §12",
        "Attention heads are merged two by two.",
    ),
    Step(
        "keys-shared", share_keys, "operation", rope, "METHODS §12",
        "Query heads come to share keys and values, which become means (MHA→GQA).",
    ),
    Step(
        "keys-repeated", repeat_keys, "operation", rope, "METHODS §12",
        "Every query head gets keys and values of its own again, all equal (GQA→MHA).", keeps="always",
    ),
)  # fmt: skip
