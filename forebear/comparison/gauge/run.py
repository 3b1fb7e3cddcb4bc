"""Gauge fixing of one pair: fold, rotate, map the layers, hold two views against each other (METHODS §9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log10
from typing import Any

import numpy as np

from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.findings.outcomes import GaugeOutcome
from forebear.comparison.gauge.attention import HeadsFound, compare_heads
from forebear.comparison.gauge.blind import blind_rotation, propose_layers, split
from forebear.comparison.gauge.cells import Cell, CellResult, Tested, screen, test_map
from forebear.comparison.gauge.copies import left_over
from forebear.comparison.gauge.findings import VIEWS, exact_in_place, gate_up_alarm, views_evidence
from forebear.comparison.gauge.power import power_words
from forebear.comparison.gauge.rotation import Rotation, as_they_lie, from_embedding, tokens_wanted
from forebear.comparison.gauge.start import aligned_start
from forebear.comparison.gauge.thresholds import SCREEN_NEURONS, SCREEN_SHARE
from forebear.comparison.gauge.tokens import rows_after, rows_of_their_own_rotation
from forebear.comparison.gauge.words import gauge_words
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.norms import norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows, more_rows
from forebear.core.messages import Message, message
from forebear.stats.alignment import align_layers, monotone_maps_log10
from forebear.stats.gauge_thresholds import GAUGE_LOG10_P

TRIES = 4
"""Tries at most, each with its own rotation or map (plain order and a searched one, with an embedding and without): every p-value
after gauge fixing is multiplied by all of them; by one more where MLPs are held against each other as they lie as well."""
BLIND_POWER = message("power.blind")
GIVEN_UP = "power.blind_given_up"


def gauge_pair(pair: Pair, layers: LayerMap, rows: SharedRows | None, *, full: bool) -> GaugeOutcome:
    """Compare a pair whose raw coordinates showed nothing.

    layers: the raw layer map (used only when it was found). rows: shared embedding rows already read, if any.
    Reads within the pair's allowance. Never raises for what a file lacks: the outcome says why nothing ran.
    Source: METHODS §9, §10.
    """
    rules = norm_rule(pair.subject), norm_rule(pair.candidate)
    if rules[0] is None or rules[1] is None:
        families = {c.family for c, r in zip((pair.subject, pair.candidate), rules, strict=True) if r is None}
        return GaugeOutcome(False, message("gauge.no_rule", families=sorted(families)))
    sides = Side(pair.subject, rules[0]), Side(pair.candidate, rules[1])
    with np.errstate(all="ignore"):  # values at the end of the range: Inf and NaN match nothing
        outcome = _fixed(pair, sides, layers, rows, full=full)
    unaudited = sorted({side.checkpoint.family for side in sides if not side.rule.decides})
    return described_only(outcome, unaudited) if unaudited and outcome.ran else outcome


def described_only(outcome: GaugeOutcome, families: Sequence[str]) -> GaugeOutcome:
    """What was found under a folding rule that no null audit covers: every figure is kept, and none decides (METHODS §8)."""
    why = message("gauge.unaudited", families=list(families))
    evidence = tuple(replace(e, decides=False, withheld=(why,)) for e in outcome.evidence)
    said = [
        message("gauge.unaudited_views", matched=e.matched, of=e.of) for e in evidence if e.test == VIEWS and e.of
    ]
    return GaugeOutcome(
        True,
        message("gauge.but", first=outcome.why, second=why),
        evidence=evidence,
        limits=(*outcome.limits, why, *said),
        document={**outcome.document, "withheld": why},
    )


def _fixed(
    pair: Pair, sides: tuple[Side, Side], layers: LayerMap, rows: SharedRows | None, *, full: bool
) -> GaugeOutcome:
    """The pair by the rules of both sides."""
    more = (more_rows(pair, rows, tokens_wanted(pair)) or rows) if rows is not None else None
    rotation = from_embedding(more, sides) if more is not None else None
    outcome = GaugeOutcome(False, message("gauge.no_rows"))
    if rotation is not None and more is not None:
        outcome = _with_rotation(pair, sides, rotation, more, full)
        if outcome.decided:
            return replace(outcome, embedding="carried")
        outcome = replace(outcome, embedding=rows_of_their_own_rotation(more, rotation))
    outcome = _without_embedding(pair, sides, outcome, more, full)
    lying = None if outcome.decided else as_they_lie(sides)
    return outcome if lying is None else _lying(pair, sides, lying, outcome, more, full)


def _lying(
    pair: Pair, sides: tuple[Side, Side], rotation: Rotation, before: GaugeOutcome, rows: SharedRows | None, full: bool
) -> GaugeOutcome:
    """Last try, for experts beside the MLPs of a dense model of few layers: nothing is turned."""
    attempt = _plain(pair, sides, rotation, full)
    if attempt.tested is None:
        return before
    found = _outcome(pair, sides, rotation, attempt, None)
    if not found.decided:
        return replace(before, power=(*before.power, message("upcycled.power"))) if before.ran else before
    told = rows_after(pair, rows, sides, rotation)
    return replace(found, embedding=told.state, words=(*found.words, *([told.words] if told.words is not None else [])))


@dataclass
class _Attempt:
    """One layer map and what its test gave. screened: whether its similarity holds every layer against every layer."""

    map: LayerMap
    tested: Tested | None
    looks_log10: float
    screened: bool = False


def _with_rotation(
    pair: Pair, sides: tuple[Side, Side], rotation: Rotation, rows: SharedRows, full: bool
) -> GaugeOutcome:
    attempts = []
    equal = sides[0].checkpoint.layers == sides[1].checkpoint.layers
    if equal:
        attempts.append(_plain(pair, sides, rotation, full))
    if not equal or not _evidence(pair, sides, attempts[-1]).decides:
        searched = _searched(pair, sides, rotation, full)
        attempts += [searched] if searched is not None else []
    if not attempts:
        attempts.append(_plain(pair, sides, rotation, full))
    usable = [a for a in attempts if a.tested is not None]
    if not usable:
        return GaugeOutcome(False, message("gauge.no_budget"))
    best = max(usable, key=lambda a: (_evidence(pair, sides, a).decides, len(a.map.pairs) if a.map.found else 0))
    return _outcome(pair, sides, rotation, best, rows)


def _without_embedding(
    pair: Pair, sides: tuple[Side, Side], before: GaugeOutcome, rows: SharedRows | None, full: bool
) -> GaugeOutcome:
    """Second try: the rotation from neurons of some layers, the test on the others.

    Plain order first where the layers are as many; else, or when that shows nothing, the order that moments propose.
    """
    counts = [side.checkpoint.layers for side in sides]
    plain = [(i, i) for i in range(counts[0])] if counts[0] == counts[1] else None
    best: GaugeOutcome = before
    tried: Message | None = None
    orders: list[list[Cell] | None] = [None] if plain is None else [plain, None]
    for pairs in orders:
        if pairs is None:
            proposed = propose_layers(pair, sides)
            if proposed is None or len(proposed[0]) < 2 or proposed[0] == plain:
                break
            pairs, looks = proposed[0], monotone_maps_log10(counts[0], counts[1])
        else:
            looks = 0.0
        outcome = _blind(pair, sides, pairs, looks, rows, before.ran, full)
        if outcome is None:
            break
        tried = (tried or BLIND_POWER) if outcome.ran else outcome.why
        if outcome.ran and (outcome.decided or not best.ran):
            best = outcome
        if outcome.decided:
            break
    if before.ran and not best.decided and tried is not None:
        best = replace(best, power=(*before.power, tried))
    return best


def _blind(
    pair: Pair, sides: tuple[Side, Side], pairs: Sequence[Cell], looks_log10: float, rows: SharedRows | None,
    before: bool, full: bool,
) -> GaugeOutcome | None:  # fmt: skip
    """None where the budget does not pay; what did not run where the rotation was given up. before: whether another was tested,
    so that nothing more is to be said of this one then."""
    fitted, held_out = split(pairs)
    if len(held_out) < 2:
        return None
    rotation = blind_rotation(pair, sides, fitted, held_out, full=full)
    if rotation is None:
        return None
    given_up = None if rotation.given_up is None else message(GIVEN_UP, **rotation.given_up)
    if given_up is not None and before:
        return GaugeOutcome(False, given_up)
    tested = test_map(pair, sides, rotation.matrix, held_out, set(), full=full)
    if tested is None:
        return None
    shares = np.zeros((sides[0].checkpoint.layers, sides[1].checkpoint.layers))
    for result in (*tested.pairs, *tested.mismatched):
        shares[result.cell] = result.agreement.share
    found = LayerMap(tuple(pairs), shares, SCREEN_SHARE, looks_log10 > 0, {}, 0.0, looks_log10, 2)
    outcome = _outcome(pair, sides, rotation, _Attempt(found, tested, looks_log10), None)
    if not outcome.decided:
        return outcome if given_up is None else replace(outcome, power=(*outcome.power, given_up))
    told = rows_after(pair, rows, sides, rotation)
    return replace(
        outcome, embedding=told.state, words=(*outcome.words, *([told.words] if told.words is not None else []))
    )


def _evidence(pair: Pair, sides: tuple[Side, Side], attempt: _Attempt) -> Evidence:
    return views_evidence(pair, attempt.tested, attempt.looks_log10 + _tries_log10(sides))


def _tries_log10(sides: tuple[Side, Side]) -> float:
    return log10(TRIES + (as_they_lie(sides) is not None))


def _plain(pair: Pair, sides: tuple[Side, Side], rotation: Rotation, full: bool) -> _Attempt:
    """Layers in plain order, fixed before looking."""
    counts = [side.checkpoint.layers for side in sides]
    pairs = tuple((i, i) for i in range(min(counts)))
    tested = test_map(pair, sides, rotation.matrix, pairs, set(), full=full)
    shares = np.zeros((counts[0], counts[1]))
    for result in (*tested.pairs, *tested.mismatched) if tested is not None else ():
        shares[result.cell] = result.agreement.share
    return _Attempt(LayerMap(pairs, shares, SCREEN_SHARE, False, {}, 0.0, 0.0, 2), tested, 0.0)


def _searched(pair: Pair, sides: tuple[Side, Side], rotation: Rotation, full: bool) -> _Attempt | None:
    """The ordered map with most agreement, from a few neurons of every layer; None where no cell passes."""
    shares = screen(pair, sides, rotation.matrix, SCREEN_NEURONS)
    if shares is None:
        return None
    aligned = align_layers(shares, SCREEN_SHARE)
    if not aligned.pairs:
        return None
    repeats = {a: int(np.argmax(shares[a])) for a in aligned.unmatched_a if shares[a].max() >= SCREEN_SHARE}
    copies = {b: int(np.argmax(shares[:, b])) for b in aligned.unmatched_b if shares[:, b].max() >= SCREEN_SHARE}
    related: set[Cell] = {*repeats.items(), *((a, b) for b, a in copies.items())}
    looks = monotone_maps_log10(*shares.shape)
    tested = test_map(pair, sides, rotation.matrix, aligned.pairs, related, full=full)
    cells = float(np.log10(shares.size))
    found = LayerMap(aligned.pairs, shares, SCREEN_SHARE, True, repeats, cells, looks, 2, copies)
    return _Attempt(found, tested, looks, screened=True)


def _outcome(
    pair: Pair, sides: tuple[Side, Side], rotation: Rotation, attempt: _Attempt, rows: SharedRows | None
) -> GaugeOutcome:
    tested = attempt.tested
    assert tested is not None
    evidence = _evidence(pair, sides, attempt)
    alarm = gate_up_alarm(tested)
    found = [evidence, *exact_in_place(pair, sides, tested, attempt.map, _tries_log10(sides))]
    decided = evidence.decides
    agrees = any(e.decides and e.log10_p is not None and e.log10_p <= GAUGE_LOG10_P for e in found)
    start = aligned_start(pair, rows, sides, rotation, tested) if agrees else None
    heads = compare_heads(pair, sides, rotation, [r.cell for r in tested.pairs]) if decided else HeadsFound()
    layers = _completed(pair, sides, rotation, attempt, tested) if decided else attempt.map
    return GaugeOutcome(
        True,
        message("upcycled.how" if rotation.lies else "gauge.aligned_by", how=rotation.how),
        decided,
        (*found, *heads.evidence, *(start.evidence if start is not None else ())),
        (*gauge_words(pair, rotation, layers, tested, decided), *heads.words),
        () if alarm is None else (alarm,),
        tuple(power_words(tested, rotation)),
        layers if decided else None,
        start,
        rotation=rotation.matrix if decided else None,
        document={
            "rotation": {"how": rotation.how.document(), "fit": round(rotation.fit, 4), "tokens": rotation.tokens},
            "cells": [_cell(r) for r in tested.pairs],
            "mismatched": [_cell(r) for r in tested.mismatched],
            "heads": list(heads.document),
            "similarity": [[round(float(v), 4) for v in line] for line in attempt.map.similarity],
        },
    )


def _completed(pair: Pair, sides: tuple[Side, Side], rotation: Rotation, attempt: _Attempt, tested: Tested) -> LayerMap:
    """The map with what became of layers the screen left over; read last, with what the budget has left."""
    layers = attempt.map
    if not attempt.screened:
        return layers
    more = left_over(pair, sides, rotation.matrix, layers.similarity, layers.pairs, tested)
    return replace(
        layers,
        pairs=tuple(sorted((*layers.pairs, *more.pairs))),
        repeats={**more.repeats, **layers.repeats},
        copies={**more.copies, **layers.copies},
    )


def _cell(result: CellResult) -> dict[str, Any]:
    return {
        "layers": list(result.cell),
        "experts": list(result.experts),
        "agree": result.agreement.matched,
        "of": result.agreement.of,
        "in_place": result.in_place,
    }
