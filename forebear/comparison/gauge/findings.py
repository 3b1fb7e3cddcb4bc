"""Agreements turned into evidence: calibrated for two views, exact for neurons that kept their places (METHODS §9)."""

from __future__ import annotations

import numpy as np

from forebear.comparison.findings.evidence import ORDER_ASSUMPTION, SIGN_ASSUMPTION, Evidence
from forebear.comparison.gauge.cells import Tested
from forebear.comparison.gauge.folded import Side
from forebear.comparison.gauge.outcome import VIEWS, VIEWS_ASSUMPTION
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.thresholds import PAGE_UNITS
from forebear.stats.deck import deck_log10_p
from forebear.stats.gauge import calibrated
from forebear.stats.gauge_thresholds import MOST_GATE_UP
from forebear.stats.sign import sign_z


def views_evidence(pair: Pair, tested: Tested | None, looks_log10: float, layers: LayerMap) -> Evidence:
    """The calibrated test over all layer pairs of a map. looks_log10: maps looked at before this one was taken."""
    if tested is None:
        return Evidence(VIEWS, "neuron views", "calibrated", None, False, private=True)
    looks = pair.looks_log10 + looks_log10 + tested.experts_log10
    matched = [r.agreement.matched for r in tested.pairs]
    of = [r.agreement.of for r in tested.pairs]
    result = calibrated(matched, of, [r.agreement.matched for r in tested.mismatched], looks)
    alarm = gate_up_alarm(tested)
    best = max(tested.pairs, key=lambda r: r.agreement.matched)
    return Evidence(
        VIEWS,
        "neuron views",
        "calibrated",
        result.log10_p,
        result.decides and not alarm,
        "none",
        True,
        sum(matched),
        sum(of),
        looks,
        VIEWS_ASSUMPTION,
        {
            "gauge": True,
            "by_layer": matched,
            "rate": result.rate,
            "mismatched_mean": result.mismatched,
            "mismatched_cells": len(tested.mismatched),
            "expected": round(result.rate * len(matched), 1),
            "layers": len(matched),
            "best_layer": list(best.cell),
            "best": best.agreement.partners[:PAGE_UNITS].tolist(),
            "withheld": alarm or result.why,
        },
    )


def gate_up_alarm(tested: Tested) -> str:
    """Why the views are not separate evidence by their own model, "" when they are (METHODS §8)."""
    worst = tested.one_key
    if worst <= MOST_GATE_UP:
        return ""
    return f"gate and up rows of a neuron are alike (mean |cosine| {worst:.2f}), as if drawn with one key"


def exact_in_place(
    pair: Pair, sides: tuple[Side, Side], tested: Tested, layers: LayerMap, tries_log10: float
) -> list[Evidence]:
    """Deck and sign of neurons that were not shuffled: exact whatever rotation the embeddings gave (METHODS §9, end).

    The rotation comes from token rows alone, so it follows no relabelling of neurons. tries_log10: rotations and maps tried.
    """
    rules = [side.checkpoint.axis("neuron") for side in sides]
    looks = (
        pair.looks_log10
        + tries_log10
        + float(np.log10(max(1, sides[0].checkpoint.layers * sides[1].checkpoint.layers)))
    )
    extra = {"gauge": True, "layers": len(tested.pairs)}
    found = []
    if all(rule is not None and rule.permutation for rule in rules):
        best = max(tested.pairs, key=lambda r: r.in_place)
        tried = float(np.log10(max(r.tried for r in tested.pairs)))
        p = min(0.0, deck_log10_p(best.in_place) + looks + tried)
        found.append(
            Evidence(
                "deck", "neurons", "exact", p, True, "order", True, sum(r.in_place for r in tested.pairs),
                sum(r.agreement.of for r in tested.pairs), looks + tried, ORDER_ASSUMPTION,
                {**extra, "expected": len(tested.pairs), "best_layer": list(best.cell), "best_matched": best.in_place},
            )
        )  # fmt: skip
    parts = [set(rule.sign_parts) if rule is not None and rule.sign else set() for rule in rules]
    if "up" in parts[0] & parts[1] and tested.pairs[0].flips:
        signs = sign_z(np.concatenate([r.products for r in tested.pairs]))
        maps = pair.looks_log10 + tries_log10 + layers.maps_log10 + tested.experts_log10
        found.append(
            Evidence(
                "sign", "neurons", "exact", min(0.0, signs.log10_p + maps), True, "sign", True, signs.positive, signs.of,
                maps, SIGN_ASSUMPTION, {**extra, "z": signs.z, "max_z": signs.max_z},
            )
        )  # fmt: skip
    return found
