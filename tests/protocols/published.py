"""Layouts that are published but written by no class here: to and from an equivalent class, independently of forebear."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.protocols.original import ORIGINAL

Arrays = dict[str, NDArray[Any]]
Config = dict[str, Any]

_INTERNLM2 = {
    "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
    "model.embed_tokens": "model.tok_embeddings", "lm_head": "output",
}  # fmt: skip
_CHATGLM = {
    "self_attn.o_proj": "self_attention.dense", "mlp.gate_up_proj": "mlp.dense_h_to_4h",
    "mlp.down_proj": "mlp.dense_4h_to_h", "model.embed_tokens": "transformer.embedding.word_embeddings",
    "model.layers.": "transformer.encoder.layers.", "model.norm": "transformer.encoder.final_layernorm",
    "lm_head": "transformer.output_layer",
}  # fmt: skip
LAYOUTS: dict[str, dict[str, str]] = {"internlm2": _INTERNLM2, "baichuan": {}, "chatglm": _CHATGLM}
_FUSED = {"internlm2": "attention.wqkv", "baichuan": "self_attn.W_pack", "chatglm": "self_attention.query_key_value"}


def from_class(layout: str, arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    """Arrays and configuration as the class wrote them, in a published layout ("" for the class's own)."""
    if not layout:
        return arrays, config
    if layout in ORIGINAL:
        return ORIGINAL[layout].from_class(arrays, config)
    found: Arrays = {}
    for name, array in arrays.items():
        single = re.fullmatch(r"(model\.layers\.\d+\.)self_attn\.([qkv])_proj\.(weight|bias)", name)
        if single is None:
            found[_renamed(name, LAYOUTS[layout])] = array
        elif single[2] == "q":
            parts = [arrays[f"{single[1]}self_attn.{part}_proj.{single[3]}"] for part in "qkv"]
            fused = _interleave(parts, config) if layout == "internlm2" else np.concatenate(parts)
            found[_renamed(f"{single[1]}{_FUSED[layout]}.{single[3]}", LAYOUTS[layout])] = fused
    return found, _config(layout, config)


def to_class(layout: str, arrays: Arrays, config: Config) -> Arrays:
    """The reverse of `from_class`; config: the published one."""
    if not layout:
        return arrays
    if layout in ORIGINAL:
        return ORIGINAL[layout].to_class(arrays, config)
    back = {new: old for old, new in LAYOUTS[layout].items()}
    found: Arrays = {}
    for name, array in arrays.items():
        if f".{_FUSED[layout]}." not in name:
            found[_renamed(name, back)] = array
            continue
        head, kind = _renamed(name.split(_FUSED[layout])[0], back), name.rsplit(".", 1)[1]
        for part, rows in zip("qkv", cut(layout, array, config), strict=True):
            found[f"{head}self_attn.{part}_proj.{kind}"] = rows
    return found


def _renamed(name: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        name = name.replace(old, new)
    return name


def _interleave(parts: list[NDArray[Any]], config: Config) -> NDArray[Any]:
    """Per KV head its query heads, its key head, its value head (InternLM2)."""
    groups = config["num_key_value_heads"]
    blocks = [part.reshape(groups, -1, *part.shape[1:]) for part in parts]
    return np.concatenate(blocks, axis=1).reshape(-1, *parts[0].shape[1:])


def cut(layout: str, array: NDArray[Any], config: Config) -> list[NDArray[Any]]:
    """Queries, keys and values of a fused tensor; config: the published one."""
    if layout == "internlm2":
        groups, heads = config["num_key_value_heads"], config["num_attention_heads"]
        rows = array.reshape(groups, heads // groups + 2, -1, *array.shape[1:])
        cut = [rows[:, :-2], rows[:, -2:-1], rows[:, -1:]]
        return [part.reshape(-1, *array.shape[1:]) for part in cut]
    if layout == "chatglm":
        size = config["kv_channels"]
        q, kv = config["num_attention_heads"] * size, config["multi_query_group_num"] * size
        return [array[:q], array[q : q + kv], array[q + kv :]]
    return list(np.split(array, 3))


def _config(layout: str, config: Config) -> Config:
    """The configuration as the published repositories write it."""
    if layout == "chatglm":
        return {
            "model_type": "chatglm", "num_layers": config["num_hidden_layers"], "hidden_size": config["hidden_size"],
            "ffn_hidden_size": config["intermediate_size"], "num_attention_heads": config["num_attention_heads"],
            "multi_query_attention": True, "multi_query_group_num": config["num_key_value_heads"],
            "kv_channels": config["head_dim"], "padded_vocab_size": config["vocab_size"], "rmsnorm": True,
        }  # fmt: skip
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
            "vocab_size", "max_position_embeddings")  # fmt: skip
    return {"model_type": layout, **{key: config[key] for key in keys}}
