"""Checkpoints as the formulas of the rivals want them: named arrays, or embedding and matrices by layer, every one (out, in)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.shapes import Floats
from forebear.recipes.steps.model import Model

Matrix = npt.NDArray[np.floating[Any]]


def arrays(folder: Path) -> dict[str, Floats]:
    """All tensors of a checkpoint folder, float32, in the order of the file."""
    return _single(Model.load(folder))


def _single(model: Model) -> dict[str, Floats]:
    return {name: np.asarray(values, dtype=np.float32) for name, values in model.arrays.items()}


def layers(tensors: dict[str, Floats]) -> int:
    """Number of layers named N in ".layers.N." or ".h.N."."""
    found = [
        int(bits[i + 1])
        for n in tensors
        if (bits := n.split("."))
        for i in range(len(bits) - 1)
        if bits[i] in ("layers", "h") and bits[i + 1].isdigit()
    ]
    return max(found, default=-1) + 1


def attention(tensors: dict[str, Floats], layer: int) -> dict[str, Floats]:
    """q, k, v and o of one layer; fused GPT-2 maps are cut. Orientation is as stored."""
    if (fused := tensors.get(f"transformer.h.{layer}.attn.c_attn.weight")) is not None:
        q, k, v = np.split(fused, 3, axis=1)
        return {"q": q, "k": k, "v": v, "o": tensors[f"transformer.h.{layer}.attn.c_proj.weight"]}
    p = f"model.layers.{layer}.self_attn."
    return {x: tensors[f"{p}{x}_proj.weight"] for x in "qkvo"}


@dataclass(frozen=True)
class Block:
    """Matrices of one layer as they are stored, gains not folded in.

    Shapes: q (heads * size, width), k and v (kv_heads * size, width), o (width, heads * size), gate and up
            (neurons, width), down (width, neurons); gate is None where the MLP has none.
    """

    q: Matrix
    k: Matrix
    v: Matrix
    o: Matrix
    gate: Matrix | None
    up: Matrix
    down: Matrix
    heads: int
    kv_heads: int

    def repeated(self, rows: Matrix) -> Matrix:
        """Rows of keys or values, those of a group once for each query head that reads them: (heads * size, width)."""
        each = rows.reshape(self.kv_heads, -1, rows.shape[1])
        return np.repeat(each, self.heads // self.kv_heads, axis=0).reshape(-1, rows.shape[1])


@dataclass(frozen=True)
class Weights:
    """Embedding (tokens, width) and the layers of a model with one MLP a layer."""

    embedding: Matrix
    blocks: tuple[Block, ...]


def weights(folder: Path) -> Weights:
    """The matrices of a llama, qwen2 or gpt2 checkpoint folder in double precision.

    Raises: KeyError for a family without a single MLP a layer, or with other tensor names.
    """
    model = Model.load(folder)
    tensors = _single(model)
    gpt2 = model.config["model_type"] == "gpt2"
    blocks = tuple((_gpt2 if gpt2 else _rotary)(tensors, n, model.config) for n in range(layers(tensors)))
    table = tensors["transformer.wte.weight" if gpt2 else "model.embed_tokens.weight"]
    return Weights(table.astype(np.float64), blocks)


def _gpt2(tensors: dict[str, Floats], layer: int, config: Mapping[str, Any]) -> Block:
    """GPT-2 stores (in, out)."""
    parts, p, heads = attention(tensors, layer), f"transformer.h.{layer}.mlp.", int(config["n_head"])
    fed = [tensors[f"{p}{x}.weight"] for x in ("c_fc", "c_proj")]
    q, k, v, o, up, down = (m.T.astype(np.float64) for m in (*parts.values(), *fed))
    return Block(q, k, v, o, None, up, down, heads, heads)


def _rotary(tensors: dict[str, Floats], layer: int, config: Mapping[str, Any]) -> Block:
    parts, p = attention(tensors, layer), f"model.layers.{layer}.mlp."
    fed = [tensors[f"{p}{x}_proj.weight"] for x in ("gate", "up", "down")]
    q, k, v, o, gate, up, down = (m.astype(np.float64) for m in (*parts.values(), *fed))
    heads, groups = int(config["num_attention_heads"]), int(config["num_key_value_heads"])
    return Block(q, k, v, o, gate, up, down, heads, groups)
