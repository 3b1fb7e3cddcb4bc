"""A tiny model of each family, converted to GGUF by the map of the gguf package, comes back as transformers saves it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf.constants import MODEL_ARCH_NAMES
from safetensors.numpy import load_file

from forebear.models.architecture.registry import index
from forebear.models.checkpoint import open_checkpoint
from tests.files.gguf_make import converter_rows, finish
from tests.protocols import published

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
    "seed_oss": ("SeedOssConfig", "seed_oss", MODERN | {"head_dim": 8}),
    "ernie4_5": ("Ernie4_5Config", "ernie4_5", MODERN | {"head_dim": 8}),
    "hunyuan": ("HunYuanDenseV1Config", "hunyuan-dense", MODERN | {"head_dim": 8}),
    "bloom": ("BloomConfig", "bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 64}),
    "mpt": ("MptConfig", "mpt", {"d_model": 32, "n_layers": 2, "n_heads": 4, "vocab_size": 64, "max_seq_len": 32,
                                 "expansion_ratio": 4}),
    "starcoder": ("GPTBigCodeConfig", "starcoder", {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 64,
                                                    "n_positions": 32}),
    "glm4": ("Glm4Config", "glm4", MODERN | {"head_dim": 8}),
    "chatglm": ("GlmConfig", "chatglm", MODERN | {"head_dim": 8, "attention_bias": True}),
    "internlm2": ("LlamaConfig", "internlm2", MODERN),
    "baichuan": ("LlamaConfig", "baichuan", MODERN | {"num_key_value_heads": 4}),
    "modernbert": ("ModernBertConfig", "modern-bert", {k: v for k, v in MODERN.items() if k != "num_key_value_heads"}),
    "mamba": ("MambaConfig", "mamba", {"hidden_size": 32, "state_size": 4, "num_hidden_layers": 2, "time_step_rank": 5,
                                       "vocab_size": 64}),
    "jamba": ("JambaConfig", "jamba", MODERN | {"num_experts": 4, "attn_layer_period": 2, "attn_layer_offset": 1,
                                                "expert_layer_period": 2, "expert_layer_offset": 1, "mamba_d_state": 5,
                                                "mamba_dt_rank": 3}),
    "bert": ("BertConfig", "bert", {k: v for k, v in MODERN.items() if k != "num_key_value_heads"}),
}
DROPPED = ("pooler.", "cls.", "attn.bias", "masked_bias", "rotary_emb")
"""What the converter leaves out."""
BY_NAME = {name: arch for arch, name in MODEL_ARCH_NAMES.items()}
STRIPPED = {"bloom": "transformer.", "chatglm": "transformer.", "modernbert": "model."}
"""What the converter takes off the names before it maps them."""
ROTATED = ("llama", "olmo", "arcee", "internlm2", "baichuan")
WIDE = ("gpt2", "bloom", "mpt", "starcoder")
"""Families whose MLP is four times the width."""
Arrays = dict[str, np.ndarray]


def tiny(family: str, folder: Path) -> tuple[Arrays, Any]:
    """A tiny model's published tensors and its configuration."""
    name, _, settings = FAMILIES[family]
    config = getattr(transformers, name)(**settings)
    torch.manual_seed(3)
    bare = family in ("bert", "modernbert")
    model = transformers.AutoModel.from_config(config) if bare else transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    tied = getattr(config, "tie_word_embeddings", False) or family.startswith("gemma")
    model.save_pretrained(folder)
    saved = {name: array for file in folder.glob("*.safetensors") for name, array in load_file(file).items()}
    written = json.loads((folder / "config.json").read_text())
    state = published.from_class(family, saved, written)[0] if family in published.LAYOUTS else saved
    state = {n: array for n, array in state.items() if not any(word in n for word in DROPPED)}
    if tied:
        state.pop("lm_head.weight", None)
    return {n.removeprefix(STRIPPED.get(family, "")): array for n, array in state.items()}, config


def taken_apart(state: Arrays, family: str, config: Any) -> Arrays:
    """Fused queries, keys and values as the three tensors that the converter writes."""
    if family not in ("internlm2", "baichuan"):
        return state
    names = {"internlm2": ("attention.wqkv", "attention.w{}"), "baichuan": ("self_attn.W_pack", "self_attn.{}_proj")}
    fused, apart = names[family]
    made = {name: array for name, array in state.items() if fused not in name}
    for name, array in state.items():
        if fused in name:
            cut = published.cut(family, array, config.to_dict())
            made |= {name.replace(fused, apart.format(part)): rows for part, rows in zip("qkv", cut, strict=True)}
    return made


def converted(array: np.ndarray, name: str, family: str, config: Any) -> np.ndarray:
    """What llama.cpp's converter does to a tensor of the family."""
    heads = getattr(config, "num_attention_heads", 0)
    if family in ROTATED and (".q_proj." in name or ".wq." in name):
        return converter_rows(array, heads)
    if family in ROTATED and (".k_proj." in name or ".wk." in name):
        return converter_rows(array, config.num_key_value_heads)
    if (family.startswith("gemma") or family == "nemotron") and name.endswith("norm.weight"):
        return array + np.float32(1)
    if family == "gpt2" and array.ndim == 2 and ("c_attn" in name or "c_proj" in name or "c_fc" in name):
        return array.T
    if family in ("gpt_neox", "bloom") and "query_key_value" in name:
        rest = array.shape[1:]
        grouped = array.reshape(heads, 3, -1, *rest)
        return np.concatenate([grouped[:, kind].reshape(-1, *rest) for kind in range(3)])
    if name.endswith("conv1d.weight"):
        return array[:, 0]
    return array


def stacked(state: Arrays) -> Arrays:
    """Experts of a layer in one tensor, as the converter writes them."""
    made = {name: array for name, array in state.items() if ".experts." not in name}
    groups: dict[str, list[tuple[int, np.ndarray]]] = {}
    for name, array in state.items():
        if (cut := re.fullmatch(r"(.*\.experts)\.(\d+)(\..*)", name)) is not None:
            groups.setdefault(cut[1] + cut[3], []).append((int(cut[2]), array))
    pairs = {name: sorted(experts, key=lambda pair: pair[0]) for name, experts in groups.items()}
    return made | {name: np.stack([array for _, array in experts]) for name, experts in pairs.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tiny_model_comes_back_with_its_names_values_and_family(tmp_path: Path, family: str) -> None:
    state, config = tiny(family, tmp_path / "model")
    state = taken_apart(state, family, config)
    arch = FAMILIES[family][1]
    names = gguf.get_tensor_name_map(BY_NAME[arch], 2)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", arch)
    writer.add_block_count(2)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(128 if family in WIDE else 64 if family == "mamba" else 48)
    writer.add_head_count(4)
    writer.add_context_length(32)
    if getattr(config, "num_key_value_heads", None):
        kv = config.num_key_value_heads
        writer.add_head_count_kv([0, kv] if family == "jamba" else kv)
    if "head_dim" in FAMILIES[family][2]:
        writer.add_key_length(8)
    if family == "mamba":
        writer.add_ssm_time_step_rank(config.time_step_rank)
        writer.add_ssm_state_size(config.state_size)
    for name, array in stacked(state).items():
        suffix = next((end for end in (".weight", ".bias") if name.endswith(end)), "")
        stem = names.get_name(name.removesuffix(suffix))
        assert stem is not None, name
        array = -np.exp(array) if name.endswith("A_log") else converted(array, name, family, config)
        writer.add_tensor(stem + suffix, np.ascontiguousarray(array))
    finish(writer)
    checkpoint = open_checkpoint(tmp_path / "m.gguf")
    kept = {name for name in checkpoint.container.tensors if name.endswith(".ssm_a")}
    logs = {name for name in state if name.endswith("A_log")}
    assert len(kept) == len(logs), "another value is another tensor, and keeps its own name"
    assert set(checkpoint.container.tensors) - kept == set(state) - logs
    for name in set(state) - logs:
        np.testing.assert_allclose(checkpoint.container.read(name), state[name], atol=2e-7, err_msg=name)
    assert checkpoint.definition is not None, checkpoint.limits
    assert (checkpoint.layers, checkpoint.width) == (2, 32)
    assert set(checkpoint.unclaimed) == kept
    assert not [said for said in checkpoint.limits if said.key.startswith("placing.size")]


def test_every_architecture_that_a_family_names_comes_back_here() -> None:
    written = {arch for _, arch, _ in FAMILIES.values()}
    known = {arch for entry in index() for arch in entry.gguf if not arch.endswith("+experts")}
    assert known - written == {"granite", "smollm3", "qwen2moe", "qwen3moe", "olmoe"} - written
