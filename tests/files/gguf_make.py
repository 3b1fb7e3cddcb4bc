"""GGUF files for tests: written by the gguf package from published tensors, as llama.cpp's converter would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import quantize
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float32]]
STEMS = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


def converter_rows(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of q or k as llama.cpp stores them: of each head, the halves that rotate together become neighbours."""
    out = np.empty_like(weight)
    size = len(weight) // heads
    for head in range(heads):
        for place in range(size // 2):
            out[head * size + 2 * place] = weight[head * size + place]
            out[head * size + 2 * place + 1] = weight[head * size + size // 2 + place]
    return out


def gguf_name(name: str) -> str:
    """model.layers.3.mlp.up_proj.weight -> blk.3.ffn_up.weight"""
    stem, kind = name.rsplit(".", 1)
    if stem.startswith("model.layers."):
        layer, rest = stem.removeprefix("model.layers.").split(".", 1)
        return f"blk.{layer}.{STEMS[rest]}.{kind}"
    return f"{STEMS[stem]}.{kind}"


def stored_as(array: NDArray[np.float32], kind: GGMLQuantizationType) -> tuple[NDArray, GGMLQuantizationType]:
    """Vectors as F32, matrices as `kind`, or F16 where rows are no whole blocks: llama.cpp's rule."""
    if array.ndim == 1:
        return array, GGMLQuantizationType.F32
    if array.shape[-1] % GGML_QUANT_SIZES[kind][0]:
        kind = GGMLQuantizationType.F16
    return np.ascontiguousarray(quantize(array, kind)), kind


def write_llama(path: Path, arrays: Arrays, config: Mapping[str, int], kind: GGMLQuantizationType) -> Path:
    """A llama checkpoint as a GGUF file of one type."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_layer_norm_rms_eps(config.get("rms_norm_eps", 1e-5))
    for name, array in arrays.items():
        for part, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
            array = converter_rows(array, config[heads]) if part in name else array
        data, stored = stored_as(np.asarray(array, np.float32), kind)
        writer.add_tensor(gguf_name(name), data, raw_dtype=stored)
    finish(writer)
    return path


def finish(writer: gguf.GGUFWriter) -> None:
    """Write everything and close."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def demo(folder: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, int]]:
    """Tensors and configuration of a published llama checkpoint, as float32."""
    from forebear.files.sources import open_container

    container = open_container(folder)
    return {n: container.read(n) for n in container.tensors}, json.loads((folder / "config.json").read_text())
