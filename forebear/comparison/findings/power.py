"""What would have been found, which a verdict of no evidence owes its reader (METHODS §11)."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.comparison.findings.outcomes import AxisOutcome
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.thresholds import VERDICT_LOG10_LEVEL
from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint
from forebear.stats.power import rounded_up, smallest_found


def power_words(
    pair: Pair,
    channels: AxisOutcome,
    neurons: AxisOutcome,
    values: AxisOutcome,
    layers: LayerMap,
    gauge: Sequence[Message] = (),
) -> list[Message]:
    """Smallest correlation between units in place that each axis would have shown, by the effective dimension measured.

    gauge: the same for a rewritten copy, where gauge fixing ran.
    """
    said = []
    named = (("power.neurons", neurons), ("power.channels", channels), ("power.values", values))
    for key, outcome in named:
        if not outcome.units or not outcome.d_eff:
            continue
        looks_log10 = pair.looks_log10 + (0.0 if outcome is channels else layers.looks_log10)
        found = smallest_found(
            outcome.units,
            outcome.d_eff,
            signs=outcome.signs or None,
            log10_level=VERDICT_LOG10_LEVEL,
            looks=10.0 ** min(300.0, looks_log10),
        )
        figures = [("order", found.deck)] + ([("sign", found.sign)] if outcome.signs else [])
        parts = [message(f"power.{name}", smallest=rounded_up(r)) for name, r in figures if r is not None]
        if parts:
            said.append(message(key, units=outcome.units, d_eff=outcome.d_eff, found=parts))
    order = [message("power.fused")] if _fused(pair.subject) or _fused(pair.candidate) else []
    if not said:
        return [*gauge, *order]
    return [message("power.in_place", found=said), *(gauge or [message("power.no_gauge")]), *order]


def _fused(side: Checkpoint) -> bool:
    """Whether a tensor holds several parts that the family stores apart as well: its names state their order then."""
    if side.definition is None:
        return False
    apart = side.definition.stored_apart
    return any(p.part in apart and not p.whole and p.expert is None and p.layer is not None for p in side.pieces)
