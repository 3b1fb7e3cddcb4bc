"""Layouts written after decision 0118 was frozen (METHODS §10): the code was not changed for any of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.hostile_names import Arrays, Config, dress
from bench.layout_dresses import _layer_norm_folded, experts, layers_of, renamed
from bench.shapes import Floats

HELD = (
    "Wqkv by group, keys first, w12 row by row",
    "slices of two ranks one after the other",
    "kernels under paths, no configuration",
    "c_attn by head, outputs first",
    "c_attn by head, LayerNorm folded",
    "w13 in alternating columns",
    "queries apart, keys and values by group",
    "serial numbers, MLP first",
)
PARTS = {
    "attention": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "mlp": ("mlp.gate_proj", "mlp.up_proj"),
}


def woven(parts: Sequence[Floats], runs: int) -> Floats:
    """Rows of several matrices or vectors, a share of each in turn, as often as runs."""
    each = [part.reshape(runs, len(part) // runs, *part.shape[1:]) for part in parts]
    return np.ascontiguousarray(np.concatenate(each, axis=1).reshape(-1, *parts[0].shape[1:]))


def fused(arrays: Arrays, group: str, new: str, runs: int, order: Sequence[int]) -> Arrays:
    """The parts of a group in one tensor of every layer, weights and biases."""
    out = {n: a for n, a in arrays.items() if not any(f".{part}." in n for part in PARTS[group])}
    for stem in layers_of(arrays):
        for kind in ("weight", "bias"):
            names = [f"{stem}{PARTS[group][at]}.{kind}" for at in order]
            if all(name in arrays for name in names):
                out[f"{stem}{new}.{kind}"] = woven([arrays[name] for name in names], runs)
    return out


@dress("Wqkv by group, keys first, w12 row by row", "llama", "qwen2")
def _woven(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    made = fused(arrays, "attention", "attn.Wqkv", config["num_key_value_heads"], (1, 2, 0))
    made = fused(made, "mlp", "ffn.w12", config["intermediate_size"], (0, 1))
    swaps = ((r"^model\.layers", "blocks"), (r"mlp\.down_proj", "ffn.w3"), (r"self_attn\.o_proj", "attn.Wo"),
             (r"input_layernorm", "ln_a"), (r"post_attention_layernorm", "ln_b"), (r"^model\.embed_tokens", "emb"),
             (r"^model\.norm", "ln_z"), (r"^lm_head", "unemb"))  # fmt: skip
    return renamed(made, *swaps), config


@dress("slices of two ranks one after the other", "llama", "qwen2")
def _ranks(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    made = fused(arrays, "attention", "self_attn.qkv_proj", 2, (0, 1, 2))
    return fused(made, "mlp", "mlp.gate_up_proj", 2, (0, 1)), config


@dress("kernels under paths, no configuration", "llama", "qwen2", "gemma")
def _kernels(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    turned = {n: np.ascontiguousarray(a.T) if "_proj.weight" in n else a for n, a in arrays.items()}
    swaps = (
        (r"_proj\.weight", ".kernel"), (r"^model\.", "params/"), (r"layers\.(\d+)\.", r"layer\1/"),
        (r"self_attn\.", "attention/"), (r"norm\.weight", "norm.scale"),
        (r"embed_tokens\.weight", "embedder.table"), (r"\.", "/"),
    )  # fmt: skip
    return renamed(turned, *swaps), {}


def _by_head(arrays: Arrays, config: Config, turned: bool) -> Arrays:
    out = dict(arrays)
    for stem in layers_of(arrays):
        for kind in ("weight", "bias"):
            parts = [np.ascontiguousarray(part.T) for part in np.split(arrays[f"{stem}attn.c_attn.{kind}"], 3, axis=-1)]
            joined = woven(parts, config["n_head"])
            out[f"{stem}attn.c_attn.{kind}"] = joined if turned or kind == "bias" else np.ascontiguousarray(joined.T)
        for name in ("attn.c_proj", "mlp.c_fc", "mlp.c_proj") if turned else ():
            out[f"{stem}{name}.weight"] = np.ascontiguousarray(arrays[f"{stem}{name}.weight"].T)
    return out


@dress("c_attn by head, outputs first", "gpt2")
def _heads_turned(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return _by_head(arrays, config, turned=True), config


@dress("c_attn by head, LayerNorm folded", "gpt2")
def _heads_folded(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    made, config = _layer_norm_folded(arrays, config)
    return _by_head(made, config, turned=False), config


@dress("w13 in alternating columns", "mixtral")
def _alternating(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out = {n: a for n, a in arrays.items() if ".experts." not in n}
    for stem in layers_of(arrays):
        gate, up, down = (experts(arrays, config, stem, word) for word in ("w1", "w3", "w2"))
        both = np.stack([woven([g, u], len(g)) for g, u in zip(gate, up, strict=True)])
        out[f"{stem}block_sparse_moe.w13"] = np.ascontiguousarray(both.swapaxes(1, 2))
        out[f"{stem}block_sparse_moe.w2"] = np.ascontiguousarray(down.swapaxes(1, 2))
    return renamed(
        out, (r"block_sparse_moe", "moe"), (r"^model\.layers", "decoder.blocks"), (r"self_attn\.(.)_proj", r"attn.\1")
    ), config


@dress("queries apart, keys and values by group", "llama", "qwen2")
def _pair_fused(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out = {n: a for n, a in arrays.items() if not any(f".self_attn.{p}_proj." in n for p in "kv")}
    for stem in layers_of(arrays):
        for kind in ("weight", "bias"):
            names = [f"{stem}self_attn.{part}_proj.{kind}" for part in "kv"]
            if all(name in arrays for name in names):
                out[f"{stem}self_attn.kv_proj.{kind}"] = woven(
                    [arrays[n] for n in names], config["num_key_value_heads"]
                )
    return out, config


@dress("serial numbers, MLP first", "llama", "qwen2")
def _serial(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    order = ("mlp.up", "mlp.gate", "mlp.down", "self_attn.v", "self_attn.k", "self_attn.q", "self_attn.o")
    out = {n: a for n, a in arrays.items() if "_proj.weight" not in n}
    count = 3
    for stem in layers_of(arrays):
        for part in order:
            out[f"w_{count}"], count = arrays[f"{stem}{part}_proj.weight"], count + 2
    return renamed(out, (r"input_layernorm", "first_norm"), (r"post_attention_layernorm", "second_norm")), {}
