"""Storage types of safetensors files, written by hand: every value goes out rounded to nearest, ties to even."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError

Array = NDArray[Any]

NATIVE: Mapping[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
"""Tags whose bytes numpy understands."""
STORED: Mapping[str, str] = {**NATIVE, "BF16": "<u2"}
"""Tag to the numpy type its bytes are held in."""


def tag_of(array: Array) -> str:
    """The safetensors tag an array has by itself. Raises: RefusedError for a type no tag describes."""
    for tag, code in NATIVE.items():
        if array.dtype == np.dtype(code):
            return tag
    raise RefusedError(f"no storage type for arrays of {array.dtype}", todo="Convert it to float32 first.")


def bfloat16_bits(values: Array) -> NDArray[np.uint16]:
    """The 16 bits of each value in bfloat16, nearest even; a NaN stays one.

    Shapes: any, float; returns the same shape, uint16.
    """
    single = np.ascontiguousarray(values, dtype=np.float32)
    bits = single.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    quiet = (bits >> np.uint32(16)) | np.uint32(0x40)
    return np.where(np.isnan(single), quiet, rounded).astype(np.uint16)


def from_bfloat16_bits(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 values of bfloat16 bits, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def encode(values: Array, tag: str) -> Array:
    """Values as they are stored under a tag (BF16 as its bits).

    Shapes: any; returns the same shape, C-contiguous, little-endian.
    Raises: RefusedError for an unknown tag, integers to be stored as something else, or values too large for the tag.
    """
    if tag not in STORED:
        raise RefusedError(f"cannot store values as {tag}", todo=f"Known: {', '.join(STORED)}.")
    if tag != tag_of(values) and not np.issubdtype(values.dtype, np.floating):
        raise RefusedError(f"integers of type {values.dtype} cannot be stored as {tag}")
    if tag == "BF16":
        return np.ascontiguousarray(bfloat16_bits(values), dtype="<u2").reshape(values.shape)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values, dtype=STORED[tag]).reshape(values.shape)
    if tag == "F16" and np.isinf(stored).any() and not np.isinf(values).any():
        raise RefusedError("F16 cannot hold values above 65504", todo="Say BF16.")
    return stored


def decode(stored: Array, tag: str) -> Array:
    """Values of an array held as `encode` left it; BF16 comes back as float32."""
    return from_bfloat16_bits(np.ascontiguousarray(stored)) if tag == "BF16" else stored


def rounded(values: Array, tag: str) -> Array:
    """Values after a stay in a narrower type, in their own dtype: what a re-saved copy holds.

    Source: METHODS §12 (re-saved in another dtype), §16 (value grid).
    """
    return decode(encode(values, tag), tag).astype(values.dtype)
