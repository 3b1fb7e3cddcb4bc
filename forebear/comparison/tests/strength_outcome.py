"""What strength allows a verdict to say, by the frozen rule (METHODS §17, decisions 0012 and 0015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Evidence, Strength
from forebear.comparison.reading.folded import Side
from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint
from forebear.stats.strength_thresholds import FACTOR, LEAST_LAYERS

Cell = tuple[int, int]
Sides = tuple[Side, Side]
BUDGET = message("budget.strength")
ASSUMPTION = message("assumption.strength")


class StrengthOutcome(NamedTuple):
    """What strength allows a verdict to say.

    holds:    the layers agree more closely than an aligner reaches, by the frozen factor.
    layers:   single layer pairs that do, where not all of them do.
    figures:  None where nothing could be measured; why: the reason then.
    placed:   the same of neurons in place where `figures` are those after the aligner.
    """

    holds: bool
    layers: tuple[Cell, ...] = ()
    figures: Strength | None = None
    why: Message | None = None
    placed: Strength | None = None

    @property
    def evidence(self) -> list[Evidence]:
        """The figures as evidence that describes."""
        return described(Axis.NEURONS, self.figures)


def described(axis: Axis, figures: Strength | None) -> list[Evidence]:
    """Strength on an axis as evidence that describes; nothing where it was not measured."""
    if figures is None:
        return []
    return [Evidence(test="strength", axis=axis, kind="described", private=True, assumption=ASSUMPTION, figures=figures)]


def judged(
    by_layer: NDArray[np.float64], ceiling: float, cells: Sequence[Cell], how: str, sampled: bool, fewest: int,
    ratio: float | None = None, drawn: str | None = None,
) -> StrengthOutcome:  # fmt: skip
    """The frozen rule: pooled s over pooled c, and enough layers that reach it. fewest: those of the side that has fewer.

    ratio: s over c where that is less than the quotient of the two, as where some layers alone lift s; c is then stated as
           high as that makes it.
    """
    value = float(by_layer.mean())
    if ratio is not None and ratio < FACTOR <= value / max(ceiling, 1e-9):
        ceiling = min(1.0, value / max(ratio, 1e-9))
    reached = int((by_layer >= ceiling).sum())
    holds = value >= FACTOR * ceiling and reached >= LEAST_LAYERS * max(len(cells), fewest)
    figures = Strength(
        round(value, 4), round(ceiling, 4), round(value / max(ceiling, 1e-9), 3),
        tuple(round(float(v), 4) for v in by_layer), (round(ceiling, 4),) * len(by_layer), tuple(cells), how, sampled,
        FACTOR, drawn,
    )  # fmt: skip
    return StrengthOutcome(holds, (), figures)


def gain_bytes(checkpoint: Checkpoint) -> int:
    """What reading the gain of one norm costs at the most."""
    return 4 * (checkpoint.width or 0)
