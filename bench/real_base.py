"""A family with a real base: SmolLM2-135M-Instruct out of the pinned GGUF, and what forward steps make of it.

Trained toys are small; this base has 30 layers, width 576 and 49,152 tokens, and real training behind it. What is
missing is a real independent of the same shape, so only finding is shown here, never the false-positive rate.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.blind import score_blind
from bench.build import machine
from bench.corpus import WORK
from bench.methods import METHODS
from bench.operations import FORMS, NAMED, derive
from bench.scores import read_rows, version_of
from bench.shapes import Floats
from forebear.core.errors import RefusedError
from forebear.recipes.steps.model import Model

FOLDER = WORK / "real"
PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
METHODS_TRIED = ("forebear", "std-curve", "raw-gain-cosine")


def published_name(name: str) -> str:
    """The published name of a GGUF tensor of the llama family: "blk.3.attn_q.weight" is layer 3's q_proj.

    Raises: KeyError for a tensor the family does not have.
    """
    bits = name.removesuffix(".weight").split(".")
    return f"model.layers.{bits[1]}.{PARTS[bits[2]]}.weight" if bits[0] == "blk" else f"{WHOLE[bits[0]]}.weight"


def published_rows(stored: Floats, heads: int) -> Floats:
    """Query or key rows in published order: GGUF keeps the two of a rotary pair side by side, (i, i + k/2) here.

    Shapes: (heads * k, width) both ways.
    """
    k = stored.shape[0] // heads
    return np.ascontiguousarray(stored.reshape(heads, k // 2, 2, -1).swapaxes(1, 2).reshape(stored.shape))


def base_from_gguf(path: Path) -> Model:
    """The checkpoint as published names and a configuration, dequantised to bfloat16 (what it was trained in)."""
    from gguf import GGUFReader
    from gguf.quants import dequantize

    reader = GGUFReader(path)
    told = {name: field.contents() for name, field in reader.fields.items()}
    heads, kv_heads = int(told["llama.attention.head_count"]), int(told["llama.attention.head_count_kv"])
    arrays: dict[str, Floats] = {}
    for tensor in reader.tensors:
        name = published_name(tensor.name)
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            values = published_rows(values, heads if "q_proj" in name else kv_heads)
        arrays[name] = values
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "attention_bias": False,
        "hidden_size": int(told["llama.embedding_length"]), "num_hidden_layers": int(told["llama.block_count"]),
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "mlp_bias": False,
        "intermediate_size": int(told["llama.feed_forward_length"]), "torch_dtype": "bfloat16",
        "rms_norm_eps": float(told["llama.attention.layer_norm_rms_epsilon"]),
        "rope_theta": float(told["llama.rope.freq_base"]), "tie_word_embeddings": "lm_head.weight" not in arrays,
        "max_position_embeddings": int(told["llama.context_length"]),
        "vocab_size": int(arrays["model.embed_tokens.weight"].shape[0]),
    }  # fmt: skip
    return Model(arrays, config, _tokenizer(told), dict.fromkeys(arrays, "BF16"))


def _tokenizer(told: dict[str, Any]) -> bytes:
    """tokenizer.json with the GGUF's vocabulary and merges, byte-level."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    vocabulary = {token: i for i, token in enumerate(told["tokenizer.ggml.tokens"])}
    model = {"type": "BPE", "vocab": vocabulary, "merges": list(told["tokenizer.ggml.merges"])}
    return json.dumps(
        {"version": "1.0", "added_tokens": [], "pre_tokenizer": level, "decoder": level, "model": model}
    ).encode()


def build_base(gguf: Path) -> Path:
    """The base as a folder; kept for the next run."""
    folder = FOLDER / "smollm2-135m"
    if not (folder / "config.json").exists():
        base_from_gguf(gguf).save(folder)
    return folder


def row(base: Path, name: str, form: str) -> dict[str, Any]:
    """One derivation made, scored by every method and removed."""
    target, began = FOLDER / f"{name.replace(' ', '-')}-{form}", time.process_time()
    made: dict[str, Any] = {"operation": name, "form": form}
    try:
        derive(base, target, next(o for o in NAMED if o.name == name), form, 0)
        for method in METHODS_TRIED:
            score = score_blind(METHODS[method], target, base, WORK / "blind")
            made[method] = {"score": round(score.score, 4), "relation": score.relation, "log10_p": score.log10_p}
    except RefusedError as problem:
        made["refused"] = str(problem)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    print(f"{name}, {form}: {made.get('forebear', made.get('refused'))}", file=sys.stderr, flush=True)
    return made | {"processor_seconds": round(time.process_time() - began, 1)}


def document(gguf: Path, forms: tuple[str, ...] = FORMS) -> dict[str, Any]:
    """Every named operation on the real base, in every form; what an earlier run of the same code did is not done again."""
    base = build_base(gguf)
    mark = "-".join(version_of(m) for m in METHODS_TRIED)
    kept = WORK / "scores" / "real-base" / f"{mark}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    done = read_rows(kept, ("operation", "form"))
    for form in forms:
        for operation in NAMED:
            if (operation.name, form) not in done:
                done[operation.name, form] = made = row(base, operation.name, form)
                with kept.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(made, allow_nan=False) + "\n")
    return {
        "schema": "forebear-bench/real-base/1", "base": "SmolLM2-135M-Instruct, dequantised from the pinned Q4_1 GGUF",
        "machine": machine(), "methods": {m: version_of(m) for m in METHODS_TRIED},
        "rows": [done[o.name, form] for o in NAMED for form in forms],
    }  # fmt: skip
