"""Cells: one layer of the subject held against one layer of the candidate by two views (METHODS §9, steps 3 and 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log10

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.gauge.readers import Readers, readers_of
from forebear.comparison.gauge.thresholds import (
    LARGE_LAYER,
    MISMATCHED_PER_LAYER,
    NEURONS,
    START_LAYERS,
)
from forebear.comparison.gauge.wider import Wider, widened
from forebear.comparison.reading.folded import Place, Side, Views
from forebear.comparison.reading.pair import Pair, spread
from forebear.comparison.thresholds import MAX_EXPERTS
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.core.threads import side_by_side
from forebear.stats.arrays import F32, F64, Usable
from forebear.stats.deck import nearest
from forebear.stats.gauge import Agreement, two_views

AT_ONCE_BYTES = 2**26
"""Memory of a layer up to which several are held against the subject's at once."""
NEURONS_BUDGET = message("budget.gauge_neurons")
Cell = tuple[int, int]
Layer = list[tuple[Place, Views]]
"""Every neuron of a layer, by place."""


@dataclass(frozen=True)
class Asked:
    """Neurons of one place of the subject, in the candidate's coordinates. positions: (n,) their places there, of size."""

    place: Place
    views: Views
    positions: NDArray[np.intp]
    size: int = 0


Experts = tuple[int | None, int | None]
"""Expert of the subject and of the candidate; None where a side has one MLP."""


@dataclass
class CellResult:
    """The best expert pair of one cell. tried: expert pairs looked at. in_place: neurons whose first view names their own
    position; products: one signed product per neuron that stands at the same position on both sides, where wanted. by_expert:
    agreements of every expert pair; spans: the candidate's neurons they lie among; wider: where the sizes differ, either way."""

    cell: Cell
    experts: Experts
    agreement: Agreement
    tried: int
    in_place: int
    products: F64
    flips: bool
    by_expert: dict[Experts, int] = field(default_factory=dict)
    spans: dict[Experts, tuple[int, int]] = field(default_factory=dict)
    sizes: tuple[int, int] = (0, 0)
    wider: Wider | None = None


def ask(side: Side, layers: Iterable[int], rotation: F32, count: int) -> dict[int, list[Asked]]:
    """Evenly spaced neurons of every place of some layers of the subject, turned by the rotation."""

    def read() -> Iterator[Asked]:
        for layer in layers:
            for place in side.places(layer)[:MAX_EXPERTS]:
                size = side.neurons(place)
                if size:
                    chosen = evenly(size, count).astype(np.intp)
                    yield Asked(place, side.views(place, None if len(chosen) == size else chosen), chosen, size)

    found: dict[int, list[Asked]] = {}
    for mine in side_by_side(lambda mine: replace(mine, views=mine.views.turned(rotation)), read()):
        found.setdefault(mine.place[0], []).append(mine)
    return found


TOGETHER = 64
"""Places of the subject whose neurons are looked at together: enough for speed, few enough for memory."""
Named = Mapping[tuple[Place, Place], NDArray[np.int32]]
"""Partners that the first view names, by place of the subject and of the candidate."""


def name_together(asked: Iterable[Asked], there: Sequence[tuple[Place, Views]]) -> Named:
    """What the first view names for neurons of many layers of the subject at once, as few of each cost more one by one."""
    mine = list(asked)
    found: dict[tuple[Place, Place], NDArray[np.int32]] = {}
    for place, views in there:
        alike = [m for m in mine if m.views.flips == views.flips]
        for few in (alike[i : i + TOGETHER] for i in range(0, len(alike), TOGETHER)):
            together = Usable(*(np.concatenate(part) for part in zip(*(m.views.usable[0] for m in few), strict=True)))
            best = nearest(together, views.usable[0], absolute=False)[0]
            ends = np.cumsum([len(m.positions) for m in few])[:-1]
            found |= {(m.place, place): b for m, b in zip(few, np.split(best, ends), strict=True)}
    return found


def hold(
    asked: Sequence[Asked], there: Sequence[tuple[Place, Views]], cell: Cell, named: Named | None = None, *, signed: bool = False
) -> CellResult | None:
    """The best of all expert pairs of one cell; None when a side has nothing to compare. named: what is known of them.

    signed: whether `products` are wanted, which only layers that belong together are asked for.
    """
    best: CellResult | None = None
    tried: dict[Experts, int] = {}
    spans: dict[Experts, tuple[int, int]] = {}
    for mine in asked:
        for place, views in there:
            if mine.views.flips != views.flips:
                continue
            first, second = mine.views, views
            known = None if named is None else named.get((mine.place, place))
            (one, other), (their_one, their_other) = first.usable, second.usable
            agreement = two_views((one, their_one, False), (other, their_other, first.flips), known, second.few)
            experts = (mine.place[1], place[1])
            tried[experts] = agreement.matched
            if agreement.matched:
                spans[experts] = _span(agreement.partners)
            if best is None or agreement.matched > best.agreement.matched:
                in_place = int(np.count_nonzero(agreement.first == mine.positions))
                products = _products(mine, views) if signed else np.zeros(0)
                best = CellResult(cell, experts, agreement, 0, in_place, products, views.flips)
                best.sizes = (mine.size, len(views.first))
                best.wider = widened(mine.positions, mine.views, views) if mine.size != len(views.first) else None
    if best is not None:
        best.tried, best.by_expert, best.spans = len(tried), tried, spans
    return best


def _span(partners: NDArray[np.int32]) -> tuple[int, int]:
    """First and last of the neurons named, without those far from the rest (named by chance)."""
    named = partners[partners >= 0]
    low, high = np.quantile(named, [0.25, 0.75])
    near = named[np.abs(named - (low + high) / 2) <= 1.5 * max(high - low, 1)]
    return int(near.min()), int(near.max())


def _products(mine: Asked, views: Views) -> F64:
    """Signed products of the second view (as stored, not made orthogonal) of neurons at the same position, scaled to cosines."""
    inside = mine.positions < len(views.raw)
    a, b = mine.views.raw[inside], views.raw[mine.positions[inside]]
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    dots = np.einsum("ij,ij->i", a, b, dtype=np.float64)
    products: F64 = np.divide(dots, sizes, out=np.zeros(len(dots)), where=sizes > 0)
    return products


@dataclass
class Tested:
    """A layer map held against the cells of layers that do not belong together."""

    pairs: list[CellResult]
    mismatched: list[CellResult]
    d_eff_views: tuple[F32, F32] | None = None
    layer_size: int = 0
    one_key: float = 0.0
    """Largest mean |cosine| of the two rows of a neuron, over the layers read."""
    readers: dict[Cell, Readers] = field(default_factory=dict)
    """What columns of neurons tell of norm gains, for some layer pairs."""

    @property
    def experts_log10(self) -> float:
        """log10 of the expert pairs looked at, over all layer pairs (each took its best)."""
        return sum(log10(max(1, r.tried)) for r in self.pairs)


def neurons_asked(size: int, *, full: bool = False) -> int:
    """Neurons of the subject asked in a layer, where the candidate's has this many."""
    return NEURONS if size <= LARGE_LAYER or full else NEURONS // 2


def test_map(
    pair: Pair, sides: tuple[Side, Side], rotation: F32, pairs: Sequence[Cell], related: set[Cell], *, full: bool
) -> Tested | None:
    """Two views on every pair of a layer map, and on cells off it. None when the budget allows no pair.

    related: cells that may truly share weights though they are off the map (repeated layers); never taken as mismatched.
    """
    chosen = affordable(pair, sides, pairs, full)
    if not chosen:
        return None
    size = max((sides[1].neurons(p) for _, b in chosen for p in sides[1].places(b)[:1]), default=0)
    if not size:  # no layer of the candidate has an MLP
        return None
    asked = ask(sides[0], {a for a, _ in chosen}, rotation, neurons_asked(size, full=full))
    strange = _strangers(chosen, {*pairs, *related}, sorted(asked), sides[1].checkpoint.layers)
    tested = Tested([], [], None, size)
    told = {chosen[i] for i in evenly(len(chosen), START_LAYERS)}

    def held(part: tuple[Cell, Layer]) -> tuple[Layer, list[CellResult | None], Readers | None]:
        (a, b), there = part
        found = [hold(asked.get(a, []), there, (a, b), signed=True)]
        found += [hold(asked.get(other, []), there, (other, b)) for other in strange.get(b, ())]
        tell = (a, b) in told and found[0] is not None
        return there, found, readers_of(asked[a][0].views.rows, there[0][1].rows, rotation) if tell else None

    read = ((cell, sides[1].layer(cell[1])) for cell in chosen)
    most = at_once(sides[1], [b for _, b in chosen])
    for (a, b), (there, found, readers) in zip(chosen, side_by_side(held, read, most=most), strict=True):
        tested.one_key = max(
            [tested.one_key, *(m.views.coupled for m in asked.get(a, [])), *(v.coupled for _, v in there)]
        )
        if found[0] is not None:
            tested.pairs.append(found[0])
            if tested.d_eff_views is None:
                tested.d_eff_views = (asked[a][0].views.first, there[0][1].first)
        if readers is not None:
            tested.readers[(a, b)] = readers
        tested.mismatched += [result for result in found[1:] if result is not None]
    return tested if tested.pairs else None


def map_cost(sides: tuple[Side, Side], pairs: Sequence[Cell], full: bool) -> list[int]:
    """Bytes of either side that testing these pairs reads."""
    wanted = (None if full else NEURONS, None)
    return [
        sum(side.cost(p, wanted[k]) for cell in pairs for p in side.places(cell[k])[:MAX_EXPERTS])
        for k, side in enumerate(sides)
    ]


def affordable(pair: Pair, sides: tuple[Side, Side], pairs: Sequence[Cell], full: bool) -> list[Cell]:
    """Pairs of the map that the budget can read, spread over the depth."""
    chosen: list[Cell] = []
    costs = [0, 0]
    left = pair.allowance.left()
    for at in spread(len(pairs)):
        costs = [cost + more for cost, more in zip(costs, map_cost(sides, [pairs[at]], full), strict=True)]
        if left is not None and max(costs) > left:
            pair.allowance.allows(costs[0], costs[1], NEURONS_BUDGET)
            break
        chosen.append(pairs[at])
    return sorted(chosen)


def _strangers(chosen: Sequence[Cell], known: set[Cell], asked: Sequence[int], layers: int) -> Mapping[int, list[int]]:
    """For every candidate layer read, layers of the subject that do not belong to it, far ones first."""
    found: dict[int, list[int]] = {}
    for a, b in chosen:
        others = [other for other in asked if other != a and (other, b) not in known]
        others.sort(key=lambda other, here=a: (-min(abs(other - here), layers), other))  # type: ignore[misc]
        found[b] = others[:MISMATCHED_PER_LAYER]
    return found


def screen(pair: Pair, sides: tuple[Side, Side], rotation: F32, count: int) -> NDArray[np.float64] | None:
    """Share of agreements of a few neurons, every layer against every layer; None when the budget cannot read them."""
    layers = [s.checkpoint.layers for s in sides]
    costs = [
        sum(side.cost(p, count if k == 0 else None) for i in range(layers[k]) for p in side.places(i)[:MAX_EXPERTS])
        for k, side in enumerate(sides)
    ]
    if not pair.allowance.allows(costs[0], costs[1], message("budget.gauge_screen")):
        return None
    asked = ask(sides[0], range(layers[0]), rotation, count)
    shares = np.zeros((layers[0], layers[1]))

    def held(part: tuple[int, Layer]) -> NDArray[np.float64]:
        b, there = part
        named = name_together([m for mine in asked.values() for m in mine], there)
        column = np.zeros(layers[0])
        for a, mine in asked.items():
            result = hold(mine, there, (a, b), named)
            if result is not None:
                column[a] = result.agreement.share
        return column

    read = ((b, sides[1].layer(b)) for b in range(layers[1]))
    for b, column in enumerate(side_by_side(held, read, most=at_once(sides[1], range(layers[1])))):
        shares[:, b] = column
    return shares


def at_once(side: Side, layers: Iterable[int]) -> int | None:
    """1 where a layer takes so much memory that two are not to be held at once (then its blocks are spread over cores)."""
    row = 3 * 4 * side.checkpoint.width
    largest = max((sum(side.neurons(p) for p in side.places(n)[:MAX_EXPERTS]) for n in layers), default=0)
    return 1 if row * largest > AT_ONCE_BYTES else None
