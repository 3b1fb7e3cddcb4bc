"""Families the bench trains: shapes, tensor names as published checkpoints have them, initial values."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.corpus import VOCABULARY
from forebear.core.seeds import generator

Floats = npt.NDArray[np.float32]
FAMILIES = ("llama", "qwen2", "gpt2", "moe", "gemma")
INITS = ("plain", "one-key-layers", "one-key-gate-up", "cloned-shards")
STD = 0.06
"""Standard deviation of initial weights: about half of 1/sqrt(64)."""


@dataclass(frozen=True)
class Shape:
    """One architecture with its sizes; kv_heads divides heads; head_size 0 means width / heads."""

    family: str = "llama"
    layers: int = 4
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    neurons: int = 176
    experts: int = 1
    tied: bool = False
    vocabulary: int = VOCABULARY
    context: int = 64
    head_size: int = 0

    @property
    def head_dim(self) -> int:
        return self.head_size or self.width // self.heads

    def sized(self, **changes: Any) -> Shape:
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def config(self) -> dict[str, Any]:
        """config.json in the words of the published family, so that any reader of that family reads these."""
        common = {
            "vocab_size": self.vocabulary,
            "tie_word_embeddings": self.tied,
            "torch_dtype": "float32",
            "bos_token_id": 0,
            "eos_token_id": 0,
        }
        if self.family == "gpt2":
            return {
                "architectures": ["GPT2LMHeadModel"],
                "model_type": "gpt2",
                "n_embd": self.width,
                "n_layer": self.layers,
                "n_head": self.heads,
                "n_inner": self.neurons,
                "n_positions": self.context,
                "activation_function": "gelu_new",
                "layer_norm_epsilon": 1e-5,
                **common,
            }
        words = {
            "llama": ("LlamaForCausalLM", "llama"),
            "qwen2": ("Qwen2ForCausalLM", "qwen2"),
            "moe": ("MixtralForCausalLM", "mixtral"),
            "gemma": ("GemmaForCausalLM", "gemma"),
        }[self.family]
        config = {
            "architectures": [words[0]],
            "model_type": words[1],
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "intermediate_size": self.neurons,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "max_position_embeddings": self.context,
            **common,
        }
        if self.head_size or self.family == "gemma":
            config["head_dim"] = self.head_dim
        if self.family == "gemma":
            config |= {"hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh"}
        if self.family == "moe":
            config |= {"num_local_experts": self.experts, "num_experts_per_tok": 2, "sliding_window": None}
        return config


SHAPES = {
    "llama64": Shape(),
    "gpt2-64": Shape(family="gpt2", kv_heads=4, neurons=256, tied=True),
    "qwen2-64": Shape(family="qwen2", tied=True),
    "moe-64": Shape(family="moe", neurons=104, experts=4),
    "llama128": Shape(width=128, heads=8, kv_heads=4, neurons=352),
    "llama256": Shape(width=256, heads=8, kv_heads=4, neurons=704),
    "qwen2-80": Shape(family="qwen2", width=80, neurons=208, tied=True),
    "qwen2-96": Shape(family="qwen2", width=96, neurons=256, tied=True),
    "moe-80": Shape(family="moe", width=80, neurons=120, experts=4),
    "gemma-72": Shape(family="gemma", layers=5, width=72, heads=3, kv_heads=1, neurons=184, tied=True),
    "llama48": Shape(layers=3, width=48, neurons=128),
    "gpt2-56": Shape(family="gpt2", layers=3, width=56, heads=4, kv_heads=4, neurons=224, tied=True),
    "qwen2-72": Shape(family="qwen2", layers=3, width=72, neurons=192, tied=True),
    "moe-48": Shape(family="moe", layers=3, width=48, neurons=64, experts=3),
    "gemma-96": Shape(family="gemma", layers=4, width=96, heads=3, kv_heads=1, neurons=248, tied=True),
    "gemma-80": Shape(family="gemma", layers=4, width=80, heads=4, kv_heads=2, neurons=208, tied=True),
    "llama56": Shape(layers=5, width=56, neurons=152),
    "gpt2-72": Shape(family="gpt2", layers=4, width=72, heads=6, kv_heads=6, neurons=288, tied=True),
    "qwen2-56": Shape(family="qwen2", layers=5, width=56, neurons=144, tied=True),
    "moe-72": Shape(family="moe", layers=4, width=72, neurons=88, experts=4),
    "llama40": Shape(layers=6, width=40, heads=4, kv_heads=2, neurons=112),
    "gpt2-48": Shape(family="gpt2", layers=5, width=48, heads=4, kv_heads=4, neurons=192, tied=True),
    "qwen2-48": Shape(family="qwen2", layers=4, width=48, heads=6, kv_heads=3, neurons=136, tied=True),
    "moe-56": Shape(family="moe", layers=3, width=56, neurons=80, experts=4),
    "llama72": Shape(layers=4, width=72, heads=6, kv_heads=3, neurons=184),
    "gpt2-40": Shape(family="gpt2", layers=4, width=40, heads=4, kv_heads=4, neurons=160, tied=True),
    "qwen2-40": Shape(family="qwen2", layers=5, width=40, heads=4, kv_heads=2, neurons=104, tied=True),
    "moe-40": Shape(family="moe", layers=4, width=40, neurons=56, experts=4),
    "llama60": Shape(width=60, heads=6, kv_heads=3, neurons=160),
    "qwen2-60": Shape(family="qwen2", width=60, heads=6, kv_heads=2, neurons=168, tied=True),
    "gpt2-60": Shape(family="gpt2", layers=3, width=60, heads=6, kv_heads=6, neurons=240, tied=True),
    "moe-60": Shape(family="moe", layers=3, width=60, heads=6, kv_heads=3, neurons=72, experts=4),
    "tiny": Shape(layers=2, neurons=128),
}


def shape_of(config: dict[str, Any]) -> Shape:
    """The shape a config.json written by Shape.config describes.

    Raises: KeyError if the model_type is none of the bench's families.
    """
    family = {"gpt2": "gpt2", "llama": "llama", "qwen2": "qwen2", "mixtral": "moe", "gemma": "gemma"}[
        config["model_type"]
    ]
    tied, vocabulary = bool(config["tie_word_embeddings"]), int(config["vocab_size"])
    if family == "gpt2":
        return Shape(
            family,
            config["n_layer"],
            config["n_embd"],
            config["n_head"],
            config["n_head"],
            config.get("n_inner") or 4 * config["n_embd"],
            1,
            tied,
            vocabulary,
            config["n_positions"],
        )
    return Shape(
        family,
        config["num_hidden_layers"],
        config["hidden_size"],
        config["num_attention_heads"],
        config["num_key_value_heads"],
        config["intermediate_size"],
        config.get("num_local_experts", 1),
        tied,
        vocabulary,
        config["max_position_embeddings"],
        _own_head_size(config),
    )


def _own_head_size(config: dict[str, Any]) -> int:
    """Dimensions of a head where they are not width / heads; 0 where they are."""
    size = int(config.get("head_dim") or 0)
    return 0 if size * config["num_attention_heads"] == config["hidden_size"] else size


Spec = dict[str, tuple[tuple[int, ...], str]]


def parameters(shape: Shape) -> Spec:
    """Every tensor: name -> (dimensions, how it starts). Starts: normal, half, out (scaled for depth), ones, zeros."""
    return _gpt2(shape) if shape.family == "gpt2" else _rope_family(shape)


def _rope_family(s: Shape) -> Spec:
    rows_q, kv = s.heads * s.head_dim, s.kv_heads * s.head_dim
    gains = "zeros" if s.family == "gemma" else "ones"  # Gemma stores gain - 1
    spec: Spec = {"model.embed_tokens.weight": ((s.vocabulary, s.width), "normal")}
    for n in range(s.layers):
        p = f"model.layers.{n}."
        spec[p + "input_layernorm.weight"] = ((s.width,), gains)
        for name, rows in (("q", rows_q), ("k", kv), ("v", kv)):
            spec[f"{p}self_attn.{name}_proj.weight"] = ((rows, s.width), "normal")
            if s.family == "qwen2":
                spec[f"{p}self_attn.{name}_proj.bias"] = ((rows,), "zeros")
        spec[p + "self_attn.o_proj.weight"] = ((s.width, rows_q), "out")
        spec[p + "post_attention_layernorm.weight"] = ((s.width,), gains)
        if s.family == "moe":
            spec[p + "block_sparse_moe.gate.weight"] = ((s.experts, s.width), "normal")
            for e in range(s.experts):
                q = f"{p}block_sparse_moe.experts.{e}."
                spec[q + "w1.weight"] = ((s.neurons, s.width), "normal")
                spec[q + "w3.weight"] = ((s.neurons, s.width), "normal")
                spec[q + "w2.weight"] = ((s.width, s.neurons), "out")
        else:
            spec[p + "mlp.gate_proj.weight"] = ((s.neurons, s.width), "normal")
            spec[p + "mlp.up_proj.weight"] = ((s.neurons, s.width), "normal")
            spec[p + "mlp.down_proj.weight"] = ((s.width, s.neurons), "out")
    spec["model.norm.weight"] = ((s.width,), gains)
    if not s.tied:
        spec["lm_head.weight"] = ((s.vocabulary, s.width), "normal")
    return spec


def _gpt2(s: Shape) -> Spec:
    """GPT-2 keeps its linear maps input-major: (in, out)."""
    spec: Spec = {
        "transformer.wte.weight": ((s.vocabulary, s.width), "normal"),
        "transformer.wpe.weight": ((s.context, s.width), "half"),
    }
    for n in range(s.layers):
        p = f"transformer.h.{n}."
        for name, dims, start in (
            ("attn.c_attn", (s.width, 3 * s.width), "normal"),
            ("attn.c_proj", (s.width, s.width), "out"),
            ("mlp.c_fc", (s.width, s.neurons), "normal"),
            ("mlp.c_proj", (s.neurons, s.width), "out"),
        ):
            spec[f"{p}{name}.weight"] = (dims, start)
            spec[f"{p}{name}.bias"] = ((dims[1],), "zeros")
        for name in ("ln_1", "ln_2"):
            spec[f"{p}{name}.weight"] = ((s.width,), "ones")
            spec[f"{p}{name}.bias"] = ((s.width,), "zeros")
    spec["transformer.ln_f.weight"] = ((s.width,), "ones")
    spec["transformer.ln_f.bias"] = ((s.width,), "zeros")
    return spec


def initial(shape: Shape, seed: int, init: str = "plain") -> dict[str, Floats]:
    """Initial values, fixed by the seed alone.

    init: "plain" (every entry its own draw), or one of the faults of real code that METHODS §8 audits:
          "one-key-layers" (all layers draw the same numbers), "one-key-gate-up" (gate and up of a layer start equal),
          "cloned-shards" (each quarter of a layer's neurons starts as the first).
    Raises: ValueError for another word, or for a family without gates.
    """
    if init not in INITS or (init != "plain" and shape.family not in ("llama", "qwen2")):
        raise ValueError(f"no initialisation {init!r} for {shape.family}")
    rng = generator("bench/initial", seed)
    values: dict[str, Floats] = {}
    for name, (dims, start) in parameters(shape).items():
        if start in ("ones", "zeros"):
            values[name] = np.full(dims, 1.0 if start == "ones" else 0.0, dtype=np.float32)
            continue
        scale = STD * {"normal": 1.0, "half": 0.5, "out": 1 / math.sqrt(2 * shape.layers)}[start]
        values[name] = (rng.standard_normal(dims) * scale).astype(np.float32)
    return _flawed(values, shape, init)


def _flawed(values: dict[str, Floats], shape: Shape, init: str) -> dict[str, Floats]:
    for n in range(shape.layers):
        p = f"model.layers.{n}."
        if init == "one-key-layers":
            for name in values:
                if name.startswith("model.layers.0."):
                    values[p + name.removeprefix("model.layers.0.")] = values[name].copy()
        elif init == "one-key-gate-up":
            values[p + "mlp.up_proj.weight"] = values[p + "mlp.gate_proj.weight"].copy()
        elif init == "cloned-shards":
            quarter = shape.neurons // 4
            for name in ("gate_proj", "up_proj"):
                values[f"{p}mlp.{name}.weight"] = np.tile(values[f"{p}mlp.{name}.weight"][:quarter], (4, 1))
            values[p + "mlp.down_proj.weight"] = np.tile(values[p + "mlp.down_proj.weight"][:, :quarter], (1, 4))
    return values
