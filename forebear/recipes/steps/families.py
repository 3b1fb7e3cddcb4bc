"""Where the families that steps rewrite keep their parts: published names, as data.

Sources: the tensor names in the published checkpoints of each family and their configurations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

RMS, LAYER_NORM = "rms", "layer"


@dataclass(frozen=True, slots=True)
class Family:
    """Names and habits of one `model_type`. `{}` in `layer` is the layer, in `expert` the expert.

    norm:       "rms" or "layer" (mean subtracted, with a bias).
    pre_norm:   the norm stands before each branch and the residual itself is never normalised.
    rope:       positions enter by rotary pairs (i, i + head_dim/2) of queries and keys.
    transposed: matrices are stored (in, out).
    fused_qkv:  one tensor holds q, k and v side by side on the output axis.
    """

    prefixes: tuple[str, ...]
    norm: str
    embedding: str
    final_norm: str
    layer: str
    q: str
    k: str
    v: str
    o: str
    attention_norm: str
    mlp_norm: str
    up: str
    down: str
    gate: str = ""
    head: str = "lm_head"
    q_norm: str = ""
    k_norm: str = ""
    router: str = ""
    expert: str = ""
    expert_gate: str = "gate_proj"
    expert_up: str = "up_proj"
    expert_down: str = "down_proj"
    shared: str = ""
    shared_gate: str = ""
    positions: tuple[str, ...] = ()
    pre_norm: bool = True
    rope: bool = True
    transposed: bool = False
    fused_qkv: bool = False
    embedding_norm: str = ""
    activation: str = "hidden_act"


_LLAMA = Family(
    prefixes=("model.", ""), norm=RMS, embedding="embed_tokens.weight", final_norm="norm", layer="layers.{}.",
    q="self_attn.q_proj", k="self_attn.k_proj", v="self_attn.v_proj", o="self_attn.o_proj",
    attention_norm="input_layernorm", mlp_norm="post_attention_layernorm",
    gate="mlp.gate_proj", up="mlp.up_proj", down="mlp.down_proj",
)  # fmt: skip
_QWEN3 = replace(_LLAMA, q_norm="self_attn.q_norm", k_norm="self_attn.k_norm")
_QWEN2_MOE = replace(
    _LLAMA, router="mlp.gate", expert="mlp.experts.{}.",
    shared="mlp.shared_expert.", shared_gate="mlp.shared_expert_gate",
)  # fmt: skip

FAMILIES: Mapping[str, Family] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _QWEN3,
    "mixtral": replace(
        _LLAMA, router="block_sparse_moe.gate", expert="block_sparse_moe.experts.{}.",
        expert_gate="w1", expert_up="w3", expert_down="w2",
    ),
    "qwen2_moe": _QWEN2_MOE,
    "qwen3_moe": replace(_QWEN3, router="mlp.gate", expert="mlp.experts.{}."),
    "arcee": replace(_LLAMA, gate=""),
    "starcoder2": replace(_LLAMA, gate="", up="mlp.c_fc", down="mlp.c_proj", norm=LAYER_NORM),
    "gpt2": Family(
        prefixes=("transformer.", ""), norm=LAYER_NORM, embedding="wte.weight", final_norm="ln_f", layer="h.{}.",
        q="attn.c_attn", k="attn.c_attn", v="attn.c_attn", o="attn.c_proj", attention_norm="ln_1", mlp_norm="ln_2",
        up="mlp.c_fc", down="mlp.c_proj", positions=("wpe.weight",), rope=False, transposed=True, fused_qkv=True,
        activation="activation_function",
    ),
    "bert": Family(
        prefixes=("bert.", ""), norm=LAYER_NORM, embedding="embeddings.word_embeddings.weight", final_norm="",
        layer="encoder.layer.{}.", q="attention.self.query", k="attention.self.key", v="attention.self.value",
        o="attention.output.dense", attention_norm="attention.output.LayerNorm", mlp_norm="output.LayerNorm",
        up="intermediate.dense", down="output.dense", head="cls.predictions.decoder",
        positions=("embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"),
        pre_norm=False, rope=False, embedding_norm="embeddings.LayerNorm",
    ),
}  # fmt: skip
"""`model_type` -> names."""

DENSE_GATED = ("llama", "mistral", "qwen2", "qwen3")
MOE = ("mixtral", "qwen2_moe", "qwen3_moe")
RMS_FAMILIES = (*DENSE_GATED, *MOE, "arcee")
GATED = (*DENSE_GATED, *MOE)
PRE_NORM = (*RMS_FAMILIES, "gpt2", "starcoder2")
ROPE = (*RMS_FAMILIES, "starcoder2")
DENSE = (*DENSE_GATED, "arcee", "gpt2", "starcoder2", "bert")
EVERY = tuple(FAMILIES)
"""Groups of families that steps name."""

CONFIG_NAMES: Mapping[str, tuple[str, ...]] = {
    "width": ("hidden_size", "n_embd"),
    "layers": ("num_hidden_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_head"),
    "kv_heads": ("num_key_value_heads",),
    "neurons": ("intermediate_size", "n_inner"),
    "eps": ("rms_norm_eps", "layer_norm_epsilon", "norm_epsilon", "layer_norm_eps"),
    "experts": ("num_local_experts", "num_experts"),
    "positions": ("max_position_embeddings", "n_positions"),
}
"""What steps need of a configuration -> the keys it goes by."""
OWN_KEYS: Mapping[tuple[str, str], str] = {
    ("gpt2", "width"): "n_embd",
    ("gpt2", "layers"): "n_layer",
    ("gpt2", "heads"): "n_head",
    ("gpt2", "neurons"): "n_inner",
    ("gpt2", "eps"): "layer_norm_epsilon",
    ("gpt2", "positions"): "n_positions",
    ("starcoder2", "eps"): "norm_epsilon",
    ("bert", "eps"): "layer_norm_eps",
    ("qwen2_moe", "experts"): "num_experts",
    ("qwen3_moe", "experts"): "num_experts",
}
"""(family, meaning) -> key, where a family does not use the first name."""
_RMS_DEFAULTS = {
    "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu", "initializer_range": 0.02,
    "max_position_embeddings": 32768, "tie_word_embeddings": False,
}  # fmt: skip
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "llama": {**_RMS_DEFAULTS, "max_position_embeddings": 2048},
    "mistral": {**_RMS_DEFAULTS, "num_key_value_heads": 8, "max_position_embeddings": 131072, "sliding_window": 4096},
    "qwen2": {**_RMS_DEFAULTS, "num_key_value_heads": 32},
    "qwen3": {**_RMS_DEFAULTS, "num_key_value_heads": 32, "head_dim": 128},
    "mixtral": {
        **_RMS_DEFAULTS, "num_key_value_heads": 8, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
        "rope_theta": 1000000.0, "sliding_window": None,
    },
    "qwen2_moe": {**_RMS_DEFAULTS, "num_key_value_heads": 16, "norm_topk_prob": False},
    "qwen3_moe": {**_RMS_DEFAULTS, "num_key_value_heads": 4, "norm_topk_prob": False},
    "arcee": {**_RMS_DEFAULTS, "rms_norm_eps": 1e-5, "max_position_embeddings": 4096, "hidden_act": "relu2"},
    "starcoder2": {
        "norm_epsilon": 1e-5, "rope_theta": 10000.0, "hidden_act": "gelu_pytorch_tanh", "num_key_value_heads": 2,
        "initializer_range": 0.018042, "max_position_embeddings": 4096, "tie_word_embeddings": True, "use_bias": True,
    },
    "gpt2": {
        "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "initializer_range": 0.02, "n_positions": 1024,
        "tie_word_embeddings": True,
    },
    "bert": {
        "layer_norm_eps": 1e-12, "hidden_act": "gelu", "initializer_range": 0.02, "max_position_embeddings": 512,
        "tie_word_embeddings": True,
    },
}  # fmt: skip
"""What a published configuration that leaves a key out means. Source: the configuration classes of transformers 5."""
CLASSES: Mapping[str, str] = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "qwen2_moe": "Qwen2MoeForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "arcee": "ArceeForCausalLM",
    "starcoder2": "Starcoder2ForCausalLM",
}
"""`model_type` -> class name written into a configuration when a step changes the family."""
