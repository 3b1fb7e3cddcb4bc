"""One operation that was found between a candidate and a subject: what detectors, mixtures and replay hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from forebear.core.messages import Message

Grade = Literal["re-derived", "replayed", "partly", "hint"]
"""Strongest first: equal bit for bit after replay; equal within the tolerance of the operation; some of it; a sign only."""


@dataclass(frozen=True)
class Found:
    """One operation with the place where it was done.

    op:         the operation's name: that of a step (forebear.recipes.steps) where there is one.
    where:      {"layers": [...], "parts": [...], "experts": [...], "rows": [...]}: only what the operation touched.
    parameters: what it was done with, in the words of the step; numbers as estimated, {"value": v, "low": a, "high": b} where
                an interval is known.
    explains:   share, 0 to 1, of the squared difference between subject and candidate that the operation takes away; None
                where it is not measured.
    grade:      how far it was proved.
    said:       what a reader is told besides: one message each.
    """

    op: str
    where: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    explains: float | None = None
    grade: Grade = "hint"
    said: tuple[Message, ...] = ()

    def document(self) -> dict[str, Any]:
        """The operation as it stands in a `forebear/recipe/1` document."""
        return {
            "op": self.op,
            "where": dict(self.where),
            "parameters": dict(self.parameters),
            "explains": self.explains,
            "grade": self.grade,
            "said": [one.document() for one in self.said],
        }
