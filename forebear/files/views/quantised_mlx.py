"""MLX: X.weight (..., out, words) of 32 bits, X.scales (..., out, groups) and, for whole numbers, X.biases like the scales.

Source: mlx 0.32, mlx.core.quantize and dequantize (modes affine, mxfp4, mxfp8, nvfp4; value = code x scale + bias; codes packed
along the input, lowest bits first, across words for 3, 5 and 6 bits); mlx_lm writes group size, bits and mode under
`quantization`, with an entry for each module that differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forebear.files.base import Container, Float32
from forebear.files.dtypes import DTYPES, decode, value_table
from forebear.files.views.quantised_blocks import exponents
from forebear.files.views.quantised_find import Recognised, Rows
from forebear.files.views.quantised_packed import picked_words, unpack_across

BITS = (2, 3, 4, 5, 6, 8)
GROUPS = (16, 32, 64, 128)
_FLOAT_MODES = {"mxfp4": (4, 32), "mxfp8": (8, 32), "nvfp4": (4, 16)}
"""Mode -> (bits, group size)."""


@dataclass(frozen=True, slots=True)
class Mlx:
    """One matrix, or a stack of them (experts)."""

    stem: str
    bits: int
    mode: str
    shape: tuple[int, ...]
    whole: bool = False

    @property
    def dtype(self) -> str:
        """Shown as the tensor's type."""
        return f"MLX {self.bits}-bit" if self.mode == "affine" else f"MLX {self.mode}"

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the tensor. Shape (len(rows), width)."""
        width = self.shape[-1]
        packed = picked_words(container, f"{self.stem}.weight", rows)
        packed = packed.reshape(-1, width * self.bits // 32)
        scales = container.take(f"{self.stem}.scales", rows)
        scales = scales.reshape(packed.shape[0], -1)  # (rows, groups)
        group = width // scales.shape[1]
        with np.errstate(all="ignore"):
            if self.mode == "affine":
                biases = container.take(f"{self.stem}.biases", rows).reshape(scales.shape)
                codes = unpack_across(packed, self.bits)
                values = np.asarray(
                    codes * np.repeat(scales, group, axis=1) + np.repeat(biases, group, axis=1), np.float32
                )
            else:
                raw = np.ascontiguousarray(packed).view(np.uint8).reshape(-1)
                floats = decode(raw, DTYPES["F4" if self.bits == 4 else "F8_E4M3"]).reshape(-1, width)
                factors = _small_scales(scales) if self.mode == "nvfp4" else exponents(scales)
                values = np.asarray(floats * np.repeat(factors, group, axis=1), np.float32)
        return values.reshape(rows.size, -1)


def _small_scales(codes: Float32) -> Float32:
    """Scales of eight-bit floats that are stored as whole numbers."""
    return value_table("F8_E4M3")[codes.astype(np.intp)]


def recognise_mlx(found: Recognised, name: str, stem: str) -> None:
    """X.scales beside an X.weight of 32-bit words."""
    weight, scales = found.tensors.get(f"{stem}.weight"), found.tensors[name]
    if weight is None or weight.dtype != "U32" or len(weight.shape) < 2 or not weight.parameters:
        return
    if scales.shape[:-1] != weight.shape[:-1] or not scales.parameters:
        return
    biases = found.tensors.get(f"{stem}.biases")
    if scales.dtype == "U8" or biases is None:
        _float_mode(found, stem, weight.shape, scales.shape[-1])
        return
    if not found.floats(name, f"{stem}.biases"):
        return
    if biases.shape != scales.shape:
        raise found.refuse(f"{stem}.weight", "biases", scales=scales.shape, biases=biases.shape)
    bits = _bits(found, stem, weight.shape[-1], scales.shape[-1])
    if bits:
        shape = (*weight.shape[:-1], weight.shape[-1] * 32 // bits)
        found.add(f"{stem}.weight", Mlx(stem, bits, "affine", shape), f"{stem}.weight", name, f"{stem}.biases")


def _float_mode(found: Recognised, stem: str, shape: tuple[int, ...], groups: int) -> None:
    """Small floats with a scale of one byte for 16 or 32 of them; the mode is stated, or the only one that fits."""
    stated = _settings(found, stem).get("mode")
    fitting = [
        (mode, bits)
        for mode, (bits, group) in _FLOAT_MODES.items()
        if shape[-1] * 32 // bits == groups * group and stated in (None, mode)
    ]
    if found.dtype(f"{stem}.scales") == "U8" and len(fitting) == 1:
        ((mode, bits),) = fitting
        full = (*shape[:-1], shape[-1] * 32 // bits)
        found.add(f"{stem}.weight", Mlx(stem, bits, mode, full), f"{stem}.weight", f"{stem}.scales")


def _settings(found: Recognised, stem: str) -> Mapping[str, Any]:
    """Group size, bits and mode of a module: its own entry, else those of the whole."""
    own = found.settings.get(stem)
    return {**found.settings, **own} if isinstance(own, Mapping) else found.settings


def _bits(found: Recognised, stem: str, width: int, groups: int) -> int:
    """Bits of a code: as stated if that fits, else as the configured width of the model says, else the only fit; 0: open."""
    settings = _settings(found, stem)
    fitting = [(b, g) for b in BITS for g in GROUPS if width * 32 % b == 0 and width * 32 // b == groups * g]
    stated = [b for b, g in fitting if b == settings.get("bits") and g == settings.get("group_size", g)]
    if stated:
        return stated[0]
    full = found.shape_of(f"{stem}.weight")
    if full is not None:
        return next((b for b, _ in fitting if width * 32 == full[-1] * b), 0)
    return fitting[0][0] if len({b for b, _ in fitting}) == 1 else 0
