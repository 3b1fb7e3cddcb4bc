"""One figure with its null hypothesis, its assumption and its kind: what every test of a pair returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from forebear.core.records import record

H0 = (
    "the subject's random numbers are independent of the candidate's, and nothing of the candidate was copied into "
    "the subject"
)

Kind = Literal["exact", "simulated", "calibrated", "described"]
Symmetry = Literal["order", "sign", "none"]

ORDER_ASSUMPTION = (
    "initialisation along this axis was independent and identically distributed, and neither architecture, optimiser "
    "nor post-processing used the position"
)
SIGN_ASSUMPTION = "negating a unit changes neither the distribution of its initialisation, nor training, nor the output"


@record(frozen=True)
class Evidence:
    """One test on one axis.

    test:     "deck", "sign", "trace", "gains", "equality"; axis: "channels", "neurons/3", "values".
    log10_p:  log10 of a bound on the p-value, already multiplied by the layer pairs or maps looked at (`looks_log10`);
              None for figures that only describe.
    symmetry: which exchangeability it rests on; private: whether the axis belongs to one layer only (METHODS §2).
    attainable_log10_p: the smallest log10 p these units could have given, None where no bound is known.
    extra:    what a page draws: best-match positions, matches by layer, effect sizes.
    """

    test: str
    axis: str
    kind: Kind
    log10_p: float | None
    decides: bool
    symmetry: Symmetry = "none"
    private: bool = False
    matched: int | None = None
    of: int | None = None
    looks_log10: float = 0.0
    assumption: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    attainable_log10_p: float | None = None

    def __post_init__(self) -> None:
        if self.log10_p is not None and not math.isfinite(self.log10_p):
            raise ValueError(f"log10 p of {self.test}/{self.axis} is not finite")

    @property
    def name(self) -> str:
        """The test and its axis: "deck/channels"."""
        return f"{self.test}/{self.axis}"

    def document(self) -> dict[str, Any]:
        """The evidence as it stands in a comparison document."""
        return {
            "test": self.test,
            "axis": self.axis,
            "kind": self.kind,
            "log10_p": None if self.log10_p is None else round(self.log10_p, 3),
            "looks_log10": round(self.looks_log10, 3),
            "decides": self.decides,
            "symmetry": self.symmetry,
            "private": self.private,
            "matched": self.matched,
            "of": self.of,
            "h0": H0,
            "assumption": self.assumption,
            **dict(self.extra),
        }
