"""Agreements turned into evidence: calibrated for two views, exact for neurons that kept their places (METHODS §9)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forebear.comparison.findings.evidence import Axis, Deck, Evidence, Views
from forebear.comparison.gauge.cells import Tested
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.axis_test import AxisRead, Decks, granted
from forebear.comparison.tests.registry import run_tests
from forebear.comparison.thresholds import PAGE_UNITS
from forebear.core.messages import Message, message
from forebear.stats.gauge import calibrated
from forebear.stats.gauge_thresholds import MOST_GATE_UP

VIEWS = "two-views"
"""Name of the calibrated test."""
VIEWS_ASSUMPTION = message("assumption.views")


def views_evidence(pair: Pair, tested: Tested | None, looks_log10: float) -> Evidence:
    """The calibrated test over all layer pairs of a map. looks_log10: maps looked at before this one was taken."""
    if tested is None:
        return Evidence(test=VIEWS, axis=Axis.NEURON_VIEWS, kind="calibrated", private=True)
    looks = pair.looks_log10 + looks_log10 + tested.experts_log10
    matched = [r.agreement.matched for r in tested.pairs]
    of = [r.agreement.of for r in tested.pairs]
    result = calibrated(matched, of, [r.agreement.matched for r in tested.mismatched], looks)
    alarm = gate_up_alarm(tested)
    best = max(tested.pairs, key=lambda r: r.agreement.matched)
    return Evidence(
        test=VIEWS,
        axis=Axis.NEURON_VIEWS,
        kind="calibrated",
        log10_p=result.log10_p,
        decides=result.decides and alarm is None,
        private=True,
        matched=sum(matched),
        of=sum(of),
        looks_log10=looks,
        assumption=VIEWS_ASSUMPTION,
        figures=Views(
            by_layer=tuple(matched),
            rate=result.rate,
            mismatched_mean=result.mismatched,
            mismatched_cells=len(tested.mismatched),
            expected=round(result.rate * len(matched), 1),
            layers=len(matched),
            best_layer=best.cell,
            best=tuple(best.agreement.partners[:PAGE_UNITS].tolist()),
        ),
        gauge=True,
        withheld=tuple(why for why in (alarm, result.why) if why is not None)[:1],
    )


def gate_up_alarm(tested: Tested) -> Message | None:
    """Why the views are not separate evidence by their own model, None when they are (METHODS §8)."""
    worst = tested.one_key
    return None if worst <= MOST_GATE_UP else message("audit.gate_up_alike", cosine=worst)


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
    best = max(tested.pairs, key=lambda r: r.in_place)
    matched, of = sum(r.in_place for r in tested.pairs), sum(r.agreement.of for r in tested.pairs)
    parts = [set(rule.sign_parts) if rule is not None else set() for rule in rules]
    read = AxisRead(
        axis=Axis.NEURONS,
        private=True,
        holds=granted(*rules),
        decks=Decks(matched, of, best.in_place, of, Deck(len(tested.pairs), len(tested.pairs), best.cell, best.in_place)),
        coins=[r.products for r in tested.pairs] if "up" in parts[0] & parts[1] and tested.pairs[0].flips else (),
        best_looks_log10=looks + float(np.log10(max(r.tried for r in tested.pairs))),
        map_looks_log10=pair.looks_log10 + tries_log10 + layers.maps_log10 + tested.experts_log10,
    )
    return [replace(e, attainable_log10_p=None, gauge=True) for e in run_tests(read)]
