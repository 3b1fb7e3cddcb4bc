"""Quantised layouts with decoders of their own, patterns of adapters, and first bytes of files: what was read last."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from bench.fuzz import models, mutate, weights
from bench.fuzz.target import HUNDRED_THOUSAND, Files, Plant, Target
from bench.fuzz.under_test import (
    format_registry,
    inspected_values,
    patterns,
    quantised,
    safetensors_files,
    settings,
    stated_shapes,
)

LAYOUTS_: weights.Tensors = {
    "m.weight": ["U32", [4, 4]], "m.scales": ["BF16", [4, 1]], "m.biases": ["BF16", [4, 1]],
    "f.weight": ["U32", [2, 4]], "f.scales": ["U8", [2, 1]],
    "h.W_q": ["U8", [4, 32]], "h.scale": ["F16", [8, 1]], "h.zero": ["F16", [8, 1]], "h.shape": ["I64", [2]],
    "h.packing": ["U8", [7]],
    "e.q_weight": ["I32", [4, 8]], "e.q_scale": ["I32", [1, 1]], "e.q_scale_max": ["F16", [1]], "e.q_groups": ["I16", [2]],
    "e.q_invperm": ["I32", [32]],
    "t._weight_qdata": ["I8", [4, 8]], "t._weight_scale": ["F32", [4, 2]], "t._weight_zero_point": ["I8", [4, 2]],
    "u._weight_qdata": ["U8", [4, 8]], "u._weight_scale": ["F32", [2, 4]], "u._weight_zero_point": ["F32", [2, 4]],
    "q.weight._data": ["I8", [4, 8]], "q.weight._scale": ["F32", [4, 1]],
    "model.layers.0.mlp.up_proj.weight._data._data": ["U8", [3, 4]], "model.layers.0.mlp.up_proj.weight._scale": ["F32", [6, 1]],
    "model.layers.0.mlp.up_proj.weight._shift": ["F32", [6, 1]],
    "n.weight": ["U8", [4, 16]], "n.weight_scale": ["F8_E4M3", [4, 2]], "n.weight_scale_2": ["F32", []],
    "x.weight": ["F8_E4M3", [4, 32]], "x.weight_scale": ["U8", [4, 1]], "s.weight": ["F8_E4M3", [4, 4]],
    "s.scale_weight": ["F32", []],
    "b.weight": ["U8", [2, 8]], "b.weight_scale": ["BF16", [1]],
    "k.bitmask": ["U8", [4, 1]], "k.compressed": ["F16", [4, 4]], "k.shape": ["I64", [2]],
    "r.weight.bitmask": ["U8", [4, 1]], "r.weight.compressed": ["F16", [8]], "r.weight.shape": ["I64", [2]],
    "r.weight.row_offsets": ["I64", [4]],
    "v.qweight": ["I32", [8, 8]], "v.qzeros": ["I32", [8, 4]], "v.scales": ["F16", [8, 32]],
    "g.qweight": ["I32", [4, 8]], "g.qzeros": ["I32", [2, 1]], "g.scales": ["F16", [2, 8]], "g.g_idx": ["I32", [32]],
}  # fmt: skip


def _longs(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "little", signed=True) for value in values)


_LIKE = {
    "h.shape": _longs(8, 32), "h.packing": b"4bit_u8", "k.shape": _longs(4, 8), "r.weight.shape": _longs(4, 8),
    "e.q_groups": b"\4\0\0\0",
    "r.weight.row_offsets": _longs(0, 2, 4, 6), "r.weight.bitmask": b"\3" * 4, "k.bitmask": b"\x55" * 4, "b.weight": b"\x24" * 16,
    "e.q_invperm": b"".join(i.to_bytes(4, "little") for i in range(32)),
}  # fmt: skip
_SETTINGS: dict[str, Any] = {**models.CONFIG, "quantization": {"bits": 4, "group_size": 32, "mode": "affine", "m": {"bits": 8}},
                             "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "bits": 4,
                                                     "group_size": 32, "checkpoint_format": "gptq"}}  # fmt: skip
_WORDS = (*mutate.words_of([_SETTINGS]), "awq", "mxfp4", "mxfp8", "nvfp4", "gptq_v2")
_KINDS = ("Int4Tensor", "Int8Tensor", "NVFP4Tensor", "MXTensor", "Float8Tensor", "Int4TilePackedTo4dTensor")


def make_layouts(rng: random.Random) -> Files:
    """A few matrices of these layouts, changed in names, types, shapes, values, configuration or metadata."""
    stems = sorted({name.split(".")[0] for name in LAYOUTS_})
    few = set(rng.sample(stems, rng.randint(1, 3)))
    chosen: weights.Tensors = {n: [e[0], list(e[1])] for n, e in LAYOUTS_.items() if n.split(".")[0] in few}
    tensors = weights.changed(rng, chosen, tuple(LAYOUTS_)) if rng.random() < 0.6 else chosen
    like = {n: d if rng.random() < 0.8 else mutate.raw(rng, [d], len(d)) for n, d in _LIKE.items()}
    about = {"_type": rng.choice(_KINDS), "_data": {"is_swizzled_scales": rng.random() < 0.3}}
    metadata = {f"{stem}.weight": json.dumps(about) for stem in "tu"} if rng.random() < 0.5 else None
    data = weights.file_of(rng, tensors, like, metadata)
    files = {"model.safetensors": weights.rough(rng, data) if rng.random() < 0.05 else data}
    if rng.random() < 0.7:
        value = json.loads(json.dumps(_SETTINGS))
        value["quantization_config"]["quant_method"] = rng.choice(("bitnet", "awq", "gptq", "hqq"))
        if rng.random() < 0.6:
            del value["quantization_config" if rng.random() < 0.5 else "quantization"]
        files["config.json"] = models._config(rng, value, _WORDS) if rng.random() < 0.4 else json.dumps(value).encode()
    return files


def run_layouts(files: Files) -> None:
    """What `inspect --full` does with values: dequantise, digest, grid, statistics."""
    memory = weights.Memory(files["model.safetensors"], "model.safetensors")
    container: Any = safetensors_files.SafetensorsContainer(Path("model.safetensors"), file=memory)
    stated = files.get("config.json")
    config = {} if stated is None else settings.parse_config(stated, where="config.json")
    container, _ = quantised.dequantised(container, config, stated_shapes.stated_shapes(config))
    rows = [
        {"name": e.name, "dtype": e.dtype, "shape": list(e.shape), "parameters": e.parameters}
        for e in container.tensors.values()
    ]
    inspected_values.read_values(container, rows)
    for name, entry in container.tensors.items():
        if entry.shape and entry.shape[0] > 1:
            container.take(name, [entry.shape[0] - 1, 0])


LAYOUTS = Target(
    name="layouts", make=make_layouts, run=run_layouts, outer=models.outer, least=HUNDRED_THOUSAND,
    plant=Plant(inspected_values, "read_values", lambda grids: grids.get("F32", 0) >= 2),
    measured=tuple(f"forebear.files.views.quantised{n}" for n in
                   ("", "_exl2", "_find", "_gptq", "_halves", "_known", "_mlx", "_named", "_sparse", "_blocks", "_packed")),
    reads="values of matrices in the layouts of MLX, HQQ, EXL2, torchao, quanto, ModelOpt, BitNet, AWQ, GPTQ and bitmasks",
)  # fmt: skip

_ATOMS = ("q_proj", "layers", ".", r"\.", "(", ")", "(?:", "|", "*", "+", "?", "{2}", "{,3}", "{64}", "[ab]", "[^.]", "[", "]",
    "\\", "^",
          "$", r"\d", r"\w+", ".*", "a", "1", "(a*)*", "(?=", r"\1", "é", "\n", "[z-a]", "{", "}", "-")  # fmt: skip
_NAMES = ("model.layers.3.self_attn.q_proj", "a" * 300, "layers.1.mlp.up_proj", "", "a.b.c.1", "q_proj\n")


def make_patterns(rng: random.Random) -> Files:
    """Up to four patterns and a number for each, as a configuration of an adapter states them."""
    stated = {
        "".join(rng.choice(_ATOMS) for _ in range(rng.randint(0, 12))): rng.choice((1, 2.5, 64, None, "x"))
        for _ in range(4)
    }
    return {"patterns.json": json.dumps(stated).encode()}


def run_patterns(files: Files) -> None:
    """Compare every pattern with every module; what it costs is bounded by its own count of steps."""
    found = patterns.ByModule(json.loads(files["patterns.json"]), "patterns.json", "alpha_pattern")
    for name in _NAMES:
        found.number(name)


PATTERNS = Target(
    name="patterns", make=make_patterns, run=run_patterns, outer=models.outer,
    plant=Plant(patterns.ByModule, "number", lambda value: value == 2.5),
    measured=("forebear.core.patterns", "forebear.models.adapter_patterns"),
    reads="regular expressions of rank and alpha patterns, compared with names of modules",
)  # fmt: skip

_HEADS = (
    b"<!DOCTYPE html><html>", b"version https://git-lfs.github.com/spec/v1\n", b"lmgg", b"tjgg\3\0\0\0", b"\x89HDF\r\n\x1a\n",
    b"\x06\0\0\0\x10\0TransformerSpec\0", b"\x82\xa5model\x83\xacembed_tokens\x81", b"1 '\\x00' 1\n", b'{"error":"x"}',
    b"MZqFpD='\n",
    b"PK\3\4", b"PK\5\6" + bytes(18), b"\x1f\x8b\x08", b"\x1c\0\0\0TFL3", b"Entry not found", b"GGUF\3\0\0\0", b"\x93NUMPY",
    b"\x80\2}",
)  # fmt: skip
_ENDS = (
    "bin",
    "pt",
    "llamafile",
    "nemo",
    "keras",
    "msgpack",
    "h5",
    "pb",
    "tar",
    "safetensors",
    "gguf",
    "onnx",
    "txt",
    "zip",
)


_HEADER = b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
_WHOLE = len(_HEADER).to_bytes(8, "little") + _HEADER + bytes(8)


def make_heads(rng: random.Random) -> Files:
    """A file that begins, and perhaps ends, like one of a known kind; one in twenty is a sound one, whatever its name says."""
    if rng.random() < 0.05:
        return {f"m.{rng.choice(_ENDS)}": _WHOLE}
    parts = [rng.choice(_HEADS), rng.randbytes(rng.randint(0, 80)), rng.choice(_HEADS) if rng.random() < 0.4 else b""]
    data = b"".join(parts)
    return {f"m.{rng.choice(_ENDS)}": mutate.raw(rng, [data]) if rng.random() < 0.5 else data}


def run_heads(files: Files) -> None:
    """Open the file by what its bytes are; whatever opens is listed."""
    ((name, data),) = files.items()
    container = format_registry.open_source(weights.Memory(data, name))
    for tensor in list(container.tensors)[:4]:
        container.read(tensor)


HEADS = Target(
    name="heads", make=make_heads, run=run_heads, outer=lambda files: True,
    plant=Plant(format_registry, "open_source", lambda container: bool(container.tensors)),
    measured=("forebear.files.formats.registry", "forebear.files.formats.unread", "forebear.files.formats.llamafile",
    "forebear.core.stray"),
    reads="files that begin or end like known kinds, by their first bytes and names",
)  # fmt: skip
