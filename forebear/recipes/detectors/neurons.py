"""MLP neurons: in another order, negated, scaled; more of them, fewer of them (METHODS §12)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forebear.recipes.detectors.side import unit
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found
from forebear.stats.alignment import assign
from forebear.stats.arrays import F32

OWN = 0.4
"""Mean |cosine| of a neuron's rows from which it is taken for the candidate's; drawn ones stay below (decision 0034)."""
LEARNT = 1.35
"""Size of columns of added neurons over what the others' moved by, from which they were drawn: silent ones reach 1.16."""
EMPTY = 0.01
"""Size of a value, as a share of the root mean square, below which it is a zero that a fit left."""
MOST_ASSIGNED = 4096
"""Neurons of an MLP up to which they are paired one to one by the best assignment."""


@dataclass(frozen=True)
class Matched:
    """Neurons of one MLP. partner: (n,) whose each is, -1 for none; likeness: (n,); sign, scale: (n,) of up rows."""

    partner: np.ndarray
    likeness: F32
    sign: F32
    scale: F32


def find(sight: Sight) -> list[Proposal]:
    """Widened or narrowed first, else an order, signs and scales of their own."""
    pairs = sight.mlp_pairs()
    if not pairs or any(sight.both("down", (i, j), e) is None for i, j, e in pairs):
        return []
    matched = {(i, j, e): match(sight, i, j, e) for i, j, e in pairs}
    sizes = {(len(m.partner), _count(sight, j, e)) for (_, j, e), m in matched.items()}
    more, fewer = all(a > b for a, b in sizes), all(a < b for a, b in sizes)
    layers = sorted({i for i, _, _ in pairs})
    if more:
        return _widened(sight, matched, layers)
    if fewer:
        return _narrowed(sight, matched, layers, sizes)
    return _moved(sight, matched, layers) if all(a == b for a, b in sizes) else []


def _count(sight: Sight, layer: int, expert: int | None) -> int:
    rows = sight.state.matrix("up", layer, expert)
    return 0 if rows is None else len(rows)


def match(sight: Sight, i: int, j: int, expert: int | None, other: int | None = None) -> Matched:
    """The candidate's neuron that every neuron of the subject is.

    In place where most are; else each is given its nearest, by the mean |cosine| of its rows in gate, up and down. Several
    may share one: duplicates do.
    """
    source = expert if other is None else other
    parts = [
        p
        for p in ("gate", "up", "down")
        if sight.subject.matrix(p, i, expert) is not None and sight.state.matrix(p, j, source) is not None
    ]
    mine, theirs = ({p: unit(sight.known_part(rows)) for p in parts if (rows := side.matrix(p, *at)) is not None}
                    for side, at in ((sight.subject, (i, expert)), (sight.state, (j, source))))  # fmt: skip
    n, m = len(mine["up"]), len(theirs["up"])
    table = np.zeros((n, m), dtype=np.float32)
    for part in parts:
        product = mine[part] @ theirs[part].T
        table += product if part == "gate" else np.abs(product)
    table /= len(parts)
    best = table.argmax(axis=1)
    place = np.arange(min(n, m))
    here = table[place, place]
    stays = here >= table[place, best[place]] - 0.02
    best[place[stays]] = place[stays]
    if n == m <= MOST_ASSIGNED and float(np.mean(best == np.arange(n))) < 0.95:
        best = assign(table)  # duplicates share the nearest one otherwise
    likeness = table[np.arange(n), best]
    partner = np.where(likeness > OWN, best, -1)
    up = np.einsum("ij,ij->i", mine["up"], theirs["up"][best])
    own, its = sight.subject.matrix("up", i, expert), sight.state.matrix("up", j, source)
    assert own is not None
    assert its is not None
    own, its = sight.known_part(own), sight.known_part(its)
    scale = np.linalg.norm(own, axis=1) / np.maximum(1e-12, np.linalg.norm(its[best], axis=1))
    return Matched(partner, likeness.astype(np.float32), np.sign(up).astype(np.float32), scale.astype(np.float32))


Places = dict[tuple[int, int, int | None], Matched]


def _widened(sight: Sight, matched: Places, layers: list[int]) -> list[Proposal]:
    (_, j, e), first = next(iter(matched.items()))
    new, old = len(first.partner), _count(sight, j, e)
    tail = np.concatenate([m.partner[old:] for m in matched.values()])
    head = np.concatenate([m.partner[:old] == np.arange(old) for m in matched.values()])
    everywhere = np.concatenate([m.partner for m in matched.values()])
    repeated = "duplicate" if float(np.mean(everywhere >= 0)) > 0.95 else "append"
    ordered = all((m.partner >= 0).sum() > 1 and (np.diff(m.partner[m.partner >= 0]) >= 0).mean() > 0.9 for m in matched.values())
    places = np.floor(np.arange(old) * new / old).astype(np.intp)
    spread = float(np.mean([m.partner[places] == np.arange(old) for m in matched.values()])) > 0.7
    if float(np.mean(head)) < 0.2 and not (ordered or spread):  # in another order as well, which is asked about next
        return _wider(sight, layers, {"neurons": new, "from": old, "kind": repeated}, np.arange(new) >= old, first)
    repeated = "duplicate" if float(np.mean(tail >= 0)) > 0.7 else "append"
    kind = repeated if float(np.mean(head)) > 0.7 else "interleave"
    fresh = first.partner < 0 if kind == "interleave" else np.arange(new) >= old
    if kind == "interleave":
        fresh = np.ones(new, dtype=bool)
        fresh[places] = False
    return _wider(sight, layers, {"neurons": new, "from": old, "kind": kind}, fresh, first)


def _wider(sight: Sight, layers: list[int], said: dict[str, object], fresh: np.ndarray, first: Matched) -> list[Proposal]:
    """The proposal of a wider MLP. fresh: (n,) neurons that were added. first: neurons of the first layer."""
    kind = said["kind"]
    silent = kind != "duplicate" and _silent(sight, fresh, first)
    said = {**said, **({"silent": silent} if kind != "duplicate" else {})}
    exact = {"neurons": said["neurons"], "kind": kind, "silent": bool(silent)}
    return [Proposal(Found("mlp-widened", {"layers": layers, "parts": ["gate", "up", "down"]}, said), exact)]


def _silent(sight: Sight, fresh: np.ndarray, first: Matched) -> bool | None:
    """Whether neurons that were added wrote nothing at first; None where the others' columns moved since as far as these are long,
    so that they may have been learnt or drawn (decision 0113). Signs, factors and what pruning took are no such move."""
    i, j = sight.layers[0]
    mine, theirs = (side.matrix("down", at, side.places(at)[0]) for side, at in ((sight.subject, i), (sight.state, j)))
    own = first.partner >= 0
    fresh = fresh if own.all() else ~own
    if not fresh.any() or fresh.all():
        return None
    if mine is None or float(np.abs(mine[fresh]).mean()) < 0.02 * float(np.abs(mine[~fresh]).mean()):
        return mine is not None
    if theirs is None or not own.any() or mine.shape[1] != theirs.shape[1]:
        return False
    a, b = mine[own].astype(np.float64), theirs[first.partner[own]].astype(np.float64)
    filled = np.abs(a) > EMPTY * np.sqrt((a**2).mean())
    a, b = a * filled, b * filled
    rest = a - (a * b).sum(axis=1, keepdims=True) / np.maximum(1e-30, (b * b).sum(axis=1, keepdims=True)) * b
    new = mine[fresh].astype(np.float64)
    full = np.abs(new) > EMPTY * np.sqrt((new**2).mean())
    sizes = [float(np.sqrt((values[where] ** 2).mean())) for values, where in ((new, full), (rest, filled))]
    return False if sizes[0] > LEARNT * sizes[1] else None


def _largest(sight: Sight, place: tuple[int, int, int | None], kept: np.ndarray) -> bool:
    """Whether the neurons that were kept are nearly those whose rows are longest, multiplied over the parts."""
    _, j, e = place
    sizes = [np.linalg.norm(m, axis=1) for p in ("gate", "up", "down") for m in (sight.state.matrix(p, j, e),) if m is not None]
    largest = np.argsort(-np.prod(sizes, axis=0))[: len(kept)]
    return len(np.intersect1d(largest, kept)) > 0.95 * len(kept)


def _narrowed(sight: Sight, matched: Places, layers: list[int], sizes: set[tuple[int, int]]) -> list[Proposal]:
    new, old = next(iter(sizes))
    kept = {place: m.partner for place, m in matched.items()}
    plain = all((p == np.arange(len(p))).all() for p in kept.values())
    ordered = all((np.diff(p) > 0).all() for p in kept.values())
    by = "first" if plain else "norm" if all(_largest(sight, place, p) for place, p in kept.items()) else "random"
    said = {"share": round(new / old, 4), "neurons": new, "from": old, "by": by}
    if not (plain or ordered):  # in another order as well, which is asked about next
        kept = {place: np.sort(p) for place, p in kept.items()}
    if any(p.min() < 0 or len(np.unique(p)) < len(p) for p in kept.values()):
        return [Proposal(Found("mlp-narrowed", {"layers": layers}, said), replays=False)]
    return [
        Proposal(
            Found("mlp-narrowed", {"layers": layers, "parts": ["gate", "up", "down"]}, said),
            {"kept": kept, "first": plain},
        )
    ]


def _whole(m: Matched) -> Matched:
    """The same with a partner for every neuron; those that had none keep sign and size."""
    none = m.partner < 0
    sign, scale = np.where(none, 1, m.sign).astype(np.float32), np.where(none, 1, m.scale).astype(np.float32)
    return replace(m, partner=_filled(m.partner), sign=sign, scale=scale)


def _filled(partner: np.ndarray) -> np.ndarray:
    """Neurons without a partner, drawn ones, given their own place, else what is left; as it is where a partner is named twice."""
    named = partner[partner >= 0]
    if len(np.unique(named)) < len(named) or float(np.mean(partner >= 0)) < 0.3:
        return partner
    whole = partner.copy()
    missing, free = np.flatnonzero(partner < 0), np.setdiff1d(np.arange(len(partner)), named)
    stay = np.intersect1d(missing, free)
    whole[stay] = stay
    whole[np.setdiff1d(missing, stay)] = np.setdiff1d(free, stay)
    return whole


def _moved(sight: Sight, matched: Places, layers: list[int]) -> list[Proposal]:
    """Another order, signs and scales."""
    where = {"layers": layers, "parts": ["gate", "up", "down"]}
    found = []
    seen, matched = matched, {place: _whole(m) for place, m in matched.items()}
    one_to_one = all(len(set(m.partner.tolist())) == len(m.partner) for m in matched.values())
    moved = float(np.mean(np.concatenate([m.partner != np.arange(len(m.partner)) for m in matched.values()])))
    if moved > 0.05 and one_to_one:
        said = {"moved": round(moved, 4)}
        found.append(
            Proposal(Found("neuron-permutation", where, said), {"orders": {p: m.partner for p, m in matched.items()}})
        )
    gated = sight.subject.matrix("gate", *next((i, e) for i, _, e in matched)) is not None
    if not gated or (moved > 0.05 and not one_to_one):
        return found
    sure = [(m.sign[m.partner >= 0], np.log(np.maximum(1e-6, m.scale[m.partner >= 0]))) for m in seen.values()]
    signs, scales = (np.concatenate(x) for x in zip(*sure, strict=True))
    if float(np.mean(signs < 0)) > 0.05:
        said = {"negated": round(float(np.mean(signs < 0)), 4)}
        found.append(Proposal(Found("neuron-signs", where, said), {"signs": {p: m.sign for p, m in matched.items()}}))
    spread = float(np.std(scales) * np.sqrt(3))
    if spread > 0.1 and _taken_back(sight, seen):
        said = {"spread": round(spread, 3)}
        found.append(
            Proposal(Found("neuron-scaling", where, said), {"scales": {p: m.scale for p, m in matched.items()}})
        )
    return found


def _taken_back(sight: Sight, matched: Places) -> bool:
    """Whether down columns are divided by what up rows are multiplied by."""
    kept = []
    for (i, j, e), m in matched.items():
        mine, theirs = sight.subject.matrix("down", i, e), sight.state.matrix("down", j, e)
        if mine is None or theirs is None:
            return False
        own = m.partner >= 0  # of neurons that were drawn nothing is known
        sizes = np.linalg.norm(mine[own], axis=1), np.linalg.norm(theirs[m.partner[own]], axis=1)
        ratio = np.log(np.maximum(1e-6, sizes[0]) / np.maximum(1e-6, sizes[1]))
        if mine.any() and own.any() and float(np.ptp(ratio)) > 0 and float(np.ptp(m.scale[own])) > 0:  # else nothing is shown
            kept.append(float(np.corrcoef(ratio, np.log(np.maximum(1e-6, m.scale[own])))[0, 1]))
    return bool(kept) and float(np.median(kept)) < -0.7
