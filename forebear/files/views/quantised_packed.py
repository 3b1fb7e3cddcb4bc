"""Whole numbers packed into 32-bit words with scales and zero points by group: GPTQ, AWQ, compressed-tensors.

Sources: AutoGPTQ qlinear_cuda_old.py and GPTQModel (format "gptq": zero points stored minus one; "gptq_v2": as they
are), AutoAWQ gemm.py (order of the eight nibbles) and gemv.py (nibbles in plain order, groups padded), compressed-tensors
pack_quantized.py (values stored plus half the range, packed along the input; zero points packed along the output).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.limits import READ_BLOCK_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, Float32
from forebear.files.refusing import refuse_tensor

Words = NDArray[np.uint32]
Rows = NDArray[np.intp]
Order = tuple[int, ...]
"""Which of eight neighbouring outputs stands in each nibble of a word, lowest nibble first."""
AWQ_ORDER: Order = (0, 2, 4, 6, 1, 3, 5, 7)
PLAIN_ORDER: Order = tuple(range(8))


def words(container: Container, name: str, first: int = 0, last: int | None = None) -> Words:
    """Rows of a tensor of 32-bit words, exactly. Shape (last - first, width)."""
    height, *sizes = container.tensors[name].shape
    width, last = math.prod(sizes), height if last is None else last
    data = container.raw(name, first * width * 4, last * width * 4)
    return np.frombuffer(data, dtype="<u4").reshape(last - first, width)


def picked_words(container: Container, name: str, rows: Rows) -> Words:
    """The named rows of a tensor of 32-bit words, a read for every run of neighbours. Shape (len(rows), width)."""
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if rows.size else []
    width = math.prod(container.tensors[name].shape[1:])
    return np.concatenate(
        [words(container, name, int(run[0]), int(run[-1]) + 1) for run in runs]
        or [np.zeros((0, width), dtype=np.uint32)]
    )


def unpack_across(packed: Words, bits: int) -> NDArray[np.int32]:
    """Values packed along rows, lowest bits first, values never split when bits divide 32.

    Shapes:  packed (n, w) -> (n, w * 32 // bits); 3 and other odd bits run on over word boundaries.
    """
    if 32 % bits == 0:
        shifts = np.arange(0, 32, bits, dtype=np.uint32)
        values = (packed[:, :, None] >> shifts) & np.uint32(2**bits - 1)
        return values.reshape(packed.shape[0], -1).astype(np.int32)
    stream = np.unpackbits(np.ascontiguousarray(packed).view(np.uint8), axis=1, bitorder="little")
    whole = stream.shape[1] // bits * bits
    pieces = stream[:, :whole].reshape(packed.shape[0], -1, bits).astype(np.int32)
    return np.asarray(pieces @ (1 << np.arange(bits, dtype=np.int32)), dtype=np.int32)


def unpack_down(packed: Words, bits: int) -> NDArray[np.int32]:
    """Values packed along columns. Shapes: (w, n) -> (w * 32 // bits, n)."""
    return np.ascontiguousarray(unpack_across(np.ascontiguousarray(packed.T), bits).T)


@dataclass(frozen=True, slots=True)
class Gptq:
    """X.qweight (in * bits / 32, out), X.qzeros (groups, out * bits / 32), X.scales (groups, out), X.g_idx (in,)."""

    stem: str
    bits: int
    plus_one: bool
    shape: tuple[int, int]
    whole: bool = True

    @property
    def dtype(self) -> str:
        """Shown as the tensor's type."""
        return f"GPTQ {self.bits}-bit"

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows (outputs) of the published matrix. Shape (len(rows), in)."""
        height, inputs = container.tensors[f"{self.stem}.qweight"].shape[0], self.shape[1]
        scales = container.read(f"{self.stem}.scales")[:, rows]  # (groups, n)
        zeros = unpack_across(words(container, f"{self.stem}.qzeros"), self.bits)[:, rows]
        zeros = (zeros + self.plus_one) & (2**self.bits - 1) if self.plus_one else zeros
        groups = self._groups(container, len(scales))
        out = np.empty((rows.size, inputs), dtype=np.float32)
        unit = 1 if 32 % self.bits == 0 else self.bits  # words after which values start afresh
        step = max(1, READ_BLOCK_BYTES // (4 * self.shape[0]) // unit) * unit
        at = 0
        for begin in range(0, height, step):
            packed = words(container, f"{self.stem}.qweight", begin, min(height, begin + step))[:, rows]
            values = unpack_down(packed, self.bits)[: inputs - at]  # (some inputs, n)
            some = groups[at : at + len(values)]
            with np.errstate(all="ignore"):
                out[:, at : at + len(values)] = ((values - zeros[some]) * scales[some]).T
            at += len(values)
        return out

    def _groups(self, container: Container, count: int) -> Rows:
        """The group of every input, shape (in,)."""
        inputs = self.shape[1]
        groups = stated_groups(container, self.stem, count)
        if groups is None:
            groups = np.arange(inputs, dtype=np.intp) // -(-inputs // count)
        if groups.shape != (inputs,) or (groups.size and not 0 <= groups.min() <= groups.max() < count):
            raise refuse_tensor(container, self.stem, message("quant.groups", count=count))
        return groups


@dataclass(frozen=True, slots=True)
class Awq:
    """X.qweight (in, out / 8), X.qzeros (in / group, out / 8), X.scales (in / group, out); four bits."""

    stem: str
    shape: tuple[int, int]
    order: Order = AWQ_ORDER
    dtype: str = "AWQ 4-bit"
    whole: bool = True

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows (outputs) of the published matrix. Shape (len(rows), in)."""
        outputs, inputs = self.shape
        word, place = rows // 8, np.argsort(self.order)[rows % 8]
        shift = (4 * place).astype(np.uint32)
        scales = container.read(f"{self.stem}.scales")[:, rows]
        zeros = (words(container, f"{self.stem}.qzeros")[:, word] >> shift & 15).astype(np.int32)
        group = inputs // len(scales)
        out = np.empty((rows.size, inputs), dtype=np.float32)
        step = max(1, READ_BLOCK_BYTES // (4 * outputs))
        for begin in range(0, inputs, step):
            end = min(inputs, begin + step)
            values = (words(container, f"{self.stem}.qweight", begin, end)[:, word] >> shift & 15).astype(np.int32)
            some = np.arange(begin, end) // group
            with np.errstate(all="ignore"):
                out[:, begin:end] = ((values - zeros[some]) * scales[some]).T
        return out


@dataclass(frozen=True, slots=True)
class AwqRows:
    """AWQ for products with one vector: X.qweight (out, in / 8), X.qzeros (out, words), X.scales (out, words * 8), padded."""

    stem: str
    group: int
    shape: tuple[int, int]
    dtype: str = "AWQ 4-bit (gemv)"
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        codes = unpack_across(picked_words(container, f"{self.stem}.qweight", rows), 4)
        zeros = unpack_across(picked_words(container, f"{self.stem}.qzeros", rows), 4)
        groups = np.arange(self.shape[1], dtype=np.intp) // self.group
        scales = container.take(f"{self.stem}.scales", rows)
        with np.errstate(all="ignore"):
            return np.asarray((codes - zeros[:, groups]) * scales[:, groups], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Packed:
    """compressed-tensors: X.weight_packed (out, in * bits / 32), X.weight_scale (out, groups), perhaps
    X.weight_zero_point (out * bits / 32, groups) and X.weight_g_idx (in,)."""

    stem: str
    bits: int
    shape: tuple[int, int]
    whole: bool = False

    @property
    def dtype(self) -> str:
        """Shown as the tensor's type."""
        return f"packed {self.bits}-bit"

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        packed = picked_words(container, f"{self.stem}.weight_packed", rows)
        half = 2 ** (self.bits - 1)
        inputs = self.shape[1]
        values = unpack_across(packed, self.bits)[:, :inputs] - half
        scales = container.take(f"{self.stem}.weight_scale", rows).reshape(rows.size, -1)
        groups = self._groups(container, scales.shape[1])
        if f"{self.stem}.weight_zero_point" in container.tensors:
            zeros = unpack_down(words(container, f"{self.stem}.weight_zero_point"), self.bits)[rows] - half
            values = values - zeros[:, groups]
        with np.errstate(all="ignore"):
            return np.asarray(values * scales[:, groups], dtype=np.float32)

    def _groups(self, container: Container, count: int) -> Rows:
        inputs = self.shape[1]
        if f"{self.stem}.weight_g_idx" in container.tensors:
            groups = _whole(container.read(f"{self.stem}.weight_g_idx"))
            if groups.shape == (inputs,) and (not groups.size or 0 <= groups.min() <= groups.max() < count):
                return groups
        return np.arange(inputs, dtype=np.intp) // -(-inputs // max(1, count))


def stated_groups(container: Container, stem: str, count: int) -> Rows | None:
    """The groups that X.g_idx gives; None where there is none, or where it was never filled: empty, or 0 for several groups."""
    entry = container.tensors.get(f"{stem}.g_idx")
    if entry is None or not entry.parameters:
        return None
    groups = _whole(container.read(f"{stem}.g_idx"))
    return None if count > 1 and not groups.any() else groups


def _whole(values: Float32) -> Rows:
    """Indices stored as numbers; what is none becomes one that is outside every range."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) < 2**31, values, -1).astype(np.intp)
