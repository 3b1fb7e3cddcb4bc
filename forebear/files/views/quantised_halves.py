"""Codes of several rows in one byte or word, a part of the rows in each place: HQQ, quanto below eight bits, BitNet.

Row i of n x k stored in n packed rows lies in packed row i mod n; its place counts from the highest bits (HQQ) or the lowest.
Sources: hqq 0.2.8 core/bitpack.py and core/quantize.py (value = (code - zero) x scale, then the stated shape);
optimum-quanto 0.2.7 tensor/packed.py, tensor/qbits.py and tensor/grouped.py (value = code x scale - shift); transformers 5
integrations/bitnet.py (two bits a code, value = (code - 1) / scale in BitLinear, x scale in AutoBitLinear).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.files.base import Container, Float32
from forebear.files.views.quantised_find import Recognised, Rows, fills, small_values
from forebear.files.views.quantised_packed import picked_words

_PACKINGS = {"8bit_u8": (8, 1), "4bit_u8": (4, 2), "3bit_32": (3, 10), "2bit_u8": (2, 4), "1bit_u8": (1, 8)}
"""HQQ's name of a packing -> (bits, codes in one word)."""


@dataclass(frozen=True, slots=True)
class Halves:
    """A table of codes (rows, width) packed by parts, read as a matrix of another shape; one scale a row or a column of it.

    packed: tensor name; places: codes in one word; highest: whether the first part of the rows lies in the highest bits.
    scale, zero: tensor names; order: "zero first" (code - zero) x scale, "shift last" code x scale - zero.
    """

    packed: str
    bits: int
    places: int
    highest: bool
    scale: str
    zero: str
    order: str
    shape: tuple[int, ...]
    dtype: str
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        inputs = math.prod(self.shape[1:])
        scale, zero = container.read(self.scale), container.read(self.zero)
        out = np.empty((rows.size, inputs), dtype=np.float32)
        at = 0
        for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if rows.size else []:
            out[at : at + run.size] = self._run(
                container, scale, zero, int(run[0]) * inputs, run.size * inputs
            ).reshape(run.size, inputs)
            at += run.size
        return out

    def _run(self, container: Container, scale: Float32, zero: Float32, begin: int, count: int) -> Float32:
        """Values begin..begin+count of the table, row by row."""
        width = container.tensors[self.packed].shape[1]
        first, last = begin // width, -(-(begin + count) // width)
        codes = self._codes(container, np.arange(first, last, dtype=np.intp))
        factor, offset = (v if v.shape[0] == 1 else v[first:last] for v in (scale.reshape(scale.shape[0], -1),
                                                                           zero.reshape(zero.shape[0], -1)))  # fmt: skip
        with np.errstate(all="ignore"):
            values = (codes - offset) * factor if self.order == "zero first" else codes * factor - offset
            flat: Float32 = np.asarray(values, dtype=np.float32).reshape(-1)
        return flat[begin - first * width :][:count]

    def _codes(self, container: Container, rows: Rows) -> NDArray[np.int64]:
        return unpacked(container, self.packed, rows, self.bits, self.places, self.highest)


def unpacked(container: Container, name: str, rows: Rows, bits: int, places: int, highest: bool) -> NDArray[np.int64]:
    """Rows of a table of codes. Shape (len(rows), width)."""
    count = container.tensors[name].shape[0]
    part, at = np.divmod(rows, count)
    if container.tensors[name].dtype == "U8":
        raw = container.take(name, at).reshape(rows.size, -1).astype(np.int64)
    else:
        raw = picked_words(container, name, at).astype(np.int64)
    shift = bits * (places - 1 - part if highest else part)
    codes: NDArray[np.int64] = raw >> shift[:, None] & (2**bits - 1)
    return codes


def recognise_hqq(found: Recognised, name: str, stem: str) -> None:
    """X.W_q with the scale, the zero, the shape and the packing of HQQ; scales that are quantised in turn are left undecoded."""
    table, shape = found.shape(name, 2), small_values(found.container, f"{stem}.shape", 8)
    packing = "".join(
        chr(code) for code in small_values(found.container, f"{stem}.packing", 16) or () if 0 < code < 128
    )
    if table is None or shape is None or packing not in _PACKINGS:
        return
    bits, places = _PACKINGS[packing]
    if found.dtype(name) != ("I32" if bits == 3 else "U8"):
        return
    needed = -(-math.prod(shape) // table[1]) if fills(shape, math.prod(shape)) else 0
    if not needed or not needed <= table[0] * places or needed * table[1] != math.prod(shape):
        raise found.refuse(stem, "packs", rows=table[0] * places, width=table[1], shape=tuple(shape))
    scale, zero = f"{stem}.scale", f"{stem}.zero"
    if any(found.shape(part, 2) not in ((needed, 1), (1, table[1])) for part in (scale, zero)) or not found.floats(scale, zero):
        return
    others = ("shape", "packing", "nbits", "group_size", "axis", "view_as_float", "quant_scale", "quant_zero", "round_zero",
              "unpack_view_dtype", "compute_dtype", "channel_wise", "optimize", "offload_meta", "encoded_state_dict",
              "stores_quant_config")  # fmt: skip
    decoder = Halves(name, bits, places, True, scale, zero, "zero first", tuple(shape), f"HQQ {bits}-bit")
    found.add(f"{stem}.weight", decoder, name, scale, zero, *(f"{stem}.{part}" for part in others))


def recognise_quanto_bits(found: Recognised, name: str, stem: str) -> None:
    """quanto's qint4 and qint2: X._data._data, X._scale and X._shift by groups along the input, for X = ….weight.

    The matrix's shape is not stored: the configuration gives it.
    """
    table, scales, shifts = found.shape(name, 2), found.shape(f"{stem}._scale", 2), found.shape(f"{stem}._shift", 2)
    if table is None or scales is None or scales != shifts or scales[1] != 1 or found.dtype(name) != "U8":
        return
    shape = found.shape_of(stem) or ()
    places = -(-scales[0] // table[0])
    if (
        places not in (2, 4)
        or places * table[0] != scales[0]
        or not fills(shape, scales[0] * table[1])
        or shape[1] % table[1]
    ):
        return
    order = "zero first" if found.dtype(f"{stem}._shift") in ("I8", "U8") else "shift last"
    scale, shift, module = f"{stem}._scale", f"{stem}._shift", stem.rpartition(".")[0]
    decoder = Halves(name, 8 // places, places, False, scale, shift, order, shape, f"quanto {8 // places}-bit")
    found.add(stem, decoder, name, scale, shift, f"{module}.input_scale", f"{module}.output_scale")


@dataclass(frozen=True, slots=True)
class Ternary:
    """X.weight (out / 4, in) bytes of four codes of two bits, and X.weight_scale of one value."""

    stem: str
    shape: tuple[int, ...]
    multiplied: bool
    dtype: str = "BitNet ternary"
    whole: bool = False

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        codes = unpacked(container, f"{self.stem}.weight", rows, 2, 4, False) - 1
        scale = container.read(f"{self.stem}.weight_scale").reshape(-1)[0]
        with np.errstate(all="ignore"):
            return np.asarray(codes * scale if self.multiplied else codes / scale, dtype=np.float32)


def recognise_bitnet(found: Recognised, name: str, stem: str) -> None:
    """Where the configuration says that it is BitNet."""
    packed = found.shape(f"{stem}.weight", 2)
    if packed is None or found.settings.get("quant_method") != "bitnet" or not found.floats(name):
        return
    multiplied = found.settings.get("linear_class") == "autobitlinear"
    decoder = Ternary(stem, (packed[0] * 4, packed[1]), multiplied)
    found.add(f"{stem}.weight", decoder, f"{stem}.weight", name)
