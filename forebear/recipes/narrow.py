"""Narrow floating types: values rounded to them, the type that values stand in, the distance of neighbours at a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forebear.stats.arrays import F32


@dataclass(frozen=True)
class Narrow:
    """A type. cast: values rounded to it, nearest even; bits of its significand; least: exponent of its smallest normal number."""

    cast: Callable[[F32], F32]
    bits: int
    least: int


def to_bfloat16(values: F32) -> F32:
    """Values rounded to BF16, nearest even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    kept = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return kept.view(np.float32)


def to_half(values: F32) -> F32:
    """Values rounded to FP16."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


TYPES: Mapping[str, Narrow] = {"BF16": Narrow(to_bfloat16, 8, -126), "F16": Narrow(to_half, 11, -14)}


def narrow_type(arrays: Sequence[F32]) -> str:
    """The first type that every value stands in; "" without one, or without values."""
    for name, kind in TYPES.items():
        if arrays and all(np.array_equal(one, kind.cast(one)) for one in arrays):
            return name
    return ""


def cast(values: F32, dtype: str) -> F32:
    """Values rounded to a narrow type."""
    return TYPES[dtype].cast(values)


def steps_of(values: F32, dtype: str) -> F32:
    """The distance of neighbours of a narrow type at each value, in the shape of values.

    Example:
        >>> steps_of(np.array([1.0, 3.0, 0.0], dtype=np.float32), "F16").tolist()
        [0.0009765625, 0.001953125, 5.960464477539063e-08]
    """
    kind = TYPES[dtype]
    exponents = np.where(values == 0, kind.least, np.frexp(values)[1] - 1)
    return np.asarray(np.ldexp(np.float32(1), np.maximum(exponents, kind.least) - (kind.bits - 1)), dtype=np.float32)
