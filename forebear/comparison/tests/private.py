"""Private axes, tied to one layer: neurons of an MLP, value dimensions of a head (METHODS §2, §3, §5)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.axes import AxisPlan
from forebear.comparison.findings.evidence import Deck
from forebear.comparison.findings.outcomes import AxisOutcome
from forebear.comparison.reading.allowance import piece_cost
from forebear.comparison.reading.beside import Beside
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair, axis_size, spread
from forebear.comparison.reading.shelf import Shelf, cut, flat
from forebear.comparison.tests.axis_test import AxisRead, Decks, granted
from forebear.comparison.tests.channels import tells_units_apart
from forebear.comparison.tests.registry import run_tests
from forebear.comparison.thresholds import FOUND_ELSEWHERE_COSINE, PAGE_UNITS
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.models.checkpoint import Piece
from forebear.stats.deck import DeckResult, deck, deck_in_place, mutual_best
from forebear.stats.effect import effective_dimension
from forebear.stats.median import median
from forebear.stats.sign import pooled, unit_products

MAX_UNITS = 2048
"""Units per layer in a quick comparison, 4096 in a full one: the deck costs their square."""
MAX_EXPERTS = 4
TRACE_LAYERS = 4
FIRST_FEATURES = 32
"""Features of the first stage of a deck."""


@dataclass
class LayerResult:
    """One layer pair on one axis: matches by block, cosines, partners found elsewhere."""

    layers: tuple[int, int]
    expert: int | None
    matched: list[int]
    of: list[int]
    best: NDArray[np.int32]
    cosine: float
    mutual: int
    moved: int


def compare_private(pair: Pair, layers: LayerMap, plan: AxisPlan, *, full: bool) -> tuple[AxisOutcome, Shelf]:
    """Do the units of each layer keep their places, and their signs, in the paired layer?

    The deck takes the best layer and block, multiplied by all layer pairs and blocks looked at (METHODS §3), so it holds
    under any dependence between layers; the sign test pools over the chosen map, multiplied by the ordered maps.
    """
    outcome, shelf = AxisOutcome(), Shelf()
    rules = (pair.subject.axis(plan.atom), pair.candidate.axis(plan.atom))
    if any(rule is None for rule in rules):
        return outcome, shelf
    chosen = pair.plan.narrowed(pair, plan.atom, plan.leading, layers.pairs, plan.said)
    plan = plan._replace(leading=chosen.leading, others=plan.others if chosen.others else ())
    layers = replace(layers, pairs=chosen.pairs)
    order, signs = "permutation" in granted(*rules), "sign" in granted(*rules)
    sign_parts = set(rules[0].sign_parts if rules[0] else ()) & set(rules[1].sign_parts if rules[1] else ())
    read = _read_layers(pair, layers, plan, outcome, shelf, sign_parts if signs else set(), full)
    outcome.units = max((max(r.of) for r in read.results), default=0)
    if read.results and outcome.d_eff is None:
        pair.note(message("limit.units_constant", units=plan.said))
        return outcome, Shelf()
    maps = pair.looks_log10 + (layers.maps_log10 if layers.found else 0.0)
    decks, looks = _decks(pair, layers, read.results) if read.results and order else (None, 0.0)
    units = AxisRead(
        axis=plan.axis,
        private=True,
        holds=granted(*rules),
        component=plan.stack,
        decks=decks,
        coins=read.contributions,
        blocks=read.trace_blocks,
        best_looks_log10=looks,
        map_looks_log10=maps,
    )
    outcome.evidence = run_tests(units, note=pair.note if full else None)
    outcome.signs = next((e.of or 0 for e in outcome.evidence if e.test == "sign"), 0)
    outcome.layers = [_layer_document(r) for r in sorted(read.results, key=lambda r: r.layers)]
    return outcome, shelf


@dataclass
class _LayersRead:
    """What one pass over the paired layers leaves: decks, sign contributions, blocks for the trace test."""

    results: list[LayerResult] = field(default_factory=list)
    contributions: list[NDArray[np.float64]] = field(default_factory=list)
    trace_blocks: list[tuple[Float32, Float32]] = field(default_factory=list)


def _read_layers(
    pair: Pair, layers: LayerMap, plan: AxisPlan, outcome: AxisOutcome, shelf: Shelf, sign_parts: set[str], full: bool
) -> _LayersRead:
    """Visit the paired layers, spread ones first, so that a small budget still sees the whole depth."""
    found = _LayersRead()
    decks: Beside[LayerResult] = Beside()
    visited = [layers.pairs[i] for i in spread(len(layers.pairs))]
    counts: list[tuple[int, int]] = []
    for at, (left, right) in enumerate(visited):
        wanted, there = _count(pair, plan, left, right, len(visited) - at, full)
        counts.append((wanted, there))
        count = wanted if wanted < there else None
        for expert in _experts(pair, plan, left, right):
            read = _read(pair, plan, left, right, expert, count)
            if not read:
                continue
            a, b = _side_by_side(read)
            if outcome.d_eff is None and tells_units_apart(a[0], b[0]):  # the first layer that can be read
                outcome.d_eff = effective_dimension(a[0], b[0])
            first = [first_deck(a[k], b[k]) for k in range(a.shape[0])]
            size = a.size if None in first else 0  # what the first features settle is soon counted
            decks.ask(size, partial(_deck_layer, (left, right), expert, a, b, first))
            shelf.keep((left, right), expert, (a, b), read)
            if len(found.trace_blocks) < TRACE_LAYERS:
                found.trace_blocks.append((cut(a[0]), cut(b[0])))
            if sign_parts:
                found.contributions += _signs(pair, plan, (left, right), expert, read, sign_parts, shelf)
    _note_counts(pair, plan, counts)
    found.results = decks.answers()
    return found


def _experts(pair: Pair, plan: AxisPlan, left: int, right: int) -> list[int | None]:
    """None for a plain layer, the first experts of a mixture; nothing where the two layers differ in kind."""
    part = plan.leading[-1]
    if pair.both(part, left, right) is not None:
        return [None]
    return [e for e in range(pair.plan.experts(MAX_EXPERTS)) if pair.both(part, left, right, e) is not None]


def _pieces(pair: Pair, parts: tuple[str, ...], left: int, right: int, expert: int | None) -> list[tuple[Piece, Piece]]:
    found = (pair.both(part, left, right, expert) for part in parts)
    return [pieces for pieces in found if pieces is not None]


def _count(pair: Pair, plan: AxisPlan, left: int, right: int, remaining: int, full: bool) -> tuple[int, int]:
    """(units to read, units there are) in this layer, so that the layers still to come get their share of the budget.

    Where units do not lie in rows of their own, reading fewer of them saves nothing, and all are taken.
    """
    experts = _experts(pair, plan, left, right)
    pieces = [p for e in experts[:1] for p in _pieces(pair, plan.leading, left, right, e)]
    size = min((min(axis_size(p[0], plan.atom), axis_size(p[1], plan.atom)) for p in pieces), default=0)
    cap = MAX_UNITS * (2 if full else 1)
    if (fetched := pair.plan.layer_units(size)) is not None:
        return fetched, size
    budget = pair.allowance.left()
    if budget is not None and pieces and all(_in_rows(p[0], plan.atom) and _in_rows(p[1], plan.atom) for p in pieces):
        one = sum(
            max(piece_cost(pair.subject, p[0], plan.atom, 1), piece_cost(pair.candidate, p[1], plan.atom, 1))
            for p in pieces
        )
        share = budget // (2 * max(1, remaining) * max(1, len(experts)))
        cap = min(cap, max(64, share // max(1, one)))
    return min(size, cap), size


def _in_rows(piece: Piece, atom: str) -> bool:
    return bool(piece.atoms) and piece.atoms[0] == (atom,)


def _note_counts(pair: Pair, plan: AxisPlan, counts: list[tuple[int, int]]) -> None:
    """One sentence on units left unread, whatever the number of layers."""
    short = [c for c in counts if c[0] < c[1]]
    if short:
        low, high = min(c[0] for c in short), max(c[0] for c in short)
        values = {"of": max(c[1] for c in short), "units": plan.said, "layers": len(short)}
        if low == high:
            pair.note(message("limit.units_read", count=low, **values))
        else:
            pair.note(message("limit.units_read_between", low=low, high=high, **values))


Read = dict[str, tuple[Float32, Float32]]


def _read(pair: Pair, plan: AxisPlan, left: int, right: int, expert: int | None, count: int | None) -> Read:
    """Units of every leading part, by part: each (blocks, units, features) on both sides."""
    select = None if count is None else np.arange(count, dtype=np.intp)
    read: Read = {}
    for part in plan.leading:
        for pieces in _pieces(pair, (part,), left, right, expert):
            only = pair.plan.only(pieces, plan.atom)
            units = pair.units(pieces, plan.atom, select, message("budget.units", units=plan.said), only)
            if units is not None:
                read[part] = units
    return read


def _side_by_side(read: Read) -> tuple[Float32, Float32]:
    """Units named by all parts read, features one after the other."""
    parts = list(read.values())
    if len(parts) == 1:
        return parts[0]
    units = min(p[0].shape[1] for p in parts)
    return (
        np.concatenate([p[0][:, :units] for p in parts], axis=2),
        np.concatenate([p[1][:, :units] for p in parts], axis=2),
    )


def _deck_layer(
    layers: tuple[int, int], expert: int | None, a: Float32, b: Float32, first: list[DeckResult | None]
) -> LayerResult:
    """Deck of every block; where places are lost, how many units are found elsewhere."""
    results = [deck(a[k], b[k]) if settled is None else settled for k, settled in enumerate(first)]
    mutual = moved = 0
    if sum(r.matched for r in results) * 2 < sum(r.of for r in results):
        for k in range(a.shape[0]):
            left, right, partners = mutual_best(a[k], b[k])
            strong = partners > FOUND_ELSEWHERE_COSINE
            mutual += int(np.count_nonzero(strong))
            moved += int(np.count_nonzero(strong & (left != right)))
    cosine = median(np.concatenate([r.cosine for r in results]))
    return LayerResult(
        layers,
        expert,
        [r.matched for r in results],
        [r.of for r in results],
        results[0].best[:PAGE_UNITS],
        cosine,
        mutual,
        moved,
    )


def first_deck(a: Float32, b: Float32) -> DeckResult | None:
    """The deck on the first features where those are few among all; None when that leaves a unit out of place.

    Kin keep every place on a few features, at a fraction of the cost; others are looked at on all of them. Two decks may be
    looked at, so every p-value of this axis is doubled (`_decks`); which one is taken follows B's relabelling like any matching.
    """
    if a.shape[1] <= 2 * FIRST_FEATURES:
        return None
    return deck_in_place(a[:, :FIRST_FEATURES], b[:, :FIRST_FEATURES])


def _signs(
    pair: Pair,
    plan: AxisPlan,
    layers: tuple[int, int],
    expert: int | None,
    read: Read,
    sign_parts: set[str],
    shelf: Shelf,
) -> list[NDArray[np.float64]]:
    """One contribution per unit, pooled over the parts its negation flips (METHODS §5)."""
    found: list[NDArray[np.float64]] = []
    units = min(a.shape[1] for a, _ in read.values())
    for part in (*plan.leading, *plan.others):
        if part not in sign_parts:
            continue
        both = read.get(part)
        for pieces in _pieces(pair, (part,), *layers, expert) if both is None else []:
            size = min(axis_size(pieces[0], plan.atom), axis_size(pieces[1], plan.atom))
            select = None if size == units else np.arange(min(units, size), dtype=np.intp)
            both = pair.units(pieces, plan.atom, select, message("budget.sign_part", part=message(f"part.{part}")))
        if both is not None:
            rows = flat(both[0][:, :units]), flat(both[1][:, :units])
            shelf.keep_signs(part, rows)
            found.append(unit_products(*rows))
    shortest = min((len(c) for c in found), default=0)
    return [pooled([c[:shortest] for c in found])] if found else []


def _decks(pair: Pair, layers: LayerMap, results: list[LayerResult]) -> tuple[Decks, float]:
    """All decks, and log10 of what the best of them is multiplied by."""
    blocks = max(len(r.matched) for r in results)
    looks = pair.looks_log10 + layers.looks_log10 + float(np.log10(max(1, blocks)))
    experts = len({r.expert for r in results})
    looks += float(np.log10(2))  # the staged deck may look twice
    looks += float(np.log10(max(1, experts)))
    best = max(results, key=lambda r: max(r.matched))
    top = max(best.matched)
    figures = Deck(
        best_layer=best.layers,
        best_matched=top,
        expected=sum(len(r.matched) for r in results),
        blocks_per_layer=blocks,
        median_cosine=median(np.array([r.cosine for r in results])),
        layers=len({r.layers for r in results}),
        best=tuple(best.best.tolist()),
    )
    matched, of = sum(sum(r.matched) for r in results), sum(sum(r.of) for r in results)
    return Decks(matched, of, top, max(max(r.of) for r in results), figures), looks


def _layer_document(result: LayerResult) -> dict[str, object]:
    return {
        "layers": list(result.layers),
        "expert": result.expert,
        "matched": sum(result.matched),
        "of": sum(result.of),
        "blocks": result.matched if len(result.matched) > 1 else None,
        "median_cosine": result.cosine,
        "found_elsewhere": result.mutual,
        "moved": result.moved,
    }
