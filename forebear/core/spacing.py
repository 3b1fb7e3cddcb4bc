"""Positions spread evenly over a range, chosen before anything is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly(size: int, most: int) -> NDArray[np.intp]:
    """At most `most` distinct positions of 0..size-1 in rising order, both ends among them; exact integer arithmetic.

    Shapes: (min(size, most),); empty when size or most is below one.
    """
    count = min(size, most)
    if count < 1:
        return np.zeros(0, dtype=np.intp)
    return np.arange(count, dtype=np.intp) * (size - 1) // max(1, count - 1)
