"""GGUF tensor names and metadata as the published ones: read from a family's definition and its [gguf] table.

Source: llama.cpp's conversion scripts (conversion/*.py) and the gguf package's tensor map; a test proves the names against
that map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from forebear.models.architecture.definition import Definition, GgufRule
from forebear.models.architecture.naming import layer_stem, parts_of, rules_for
from forebear.models.architecture.registry import index, shipped
from forebear.models.architecture.settings import Settings

Wanted = tuple[tuple[str, ...], str]
"""The part that a tensor plays (several: fused), and its role."""
_TOP: Mapping[str, Wanted] = {
    "token_embd": (("embedding",), ""), "position_embd": (("positions",), ""), "token_types": (("token_types",), ""),
    "token_embd_norm": (("norm",), "embedding"), "output_norm": (("norm",), "final"), "output": (("head",), ""),
}  # fmt: skip
_LAYER: Mapping[str, Wanted] = {
    "attn_norm": (("norm",), "attention"), "ffn_norm": (("norm",), "mlp"),
    "post_attention_norm": (("norm",), "after-attention"), "post_ffw_norm": (("norm",), "after-mlp"),
    "attn_q": (("q",), ""), "attn_k": (("k",), ""), "attn_v": (("v",), ""), "attn_output": (("o",), ""),
    "attn_qkv": (("q", "k", "v"), ""), "attn_q_norm": (("norm",), "q"), "attn_k_norm": (("norm",), "k"),
    "ffn_gate": (("gate",), ""), "ffn_up": (("up",), ""), "ffn_down": (("down",), ""),
    "ffn_gate_inp": (("router",), ""), "ffn_gate_inp_shexp": (("shared_router",), ""),
    "ffn_gate_shexp": (("shared_gate",), ""), "ffn_up_shexp": (("shared_up",), ""), "ffn_down_shexp": (("shared_down",), ""),
    "ffn_gate_exps": (("gate",), ""), "ffn_up_exps": (("up",), ""), "ffn_down_exps": (("down",), ""),
}  # fmt: skip
"""GGUF stem → what the tensor is; stems ending in _exps are of experts."""
_AFTER = {"attn_norm": "attn_output_norm", "ffn_norm": "layer_output_norm"}
"""What the norms of families are called whose norms come after each branch."""
STANDARD_KEYS: Mapping[str, str] = {
    "embedding_length": "hidden_size", "block_count": "num_hidden_layers", "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads", "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim", "context_length": "max_position_embeddings", "rope.freq_base": "rope_theta",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps", "attention.layer_norm_epsilon": "layer_norm_eps",
    "attention.sliding_window": "sliding_window", "expert_used_count": "num_experts_per_tok",
    "vocab_size": "vocab_size",
}  # fmt: skip


class GgufNames(NamedTuple):
    """One architecture of GGUF files.

    top, layer: GGUF stem → published stem (".weight", ".bias" follow); start: what comes before a layer's number.
    keys: metadata key (below the architecture's name) → configuration key.
    """

    rule: GgufRule
    start: str
    top: Mapping[str, str]
    layer: Mapping[str, str]
    keys: Mapping[str, str]


def gguf_names(architecture: str) -> GgufNames | None:
    """The names of a GGUF architecture ("…+experts": the same with experts); None when no family of ours is written so."""
    family = next((entry.family for entry in index() if architecture in entry.gguf), None)
    return None if family is None else names_of(shipped(family), architecture)


def names_of(definition: Definition, architecture: str) -> GgufNames:
    """The names that a definition gives to the tensors of one of its GGUF architectures."""
    rule = definition.gguf[architecture]
    prefix = definition.prefixes[0] if rule.prefix is None else rule.prefix
    top: dict[str, str] = {}
    layer: dict[str, str] = {}
    start = ""
    settings = Settings({"model_type": rule.model_type}, definition.roots)
    after_branches = definition.norms is not None and not definition.norms.rule(settings).pre_norm
    for tensor in rules_for(definition, {"model_type": rule.model_type}):
        name = tensor.names[0]
        before, after = layer_stem(name)
        if tensor.kind in ("bias", "constant") or "{index}" in name or not name.endswith(".weight"):
            continue
        found, expert = (layer, "{expert}" in name) if before else (top, False)
        for stem, (parts, role) in (_LAYER if before else _TOP).items():
            if parts_of(tensor) == set(parts) and tensor.role == role and expert == stem.endswith("_exps"):
                lead = prefix if not before and name.startswith("{prefix}") else ""
                called = _AFTER.get(stem, stem) if after_branches else stem
                found.setdefault(called, lead + after.removesuffix(".weight"))
        start = start or (f"{prefix}{before}" if before else "")
    for stem, target in rule.names.items():
        (top if stem in _TOP else layer)[stem] = target
    keys = {**(STANDARD_KEYS if rule.standard_keys else {}), **rule.keys}
    return GgufNames(rule, start, _with_target(top), _with_target(layer), keys)


def _with_target(found: Mapping[str, str]) -> dict[str, str]:
    return {stem: target for stem, target in found.items() if target}
