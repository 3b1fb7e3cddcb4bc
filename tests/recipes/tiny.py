"""Tiny models of every family, every parameter random, and their outputs by transformers (the test's own witness)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.recipes.steps.model import Model

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

VOCABULARY = 61
COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": None,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": {**COMMON, "tie_word_embeddings": False},
    "llama-tied": {**COMMON, "model_type": "llama", "tie_word_embeddings": True},
    "llama-biased": {**COMMON, "model_type": "llama", "attention_bias": True, "mlp_bias": True},
    "mistral": {**COMMON, "head_dim": 12},
    "granite": {**COMMON, "embedding_multiplier": 3.0, "residual_multiplier": 0.7, "attention_multiplier": 0.4},
    "seed_oss": {**COMMON, "head_dim": 12, "attention_out_bias": False},
    "ministral": {**COMMON, "head_dim": 8, "sliding_window": 4},
    "smollm3": {**COMMON, "no_rope_layer_interval": 2},
    "qwen2": {**COMMON, "tie_word_embeddings": True},
    "qwen3": {**COMMON, "head_dim": 16},
    "mixtral": {**COMMON, "num_local_experts": 5, "num_experts_per_tok": 2},
    "qwen2_moe": {
        **COMMON, "num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 20,
        "shared_expert_intermediate_size": 28, "mlp_only_layers": [1],
    },
    "qwen3_moe": {
        **COMMON, "head_dim": 8, "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 20,
        "norm_topk_prob": True,
    },
    "arcee": {**COMMON, "hidden_act": "gelu", "attention_bias": True, "mlp_bias": True},
    "starcoder2": {**COMMON, "use_bias": True, "tie_word_embeddings": True, "sliding_window": None},
    "gpt2": {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
    "gpt_neo": {
        "vocab_size": VOCABULARY, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 64,
        "intermediate_size": 48, "attention_types": [[["global", "local"], 1]], "window_size": 4,
    },
    "opt": {
        "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "ffn_dim": 48,
        "max_position_embeddings": 64, "word_embed_proj_dim": 32,
    },
    "bert": {**COMMON, "num_key_value_heads": None, "type_vocab_size": 2},
    "roberta": {**COMMON, "num_key_value_heads": None, "type_vocab_size": 2, "pad_token_id": 0},
    "xlm-roberta": {**COMMON, "num_key_value_heads": None, "type_vocab_size": 1, "pad_token_id": 0},
    "camembert": {**COMMON, "num_key_value_heads": None, "type_vocab_size": 1, "pad_token_id": 0},
    "distilbert": {"vocab_size": VOCABULARY, "dim": 32, "hidden_dim": 48, "n_layers": 3, "n_heads": 4,
                   "max_position_embeddings": 64, "pad_token_id": 0},
}  # fmt: skip
MASKED = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert")
CAUSAL = [name for name in CONFIGS if name not in MASKED]
IDS = np.random.default_rng(5).integers(3, VOCABULARY, (2, 17))


def loader(config: dict[str, Any]) -> Any:
    """The transformers class that gives logits for a family."""
    masked = config["model_type"] in MASKED
    return transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM


def tiny(name: str, folder: Path, seed: int = 3, **changes: Any) -> Model:
    """A tiny model of a family with every parameter random: matrices at 1/√in, gains within 0.4-1.6, biases at 0.2."""
    settings = {"model_type": name, **CONFIGS[name], **changes}
    settings = {key: value for key, value in settings.items() if value is not None or key in ("pad_token_id",)}
    config = transformers.AutoConfig.for_model(**settings)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    net = loader(settings).from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for label, parameter in net.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if label.endswith("bias"):
                parameter.copy_(values * 0.2)
            elif parameter.ndim == 1:
                parameter.copy_(0.4 + 1.2 * torch.rand(parameter.shape, generator=generator))
            else:
                parameter.copy_(values / parameter.shape[-1] ** 0.5)
    net.save_pretrained(folder)
    return Model.load(folder)


def logits(model: Model, folder: Path, ids: np.ndarray = IDS) -> np.ndarray:
    """Logits (batch, length, V) of a model as transformers computes them from the files `save` writes."""
    net = loader(dict(model.config)).from_pretrained(
        model.save(folder), dtype=torch.float32, attn_implementation="eager"
    )
    net.eval()
    with torch.no_grad():
        return np.asarray(net(torch.tensor(ids)).logits.numpy())


def difference(before: Model, after: Model, folder: Path, ids: np.ndarray = IDS) -> float:
    """Largest absolute difference between two models' logits."""
    return float(np.abs(logits(before, folder / "before", ids) - logits(after, folder / "after", ids)).max())
