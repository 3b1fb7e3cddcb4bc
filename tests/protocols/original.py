"""Names of published originals whose files name no model_type: to and from an equivalent class, independently of forebear."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Config = dict[str, Any]
Change = Callable[[str, NDArray[Any], Config], NDArray[Any]]


@dataclass(frozen=True)
class Original:
    """names: pieces of the class's names → the original's, longest first. keys: configuration keys, the class's → the original's.

    there, back: how values change besides their names.
    """

    names: Mapping[str, str]
    keys: Mapping[str, str]
    there: Change = lambda name, values, config: values
    back: Change = lambda name, values, config: values

    def from_class(self, arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
        """As the original is published."""
        made = {new: config[old] for old, new in self.keys.items() if config.get(old) is not None}
        return {_renamed(name, self.names): self.there(name, array, config) for name, array in arrays.items()}, made

    def to_class(self, arrays: Arrays, config: Config) -> Arrays:
        """As the class loads it; config: the original's."""
        back = {new: old for old, new in self.names.items()}
        known = {old: config[new] for old, new in self.keys.items() if new in config}
        named = {_renamed(name, back): array for name, array in arrays.items()}
        return {name: self.back(name, array, known) for name, array in named.items()}


def _renamed(name: str, names: Mapping[str, str]) -> str:
    if not names:
        return name
    listed = "|".join(re.escape(old) for old in sorted(names, key=len, reverse=True))
    return re.sub(listed, lambda found: names[found[0]], name)


def _heads(name: str, config: Config) -> int:
    """Heads whose rows are paired for rotary positions; 0 for other tensors."""
    key = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
    return next((int(config[key[part]]) for part in key if f".{part}." in name), 0)


def _to_neighbours(name: str, values: NDArray[Any], config: Config) -> NDArray[Any]:
    """Rotary pairs (i, i + half) of every head become neighbours, as the original rotates complex numbers."""
    heads = _heads(name, config)
    if not heads:
        return values
    rows = values.reshape(heads, 2, -1, values.shape[1])
    return np.ascontiguousarray(rows.swapaxes(1, 2)).reshape(values.shape)


def _to_halves(name: str, values: NDArray[Any], config: Config) -> NDArray[Any]:
    """The reverse."""
    heads = _heads(name, config)
    if not heads:
        return values
    rows = values.reshape(heads, -1, 2, values.shape[1])
    return np.ascontiguousarray(rows.swapaxes(1, 2)).reshape(values.shape)


def _turned(name: str, values: NDArray[Any], config: Config) -> NDArray[Any]:
    """Matrices that the class stores (in, out)."""
    inner = any(f".{word}.weight" in name for word in ("c_attn", "c_proj", "c_fc"))
    return np.ascontiguousarray(values.T) if inner else values


_LLAMA = {
    "model.embed_tokens": "tok_embeddings", "model.layers.": "layers.", "model.norm": "norm", "lm_head": "output",
    "self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
_NANOCHAT = {
    "model.embed_tokens": "transformer.wte", "model.layers.": "transformer.h.", "self_attn.q_proj": "attn.c_q",
    "self_attn.k_proj": "attn.c_k", "self_attn.v_proj": "attn.c_v", "self_attn.o_proj": "attn.c_proj",
    "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
}  # fmt: skip
ORIGINAL: Mapping[str, Original] = {
    "llama_own": Original(
        _LLAMA,
        {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
         "num_key_value_heads": "n_kv_heads", "vocab_size": "vocab_size"},
        _to_neighbours, _to_halves),
    "nanochat_own": Original(
        _NANOCHAT,
        {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
         "num_key_value_heads": "n_kv_head", "vocab_size": "vocab_size"}),
    "nanogpt": Original(
        {}, {key: key for key in ("n_embd", "n_layer", "n_head", "vocab_size", "n_positions")}, _turned, _turned),
}  # fmt: skip
"""Published layout → how it is reached. Sources: the model files of the repositories that each definition names."""
