"""GGUF tensor names and metadata as the published ones: per architecture a table of names and what was rearranged.

Source: llama.cpp's conversion scripts (conversion/*.py) and the gguf package's tensor map; a test holds the names
against that map.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
_HEADS = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
          "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
          "attn_k_norm": "self_attn.k_norm"}  # fmt: skip
_GATED = {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
_LLAMA = {**_NORMS, **_HEADS, **_GATED}
_SANDWICH = {"post_attention_norm": "post_attention_layernorm", "post_ffw_norm": "post_feedforward_layernorm"}
_MODEL = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_QWEN_EXPERTS = {
    "ffn_gate_inp": "mlp.gate", "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
    "ffn_gate_shexp": "mlp.shared_expert.gate_proj", "ffn_up_shexp": "mlp.shared_expert.up_proj",
    "ffn_down_shexp": "mlp.shared_expert.down_proj", "ffn_gate_exps": "mlp.experts.{expert}.gate_proj",
    "ffn_up_exps": "mlp.experts.{expert}.up_proj", "ffn_down_exps": "mlp.experts.{expert}.down_proj",
}  # fmt: skip
_MIXTRAL_EXPERTS = {
    "ffn_gate_inp": "block_sparse_moe.gate", "ffn_gate_exps": "block_sparse_moe.experts.{expert}.w1",
    "ffn_up_exps": "block_sparse_moe.experts.{expert}.w3", "ffn_down_exps": "block_sparse_moe.experts.{expert}.w2",
}  # fmt: skip


MODERN_KEYS: dict[str, str] = {
    "embedding_length": "hidden_size", "block_count": "num_hidden_layers", "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads", "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim", "context_length": "max_position_embeddings", "rope.freq_base": "rope_theta",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps", "attention.layer_norm_epsilon": "layer_norm_eps",
    "attention.sliding_window": "sliding_window", "expert_used_count": "num_experts_per_tok",
    "vocab_size": "vocab_size",
}  # fmt: skip


@dataclass(frozen=True)
class GgufNames:
    """One architecture of GGUF files.

    model_type: of the published configuration; top, layer: GGUF stem -> published stem (".weight", ".bias" follow);
    prefix: what stands before a layer's number. rotated: stems whose rows llama.cpp pairs for its rotary positions.
    shifted: norm weights are stored plus one. transposed: stems the converter transposes.
    threefold: stems whose rows were moved from (head, q/k/v, dimension) to (q/k/v, head, dimension).
    keys: metadata key (below the architecture's name) -> configuration key.
    """

    model_type: str
    layer: dict[str, str]
    top: dict[str, str] = field(default_factory=lambda: _MODEL)
    prefix: str = "model.layers."
    rotated: frozenset[str] = frozenset()
    shifted: bool = False
    transposed: frozenset[str] = frozenset()
    threefold: frozenset[str] = frozenset()
    keys: dict[str, str] = field(default_factory=lambda: MODERN_KEYS)


_QWEN_MOE_KEYS = {**MODERN_KEYS, "expert_count": "num_experts", "expert_feed_forward_length": "moe_intermediate_size",
                  "expert_shared_feed_forward_length": "shared_expert_intermediate_size"}  # fmt: skip
_BERT_KEYS = {**MODERN_KEYS, "token_type_count": "type_vocab_size"}
_GPT2_KEYS = {
    "embedding_length": "n_embd", "block_count": "n_layer", "feed_forward_length": "n_inner",
    "attention.head_count": "n_head", "context_length": "n_positions", "vocab_size": "vocab_size",
    "attention.layer_norm_epsilon": "layer_norm_epsilon",
}  # fmt: skip

_QK = frozenset({"attn_q", "attn_k"})

ARCHITECTURES: dict[str, GgufNames] = {
    "llama": GgufNames("llama", _LLAMA, rotated=_QK),
    "mixtral": GgufNames("mixtral", {**_NORMS, **_HEADS, **_MIXTRAL_EXPERTS}, rotated=_QK,
                         keys={**MODERN_KEYS, "expert_count": "num_local_experts"}),
    "granite": GgufNames("granite", _LLAMA, rotated=_QK),
    "smollm3": GgufNames("smollm3", _LLAMA, rotated=_QK),
    "olmo": GgufNames("olmo", {**_HEADS, **_GATED}, rotated=_QK),
    "qwen2": GgufNames("qwen2", _LLAMA),
    "qwen3": GgufNames("qwen3", _LLAMA),
    "qwen2moe": GgufNames("qwen2_moe", {**_NORMS, **_HEADS, **_QWEN_EXPERTS}, keys=_QWEN_MOE_KEYS),
    "qwen3moe": GgufNames("qwen3_moe", {**_NORMS, **_HEADS, **_QWEN_EXPERTS}, keys=_QWEN_MOE_KEYS),
    "olmo2": GgufNames("olmo2", {**_HEADS, **_GATED, **_SANDWICH}),
    "gemma": GgufNames("gemma", _LLAMA, shifted=True),
    "gemma2": GgufNames("gemma2", {**_LLAMA, **_SANDWICH, "ffn_norm": "pre_feedforward_layernorm"}, shifted=True),
    "gemma3": GgufNames("gemma3_text", {**_LLAMA, **_SANDWICH, "ffn_norm": "pre_feedforward_layernorm"}, shifted=True),
    "phi3": GgufNames("phi3", {**_NORMS, "attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj",
                               "ffn_up": "mlp.gate_up_proj", "ffn_down": "mlp.down_proj"}),
    "phi2": GgufNames("phi", {**_HEADS, "attn_norm": "input_layernorm", "attn_output": "self_attn.dense",
                              "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2"},
                      top={**_MODEL, "output_norm": "model.final_layernorm"}),
    "stablelm": GgufNames("stablelm", {**_NORMS, **_GATED, "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
                                       "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj"}),
    "starcoder2": GgufNames("starcoder2", {**_NORMS, **_HEADS, "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}),
    "gptneox": GgufNames(
        "gpt_neox",
        {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_qkv": "attention.query_key_value",
         "attn_output": "attention.dense", "ffn_up": "mlp.dense_h_to_4h", "ffn_down": "mlp.dense_4h_to_h"},
        top={"token_embd": "gpt_neox.embed_in", "output_norm": "gpt_neox.final_layer_norm", "output": "embed_out"},
        prefix="gpt_neox.layers.", threefold=frozenset({"attn_qkv"}),
    ),
    "gpt2": GgufNames(
        "gpt2",
        {"attn_norm": "ln_1", "ffn_norm": "ln_2", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj",
         "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"},
        top={"token_embd": "transformer.wte", "position_embd": "transformer.wpe", "output_norm": "transformer.ln_f",
             "output": "lm_head"},
        prefix="transformer.h.", transposed=frozenset({"attn_qkv", "attn_output", "ffn_up", "ffn_down"}),
        keys=_GPT2_KEYS,
    ),
    "bert": GgufNames(
        "bert",
        {"attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
         "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm",
         "ffn_up": "intermediate.dense", "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm"},
        top={"token_embd": "embeddings.word_embeddings", "token_types": "embeddings.token_type_embeddings",
             "position_embd": "embeddings.position_embeddings", "token_embd_norm": "embeddings.LayerNorm"},
        prefix="encoder.layer.", keys=_BERT_KEYS,
    ),
}  # fmt: skip
"""By `general.architecture`; "mixtral" is llama with experts."""
