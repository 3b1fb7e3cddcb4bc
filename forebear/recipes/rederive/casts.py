"""Casts between number types: every rounding that a converter is known to use.

Source: IEEE 754 (binary32, binary16); bfloat16 and the OCP 8-bit floats as `forebear.files.dtypes` decodes them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from forebear.files.base import Float32
from forebear.files.dtypes import DTYPES, decode
from forebear.recipes.rederive.way import Way

SMALL = ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")


def bfloat16(values: Float32) -> Float32:
    """Rounded to bfloat16, nearest, ties to even."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    up = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(values), values, up.view(np.float32)).astype(np.float32)


def bfloat16_cut(values: Float32) -> Float32:
    """Cut to bfloat16: the lower half of the bits is dropped."""
    return (np.ascontiguousarray(values).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def bfloat16_up(values: Float32) -> Float32:
    """Rounded to bfloat16, nearest, ties away from zero."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    return ((bits + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)


def float16(values: Float32) -> Float32:
    """Rounded to binary16, nearest, ties to even; too large values become infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


def float16_clipped(values: Float32) -> Float32:
    """As `float16`, values clipped to its range before."""
    return float16(np.clip(values, np.float32(-65504), np.float32(65504)))


@cache
def small_values(tag: str) -> NDArray[np.float32]:
    """Every finite value of an 8-bit float that is not negative, in order; place n has code n."""
    codes = decode(np.arange(128, dtype=np.uint8), DTYPES[tag])
    return np.asarray(codes[np.isfinite(codes)], dtype=np.float32)


def small_float(values: Float32, tag: str) -> Float32:
    """Rounded to an 8-bit float, nearest, ties to the even code, clipped to its largest value.

    Shapes: any. A not-a-number stays one.
    """
    table = small_values(tag)
    size = np.minimum(np.abs(values), table[-1])
    above = np.clip(np.searchsorted(table, size), 1, table.size - 1)
    low, high = table[above - 1], table[above]
    down, up = size.astype(np.float64) - low, high - size.astype(np.float64)
    code = np.where(down < up, above - 1, np.where(up < down, above, above - (above % 2)))
    return np.where(np.isnan(values), values, np.copysign(table[code], values)).astype(np.float32)


def _small(tag: str) -> Way:
    return Way("resaved", lambda values: small_float(values, tag), {"dtype": tag, "rounding": "nearest-even"})


def _unchanged(values: Float32) -> Float32:
    return values


UNCHANGED = Way("unchanged", _unchanged)
NEAREST = (
    Way("resaved", bfloat16, {"dtype": "BF16", "rounding": "nearest-even"}),
    Way("resaved", float16, {"dtype": "F16", "rounding": "nearest-even"}),
)
CASTS: tuple[Way, ...] = (
    UNCHANGED,
    *NEAREST,
    Way("resaved", bfloat16_cut, {"dtype": "BF16", "rounding": "toward-zero"}),
    Way("resaved", bfloat16_up, {"dtype": "BF16", "rounding": "nearest-away"}),
    Way("resaved", float16_clipped, {"dtype": "F16", "rounding": "nearest-even, clipped"}),
    Way("resaved", lambda values: float16(bfloat16(values)), {"dtype": "BF16 then F16", "rounding": "nearest-even"}),
    Way("resaved", lambda values: bfloat16(float16(values)), {"dtype": "F16 then BF16", "rounding": "nearest-even"}),
    *map(_small, SMALL),
)
"""Nothing changed first; then every cast, the usual ones first."""


def shifted(values: Float32) -> Float32:
    """One added and taken away again in float32: what a container that stores gains plus one leaves of them."""
    return ((values + np.float32(1)) - np.float32(1)).astype(np.float32)


SHIFTED = Way("resaved", shifted, {"dtype": "F32", "rounding": "gains stored plus one"})
