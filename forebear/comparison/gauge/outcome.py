"""What gauge fixing of one pair gave, ready for the walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.tests.shared import StartOutcome

VIEWS = "two-views"
"""Name of the calibrated test."""
VIEWS_ASSUMPTION = (
    "two views of a neuron made orthogonal to each other name the same partner by chance no more often than the rate measured "
    "on layers of this pair that do not belong together"
)


@dataclass(frozen=True)
class GaugeOutcome:
    """Evidence and words of one pair in folded coordinates.

    ran:      whether any test could be made; why: the reason it ran, or why it could not.
    decided:  whether the calibrated test holds by every condition of METHODS §9.
    evidence: two views ("calibrated"), and exact tests of neurons in place after the rotation.
    words:    what corresponds, told. limits: what could not be done. power: what would have been found.
    start:    shared start or shared training, asked in aligned coordinates; None unless decided.
    layers:   the layer map in folded coordinates, None when no layer could be paired.
    embedding: "carried", "left", "rotated" or "": what it says of the embedding (`components.Embedding`).
    document: what a page draws: rotation fit, cells, layers, experts, heads.
    """

    ran: bool
    why: str
    decided: bool = False
    evidence: tuple[Evidence, ...] = ()
    words: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    power: str = ""
    layers: LayerMap | None = None
    start: StartOutcome | None = None
    embedding: str = ""
    document: dict[str, Any] = field(default_factory=dict)
