"""Small checkpoints written out by hand, without any model library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LLAMA: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 12, "intermediate_size": 10, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 3, "vocab_size": 7,
}  # fmt: skip
GPT2: dict[str, Any] = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 4, "vocab_size": 5}


def llama_arrays(rng: np.random.Generator, config: dict[str, Any] = LLAMA) -> dict[str, NDArray[np.float32]]:
    """Llama-like random arrays under the published names."""
    d, f = config["hidden_size"], config["intermediate_size"]
    rows, shared = (
        config["num_attention_heads"] * config["head_dim"],
        config["num_key_value_heads"] * config["head_dim"],
    )
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config["vocab_size"], d),
        "model.norm.weight": (d,),
        "lm_head.weight": (config["vocab_size"], d),
    }
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes |= {
            f"{at}self_attn.q_proj.weight": (rows, d), f"{at}self_attn.k_proj.weight": (shared, d),
            f"{at}self_attn.v_proj.weight": (shared, d), f"{at}self_attn.o_proj.weight": (d, rows),
            f"{at}mlp.gate_proj.weight": (f, d), f"{at}mlp.up_proj.weight": (f, d), f"{at}mlp.down_proj.weight": (d, f),
            f"{at}input_layernorm.weight": (d,), f"{at}post_attention_layernorm.weight": (d,),
        }  # fmt: skip
    return random_arrays(rng, shapes)


def gpt2_arrays(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """GPT-2-like random arrays: one layer, width 8, two heads."""
    at = "transformer.h.0."
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (5, 8), "transformer.wpe.weight": (4, 8), f"{at}attn.c_attn.weight": (8, 24),
        f"{at}attn.c_attn.bias": (24,), f"{at}attn.c_proj.weight": (8, 8), f"{at}attn.c_proj.bias": (8,),
        f"{at}mlp.c_fc.weight": (8, 32), f"{at}mlp.c_proj.weight": (32, 8),
    }  # fmt: skip
    return random_arrays(rng, shapes)


def random_arrays(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Standard normal arrays of the given shapes."""
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
