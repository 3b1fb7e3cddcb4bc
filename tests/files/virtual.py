"""Checkpoints of many gigabytes that exist only as a rule: any bytes of them, made when asked for."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np

BLOCK = 2**16
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 3072, "intermediate_size": 8192,
    "num_hidden_layers": 36, "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128,
    "vocab_size": 128256, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": True,
}  # fmt: skip


def shapes() -> dict[str, list[int]]:
    """A llama of 8.1 GB in bfloat16."""
    width, inner, kv = 3072, 8192, 1024
    found = {"model.embed_tokens.weight": [128256, width], "model.norm.weight": [width]}
    for layer in range(36):
        base = f"model.layers.{layer}"
        found |= {
            f"{base}.self_attn.q_proj.weight": [width, width], f"{base}.self_attn.k_proj.weight": [kv, width],
            f"{base}.self_attn.v_proj.weight": [kv, width], f"{base}.self_attn.o_proj.weight": [width, width],
            f"{base}.mlp.gate_proj.weight": [inner, width], f"{base}.mlp.up_proj.weight": [inner, width],
            f"{base}.mlp.down_proj.weight": [width, inner], f"{base}.input_layernorm.weight": [width],
            f"{base}.post_attention_layernorm.weight": [width],
        }  # fmt: skip
    return found


class Virtual:
    """A safetensors file of bfloat16 normals; `change` > 0 adds that share of other normals: further training.

    tile: blocks after which the values repeat (0: never), for tests that measure the way and not the values.
    """

    def __init__(self, seed: int, change: float = 0.0, tile: int = 0) -> None:
        self.seed, self.change, self.tile = seed, change, tile
        header, at = {}, 0
        for name, shape in shapes().items():
            size = 2 * int(np.prod(shape))
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
            at += size
        raw = json.dumps(header).encode()
        self.head = len(raw).to_bytes(8, "little") + raw
        self.size = len(self.head) + at
        self._block = lru_cache(max(64, tile))(self._made)

    def __len__(self) -> int:
        return self.size

    def _made(self, number: int) -> bytes:
        def normals(seed: int) -> np.ndarray:
            return np.random.Generator(np.random.Philox(key=[seed, number])).standard_normal(
                BLOCK // 2, dtype=np.float32
            )

        values = normals(self.seed)
        if self.change:
            values = values + np.float32(self.change) * normals(self.seed + 1)
        return (values * np.float32(0.02)).view(np.uint32).__rshift__(16).astype("<u2").tobytes()

    def __getitem__(self, part: slice) -> bytes:
        begin, end, _ = part.indices(self.size)
        out = bytearray(self.head[begin:end])
        at = begin + len(out)
        while at < end:
            number, inside = divmod(at - len(self.head), BLOCK)
            number = number % self.tile if self.tile else number
            piece = self._block(number)[inside : inside + end - at]
            out += piece
            at += len(piece)
        return bytes(out)
