"""Quantised layouts that are wrong in one way each: a sound matrix of every layout, and changes of its parts, types, shapes and settings."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.files.make import encode

BITS = {"U8": 8, "I8": 8, "I16": 16, "I32": 32, "U32": 32, "I64": 64, "F16": 16, "BF16": 16, "F32": 32, "F8_E4M3": 8}


@dataclass
class Matrix:
    """One matrix: name -> (type, shape), in the roles `codes`, `scales`, `third` (zero points, biases, shape); bytes that matter."""

    codes: str
    scales: str
    third: str
    tensors: dict[str, tuple[str, tuple[int, ...]]]
    data: dict[str, bytes] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] | None = None

    def file(self) -> bytes:
        """A safetensors file; what is not given is drawn, scales and zero points near one."""
        rng = np.random.default_rng(20260)
        found = {}
        for name, (tag, shape) in self.tensors.items():
            size = math.prod(shape) * BITS[tag] // 8
            drawn = {"F16": lambda n: np.full(n // 2, 0.5, np.float16).tobytes(), "F32": lambda n: np.full(n // 4, 0.5, np.float32).tobytes(),
                     "BF16": lambda n: b"\0\x3f" * (n // 2)}.get(tag, rng.bytes)  # fmt: skip
            found[name] = (tag, shape, (self.data.get(name) or drawn(size))[:size].ljust(size, b"\0"))
        return encode(found, self.metadata)


def _longs(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "little", signed=True) for value in values)


def _about(kind: str) -> dict[str, str]:
    return {"t.weight": json.dumps({"_type": kind, "_data": {}})}


NVFP4 = {"quant_method": "modelopt", "quant_algo": "NVFP4", "group_size": 16}
GOOD: dict[str, Matrix] = {
    "MLX": Matrix("m.weight", "m.scales", "m.biases", {"m.weight": ("U32", (4, 8)), "m.scales": ("F16", (4, 2)), "m.biases": ("F16", (4, 2))},
                  config={"quantization": {"bits": 4, "group_size": 32, "mode": "affine"}}),
    "MLX MXFP4": Matrix("m.weight", "m.scales", "", {"m.weight": ("U32", (4, 8)), "m.scales": ("U8", (4, 2))},
                        config={"quantization": {"bits": 4, "group_size": 32, "mode": "mxfp4"}}),
    "NVFP4": Matrix("n.weight", "n.weight_scale", "n.weight_scale_2", {"n.weight": ("U8", (4, 16)), "n.weight_scale": ("F8_E4M3", (4, 2)),
                    "n.weight_scale_2": ("F32", ())}, {"n.weight_scale": b"\x38" * 8}, config={"quantization_config": NVFP4}),
    "MXFP4": Matrix("x.weight", "x.weight_scale", "", {"x.weight": ("U8", (4, 16)), "x.weight_scale": ("U8", (4, 1))}),
    "MXFP8": Matrix("x.weight", "x.weight_scale", "", {"x.weight": ("F8_E4M3", (4, 32)), "x.weight_scale": ("U8", (4, 1))},
                    {"x.weight": b"\x38\xb9" * 64, "x.weight_scale": b"\x78\x7a\x7d\x7f"}),
    "scaled FP8": Matrix("s.weight", "s.scale_weight", "", {"s.weight": ("F8_E4M3", (4, 8)), "s.scale_weight": ("F32", (1,))},
                         {"s.weight": b"\x38\xb9" * 16}),
    "torchao": Matrix("t._weight_qdata", "t._weight_scale", "t._weight_zero_point", {"t._weight_qdata": ("I8", (4, 8)),
                      "t._weight_scale": ("F32", (4, 2)), "t._weight_zero_point": ("I8", (4, 2))}, metadata=_about("Int8Tensor")),
    "quanto": Matrix("q.weight._data", "q.weight._scale", "", {"q.weight._data": ("I8", (4, 8)), "q.weight._scale": ("F32", (4, 1))}),
    "AWQ": Matrix("a.qweight", "a.scales", "a.qzeros", {"a.qweight": ("I32", (16, 2)), "a.scales": ("F16", (2, 16)), "a.qzeros": ("I32", (2, 2))},
                  config={"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 8}}),
    "AWQ gemv": Matrix("v.qweight", "v.scales", "v.qzeros", {"v.qweight": ("I32", (8, 8)), "v.scales": ("F16", (8, 32)), "v.qzeros": ("I32", (8, 4))},
                       config={"quantization_config": {"quant_method": "awq", "version": "gemv", "bits": 4, "group_size": 32}}),
    "HQQ": Matrix("h.W_q", "h.scale", "h.shape", {"h.W_q": ("U8", (4, 32)), "h.scale": ("F16", (8, 1)), "h.zero": ("F16", (8, 1)),
                  "h.shape": ("I64", (2,)), "h.packing": ("U8", (7,))}, {"h.shape": _longs(8, 32), "h.packing": b"4bit_u8"}),
    "EXL2": Matrix("e.q_weight", "e.q_scale", "e.q_groups", {"e.q_weight": ("I32", (4, 8)), "e.q_scale": ("I32", (1, 1)),
                   "e.q_scale_max": ("F16", (1,)), "e.q_groups": ("I16", (2,)), "e.q_invperm": ("I32", (32,))},
                   {"e.q_groups": b"\4\0\0\0", "e.q_invperm": np.arange(32, dtype="<i4").tobytes()}),
    "GPTQ": Matrix("g.qweight", "g.scales", "g.qzeros", {"g.qweight": ("I32", (8, 16)), "g.scales": ("F16", (2, 16)), "g.qzeros": ("I32", (2, 2)),
                   "g.g_idx": ("I32", (64,))}, {"g.g_idx": np.repeat(np.arange(2, dtype="<i4"), 32).tobytes()},
                   {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}}),
    "ModelOpt 4-bit": Matrix("o.weight", "o.weight_scale", "o.pre_quant_scale", {"o.weight": ("U8", (4, 32)), "o.weight_scale": ("F32", (8, 2)),
                             "o.pre_quant_scale": ("BF16", (32,))}, config={"quantization_config": {"quant_algo": "W4A16_AWQ"}}),
    "BitNet": Matrix("b.weight", "b.weight_scale", "", {"b.weight": ("U8", (4, 16)), "b.weight_scale": ("BF16", (1,))},
                     config={"quantization_config": {"quant_method": "bitnet"}}),
    "compressed-tensors": Matrix("c.weight_packed", "c.weight_scale", "c.weight_shape", {"c.weight_packed": ("I32", (4, 4)),
                                 "c.weight_scale": ("BF16", (4, 1)), "c.weight_shape": ("I64", (2,))}, {"c.weight_shape": _longs(4, 32)}),
    "bitsandbytes": Matrix("i.weight", "i.SCB", "", {"i.weight": ("I8", (4, 8)), "i.SCB": ("F32", (4,))}),
}  # fmt: skip

Change = Callable[[Matrix], None]


def _shaped(role: str, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Change:
    def changed(one: Matrix) -> None:
        name = getattr(one, role)
        tag, shape = one.tensors[name]
        one.tensors[name] = tag, change(shape)

    return changed


def _typed(role: str, tag: str) -> Change:
    def changed(one: Matrix) -> None:
        name = getattr(one, role)
        one.tensors[name] = tag, one.tensors[name][1]

    return changed


def _gone(role: str) -> Change:
    return lambda one: one.tensors.pop(getattr(one, role), None) and None


def _not_finite(one: Matrix) -> None:
    tag, shape = one.tensors[one.scales]
    value = {"F16": b"\0\x7e\0\x7c", "F32": b"\0\0\xc0\x7f\0\0\x80\x7f", "U8": b"\xff", "F8_E4M3": b"\x7f"}.get(tag, b"\xff")
    one.data[one.scales] = value * (math.prod(shape) * BITS[tag] // 8 // len(value) + 1)


def _swapped(one: Matrix) -> None:
    codes, scales = one.tensors[one.codes], one.tensors[one.scales]
    one.tensors[one.codes], one.tensors[one.scales] = scales, codes


def _settings(**values: Any) -> Change:
    def changed(one: Matrix) -> None:
        for key in ("quantization", "quantization_config"):
            one.config[key] = {**one.config.get(key, {}), **values}

    return changed


CHANGES: dict[str, Change] = {
    "codes alone": lambda one: [one.tensors.pop(name) for name in list(one.tensors) if name != one.codes] and None,
    "no scales": _gone("scales"),
    "scales without values": _shaped("scales", lambda shape: (*shape[:-1], 0) if shape else (0,)),
    "scales of one more row": _shaped("scales", lambda shape: (shape[0] + 1, *shape[1:])),
    "scales of one more dimension": _shaped("scales", lambda shape: (*shape, 1)),
    "scales in a million columns": _shaped("scales", lambda shape: (*shape[:-1], 2**20)),
    "scales that are not finite": _not_finite,
    "scales of whole numbers": _typed("scales", "I64"),
    "codes of floats": _typed("codes", "F16"),
    "codes one column short": _shaped("codes", lambda shape: (*shape[:-1], shape[-1] - 1)),
    "codes without rows": _shaped("codes", lambda shape: (0, *shape[1:])),
    "codes of three dimensions": _shaped("codes", lambda shape: (*shape[:-1], shape[-1] // 2, 2)),
    "codes and scales under each other's name": _swapped,
    "settings of absurd sizes": _settings(bits=2**62, group_size=-(2**62), weight_block_size=[2**62, 0]),
    "settings of other kinds": _settings(bits="four", group_size=[32], mode={"a": 1}, quant_method=7),
}


def cases() -> Iterator[tuple[str, str, Matrix]]:
    """(layout, change, the changed matrix)."""
    for layout, good in GOOD.items():
        for name, change in CHANGES.items():
            one = copy.deepcopy(good)
            change(one)
            yield layout, name, one
