"""One figure with its null hypothesis, its assumption and its kind: what every test of a pair returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from forebear.core.messages import Message, message

Kind = Literal["exact", "simulated", "calibrated", "described"]
Symmetry = Literal["order", "sign", "none"]

H0 = message("h0.text")
ORDER_ASSUMPTION = message("assumption.order")
SIGN_ASSUMPTION = message("assumption.sign")


class Axis(StrEnum):
    """What a test permutes, flips or describes."""

    CHANNELS = "channels"
    NEURONS = "neurons"
    VALUES = "values"
    HEADS = "heads"
    KV_GROUPS = "KV groups"
    QUERY_HEADS = "query heads"
    QUERY_KEYS = "query and key dimensions"
    EXPERTS = "experts"
    EXPERT_GROUPS = "expert groups"
    SHARED_NEURONS = "neurons of shared experts"
    QUERY_LATENTS = "query latents"
    KV_LATENTS = "KV latents"
    SSM_INNER = "SSM inner channels"
    LINEAR_HEADS = "linear-attention heads"
    LINEAR_VALUE_HEADS = "linear-attention value heads"
    LINEAR_KEYS = "linear-attention query and key dimensions"
    LINEAR_VALUES = "linear-attention value dimensions"
    CROSS_HEADS = "cross-attention heads"
    CROSS_KEYS = "cross-attention query and key dimensions"
    CROSS_VALUES = "cross-attention value dimensions"
    NEURON_VIEWS = "neuron views"
    GAINS_AND_ROWS = "gains and rows"
    ALIGNED_ROWS = "aligned rows"


class Deck(NamedTuple):
    """Figures of a deck (METHODS §3). expected: matches by chance; best: best match of the first units, for the picture."""

    expected: float
    layers: int | None = None
    best_layer: tuple[int, int] | None = None
    best_matched: int | None = None
    blocks_per_layer: int | None = None
    median_cosine: float | None = None
    tokens: int | None = None
    paired_by: str | None = None
    best: tuple[int, ...] | None = None


class Sign(NamedTuple):
    """Figures of a sign test (METHODS §5): z, and the z that signs all alike would give."""

    z: float
    max_z: float
    layers: int | None = None


class Trace(NamedTuple):
    """Figures of a trace test (METHODS §6); effect_z describes and never decides."""

    mean_cosine: float
    effect_z: float


class Views(NamedTuple):
    """Figures of two views after gauge fixing (METHODS §9). rate: agreements a layer that chance is credited with."""

    expected: float
    layers: int
    by_layer: tuple[int, ...]
    rate: float
    mismatched_mean: float | None
    mismatched_cells: int
    best_layer: tuple[int, int]
    best: tuple[int, ...]


class HeadProducts(NamedTuple):
    """How attention heads that correspond write and score, beside heads of layers that do not belong together."""

    layers: int
    by_layer: tuple[int, ...]
    expected: float | None
    mismatched_mean: float | None
    written_cosine: float | None
    scored_cosine: float | None
    mismatched_written: float | None
    mismatched_scored: float | None


class Start(NamedTuple):
    """Figures on a shared start (METHODS §1). rho: rank correlation of gains; cosine_by_use: rows by fifths of use."""

    decision: str
    rho: float | None
    norms: int
    slope_with_use: float | None
    cosine_by_use: tuple[float, ...]
    crossed: float | None = None


class Strength(NamedTuple):
    """How closely neurons agree, and how closely an aligned independent would (METHODS §17).

    value, by_layer: s, pooled and by layer pair (`layer_pairs`). ceiling: c; None where it could not be measured.
    ceiling_by_layer: what single layers are set against, where it was measured: an aligner of that layer alone, else c.
    how:     "far" (in place, a few neurons, against a bound), "in place", "aligned".
    sampled: whether not all neurons and channels took part. drawn: the key that the places of "far" were drawn with.
    """

    value: float
    ceiling: float | None
    ratio: float | None
    by_layer: tuple[float, ...]
    ceiling_by_layer: tuple[float, ...]
    layer_pairs: tuple[tuple[int, int], ...]
    how: str
    sampled: bool
    factor: float
    drawn: str | None = None


Figures = Deck | Sign | Trace | Views | HeadProducts | Start | Strength


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One test on one axis.

    test:       "deck", "decks", "sign", "trace", "two-views", "two-products", "shared-start", "strength".
    component:  the part the test speaks for, where it is not the main tower: "head", "vision"; None otherwise.
    everywhere: whether every layer pair was looked at, for want of a layer map.
    log10_p:    log10 of a bound on the p-value, already multiplied by the layer pairs or maps looked at (`looks_log10`);
                None for figures that only describe.
    symmetry:   which exchangeability it rests on; private: whether the axis belongs to one layer only (METHODS §2).
    attainable_log10_p: the smallest log10 p these units could have given, None where no bound is known.
    corrected_log10_p:  after multiplying by the number of deciding tests; None until a verdict has been given.
    gauge:      measured after gauge fixing; displaced: measured channel by channel although channels are not in place.
    withheld:   why it may not decide, empty otherwise. row_cosine: of the rows of a table, None elsewhere.
    package:    the installed package whose test it is, "" for one of forebear's: kind and assumption are then what it says of
                itself, and `expected` how many units would match by chance, None where it does not say.
    """

    test: str
    axis: Axis
    kind: Kind
    log10_p: float | None = None
    decides: bool = False
    symmetry: Symmetry = "none"
    private: bool = False
    matched: int | None = None
    of: int | None = None
    looks_log10: float = 0.0
    assumption: Message | None = None
    figures: Figures | None = None
    component: str | None = None
    everywhere: bool = False
    attainable_log10_p: float | None = None
    corrected_log10_p: float | None = None
    gauge: bool = False
    displaced: bool = False
    withheld: tuple[Message, ...] = ()
    row_cosine: float | None = None
    package: str = ""
    expected: float | None = None

    def __post_init__(self) -> None:
        if self.log10_p is not None and not math.isfinite(self.log10_p):
            raise ValueError(f"log10 p of {self.name} is not finite")

    @property
    def name(self) -> str:
        """The test, its axis, its component: "deck/channels", "deck/channels/head", "deck/neurons/all layer pairs"."""
        where = "all layer pairs" if self.everywhere else None
        return "/".join(filter(None, (self.test, self.axis.value, self.component, where)))

    @property
    def label(self) -> str:
        """The axis as audits name it: "neurons", "neurons, vision"."""
        return self.axis.value if self.component is None else f"{self.axis.value}, {self.component}"

    def document(self) -> dict[str, Any]:
        """The evidence as it stands in a comparison document."""
        optional = {
            "component": self.component,
            "everywhere": self.everywhere or None,
            "corrected_log10_p": self.corrected_log10_p,
            "gauge": self.gauge or None,
            "displaced": self.displaced or None,
            "withheld": list(self.withheld) or None,
            "row_cosine": self.row_cosine,
            "package": self.package or None,
            "expected": self.expected,
        }
        figures = self.figures._asdict() if self.figures else {}
        if figures.get("best"):
            figures["best_in_place"] = sum(unit == best for unit, best in enumerate(figures["best"]))
        return {
            "test": self.test,
            "axis": self.axis.value,
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
            **{key: value for key, value in optional.items() if value is not None},
            **{key: list(v) if isinstance(v, tuple) else v for key, v in figures.items() if v is not None},
        }
