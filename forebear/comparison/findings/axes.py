"""Private axes of a model, how their units are read and what a document calls them (METHODS §2)."""

from __future__ import annotations

from typing import NamedTuple

from forebear.comparison.findings.evidence import Axis
from forebear.core.messages import Message, message


class AxisPlan(NamedTuple):
    """How one private axis is read: units named by `leading` parts, signs pooled over `sign_parts`.

    stack: the tower that is read where it is not the main one.
    """

    atom: str
    axis: Axis
    leading: tuple[str, ...]
    others: tuple[str, ...]
    stack: str | None = None

    @property
    def label(self) -> str:
        """The axis by name, and its tower: "neurons, vision"."""
        return self.axis.value if self.stack is None else f"{self.axis.value}, {self.stack}"

    @property
    def said(self) -> Message:
        """The axis as a document says it."""
        axis = message(f"term.{self.axis.value}")
        part = None if self.stack is None else message(f"term.{self.stack}")
        return axis if part is None else message("found.of_component", axis=axis, part=part)


NEURONS = AxisPlan("neuron", Axis.NEURONS, ("gate", "up"), ("down",))
VALUES = AxisPlan("value", Axis.VALUES, ("v",), ("o",))
