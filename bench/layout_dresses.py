"""Other layouts of the same model: fused, cut by head, turned, stacked, folded (METHODS §10). A verdict must not change by it.

Besides those of bench/hostile_names; `SEEN` were looked at while forebear/comparison/reading/refit.py was written.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from bench.hostile_names import Arrays, Config, _renamed, dress
from bench.shapes import Floats

SEEN = (
    "fused, up before gate",
    "fused by head",
    "fused as Megatron writes",
    "input-major linears",
    "experts in one tensor",
    "experts fused",
    "experts fused, input-major",
    "LayerNorm folded",
    "anonymous and input-major",
)
LAYER = re.compile(r"^(?:model\.layers|transformer\.h)\.\d+\.")


def layers_of(arrays: Arrays) -> list[str]:
    """What the names of each layer begin with, in order."""
    return sorted({m[0] for n in arrays if (m := LAYER.match(n))}, key=lambda stem: int(stem.split(".")[2]))


@dress("input-major linears", "llama", "qwen2", "gemma")
def _turned(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return {n: np.ascontiguousarray(a.T) if "_proj.weight" in n else a for n, a in arrays.items()}, config


def experts(arrays: Arrays, config: Config, stem: str, word: str) -> Floats:
    """One matrix of every expert of a layer, stacked."""
    count = config["num_local_experts"]
    return np.stack([arrays[f"{stem}block_sparse_moe.experts.{e}.{word}.weight"] for e in range(count)])


def fused_experts(
    arrays: Arrays, config: Config, order: tuple[str, str], turned: bool, names: tuple[str, str]
) -> Arrays:
    """Experts in two tensors a layer; order: which of w1 (gate) and w3 (up) comes first."""
    out = {n: a for n, a in arrays.items() if ".experts." not in n}
    for stem in layers_of(arrays):
        both = np.concatenate([experts(arrays, config, stem, word) for word in order], axis=1)
        down = experts(arrays, config, stem, "w2")
        for name, stack in zip(names, (both, down), strict=True):
            out[f"{stem}block_sparse_moe.experts.{name}"] = (
                np.ascontiguousarray(stack.swapaxes(1, 2)) if turned else stack
            )
    return out


@dress("experts fused", "mixtral")
def _experts_fused(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return fused_experts(arrays, config, ("w1", "w3"), False, ("gate_up_proj", "down_proj")), config


@dress("experts fused, input-major", "mixtral")
def _experts_turned(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return fused_experts(arrays, config, ("w1", "w3"), True, ("gate_up_proj", "down_proj")), config


@dress("LayerNorm folded", "gpt2")
def _layer_norm_folded(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    """Gains one and biases zero before every branch: both are in the next linear, whose rows are centred."""
    out = dict(arrays)
    for stem in layers_of(arrays):
        for norm, name in (("ln_1", "attn.c_attn"), ("ln_2", "mlp.c_fc")):
            gain, bias = arrays[f"{stem}{norm}.weight"], arrays[f"{stem}{norm}.bias"]
            weight = arrays[f"{stem}{name}.weight"]  # (inputs, outputs)
            out[f"{stem}{name}.bias"] = arrays[f"{stem}{name}.bias"] + bias @ weight
            folded = weight * gain[:, None]
            out[f"{stem}{name}.weight"] = folded - folded.mean(axis=0, keepdims=True)
            out[f"{stem}{norm}.weight"], out[f"{stem}{norm}.bias"] = np.ones_like(gain), np.zeros_like(bias)
    gain, bias = arrays["transformer.ln_f.weight"], arrays["transformer.ln_f.bias"]
    table = arrays["transformer.wte.weight"]
    out["lm_head.weight"], out["lm_head.bias"] = table * gain, table @ bias
    out["transformer.ln_f.weight"], out["transformer.ln_f.bias"] = np.ones_like(gain), np.zeros_like(bias)
    return {n: a.astype(np.float32) for n, a in out.items()}, {**config, "tie_word_embeddings": False}


@dress("anonymous and input-major", "llama", "qwen2")
def _anonymous(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    """As an exporter of graphs writes: linears without names and (inputs, outputs), the rest by name, no configuration."""
    out, count = {}, 1000
    for name, array in arrays.items():
        if "_proj.weight" in name:
            out[f"onnx::MatMul_{count}"] = np.ascontiguousarray(array.T)
            count += 7
        else:
            out[name] = array
    return out, {}


def renamed(arrays: Arrays, *swaps: tuple[str, str]) -> Arrays:
    """Arrays under names in which each pattern is replaced, one after the other."""
    made: Any = _renamed(*swaps)(arrays, {})[0]
    return dict(made)
