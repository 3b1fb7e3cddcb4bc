"""Two layouts of NVIDIA ModelOpt: signed whole numbers of four bits in pairs of rows, and inputs scaled beforehand.

Source: nvidia-modelopt 0.47, torch/export/quant_utils.py (`pack_int4_in_uint8`; value = code x weight_scale; in W4A8 that is
rounded to F8_E4M3 in units of weight_scale_2) and nn/modules/tensor_quantizer.py (`pre_quant_scale` multiplies a module's input).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forebear.core.messages import message
from forebear.files.base import Container, Float32
from forebear.files.refusing import refuse_tensor
from forebear.files.views.quantised_find import Decoder, Recognised, Rows


@dataclass(frozen=True, slots=True)
class RowPairs:
    """X.weight (out / 2, in): row 2i in the low four bits of byte row i, row 2i + 1 in the high ones; scales (out, groups)."""

    stored: str
    scale: str
    shape: tuple[int, int]
    unit: str = ""
    dtype: str = "ModelOpt 4-bit"
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        stored = container.take(self.stored, rows // 2).astype(np.int16)
        codes = stored >> (4 * (rows % 2))[:, None] & 15
        scales = container.take(self.scale, rows)
        with np.errstate(all="ignore"):
            values = np.where(codes > 7, codes - 16, codes) * np.repeat(scales, self.shape[1] // scales.shape[1], axis=1)
            if self.unit:
                unit = container.read(self.unit).reshape(-1)[0]
                values = unit * _to_eight_bits(values / unit)
        return np.asarray(values, dtype=np.float32)


def _to_eight_bits(values: Float32) -> Float32:
    """The nearest numbers of F8_E4M3: four binary digits, none finer than 2^-9, none beyond 448."""
    step = np.exp2(np.maximum(np.frexp(values)[1] - 1, -6) - 3)
    return np.asarray(np.clip(np.rint(values / step) * step, -448, 448), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Smoothed:
    """A matrix whose inputs are multiplied by X.pre_quant_scale (in,) first: the same as its columns multiplied."""

    inner: Decoder
    factors: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the matrix."""
        return self.inner.shape

    @property
    def dtype(self) -> str:
        """Of the matrix without the factors."""
        return f"{self.inner.dtype}, inputs scaled"

    @property
    def whole(self) -> bool:
        """Of the matrix without the factors."""
        return self.inner.whole

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.inner.take(container, rows) * container.read(self.factors), dtype=np.float32)


def recognise_row_pairs(found: Recognised, stem: str, packed: tuple[int, ...], scale: str) -> None:
    """X.weight of bytes with float scales of twice as many rows; inputs in equal groups."""
    rows, groups = found.shape(scale, 2) or (0, 0)
    if rows == 2 * packed[0] and not packed[1] % groups and found.floats(scale):
        second = f"{stem}.weight_scale_2"
        unit = second if second in found.tensors and found.tensors[second].parameters == 1 and found.floats(second) else ""
        decoder = RowPairs(f"{stem}.weight", scale, (rows, packed[1]), unit)
        found.add(f"{stem}.weight", decoder, f"{stem}.weight", scale, unit, f"{stem}.input_scale")


def smooth(found: Recognised) -> None:
    """Put the factors of inputs, where a file holds them, on matrices recognised before. Raises: RefusedError.

    A matrix with a rest of low rank beside it (SVDQuant) is left undecoded.
    """
    for name, decoder in list(found.decoders.items()):
        stem = name.removesuffix(".weight")
        factors = f"{stem}.pre_quant_scale"
        if f"{stem}.svdquant_lora_a" in found.tensors:
            del found.decoders[name], found.parts[name]
        if factors not in found.tensors or name not in found.decoders:
            continue
        shape = found.tensors[factors].shape
        if shape != decoder.shape[1:] or not found.floats(factors):
            what = message("quant_modelopt.factors", factors=str(shape), shape=str(decoder.shape))
            raise refuse_tensor(found.container, name, what, message("advice.layout"))
        found.add(name, Smoothed(decoder, factors), *found.parts[name], factors)
