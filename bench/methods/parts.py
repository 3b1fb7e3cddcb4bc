"""Parts of the bench's own checkpoints for the rivals: attention matrices by layer, norm vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.checkpoint import load
from bench.shapes import Floats


def arrays(folder: Path) -> dict[str, Floats]:
    """All tensors of a checkpoint folder, float32, in the order of the file."""
    return load(folder)[0]


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
