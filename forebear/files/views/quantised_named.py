"""Libraries of PyTorch that store a quantised tensor under names of its attributes: torchao, quanto with eight bits.

Source: torchao 0.18 prototype/safetensors (X._weight_qdata, X._weight_scale, X._weight_zero_point; the header's metadata names
the class) and quantization/quantize_/workflows; optimum-quanto 0.2.7 tensor/qbytes.py (X.weight._data, X.weight._scale).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forebear.core.bounded import parse_json
from forebear.core.errors import RefusedError
from forebear.files.base import Container, Float32
from forebear.files.views.quantised_blocks import FourBitFloat, Scaled, fits
from forebear.files.views.quantised_find import Recognised, Rows

_BYTES = ("I8", "F8_E4M3", "F8_E5M2")
_FOUR_BITS = ("Int4Tensor", "Int4PreshuffledTensor", "Int4PlainInt32Tensor", "Int4TilePackedTo4dTensor")


@dataclass(frozen=True, slots=True)
class Int4Rows:
    """torchao's Int4Tensor: bytes of two signed codes (out, in / 2), the low half first; scales and zero points (groups, out).

    value = code x scale + zero point.
    """

    packed: str
    scale: str
    zero: str
    shape: tuple[int, int]
    dtype: str = "torchao int4"
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        raw = container.take(self.packed, rows).astype(np.int16).astype(np.uint8).reshape(rows.size, -1)
        codes = np.stack([raw & 15, raw >> 4], axis=2).reshape(rows.size, -1).astype(np.int16)
        codes = np.where(codes > 7, codes - 16, codes)
        scale, zero = (container.read(part)[:, rows].T for part in (self.scale, self.zero))  # (n, groups)
        group = codes.shape[1] // scale.shape[1]
        with np.errstate(all="ignore"):
            return np.asarray(codes * np.repeat(scale, group, axis=1) + np.repeat(zero, group, axis=1), np.float32)


def recognise_torchao(found: Recognised, name: str, stem: str) -> None:
    """X._weight_qdata: what the header calls it decides, else its type and the shape of its scales."""
    module, _, attribute = stem.rpartition("._")
    stored = found.tensors[name]
    parts = [f"{stem}_{part}" for part in ("qdata", "scale", "zero_point", "per_tensor_scale", "act_quant_scale",
                                           "act_quant_zero_point", "act_pre_scale", "act_per_tensor_scale")]  # fmt: skip
    scale = found.tensors.get(parts[1])
    if not module or scale is None or len(stored.shape) != 2 or not stored.parameters or not scale.parameters:
        return
    kind, settings = _described(found, f"{module}.{attribute}")
    zero = parts[2] if parts[2] in found.tensors else ""
    target = f"{module}.{attribute}"
    if kind in _FOUR_BITS:
        shape = (stored.shape[0], stored.shape[1] * 2)
        zeros = found.shape(parts[2], 2)
        four = kind == "Int4Tensor" and stored.dtype in ("I8", "U8") and zeros == scale.shape and found.floats(parts[1])
        if four and _down(scale.shape, shape):
            found.add(target, Int4Rows(name, parts[1], zero, shape), *parts)
    elif kind in ("NVFP4Tensor", "MXTensor"):
        _small_floats(found, target, kind, settings, parts)
    elif stored.dtype in _BYTES and found.floats(parts[1]) and all(
        fits(stored.shape, found.tensors[p].shape, (0, 0)) for p in (parts[1], zero) if p
    ):
        word = "int8" if stored.dtype == "I8" else "FP8"
        found.add(target, Scaled(name, parts[1], stored.shape, f"torchao {word}", zero=zero), *parts)


def _down(scale: tuple[int, ...], shape: tuple[int, int]) -> bool:
    return len(scale) == 2 and scale[1] == shape[0] and scale[0] > 0 and shape[1] % scale[0] == 0


def _small_floats(found: Recognised, target: str, kind: str, settings: Mapping[str, Any], parts: list[str]) -> None:
    """NVFP4 and MX tensors whose scales lie in plain order; swizzled ones are left undecoded."""
    stored, scale, of_all = found.tensors[parts[0]], found.tensors[parts[1]], parts[3]
    if settings.get("is_swizzled_scales") is not False or len(scale.shape) != 2 or scale.shape[0] != stored.shape[0]:
        return
    exponent = scale.dtype in ("U8", "F8_E8M0")
    if kind == "MXTensor" and stored.dtype in _BYTES[1:] and exponent and fits(stored.shape, scale.shape, (0, 0)):
        found.add(target, Scaled(parts[0], parts[1], stored.shape, "torchao MXFP8"), *parts)
    elif stored.dtype == "U8" and stored.shape[1] * 2 % scale.shape[1] == 0 and (exponent or scale.dtype == "F8_E4M3"):
        shape = (stored.shape[0], stored.shape[1] * 2)
        word = "torchao MXFP4" if exponent else "torchao NVFP4"
        name = of_all if of_all in found.tensors and found.tensors[of_all].parameters == 1 else ""
        found.add(target, FourBitFloat(parts[0], parts[1], shape, word, name, True), *parts)


def _described(found: Recognised, target: str) -> tuple[str, Mapping[str, Any]]:
    """The class and its settings as the header's metadata gives them; ("", {}) when it does not."""
    text = found.container.metadata.get(target, "")
    try:
        stated = parse_json(text.encode(), where=target, max_values=1000) if 0 < len(text) < 2**16 else None
    except RefusedError:
        return "", {}
    if not isinstance(stated, dict):
        return "", {}
    kind, settings = stated.get("_type"), stated.get("_data")
    return kind if isinstance(kind, str) else "", settings if isinstance(settings, dict) else {}


def recognise_quanto_bytes(found: Recognised, name: str, stem: str) -> None:
    """quanto's qint8 and qfloat8: X._data and X._scale, for X = ….weight."""
    stored, scale = found.tensors[name], found.tensors.get(f"{stem}._scale")
    if scale is None or stored.dtype not in _BYTES or len(stored.shape) != 2 or not stored.parameters:
        return
    if not found.floats(f"{stem}._scale"):
        return
    if not fits(stored.shape, scale.shape, (0, 0)):
        raise found.refuse(stem, "scales", shape=stored.shape, scales=scale.shape)
    module = stem.rpartition(".")[0]
    word = "int8" if stored.dtype == "I8" else "FP8"
    found.add(stem, Scaled(name, f"{stem}._scale", stored.shape, f"quanto {word}"), name, f"{stem}._scale",
              f"{module}.input_scale", f"{module}.output_scale")  # fmt: skip
