"""What would have been found: the sentence a verdict of no evidence owes its reader (METHODS §11)."""

from __future__ import annotations

from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.channels import AxisOutcome
from forebear.comparison.thresholds import VERDICT_LOG10_LEVEL
from forebear.stats.power import rounded_up, smallest_found


def power_words(
    pair: Pair, channels: AxisOutcome, neurons: AxisOutcome, values: AxisOutcome, layers: LayerMap, gauge: str = ""
) -> str:
    """Smallest correlation between units in place that each axis would have shown, by the effective dimension measured.

    gauge: the same for a rewritten copy, where gauge fixing ran.
    """
    said = []
    named = (("neurons of one layer", neurons), ("channels", channels), ("value dimensions of one head", values))
    for word, outcome in named:
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
        parts = [f"{name} {rounded_up(r):.3f}" for name, r in figures if r is not None]
        if parts:
            said.append(f"{outcome.units} {word} (effective dimension {outcome.d_eff:.0f}): {', '.join(parts)}")
    if not said:
        return gauge
    return (
        "The smallest correlation in place that would have been found half of the time: "
        + "; ".join(said)
        + (f". {gauge}" if gauge else ". This says nothing of copies that were rotated or reordered as a whole.")
    )
