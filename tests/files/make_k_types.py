"""Remakes tests/data/gguf: files that llama.cpp's own quantiser wrote, and the values its own code reads from them.

    npm pack @node-llama-cpp/linux-x64@3.22.1 && tar xzf node-llama-cpp-linux-x64-3.22.1.tgz
    python -m tests.files.make_k_types package/bins/linux-x64

Not part of a test run: the package (MIT) holds compiled code, which only this script loads. Source: a model of one layer, width
256, of numbers drawn once; `llama_model_quantize` writes it in each type, `dequantize_row_*` reads the stored bytes back.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
from gguf.constants import GGMLQuantizationType as Q

from tests.files.gguf_make import write_llama

DATA = Path(__file__).resolve().parent.parent / "data" / "gguf"
FILE_TYPES = {"Q2_K": 10, "Q3_K_M": 12, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18, "IQ4_XS": 30, "TQ1_0": 36, "TQ2_0": 37}
"""llama.cpp's llama_ftype numbers (llama.h)."""
CONFIG = {
    "num_hidden_layers": 1, "hidden_size": 256, "intermediate_size": 256, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip


class Parameters(ctypes.Structure):
    """The head of llama_model_quantize_params; the rest keeps the defaults."""

    _fields_ = (
        ("threads", ctypes.c_int32), ("ftype", ctypes.c_int32), ("output_type", ctypes.c_int32),
        ("embedding_type", ctypes.c_int32), ("flags", ctypes.c_bool * 16), ("rest", ctypes.c_uint8 * 256),
    )  # fmt: skip


def tensors() -> dict[str, np.ndarray]:
    """Numbers of a layer, some rows larger than others so that scales differ."""
    generator = np.random.Generator(np.random.PCG64(5))
    width, kv = 256, 128
    shapes = {
        "model.embed_tokens.weight": (32, width), "model.norm.weight": (width,), "lm_head.weight": (32, width),
        "model.layers.0.input_layernorm.weight": (width,), "model.layers.0.post_attention_layernorm.weight": (width,),
        "model.layers.0.self_attn.q_proj.weight": (width, width), "model.layers.0.self_attn.k_proj.weight": (kv, width),
        "model.layers.0.self_attn.v_proj.weight": (kv, width), "model.layers.0.self_attn.o_proj.weight": (width, width),
        "model.layers.0.mlp.gate_proj.weight": (256, width), "model.layers.0.mlp.up_proj.weight": (256, width),
        "model.layers.0.mlp.down_proj.weight": (width, 256),
    }  # fmt: skip
    return {
        name: (generator.standard_normal(shape) * np.exp(generator.standard_normal((shape[0],) + (1,) * (len(shape) - 1)))
               * 0.05).astype(np.float32)
        for name, shape in shapes.items()
    }  # fmt: skip


def main(libraries: Path) -> None:
    """Write every file and its values' digests."""
    base = ctypes.CDLL(str(libraries / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
    ctypes.CDLL(str(next(libraries.glob("libggml.*so"))), mode=ctypes.RTLD_GLOBAL)
    llama = ctypes.CDLL(str(next(libraries.glob("libllama.*so"))), mode=ctypes.RTLD_GLOBAL)
    llama.llama_backend_init()
    llama.llama_model_quantize_default_params.restype = Parameters
    llama.llama_model_quantize.restype = ctypes.c_uint32
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        source = write_llama(Path(folder) / "source.gguf", tensors(), CONFIG, Q.F32)
        for name, number in FILE_TYPES.items():
            parameters = llama.llama_model_quantize_default_params()
            parameters.threads, parameters.ftype = 1, number
            target = DATA / f"{name}.gguf"
            if llama.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters)):
                print(f"{name}: not written", file=sys.stderr)
                target.unlink(missing_ok=True)
                continue
            told[target.name] = values_of(base, target)
    (DATA / "values.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


def values_of(base: ctypes.CDLL, path: Path) -> dict[str, dict[str, object]]:
    """Type, shape, SHA-256 of the float32 values as llama.cpp reads them, and the first four, by tensor."""
    found = {}
    for tensor in gguf.GGUFReader(path).tensors:
        kind, raw = Q(tensor.tensor_type), np.ascontiguousarray(tensor.data)
        if kind == Q.F32:
            continue
        values = np.empty(int(tensor.n_elements), np.float32)
        read = getattr(base, f"dequantize_row_{kind.name.lower().replace('_k', '_K')}")
        read.restype = None
        read(ctypes.c_void_p(raw.ctypes.data), ctypes.c_void_p(values.ctypes.data), ctypes.c_int64(values.size))
        found[tensor.name] = {
            "type": kind.name, "shape": [int(n) for n in reversed(tensor.shape)],
            "sha256": hashlib.sha256(values.tobytes()).hexdigest(), "first": [float(v) for v in values[:4]],
        }  # fmt: skip
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
