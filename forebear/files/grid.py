"""Which narrower number type would hold every value of a tensor: a trace of how it was once stored (METHODS §16)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.files.dtypes import Float32

_LEAST_ROW = 16
"""Rows of fewer values lie on some grid by chance."""
_MOST_LEVELS = 256
_SLACK = 0.05
"""How far, in steps, a float32 product of scale and integer may lie from the level computed from the smallest step."""


class ValueGrid(NamedTuple):
    """Number types every value fits, narrowest first.

    fits:   float types without a scale, e.g. ("BF16", "F32"); ("F64",) when float32 does not hold them.
    levels: most levels that any row uses when every row is a scale times whole numbers (plus an offset) of at most 256
            levels, as after 8-bit or 4-bit rounding by row; None otherwise.
    """

    fits: tuple[str, ...]
    levels: int | None = None

    @property
    def narrowest(self) -> str:
        """The first of `fits`; of two types of 16 bits, BF16 stands first."""
        return self.fits[0]

    @property
    def word(self) -> str:
        """The narrowest type by one name: "INT4 by row" or "INT8 by row" for rows on a grid, else a float type."""
        if self.levels is not None and self.levels <= 16:
            return "INT4 by row"
        if self.levels is not None and not self.narrowest.startswith("F8"):
            return "INT8 by row"
        return self.narrowest


class _Form(NamedTuple):
    tag: str
    low_bits: int  # float32 mantissa bits that must be zero
    largest: float
    least_normal: float
    step: float  # below the least normal value everything is a multiple of this
    infinite: bool


_FORMS = (
    _Form("F8_E4M3", 20, 448.0, 2.0**-6, 2.0**-9, False),
    _Form("F8_E5M2", 21, 57344.0, 2.0**-14, 2.0**-16, True),
    _Form("BF16", 16, float("inf"), 0.0, 0.0, True),
    _Form("F16", 13, 65504.0, 2.0**-14, 2.0**-24, True),
)


def _fits(values: Float32, form: _Form) -> bool:
    """Whether values whose mantissas are short enough also keep to the range of a type. Shape (n,)."""
    size = np.abs(values)
    inside = (size <= form.largest) | np.isnan(values)
    if form.infinite:
        inside |= np.isinf(values)
    if not inside.all():
        return False
    small = values[size < form.least_normal].astype(np.float64)
    return bool((small == np.rint(small / form.step) * form.step).all()) if small.size else True


class GridProbe:
    """Collects one tensor's values, block by block, in order.

    width: values per row, or 0 where rows mean nothing (vectors and scalars). Memory: the block and one row.
    """

    def __init__(self, width: int) -> None:
        self._open = list(_FORMS)
        self._width = width
        self._rows = width >= _LEAST_ROW
        self._levels = 0
        self._rest = np.empty(0, dtype=np.float32)

    def add(self, values: Float32) -> None:
        """The next values, shape (n,), not-a-number in its canonical form."""
        used = int(np.bitwise_or.reduce(values.view(np.uint32))) if self._open and values.size else 0
        self._open = [f for f in self._open if not used & ((1 << f.low_bits) - 1) and _fits(values, f)]
        if self._rows:
            joined = np.concatenate([self._rest, values]) if self._rest.size else values
            whole = joined.size // self._width * self._width
            self._rest = joined[whole:].copy()
            rows = joined[:whole].reshape(-1, self._width)
            self._rows = self._add_rows(rows[:1]) and self._add_rows(rows[1:])

    def _add_rows(self, rows: NDArray[np.float32]) -> bool:
        """Count the levels of each row; False once a row lies on no small grid. Shape (rows, width)."""
        if not rows.size:
            return True
        if not np.isfinite(rows).all():
            return False
        ordered = np.sort(rows, axis=1).astype(np.float64)
        steps = np.diff(ordered, axis=1)
        least = np.where(steps > 0, steps, np.inf).min(axis=1, keepdims=True)
        level = (ordered - ordered[:, :1]) / least  # 0 for a constant row
        if level.max() >= _MOST_LEVELS - 0.5 or (np.abs(level - np.rint(level)) > _SLACK).any():
            return False
        self._levels = max(self._levels, int(np.rint(level.max())) + 1)
        return True

    def result(self, *, wide: bool = False) -> ValueGrid:
        """What held for every value; `wide` when some did not fit float32 (their blocks need not have been added)."""
        if wide:
            return ValueGrid(("F64",))
        on_grid = self._rows and self._levels > 1
        return ValueGrid((*(form.tag for form in self._open), "F32"), self._levels if on_grid else None)
