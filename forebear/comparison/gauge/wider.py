"""Neurons of an MLP wider or narrower than the candidate's: which answer to one of its, and in what order (METHODS §10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.folded import Views
from forebear.stats.deck import deck, longest_increasing

ORDERED = 0.9
"""Share of those found that must stand in order for the order to tell how a layer was widened."""


@dataclass(frozen=True)
class Wider:
    """asked: neurons of the subject; found: both their views name one of the candidate's, which others may name as well.

    doubled: of those, how many share it with another. order: "appended", "interleaved", "duplicated" or "" where it does not tell.
    """

    asked: int
    found: int
    doubled: int
    order: str


def widened(positions: NDArray[np.intp], mine: Views, there: Views) -> Wider:
    """One-sided naming by both views, since copies of one neuron cannot all be named back.

    Shapes: positions (n,), of the subject's neurons asked, in rising order; mine and there in one set of coordinates.
    """
    first = deck(mine.first, there.first, absolute=False).best
    second = deck(mine.second, there.second, absolute=there.flips).best
    known = (first == second) & (first >= 0)
    partners, places = first[known], positions[known]
    times = np.bincount(partners, minlength=1)[partners] if len(partners) else np.zeros(0, dtype=np.intp)
    doubled = int(np.count_nonzero(times > 1))
    return Wider(len(positions), int(known.sum()), doubled, _order(places, partners, doubled))


def _order(places: NDArray[np.intp], partners: NDArray[np.int32], doubled: int) -> str:
    found = len(partners)
    if not found:
        return ""
    if doubled * 5 > found:
        return "duplicated"
    if np.count_nonzero(places == partners) >= ORDERED * found:
        return "appended"
    return "interleaved" if longest_increasing(partners) >= ORDERED * found else ""
