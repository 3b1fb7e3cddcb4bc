"""Array types, checks and row scaling that every statistic shares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from forebear.core.errors import incomparable
from forebear.core.messages import message

Floats = npt.NDArray[np.floating[Any]]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LN10 = float(np.log(10.0))
BLOCK_ELEMENTS = 1 << 20
"""Most elements of a temporary made at once: 4 MB in float32, 8 MB in float64."""
_TAME_LOW, _TAME_HIGH = np.float32(1e-20), np.float32(1e20)
"""Squared norms between these neither overflowed nor lost digits in float32."""


def same_shape(a: Floats, b: Floats) -> None:
    """Refuse two arrays that are not tables of one shape. Raises: IncomparableError."""
    if a.ndim != 2 or a.shape != b.shape:
        said = message("arrays.equal", a=str(a.shape), b=str(b.shape))
        raise incomparable(said, todo=message("arrays.align_units"))


def finite_or_zero(values: F32) -> F32:
    """The same values, what is not finite as zero; the array itself where all are. Shapes: any."""
    known = np.isfinite(values)
    return values if known.all() else np.where(known, values, np.float32(0))


class Usable(NamedTuple):
    """Rows with what makes each a unit vector. flat (n, k); factors (n,), 0 for unusable rows; sound (n,): which are usable."""

    flat: F32
    factors: F32
    sound: Bools

    @property
    def unit(self) -> F32:
        """Rows of length one, unusable ones as zeros. (n, k)"""
        scaled: F32 = self.flat * self.factors[:, None]
        return scaled

    def take(self, index: npt.NDArray[np.integer[Any]] | slice) -> Usable:
        """Some of the rows."""
        return Usable(self.flat[index], self.factors[index], self.sound[index])


def usable_rows(rows: Floats | Usable) -> Usable:
    """Rows as float32 with one factor per row that makes it a unit vector; unusable rows are marked.

    Shapes:  rows (n, k), or what was found of them already. `flat` is the input itself where every row is tame.
    A row with NaN or Inf, or all zero, is unusable.
    """
    if isinstance(rows, Usable):
        return rows
    flat = np.asarray(rows, dtype=np.float32)
    with np.errstate(all="ignore"):
        squared = np.einsum("ij,ij->i", flat, flat)
        wild = ~((squared > _TAME_LOW) & (squared < _TAME_HIGH))  # NaN lands here too
        if wild.any():
            flat = flat.copy()
            largest = np.max(np.abs(flat[wild]), axis=1, initial=0.0)
            sound = np.isfinite(largest) & (largest > 0)
            divisor = np.where(sound, largest, 1.0).astype(np.float64)
            scaled = flat[wild] / divisor[:, None]
            scaled[~sound] = 0.0
            flat[wild] = scaled
            squared = np.einsum("ij,ij->i", flat, flat)
        else:
            return Usable(flat, (1.0 / np.sqrt(squared)).astype(np.float32, copy=False), np.ones(len(flat), dtype=np.bool_))
        usable = squared > 0
        factors = np.where(usable, 1.0 / np.sqrt(np.where(usable, squared, 1.0)), 0.0).astype(np.float32)
    return Usable(flat, factors, usable)


def unit_rows(rows: Floats) -> tuple[F32, Bools]:
    """Rows scaled to length one, unusable rows (NaN, Inf, all zero) as zeros.

    Shapes: (n, k) -> (n, k) float32, (n,) usable.
    """
    usable = usable_rows(rows)
    return usable.unit, usable.sound


def as_float64(values: Floats) -> F64:
    """The same values in float64, without a copy where they already are."""
    return np.asarray(values, dtype=np.float64)
