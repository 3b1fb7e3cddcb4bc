"""A tiny model without any library: named arrays for steps whose effect is a property of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from forebear.recipes.steps.model import Model


def llama(seed: int = 1, layers: int = 3, width: int = 32, neurons: int = 48, tokens: int = 61, **config: Any) -> Model:
    """Random llama arrays, 4 heads of width/4 in 2 KV groups, head tied unless told otherwise."""
    rng = np.random.default_rng(seed)

    def matrix(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32) / np.float32(shape[-1] ** 0.5)

    arrays = {"model.embed_tokens.weight": matrix(tokens, width), "model.norm.weight": 1 + 0.2 * matrix(width)}
    for index in range(layers):
        start = f"model.layers.{index}."
        shapes = {
            "self_attn.q_proj": (width, width), "self_attn.k_proj": (width // 2, width),
            "self_attn.v_proj": (width // 2, width), "self_attn.o_proj": (width, width),
            "mlp.gate_proj": (neurons, width), "mlp.up_proj": (neurons, width), "mlp.down_proj": (width, neurons),
        }  # fmt: skip
        arrays |= {f"{start}{name}.weight": matrix(*shape) for name, shape in shapes.items()}
        for norm in ("input_layernorm", "post_attention_layernorm"):
            arrays[f"{start}{norm}.weight"] = (1 + 0.2 * rng.standard_normal(width)).astype(np.float32)
    settings = {
        "model_type": "llama", "hidden_size": width, "intermediate_size": neurons, "num_hidden_layers": layers,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": tokens, "tie_word_embeddings": True,
        "rms_norm_eps": 1e-6, "initializer_range": 0.02, **config,
    }  # fmt: skip
    if not settings["tie_word_embeddings"]:
        arrays["lm_head.weight"] = matrix(tokens, width)
    return Model({name: array.astype(np.float32) for name, array in arrays.items()}, settings)


def layer_names(model: Model, index: int) -> dict[str, np.ndarray]:
    """Arrays of one layer by what follows its prefix."""
    start = f"model.layers.{index}."
    return {name[len(start) :]: array for name, array in model.arrays.items() if name.startswith(start)}


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    """Same names, same values bit for bit."""
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)
