"""A tiny model of each family, converted to GGUF by the map of the gguf package, comes back as transformers saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf.constants import MODEL_ARCH_NAMES

from forebear.models.checkpoint import open_checkpoint
from tests.files.gguf_make import converter_rows, finish

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

MODERN = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
          "num_key_value_heads": 2, "vocab_size": 64, "max_position_embeddings": 32, "pad_token_id": 0}  # fmt: skip
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", "llama", MODERN),
    "qwen2": ("Qwen2Config", "qwen2", MODERN),
    "qwen3": ("Qwen3Config", "qwen3", MODERN | {"head_dim": 8}),
    "gemma": ("GemmaConfig", "gemma", MODERN | {"head_dim": 8}),
    "gemma2": ("Gemma2Config", "gemma2", MODERN | {"head_dim": 8}),
    "gemma3": ("Gemma3TextConfig", "gemma3", MODERN | {"head_dim": 8}),
    "phi3": ("Phi3Config", "phi3", MODERN),
    "phi": ("PhiConfig", "phi2", MODERN | {"num_key_value_heads": 4}),
    "stablelm": ("StableLmConfig", "stablelm", MODERN),
    "starcoder2": ("Starcoder2Config", "starcoder2", MODERN),
    "olmo": ("OlmoConfig", "olmo", MODERN),
    "arcee": ("ArceeConfig", "arcee", MODERN),
    "nemotron": ("NemotronConfig", "nemotron", MODERN),
    "exaone4": ("Exaone4Config", "exaone4", MODERN | {"head_dim": 8}),
    "cohere": ("CohereConfig", "command-r", MODERN),
    "cohere2": ("Cohere2Config", "cohere2", MODERN),
    "olmo2": ("Olmo2Config", "olmo2", MODERN),
    "gpt_neox": ("GPTNeoXConfig", "gptneox", {k: v for k, v in MODERN.items() if k != "num_key_value_heads"}),
    "gpt2": ("GPT2Config", "gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 64, "n_positions": 32}),
    "bert": ("BertConfig", "bert", {k: v for k, v in MODERN.items() if k != "num_key_value_heads"}),
}
DROPPED = ("pooler.", "cls.", "attn.bias", "masked_bias", "rotary_emb")
"""What the converter leaves out."""
BY_NAME = {name: arch for arch, name in MODEL_ARCH_NAMES.items()}


def tiny(family: str) -> tuple[dict[str, np.ndarray], Any]:
    name, _, settings = FAMILIES[family]
    config = getattr(transformers, name)(**settings)
    torch.manual_seed(3)
    kind = transformers.BertModel if family == "bert" else transformers.AutoModelForCausalLM
    model = kind(config) if family == "bert" else kind.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    tied = getattr(config, "tie_word_embeddings", False) or family.startswith("gemma")
    state = {n: t.float().numpy() for n, t in model.state_dict().items() if not any(word in n for word in DROPPED)}
    if family == "gpt_neox":  # as it is published; transformers 5 renames it when it loads
        state["embed_out.weight"] = state.pop("lm_head.weight")
    if tied:
        state.pop("lm_head.weight", None)
    return state, config


def converted(array: np.ndarray, name: str, family: str, config: Any) -> np.ndarray:
    """What llama.cpp's converter does to a tensor of the family."""
    heads = getattr(config, "num_attention_heads", 0)
    if family in ("llama", "olmo", "arcee") and ".q_proj." in name:
        return converter_rows(array, heads)
    if family in ("llama", "olmo", "arcee") and ".k_proj." in name:
        return converter_rows(array, config.num_key_value_heads)
    if (family.startswith("gemma") or family == "nemotron") and name.endswith("norm.weight"):
        return array + np.float32(1)
    if family == "gpt2" and array.ndim == 2 and ("c_attn" in name or "c_proj" in name or "c_fc" in name):
        return array.T
    if family == "gpt_neox" and "query_key_value" in name:
        rest = array.shape[1:]
        grouped = array.reshape(heads, 3, -1, *rest)
        return np.concatenate([grouped[:, kind].reshape(-1, *rest) for kind in range(3)])
    return array


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tiny_model_comes_back_with_its_names_values_and_family(tmp_path: Path, family: str) -> None:
    state, config = tiny(family)
    arch = FAMILIES[family][1]
    names = gguf.get_tensor_name_map(BY_NAME[arch], 2)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", arch)
    writer.add_block_count(2)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(128 if family == "gpt2" else 48)
    writer.add_head_count(4)
    writer.add_context_length(32)
    if getattr(config, "num_key_value_heads", None):
        writer.add_head_count_kv(config.num_key_value_heads)
    if "head_dim" in FAMILIES[family][2]:
        writer.add_key_length(8)
    for name, array in state.items():
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert stored is not None, name
        writer.add_tensor(stored, np.ascontiguousarray(converted(array, name, family, config)))
    finish(writer)
    checkpoint = open_checkpoint(tmp_path / "m.gguf")
    assert set(checkpoint.container.tensors) == set(state)
    for name, array in state.items():
        np.testing.assert_allclose(checkpoint.container.read(name), array, atol=2e-7, err_msg=name)
    assert checkpoint.definition is not None, checkpoint.limits
    assert (checkpoint.layers, checkpoint.width) == (2, 32)
    assert not checkpoint.unclaimed
