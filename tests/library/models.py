"""Small checkpoints for the tests of the library: drawn, not trained, in the layout of llama."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from forebear.core.seeds import generator

WIDTH, NEURONS, LAYERS, TOKENS = 32, 48, 3, 40
CONFIG = {
    "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": NEURONS, "num_hidden_layers": LAYERS, "vocab_size": TOKENS,
    "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False,
}  # fmt: skip


def arrays(seed: int | str, layers: int = LAYERS, neurons: int = NEURONS) -> dict[str, np.ndarray]:
    """Weights drawn from a seed."""
    rng = generator("tests/library", seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.02, shape).astype(np.float32)

    out = {"model.embed_tokens.weight": draw(TOKENS, WIDTH), "lm_head.weight": draw(TOKENS, WIDTH)}
    out["model.norm.weight"] = 1 + draw(WIDTH)
    for n in range(layers):
        p = f"model.layers.{n}."
        out |= {
            f"{p}self_attn.q_proj.weight": draw(WIDTH, WIDTH), f"{p}self_attn.k_proj.weight": draw(WIDTH // 2, WIDTH),
            f"{p}self_attn.v_proj.weight": draw(WIDTH // 2, WIDTH), f"{p}self_attn.o_proj.weight": draw(WIDTH, WIDTH),
            f"{p}mlp.gate_proj.weight": draw(neurons, WIDTH), f"{p}mlp.up_proj.weight": draw(neurons, WIDTH),
            f"{p}mlp.down_proj.weight": draw(WIDTH, neurons), f"{p}input_layernorm.weight": np.ones(WIDTH, np.float32),
            f"{p}post_attention_layernorm.weight": 1 + draw(WIDTH),
        }  # fmt: skip
    return out


def safetensors(path: Path, tensors: dict[str, np.ndarray], dtype: str = "F32") -> None:
    """A safetensors file by hand, tensors in the order given. dtype: F32 or BF16 (values must fit it)."""
    head: dict[str, Any] = {}
    body = b""
    for name, values in tensors.items():
        data = (
            values.astype("<f4").tobytes() if dtype == "F32" else (values.view(np.uint32) >> 16).astype("<u2").tobytes()
        )
        head[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def as_bfloat16(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same values cut to what bfloat16 holds."""
    return {name: (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32) for name, values in tensors.items()}


def write(
    folder: Path, tensors: dict[str, np.ndarray], config: dict[str, Any] | None = None, dtype: str = "F32"
) -> Path:
    """A checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    safetensors(folder / "model.safetensors", tensors, dtype)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **(config or {})}))
    return folder
