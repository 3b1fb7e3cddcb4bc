"""The median by sorting: numpy's own loads its masked arrays first, a tenth of a quick comparison's time."""

from __future__ import annotations

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.arrays import Floats


def median(values: Floats) -> float:
    """The middle of the finite values, or the mean of the two middle ones.

    Shapes: any, taken flat. Raises: IncomparableError when no value is finite.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    ordered = np.sort(flat[np.isfinite(flat)])
    if not len(ordered):
        raise incomparable(message("arrays.median"))
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else float((ordered[half - 1] + ordered[half]) / 2)
