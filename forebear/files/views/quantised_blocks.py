"""Small floats and bytes with scales by block: FP8, int8, bitsandbytes, MXFP4, NVFP4.

Sources: DeepSeek-V3 inference code (weight_scale_inv multiplies, 128 x 128 blocks), compressed-tensors (float-, int- and
nvfp4-pack-quantized), bitsandbytes functional.py (QuantState) and nn/modules.py (SCB / 127), the OCP microscaling
formats and gpt-oss (two values a byte, the low half first; experts stored transposed); TensorRT Model Optimizer
(weight_scale_2 multiplies), ComfyUI (scale_weight multiplies).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import parse_json
from forebear.core.messages import message
from forebear.core.strict import Table
from forebear.files.base import Container, Float32, quoted
from forebear.files.dtypes import DTYPES, decode, value_table
from forebear.files.refusing import AGAIN, refuse_tensor

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Scaled:
    """A matrix of small floats or whole numbers and scales that cover it in equal blocks: one, one a row, a grid.

    stored, scale: tensor names; divide: of the scale (127 for bitsandbytes' row maxima); zero: zero points like scales.
    Scales of one byte are exponents: 2^(s - 127).
    """

    stored: str
    scale: str
    shape: tuple[int, ...]
    dtype: str
    block: tuple[int, int] = (0, 0)
    divide: float = 1.0
    zero: str = ""
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), width)."""
        values = container.take(self.stored, rows).reshape(rows.size, -1)
        with np.errstate(all="ignore"):
            if self.zero:
                values = values - self._factor(container, self.zero, rows, values.shape[1])
            return np.asarray(
                values * (self._factor(container, self.scale, rows, values.shape[1]) / self.divide), np.float32
            )

    def _factor(self, container: Container, name: str, rows: Rows, width: int) -> Float32:
        """Scales of these rows, broadcastable to (len(rows), width)."""
        scales = container.read(name)
        if name == self.scale and container.tensors[name].dtype == "U8":
            scales = exponents(scales)
        if scales.size == 1:
            return scales.reshape(1, 1)
        height = self.shape[0]
        scales = scales.reshape(scales.shape[0], -1)
        down = self.block[0] or -(-height // scales.shape[0])
        across = self.block[1] or -(-width // scales.shape[1])
        picked: Float32 = scales[np.minimum(rows // down, scales.shape[0] - 1)]
        if scales.shape[1] == 1:
            return picked
        columns = np.minimum(np.arange(width) // across, scales.shape[1] - 1)
        return np.ascontiguousarray(picked[:, columns])


def exponents(codes: Float32) -> Float32:
    """2^(s - 127) of scales stored as bytes, not a number for 255 (OCP microscaling formats, E8M0)."""
    return value_table("F8_E8M0")[codes.astype(np.intp)]


def fits(shape: tuple[int, ...], scale: tuple[int, ...], block: tuple[int, int]) -> bool:
    """Whether scales of one shape can cover a matrix of another: as one, by row, or as a grid of blocks."""
    if math.prod(scale) == 1:
        return True
    if len(shape) != 2 or len(scale) not in (1, 2, 4) or scale[1:4:2] not in ((), (1,), (scale[-1],), (1, 1)):
        return False
    down, across = scale[0], math.prod(scale[1:])
    if block != (0, 0):
        return (down, across) == (-(-shape[0] // block[0]), -(-shape[1] // block[1]))
    return 0 < down <= shape[0] and 0 < across <= shape[1] and shape[0] % down == 0 and shape[1] % across == 0


@dataclass(frozen=True, slots=True)
class BitsAndBytes4:
    """X.weight: two codes a byte, the high half first, in order of the matrix; X.weight.absmax by block, itself perhaps
    coded; X.weight.quant_map: what a code means; X.weight.quant_state.bitsandbytes__*: shape and block sizes as JSON."""

    stem: str
    shape: tuple[int, ...]
    block: int
    nested_block: int
    offset: float
    dtype: str
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), width)."""
        width = math.prod(self.shape[1:])
        table = container.read(f"{self.stem}.quant_map").reshape(-1)
        out = np.empty((rows.size, width), dtype=np.float32)
        for place, row in enumerate(rows.tolist()):
            begin = row * width
            first, last = begin // 2, -(-(begin + width) // 2)
            codes = np.frombuffer(container.raw(self.stem, first, last), dtype=np.uint8)
            values = table[np.stack([codes >> 4, codes & 15], axis=1).reshape(-1)]
            with np.errstate(all="ignore"):
                out[place] = values[begin - 2 * first :][:width] * self._largest(container, begin, width)
        return out

    def _largest(self, container: Container, begin: int, width: int) -> Float32:
        """The largest absolute value of each value's block. Shape (width,)."""
        blocks = np.arange(begin, begin + width) // self.block
        first, last = int(blocks[0]), int(blocks[-1]) + 1
        largest = container.rows(f"{self.stem}.absmax", first, last)
        if self.nested_block:
            table = container.read(f"{self.stem}.nested_quant_map").reshape(-1)
            outer = container.rows(f"{self.stem}.nested_absmax", first // self.nested_block,
                                   (last - 1) // self.nested_block + 1)  # fmt: skip
            places = np.arange(first, last) // self.nested_block - first // self.nested_block
            with np.errstate(all="ignore"):
                largest = table[largest.astype(np.intp)] * outer[places] + np.float32(self.offset)
        return np.asarray(largest[blocks - first], dtype=np.float32)


def _state(container: Container, name: str) -> Table:
    where = f"{container.paths[0] if container.paths else container.kind}: {quoted(name)}"
    return Table(parse_json(container.raw(name, 0, 2**16), where=where), where, AGAIN)


def stated_shape(container: Container, name: str) -> tuple[int, ...]:
    """The shape that such a state gives; (0,) where it gives none of whole numbers."""
    shape = tuple(_state(container, name).take("shape", list))
    return shape if shape and all(type(size) is int and 0 < size < 2**48 for size in shape) else (0,)


def read_state(container: Container, name: str, stem: str) -> BitsAndBytes4:
    """What bitsandbytes says about a four-bit tensor. Raises RefusedError when it is none or contradicts the tensor."""
    state, shape = _state(container, name), stated_shape(container, name)
    block, nested = state.take("blocksize", int), state.optional("nested_blocksize", int) or 0
    offset = float(state.optional("nested_offset", (int, float)) or 0.0)
    values = math.prod(shape)
    if not 0 < values < 2**48 or block < 1 or nested < 0:
        raise refuse_tensor(container, stem, message("quant.state"))
    found, needed = container.tensors[stem].stored_bytes, -(-values // 2)
    if found != needed:
        raise refuse_tensor(container, stem, message("quant.state_bytes", found=found, needed=needed))
    blocks = -(-values // block)
    parts = {"absmax": blocks, "quant_map": 16}
    if nested:
        parts |= {"nested_absmax": -(-blocks // nested), "nested_quant_map": 256}
    for part, count in parts.items():
        entry = container.tensors.get(f"{stem}.{part}")
        if entry is None or entry.shape != (count,) or (nested and part == "absmax" and entry.dtype != "U8"):
            raise refuse_tensor(container, stem, message("quant.lacks_part", part=part, count=count))
    kind = name.rsplit("bitsandbytes__", 1)[-1][:8]
    return BitsAndBytes4(stem, shape, block, nested, offset, f"bitsandbytes {kind}")


@dataclass(frozen=True, slots=True)
class Microscaled:
    """X_blocks (experts, rows, groups, 16) bytes and X_scales (experts, rows, groups): an exponent for 32 values.

    Shown as gpt-oss publishes it otherwise, (experts, groups * 32, rows): each expert transposed.
    """

    stem: str
    shape: tuple[int, int, int]
    dtype: str = "MXFP4"
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Experts. Shape (len(rows), inputs * outputs)."""
        out = []
        for expert in rows.tolist():
            packed = container.rows(f"{self.stem}_blocks", expert, expert + 1)[0].astype(np.uint8)
            exponents = container.rows(f"{self.stem}_scales", expert, expert + 1)[0].astype(np.int32) - 127
            values = decode(np.ascontiguousarray(packed).reshape(-1), DTYPES["F4"]).reshape(*exponents.shape, 32)
            with np.errstate(all="ignore"):
                full = np.ldexp(values, exponents[..., None])  # (rows, groups, 32)
            out.append(full.reshape(full.shape[0], -1).T.reshape(-1))
        return np.asarray(np.stack(out), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class FourBitFloat:
    """Bytes of two four-bit floats (out, in / 2), scales (out, groups), and for NVFP4 one scale of the whole.

    packed, scale: tensor names; of_all: name of the scale of the whole, which divides (compressed-tensors) or, `multiplied`,
    multiplies (ModelOpt, torchao). Scales of one byte are exponents (MXFP4).
    """

    packed: str
    scale: str
    shape: tuple[int, int]
    dtype: str
    of_all: str = ""
    multiplied: bool = False
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        packed = container.take(self.packed, rows).astype(np.uint8)
        values = decode(np.ascontiguousarray(packed).reshape(-1), DTYPES["F4"]).reshape(rows.size, -1)
        scales = container.take(self.scale, rows).reshape(rows.size, -1)
        with np.errstate(all="ignore"):
            if container.tensors[self.scale].dtype == "U8":
                scales = exponents(scales)
            if self.of_all:
                of_all = container.read(self.of_all).reshape(-1)[0]
                scales = scales * of_all if self.multiplied else scales / of_all
            group = values.shape[1] // scales.shape[1]
            return np.asarray(values * np.repeat(scales, group, axis=1), dtype=np.float32)
