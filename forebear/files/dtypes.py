"""Every number type a safetensors file may hold, and its exact conversion to float32.

Source: the dtype tags of safetensors 0.8; the bit layouts of the OCP 8-bit and microscaling float formats and of the
FNUZ variants.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class Dtype(NamedTuple):
    """One number type.

    tag: as in the header; bits: per value; group: values per smallest whole number of bytes (1 unless smaller than a
    byte); numpy: the numpy type with the same bytes, or "" when there is none.
    """

    tag: str
    bits: int
    group: int = 1
    numpy: str = ""

    @property
    def group_bytes(self) -> int:
        """Bytes that hold one group of values."""
        return self.bits * self.group // 8


class _Small(NamedTuple):
    """A float of at most 8 bits: sign, exponent, mantissa, and which codes are not finite."""

    exponent: int
    mantissa: int
    bias: int
    special: str  # "ieee": top exponent is Inf and NaN; "fn": all ones is NaN; "fnuz": minus zero is NaN; "none"


_SMALL = {
    "F8_E4M3": _Small(4, 3, 7, "fn"),
    "F8_E5M2": _Small(5, 2, 15, "ieee"),
    "F8_E4M3FNUZ": _Small(4, 3, 8, "fnuz"),
    "F8_E5M2FNUZ": _Small(5, 2, 16, "fnuz"),
    "F6_E2M3": _Small(2, 3, 1, "none"),
    "F6_E3M2": _Small(3, 2, 3, "none"),
    "F4": _Small(2, 1, 1, "none"),
}

DTYPES: dict[str, Dtype] = {
    d.tag: d
    for d in (
        Dtype("BOOL", 8, numpy="|u1"), Dtype("U8", 8, numpy="|u1"), Dtype("I8", 8, numpy="|i1"),
        Dtype("I16", 16, numpy="<i2"), Dtype("U16", 16, numpy="<u2"),
        Dtype("I32", 32, numpy="<i4"), Dtype("U32", 32, numpy="<u4"),
        Dtype("I64", 64, numpy="<i8"), Dtype("U64", 64, numpy="<u8"),
        Dtype("F16", 16, numpy="<f2"), Dtype("BF16", 16), Dtype("F32", 32, numpy="<f4"), Dtype("F64", 64, numpy="<f8"),
        Dtype("C64", 64, numpy="<c8"),
        Dtype("F8_E4M3", 8), Dtype("F8_E5M2", 8), Dtype("F8_E8M0", 8), Dtype("F8_E4M3FNUZ", 8), Dtype("F8_E5M2FNUZ", 8),
        Dtype("F6_E2M3", 6, group=4), Dtype("F6_E3M2", 6, group=4), Dtype("F4", 4, group=2),
    )
}  # fmt: skip


WHOLE_NUMBERS = frozenset(("BOOL", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"))
"""Types of whole numbers: ids, masks, sizes, and the codes of quantised weights; never weights themselves."""
SMALL_FLOATS = frozenset(("F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"))
"""Floats of at most 8 bits: weights as they are, or codes that a scale beside them stretches."""


@functools.cache
def value_table(tag: str) -> Float32:
    """The float32 value of every code of a type of at most 8 bits. Shape (2**bits,)."""
    codes = np.arange(2 ** DTYPES[tag].bits, dtype=np.int64)
    if tag == "F8_E8M0":  # an exponent alone
        table = np.ldexp(np.ones(256), codes - 127)
        table[255] = np.nan
        return np.asarray(table, np.float32)
    form = _SMALL[tag]
    fraction = codes & (2**form.mantissa - 1)
    exponent = (codes >> form.mantissa) & (2**form.exponent - 1)
    negative = (codes >> (form.mantissa + form.exponent)) == 1
    normal = np.ldexp(1.0 + fraction / 2**form.mantissa, exponent - form.bias)
    subnormal = np.ldexp(fraction / 2**form.mantissa, 1 - form.bias)
    table = np.where(exponent == 0, subnormal, normal)
    top = exponent == 2**form.exponent - 1
    if form.special == "ieee":
        table[top] = np.where(fraction[top] == 0, np.inf, np.nan)
    elif form.special == "fn":
        table[top & (fraction == 2**form.mantissa - 1)] = np.nan
    table = np.where(negative, -table, table)
    if form.special == "fnuz":
        table[negative & (exponent == 0) & (fraction == 0)] = np.nan
    return np.asarray(table, dtype=np.float32)


@functools.cache
def _pairs_of_f4() -> Float32:
    """Both values of every byte of F4, the low half first. Shape (256, 2)."""
    table, codes = value_table("F4"), np.arange(256)
    return np.stack([table[codes & 15], table[codes >> 4]], axis=1)


def _decode_f6(raw: Bytes, tag: str) -> Float32:
    """Four values from every three bytes, lowest bits first."""
    low, mid, high = (raw[i::3].astype(np.uint32) for i in range(3))
    word = low | (mid << 8) | (high << 16)  # (groups,)
    codes = np.stack([(word >> shift) & 63 for shift in (0, 6, 12, 18)], axis=1)  # (groups, 4)
    return np.take(value_table(tag), codes.reshape(-1))


def decode(raw: Bytes, dtype: Dtype) -> Float32:
    """Stored bytes as float32, to nearest: exact for floats of at most 32 bits and integers up to 2**24.

    Shapes:  raw (n * group_bytes,), contiguous; returns (n * group,). May share memory with `raw`.
    Raises:  ValueError for C64, which has no float32 form (see `numbers`).
    """
    tag = dtype.tag
    if tag == "F32":
        return np.asarray(raw.view("<f4"), dtype=np.float32)
    if tag == "BF16":
        bits = raw.view("<u2").astype(np.uint32)
        bits <<= 16
        wide: Float32 = bits.view(np.float32)
        return wide
    if tag == "F4":
        return np.take(_pairs_of_f4(), raw, axis=0).reshape(-1)
    if tag in ("F6_E2M3", "F6_E3M2"):
        return _decode_f6(raw, tag)
    if tag == "BOOL":
        return np.asarray(raw != 0, dtype=np.float32)
    if tag == "C64":
        raise ValueError("complex numbers have no float32 form")
    if dtype.numpy:
        with np.errstate(over="ignore", invalid="ignore"):  # F64 beyond float32 becomes Inf: that is rounding
            return np.asarray(raw.view(dtype.numpy), dtype=np.float32)
    return np.take(value_table(tag), raw)
