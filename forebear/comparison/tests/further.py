"""Every further axis that both definitions prove exchangeable: groups of heads, experts, inner channels (decision 0021).

Channels, neurons and value dimensions have readers of their own (channels.py, private.py). What is found here decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Deck, Evidence
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair, spread
from forebear.comparison.tests.axis_test import AxisRead, Decks, granted
from forebear.comparison.tests.channels import tells_units_apart
from forebear.comparison.tests.registry import run_tests
from forebear.comparison.thresholds import NOTHING_LOG10_P
from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.files.base import Float32
from forebear.models.checkpoint import AxisRule, Checkpoint, Piece
from forebear.stats.deck import deck, deck_layers_log10_p, deck_log10_p
from forebear.stats.median import median
from forebear.stats.sign import pooled, unit_products
from forebear.stats.thresholds import AUDIT_LOG10_P

AXES: Mapping[str, Axis] = {
    "kv_head": Axis.KV_GROUPS,
    "group": Axis.QUERY_HEADS,
    "qk": Axis.QUERY_KEYS,
    "expert_group": Axis.EXPERT_GROUPS,
    "expert": Axis.EXPERTS,
    "shared_neuron": Axis.SHARED_NEURONS,
    "q_latent": Axis.QUERY_LATENTS,
    "kv_latent": Axis.KV_LATENTS,
    "inner": Axis.SSM_INNER,
    "delta_head": Axis.LINEAR_HEADS,
    "delta_group": Axis.LINEAR_VALUE_HEADS,
    "delta_key": Axis.LINEAR_KEYS,
    "delta_value": Axis.LINEAR_VALUES,
    "linear": Axis.LINEAR_KEYS,
    "linear_value": Axis.LINEAR_VALUES,
    "cross_kv_head": Axis.CROSS_HEADS,
    "cross_qk": Axis.CROSS_KEYS,
    "cross_value": Axis.CROSS_VALUES,
}
"""What definitions call an axis -> what a document calls it."""
LAYERS, UNITS, TOGETHER, PARTS, FEW = 8, 512, 128, 2, 2
"""Layer pairs; units of a block; units of a layer's blocks together, from which no further block is read; matrices; positions of
every other atom. Fixed in advance (decision 0021)."""
Layer = dict[tuple[str, str], Piece]
Sides = dict[int, Layer]
TRACE_UNITS = 2048
"""Units of all blocks together that the trace test looks at."""


def further_axes(pair: Pair, layers: LayerMap, *, full: bool) -> list[Evidence]:
    """Order and sign of every axis in `AXES` that both definitions grant; nothing where a side is at an address."""
    found: list[Evidence] = []
    names = [atom for atom in AXES if granted(pair.subject.axis(atom), pair.candidate.axis(atom))]
    if not names or pair.plan.leaves_out(pair, message("limit.axes_remote")):
        return []
    for atom in names:
        axis = Axis.HEADS if atom == "kv_head" and not _grouped(pair) else AXES[atom]
        found += _of_axis(pair, layers, atom, axis, full=full)
    return found


def _grouped(pair: Pair) -> bool:
    """Whether several query heads share keys and values on a side."""
    return any(p.size("group") > 1 for side in (pair.subject, pair.candidate) for p in side.pieces)


def _of_axis(pair: Pair, layers: LayerMap, atom: str, axis: Axis, *, full: bool) -> list[Evidence]:
    rules = [rule for rule in (pair.subject.axis(atom), pair.candidate.axis(atom)) if rule is not None]
    wanted = list(layers.pairs) if all("layer" in rule.scope for rule in rules) else list(layers.pairs[:1])
    sides = _by_layer(pair.subject, atom), _by_layer(pair.candidate, atom)
    cells = [wanted[place] for place in sorted(list(spread(len(wanted)))[:LAYERS])]
    cells = [(a, b) for a, b in cells if set(sides[0].get(a, ())) & set(sides[1].get(b, ()))]
    maps = pair.looks_log10 + (layers.maps_log10 if layers.found else 0.0)
    signs = "sign" in granted(*rules)
    if not cells or not (signs or _reach(sides, cells, rules[0]) + maps <= NOTHING_LOG10_P):
        return []
    blocks: list[tuple[Float32, Float32]] = []
    coins: list[NDArray[np.float64]] = []
    by_layer: list[int] = []
    for cell in cells:
        read = _read(pair, sides, cell, rules[0], axis)
        if not read:
            continue
        joined = _joined([units for _, units in read])
        blocks += joined
        by_layer.append(len(joined))
        signed = [units for part, units in read if all(not r.sign_parts or part in r.sign_parts for r in rules)]
        if signs and signed:
            own = min(len(a) for a, _ in signed)
            coins += [pooled([unit_products(a[k], b[k]) for a, b in signed]) for k in range(own)]
    if not blocks or not any(tells_units_apart(a, b) for a, b in blocks):
        return []
    seen = AxisRead(
        axis=axis,
        private=True,
        holds=granted(*rules),
        decks=_decks(blocks, len(by_layer)),
        coins=coins,
        blocks=blocks[: max(1, TRACE_UNITS // len(blocks[0][0]))],
        best_looks_log10=pair.looks_log10 + layers.looks_log10 + float(np.log10(max(by_layer))),
        map_looks_log10=maps,
        blocks_apart=len(blocks),
    )
    evidence = run_tests(seen, decides=False, note=pair.note if full else None)
    alarm = _alike_within(blocks, by_layer, axis)
    return evidence if alarm is None else [replace(e, withheld=(alarm,)) for e in evidence]


def _reach(sides: tuple[Sides, Sides], cells: Sequence[tuple[int, int]], rule: AxisRule) -> float:
    """log10 of the least p that the order of so many units could give: where it says nothing, nothing is read for it."""
    sizes = []
    for a, b in cells:
        two = sides[0][a], sides[1][b]
        key = next(key for key in two[0] if key in two[1])
        units = min(UNITS, *(side[key].size(rule.name) for side in two))
        most = max(1, TOGETHER // max(1, units))
        outer = [min(most, *(side[key].size(atom) for side in two)) for atom in two[0][key].atoms[0] if atom in rule.scope]
        sizes += [units] * int(np.prod(outer, dtype=np.int64))
    best = deck_log10_p(max(sizes))
    return min(best, deck_layers_log10_p(sum(sizes), len(sizes)))



def _by_layer(checkpoint: Checkpoint, atom: str) -> Sides:
    """Matrices of the main tower that count the axis in their first dimension, those that read the residual stream first."""
    found: Sides = {}
    main = checkpoint.definition.main_stack if checkpoint.definition is not None else ""
    ours = [
        p
        for p in checkpoint.pieces
        if p.layer is not None and p.expert is None and p.kind == "matrix" and p.stack == main and len(p.shape) == 2
        and atom in p.atoms[0] and all(all(sizes) for sizes in p.sizes)
    ]  # fmt: skip
    for piece in sorted(ours, key=lambda p: (not p.has("channel"), p.part, p.role)):
        found.setdefault(piece.layer or 0, {}).setdefault((piece.part, piece.role), piece)
    return found


def _read(
    pair: Pair, sides: tuple[Sides, Sides], cell: tuple[int, int], rule: AxisRule, axis: Axis
) -> list[tuple[str, tuple[Float32, Float32]]]:
    """(part, units of both sides) of one layer pair: (blocks, units, features)."""
    mine, theirs = sides[0].get(cell[0], {}), sides[1].get(cell[1], {})
    atom, scope = rule.name, rule.scope
    found = []
    for key in [key for key in mine if key in theirs][:PARTS]:
        pieces = mine[key], theirs[key]
        units = min(p.size(atom) for p in pieces)
        only: dict[str, NDArray[np.intp]] = {}
        for other in set(pieces[0].atoms[0]) - {atom}:
            most = max(1, TOGETHER // max(1, units)) if other in scope else FEW
            only[other] = evenly(min(p.size(other) for p in pieces), most)
        select = np.arange(min(units, UNITS), dtype=np.intp)
        read = pair.units(pieces, atom, select, message("budget.units", units=message(f"term.{axis.value}")), only)
        if read is not None:
            found.append((key[0], read))
    return found


def _joined(read: Sequence[tuple[Float32, Float32]]) -> list[tuple[Float32, Float32]]:
    """Block by block, features of all matrices one after the other."""
    blocks = min(a.shape[0] for a, _ in read)
    first, second = ([np.concatenate([two[k][n] for two in read], axis=1) for n in range(blocks)] for k in (0, 1))
    return list(zip(first, second, strict=True))


def _decks(blocks: Sequence[tuple[Float32, Float32]], layers: int) -> Decks:
    results = [deck(a, b) for a, b in blocks]
    figures = Deck(
        expected=len(blocks),
        layers=layers,
        blocks_per_layer=max(1, len(blocks) // max(1, layers)),
        median_cosine=median(np.concatenate([r.cosine for r in results])),
    )
    best, most = max(r.matched for r in results), max(r.of for r in results)
    return Decks(sum(r.matched for r in results), sum(r.of for r in results), best, most, figures)


def _alike_within(blocks: Sequence[tuple[Float32, Float32]], by_layer: Sequence[int], axis: Axis) -> Message | None:
    """Why blocks of one file were not shuffled apart, by decks of neighbouring layers; None when they were (METHODS §8).

    Each layer is in one of the decks, so these are independent of each other.
    """
    starts = np.cumsum([0, *by_layer])[:-1].tolist()
    for k, side in enumerate(("subject", "candidate")):
        own = [blocks[start][k] for start in starts if start < len(blocks)]
        two = [(a, b) for a, b in zip(own[::2], own[1::2], strict=False) if a.shape[1] == b.shape[1]]
        matched = sum(deck(a, b).matched for a, b in two)
        if two and deck_layers_log10_p(matched, len(two)) <= AUDIT_LOG10_P:
            units = message(f"term.{axis.value}")
            what = message("found.of_component", axis=units, part=message("term.layers"))
            why = message("audit.one_key", what=what, count=matched)
            return message("audit.reason", units=units, side=message(f"term.{side}"), why=why)
    return None
