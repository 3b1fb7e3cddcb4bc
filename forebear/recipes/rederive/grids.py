"""Even grids: a scale, perhaps a zero point, per matrix, row, column or group of inputs, as converters compute them.

Source: METHODS §16 (value grid); the published formulas of round-to-nearest quantisation, symmetric (largest size over the top
code) and asymmetric (span over the codes, zero point rounded). GPTQ and AWQ move weights before they round, by data nobody has
here: only where they leave the grid of the plain formula can their codes be recomputed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from forebear.files.base import Float32
from forebear.recipes.rederive.casts import float16, small_float, small_values
from forebear.recipes.rederive.way import By, Way

GROUPS = (16, 32, 64, 128, 256)
BITS = (8, 4, 3, 2, 6, 5)
AXES = ("row", "tensor", "column")
FP8 = ("F8_E4M3", "F8_E5M2")
BY: Mapping[str, By] = {"row": "row", "tensor": "whole", "column": "column", "block128": "block"}


def _blocks(values: Float32, along: str | int) -> tuple[Float32, tuple[int, ...]]:
    """Values reshaped so that what shares a scale is along `axes`."""
    if isinstance(along, int):
        return values.reshape(*values.shape[:-1], -1, along), (-1,)
    axes = tuple(range(values.ndim))
    return values, {"tensor": axes, "row": axes[1:] or axes, "column": axes[:-1] or axes}[along]


def symmetric(values: Float32, along: str | int, bits: int, *, top: int = 0, half: bool = False) -> Float32:
    """Codes of -top..top, scale = largest size / top.

    Shapes:  (rows, inputs); a group must divide the inputs.
    top:     largest code; 0: 2^(bits-1) - 1. half: the scale is kept as binary16.
    """
    top = top or 2 ** (bits - 1) - 1
    cells, axes = _blocks(values, along)
    scale = (np.abs(cells).max(axis=axes, keepdims=True) / np.float32(top)).astype(np.float32)
    scale = float16(scale) if half else scale
    safe = np.where(scale == 0, np.float32(1), scale)
    codes = np.clip(np.rint(cells / safe), -(2 ** (bits - 1)), top).astype(np.float32)
    return np.asarray(codes * safe, dtype=np.float32).reshape(values.shape)


def asymmetric(values: Float32, along: str | int, bits: int, *, zero: bool, half: bool = False) -> Float32:
    """Codes of 0..2^bits - 1 with a whole zero point, scale = span / largest code.

    zero: the span is widened to hold zero. half: the scale is kept as binary16.
    """
    top = 2**bits - 1
    cells, axes = _blocks(values, along)
    low, high = cells.min(axis=axes, keepdims=True), cells.max(axis=axes, keepdims=True)
    if zero:
        low, high = np.minimum(low, np.float32(0)), np.maximum(high, np.float32(0))
    scale = ((high - low) / np.float32(top)).astype(np.float32)
    scale = float16(scale) if half else scale
    safe = np.where(scale == 0, np.float32(1), scale)
    point = np.clip(np.rint(-low / safe), 0, top)
    codes = np.clip(np.rint(cells / safe) + point, 0, top)
    return np.asarray((codes - point).astype(np.float32) * safe, dtype=np.float32).reshape(values.shape)


def from_lowest(values: Float32, along: str | int, bits: int) -> Float32:
    """Codes of 0..2^bits - 1 counted from the lowest value, which is kept: low + code · span / largest code."""
    top = 2**bits - 1
    cells, axes = _blocks(values, along)
    low, high = cells.min(axis=axes, keepdims=True), cells.max(axis=axes, keepdims=True)
    step = ((high - low) / np.float32(top)).astype(np.float32)
    step = np.where(step == 0, np.float32(1), step)
    codes = np.clip(np.rint((cells - low) / step), 0, top).astype(np.float32)
    return np.asarray(codes * step + low, dtype=np.float32).reshape(values.shape)


def scaled_small(values: Float32, along: str, tag: str) -> Float32:
    """An 8-bit float per value, scaled so that the largest of a matrix, row or 128 x 128 block is the type's largest."""
    if along == "block128":
        out = np.array(values, dtype=np.float32)
        for row in range(0, out.shape[0], 128):
            for column in range(0, out.shape[1], 128):
                cell = out[row : row + 128, column : column + 128]
                cell[...] = scaled_small(cell, "tensor", tag)
        return out
    cells, axes = _blocks(values, along)
    scale = (np.abs(cells).max(axis=axes, keepdims=True) / small_values(tag)[-1]).astype(np.float32)
    safe = np.where(scale == 0, np.float32(1), scale)
    return np.asarray(small_float((cells / safe).astype(np.float32), tag) * safe, dtype=np.float32)


def grids(shape: tuple[int, ...]) -> Iterator[Way]:
    """Every grid that may have been laid over a matrix of this shape (one axis: none), the usual ones first."""
    if len(shape) < 2:
        return
    for bits in BITS:
        along: list[str | int] = [*AXES, *(group for group in GROUPS if shape[-1] % group == 0 and group < shape[-1])]
        for unit in along:
            yield from _even(unit, bits)
    for tag in FP8:
        for block in ("tensor", "row", "block128") if len(shape) == 2 else ("tensor", "row"):
            change = partial(scaled_small, along=block, tag=tag)
            yield Way("quantised-fp8", change, {"type": tag, "per": block}, BY[block], 256)


def _even(unit: str | int, bits: int) -> Iterator[Way]:
    op = f"quantised-int{bits}"
    said = {"bits": bits, "per": unit if isinstance(unit, str) else f"group of {unit}"}
    by = BY[unit] if isinstance(unit, str) else "row"
    wide = 2 ** (bits - 1)
    for half in (False, True):
        kept = {"scale": "F16"} if half else {}
        for top in (wide - 1, wide):
            yield Way(
                op, partial(symmetric, along=unit, bits=bits, top=top, half=half),
                {**said, "form": "symmetric", "top": top, **kept}, by, 2**bits,
            )  # fmt: skip
        for zero in (True, False):
            yield Way(
                op, partial(asymmetric, along=unit, bits=bits, zero=zero, half=half),
                {**said, "form": "asymmetric" if zero else "asymmetric, span as it is", **kept}, by, 2**bits,
            )  # fmt: skip
    yield Way(op, partial(from_lowest, along=unit, bits=bits), {**said, "form": "from the lowest value"}, by, 2**bits)
