"""What a screen may claim: the figure of two screens, its null hypothesis, and the correction for all that was searched."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.library.thresholds import DISPERSION


class ScreenFigure(NamedTuple):
    """Two screens held against each other.

    cosine:    of the parts that both have. z: Σc / √Σc² over the products c of their numbers.
    effective: (Σc²)² / Σc⁴ times 3: over how many independent numbers this pair's products are spread.
    log10_p:   of the bound exp(−(z/DISPERSION)²/2), for this one comparison; 0 where z is not above zero.
    """

    cosine: float
    z: float
    effective: float
    log10_p: float


def screen_figure(a: NDArray[Any], b: NDArray[Any]) -> ScreenFigure:
    """The figure of two screens. Shapes: a, b (847,).

    H0: the two models' random numbers are independent and nothing of one was copied into the other. Assumption: under H0 the signs
    of the products are independent fair coins, whatever their sizes (Hoeffding); DISPERSION widens z by what measured independents
    depart from that. The bound holds whatever few numbers carry the energy, since Σc² is measured on this pair.
    Source: METHODS §5 (the bound), §18 (screens); decision 0040.
    """
    products = a.astype(np.float64) * b.astype(np.float64)
    square = float((products**2).sum())
    both = (products != 0).sum()
    if square <= 0 or not both:
        return ScreenFigure(0.0, 0.0, 0.0, 0.0)
    total = float(products.sum())
    there = (_parts(a) & _parts(b)).repeat(len(a) // len(_parts(a)))
    length = float(np.linalg.norm(a[there].astype(np.float64)) * np.linalg.norm(b[there].astype(np.float64)))
    z = total / math.sqrt(square)
    fourth = float((products**4).sum())
    log10_p = -((z / DISPERSION) ** 2) / 2 / math.log(10) if z > 0 else 0.0
    return ScreenFigure(total / length if length else 0.0, z, min(float(both), 3 * square**2 / fourth), log10_p)


def _parts(screen: NDArray[Any]) -> NDArray[np.bool_]:
    """Which parts a screen has. Shapes: (847,) -> (7,)."""
    return np.asarray(screen.reshape(7, -1).any(axis=1))


def corrected(log10_p: float, comparisons: int) -> float:
    """A p-value times all comparisons made (Bonferroni), as logarithm, at most 0."""
    return min(0.0, log10_p + math.log10(max(1, comparisons)))
