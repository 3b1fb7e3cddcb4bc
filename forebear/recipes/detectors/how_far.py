"""How far training went, read off the bench: which lengths of further training move a model so far (METHODS §12, decision 0114)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.core.messages import Message, message

CURVE = ((0.25, 0.3094, 0.4420), (1.0, 0.5279, 0.7906), (4.0, 1.1340, 1.3920))
"""(length, least change, most change): length as a share of the base's own compute at the base's own rate; relative changes of all
values over the bench's runs of that length."""
RUNS, SHAPES = 34, 8
"""Runs that the curve is made of, and shapes of models: bench/results/how-far.json."""


def lengths(change: float) -> tuple[float | None, float | None]:
    """The shortest and the longest further training of the bench that moves a model as far, as shares of the base's compute; None
    where the runs have no end on that side.

    change: ||subject - candidate|| / ||candidate|| over all values. Between the lengths that were run both curves are straight in
    logarithms. It supposes the bench's rate of learning: a gentler training goes on longer for the same change.
    """
    shares, least, most = zip(*CURVE, strict=True)
    return _at(change, shares, most), _at(change, shares, least)


def _at(change: float, shares: Sequence[float], curve: Sequence[float]) -> float | None:
    if not curve[0] <= change <= curve[-1]:
        return None
    return float(np.exp(np.interp(np.log(change), np.log(curve), np.log(shares))))


def how_far(change: float) -> Message:
    """What the bench says of so large a change, and no more than that."""
    low, high = lengths(change)
    about = {"runs": RUNS, "shapes": SHAPES}
    if change < CURVE[0][1]:
        return message("recipe_far.less", most=CURVE[0][0], **about)
    if change > CURVE[-1][2]:
        return message("recipe_far.more", least=CURVE[-1][0], **about)
    if low is None:
        return message("recipe_far.up_to", high=high, **about)
    if high is None:
        return message("recipe_far.from", low=low, **about)
    return message("recipe_far.between", low=low, high=high, **about)
