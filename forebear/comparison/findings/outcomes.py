"""What the tests of an axis, the question of a shared start and gauge fixing give, ready for the walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.reading.layers import LayerMap
from forebear.core.messages import Message
from forebear.stats.arrays import F32


@dataclass
class AxisOutcome:
    """What the tests of one axis gave: evidence, and what power and audits need later.

    layers: what a private axis shows layer by layer, as an alignment document holds it.
    """

    evidence: list[Evidence] = field(default_factory=list)
    d_eff: float | None = None
    units: int = 0
    signs: int = 0
    layers: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class StartOutcome:
    """What the shared-start test says.

    only_start: the agreement is that of one initial seed; shared_training: it is not; neither: undecided.
    words:      what the verdict says of it.
    """

    only_start: bool
    shared_training: bool
    words: Message
    evidence: list[Evidence] = field(default_factory=list)


@dataclass(frozen=True)
class GaugeOutcome:
    """Evidence and words of one pair in folded coordinates.

    ran:      whether any test could be made; why: the reason it ran, or why it could not.
    decided:  whether the calibrated test holds by every condition of METHODS §9.
    evidence: two views ("calibrated"), and exact tests of neurons in place after the rotation.
    words:    what corresponds. limits: what could not be done. power: what would have been found.
    start:    shared start or shared training, asked in aligned coordinates; None unless decided.
    layers:   the layer map in folded coordinates, None when no layer could be paired.
    embedding: "carried", "left", "rotated" or "": what it says of the embedding (`components.Embedding`).
    rotation: subject's residual channels to the candidate's; None unless decided.
    document: what a page draws: rotation fit, cells, layers, experts, heads.
    """

    ran: bool
    why: Message
    decided: bool = False
    evidence: tuple[Evidence, ...] = ()
    words: tuple[Message, ...] = ()
    limits: tuple[Message, ...] = ()
    power: tuple[Message, ...] = ()
    layers: LayerMap | None = None
    start: StartOutcome | None = None
    embedding: str = ""
    rotation: F32 | None = None
    document: dict[str, Any] = field(default_factory=dict)
