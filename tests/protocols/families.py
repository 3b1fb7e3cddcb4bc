"""One line per family: the transformers class and tiny configuration that prove its definition, and what to feed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_SMALL = {"vocab_size": 37, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 6,
          "intermediate_size": 20, "max_position_embeddings": 32, "pad_token_id": 0, "bos_token_id": 1,
          "eos_token_id": 2}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A proof: the class, its configuration, the axes the definition must allow (+ permuted, ± also negated)."""

    name: str
    family: str
    model: str
    config: str
    settings: dict[str, Any]
    allowed: str
    moves: tuple[str, ...]
    inputs: str = "tokens"
    rename: dict[str, str] = field(default_factory=dict)


def small(**changes: Any) -> dict[str, Any]:
    """The small configuration with changes; None removes a key."""
    return {key: value for key, value in {**_SMALL, **changes}.items() if value is not None}


# name, family, class, configuration class, settings, allowed axes (± after those that also take signs), axes that move
CASES = [
    Case("bert", "bert", "BertForPreTraining", "BertConfig", small(),
         "channel neuron kv_head qk± value±", ("token", "position", "segment")),
    Case("bert without prefix", "bert", "BertModel", "BertConfig", small(),
         "channel neuron kv_head qk± value±", ("token", "pooled")),
    Case("bert classifier", "bert", "BertForSequenceClassification", "BertConfig", small(num_labels=3),
         "channel neuron kv_head qk± value±", ("token", "label")),
    Case("bert tags", "bert", "BertForTokenClassification", "BertConfig", small(num_labels=3),
         "channel neuron kv_head qk± value±", ("token", "label")),
    Case("llama", "llama", "LlamaForCausalLM", "LlamaConfig", small(num_key_value_heads=2),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("llama with biases, tied", "llama", "LlamaForCausalLM", "LlamaConfig",
         small(num_key_value_heads=3, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, head_dim=8),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("mistral", "llama", "MistralForCausalLM", "MistralConfig", small(num_key_value_heads=2, sliding_window=4),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("qwen2", "llama", "Qwen2ForCausalLM", "Qwen2Config", small(num_key_value_heads=2),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("qwen3", "llama", "Qwen3ForCausalLM", "Qwen3Config", small(num_key_value_heads=2, head_dim=6),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("gpt2", "gpt2", "GPT2LMHeadModel", "GPT2Config",
         {"vocab_size": 37, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 32, "n_inner": 20,
          "bos_token_id": 1, "eos_token_id": 2},
         "channel neuron kv_head qk± value±", ("token", "position")),
]  # fmt: skip
