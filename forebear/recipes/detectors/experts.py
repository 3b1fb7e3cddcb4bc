"""Dense MLPs and experts: made of one another, added, collapsed, reordered (METHODS §12, §16)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.neurons import OWN, match
from forebear.recipes.detectors.new_rows import initial
from forebear.recipes.detectors.side import Side, cosine, left, unit
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found
from forebear.stats.alignment import assign
from forebear.stats.arrays import F32

SAME = 0.8
"""Cosine of two experts of one model from which one is taken for a copy of the other (decision 0034)."""
QUIET = 1e-3
NOISE = 0.25
"""What copies of experts leave of each other, as a share, from which they are not in place."""
TRAINED = 2.0
"""Spread of a router's rows over an initialiser's draws, or under it, from which they were trained (decision 0095)."""
PARTS = ("gate", "up", "down")
LOOKED = 512
"""Neurons of an MLP of which it is asked whose they are."""


def find(sight: Sight) -> list[Proposal]:
    """By what each side has: dense to experts, experts to dense, or other experts."""
    pairs = _pairs(sight)
    if not pairs:
        return []
    i, j = pairs[0]
    mine, theirs = sight.subject.experts(i), sight.state.experts(j)
    if mine and not theirs:
        return _routed(sight, mine)
    if theirs and not mine:
        return _dense(sight, theirs)
    return _other(sight, mine, theirs)


def _pairs(sight: Sight) -> list[tuple[int, int]]:
    """(subject layer, state layer) of those whose MLPs are routed, on either side, by as many experts as in the first of them:
    some models have dense layers among them."""
    counts = {(i, j): (sight.subject.experts(i), sight.state.experts(j)) for i, j in sight.layers}
    first = next((count for count in counts.values() if any(count)), None)
    return [pair for pair, count in counts.items() if count == first] if first else []


def _routed(sight: Sight, count: int) -> list[Proposal]:
    a = sight.subject
    i, j = _pairs(sight)[0]
    size, whole = len(a.matrix("up", i, 0)), len(sight.state.matrix("up", j))  # type: ignore[arg-type]
    slices = max(1, round(whole / size))
    shared_up = a.matrix("shared_up", i)
    shared = shared_up is not None and len(shared_up) == whole
    rows = [r for layer, _ in _pairs(sight) for r in (a.matrix("router", layer),) if r is not None]
    router = "zero" if rows and all(_one_row(r) for r in rows) else "drawn" if _as_drawn(rows, a) else None
    apart, fresh = [], []
    for one, other in _pairs(sight):
        for expert in range(count):
            for part in PARTS:
                mine, base = a.matrix(part, one, expert), sight.state.matrix(part, other)
                assert mine is not None
                assert base is not None
                run = base[(expert % slices) * size : (expert % slices + 1) * size]
                cosines = np.einsum("ij,ij->i", unit(mine), unit(run))
                kept = cosines > OWN
                if part == "up":
                    fresh.append(float(np.mean(~kept)))
                if part != "down" and kept.any():
                    apart.append(left(mine[kept], run[kept]))
    noise = float(np.median(apart)) if apart else 0.0
    said: dict[str, object] = {
        "experts": count, "active": _active(a), "slices": slices, "shared": shared, "router": router,
        "noise": float(f"{noise:.3g}") if noise > QUIET else 0.0, "redrawn": round(float(np.mean(fresh)), 3),
    }  # fmt: skip
    if router is None:
        said["router_one_of"] = ["drawn", "zero"]
    where = {"layers": [layer for layer, _ in _pairs(sight)], "parts": [*PARTS, "router"], "experts": list(range(count))}
    return [Proposal(Found("dense-to-moe", where, said), {"noise": 0.0, "redrawn": 0.0})]


def _one_row(router: F32) -> bool:
    """Whether all rows are one: nothing, or nothing that one vector was added to, which no choice of experts sees."""
    return float(np.linalg.norm(router - router.mean(axis=0))) <= QUIET * float(np.linalg.norm(router))


def _as_drawn(routers: list[F32], side: Side) -> bool:
    """Whether rows are spread as an initialiser draws them: those that were trained since may have begun as nothing as well."""
    sizes = [float(np.std(r - r.mean(axis=0))) for r in routers]
    drawn = initial(side.config)
    return bool(sizes) and drawn / TRAINED < float(np.median(sizes)) < drawn * TRAINED


def _active(side: Side) -> int:
    return int(side.config.get("num_experts_per_tok") or 2)


def _dense(sight: Sight, count: int) -> list[Proposal]:
    """The mean of the experts, one of them, or all side by side: whichever leaves least."""
    rest: dict[tuple[str, int], float] = {}
    for i, j in _pairs(sight):
        for part in ("gate", "up"):
            mine = sight.subject.matrix(part, i)
            each = [m for e in range(count) for m in (sight.state.matrix(part, j, e),) if m is not None]
            if mine is None or len(each) != count:
                return []
            made: dict[tuple[str, int], F32] = {}
            if len(mine) == len(each[0]):
                made = {("pick", e): m for e, m in enumerate(each)}
                made[("mean", 0)] = np.mean(each, axis=0)
            elif len(mine) == sum(len(m) for m in each):
                made[("join", 0)] = np.concatenate(each)
            for key, values in made.items():
                rest[key] = rest.get(key, 0.0) + _apart(mine, values)
    if not rest:
        return []
    kind, expert = min(rest, key=lambda key: rest[key])
    said = {"kind": kind, **({"expert": expert} if kind == "pick" else {}), "experts": count}
    exact = {"kind": kind, "expert": expert}
    where = {"layers": [i for i, _ in _pairs(sight)], "parts": list(PARTS)}
    return [Proposal(Found("moe-to-dense", where, said), exact)]


def _apart(mine: F32, made: F32) -> float:
    """What the nearest row of `made` leaves of each, whatever their order and signs, (n, d) twice."""
    looked = mine[np.linspace(0, len(mine) - 1, min(LOOKED, len(mine))).astype(np.intp)]
    near = np.abs(unit(looked) @ unit(made).T).max(axis=1)
    return float(1 - near.mean())


def _other(sight: Sight, mine: int, theirs: int) -> list[Proposal]:
    where = {"layers": [i for i, _ in _pairs(sight)], "parts": [*PARTS, "router"]}
    if mine > theirs:
        count = mine - theirs
        noise = [left(a, b) for i, j in _pairs(sight) for e in range(min(count, theirs)) for part in PARTS
                 for a, b in [(sight.subject.matrix(part, i, theirs + e), sight.subject.matrix(part, i, e))]
                 if a is not None and b is not None and a.shape == b.shape]  # fmt: skip
        size = float(np.median(noise)) if noise else 0.0
        size = size if size < NOISE else 0.0  # of copies in another order nothing is seen in place
        said = {"count": count, "noise": float(f"{size:.3g}") if size > QUIET else 0.0}
        return [Proposal(Found("experts-added", {**where, "experts": list(range(theirs, mine))}, said), {"noise": 0.0})]
    if mine < theirs:
        return []
    collapsed = _collapsed(sight, mine, where)
    return collapsed or _ordered(sight, mine, where)


def _collapsed(sight: Sight, count: int, where: dict[str, object]) -> list[Proposal]:
    """Experts beyond the first few that are copies of these, where the candidate's are not."""
    for distinct in range(1, count):
        mine = [_copy(sight.subject, i, e, e % distinct) for i, _ in _pairs(sight) for e in range(distinct, count)]
        theirs = [_copy(sight.state, j, e, e % distinct) for _, j in _pairs(sight) for e in range(distinct, count)]
        if min(mine) > SAME and float(np.median(theirs)) < SAME:
            break
    else:
        return _collapsed_anywhere(sight, count, where)
    rest, routed = [], []
    for i, _ in _pairs(sight):
        router = sight.subject.matrix("router", i)
        for e in range(distinct, count):
            both = [(sight.subject.matrix(p, i, e), sight.subject.matrix(p, i, e % distinct)) for p in PARTS]
            rest += [left(a, b) for a, b in both if a is not None and b is not None]
            routed.append(router is not None and cosine(router[e], router[e % distinct]) > SAME)
    noise = float(np.median(rest))
    said = {
        "distinct": distinct,
        "noise": float(f"{noise:.3g}") if noise > QUIET else 0.0,
        "routing": bool(np.mean(routed) > 0.5),
    }
    found = Found("experts-collapsed", {**where, "experts": list(range(distinct, count))}, said)
    return [Proposal(found, {"noise": 0.0})]


def _collapsed_anywhere(sight: Sight, count: int, where: dict[str, object]) -> list[Proposal]:
    """The same of experts that stand in another order since, their neurons too: by which of the candidate's each is most like."""
    told: set[int] = set()
    for i, j in _pairs(sight):
        table = _alike(sight.subject, sight.state, i, j, count) / 2
        among = _alike(sight.state, sight.state, j, j, count)[~np.eye(count, dtype=bool)] / 2
        distinct = len(np.unique(table.argmax(axis=1)))
        expected = np.bincount(np.arange(count) % distinct, minlength=count)
        found = np.bincount(table.argmax(axis=1), minlength=count)
        if distinct == count or (found != expected).any() or float(table.max(axis=1).min()) < SAME or float(among.max()) > SAME:
            return []
        told.add(distinct)
    if len(told) != 1:
        return []
    distinct = told.pop()
    said = {"distinct": distinct, "noise": 0.0, "routing": True}
    return [Proposal(Found("experts-collapsed", {**where, "experts": list(range(distinct, count))}, said), {"noise": 0.0})]


def _alike(a: Side, b: Side, i: int, j: int, count: int) -> np.ndarray:
    """How alike experts of two layers are, whatever the order of neurons inside them; up to two each. Shapes: (count, count)."""
    table = np.zeros((count, count))
    for e in range(count):
        for f in range(count):
            both = [(a.matrix(p, i, e), b.matrix(p, j, f)) for p in ("gate", "up")]
            table[e, f] = sum(_gram_alike(x, y) for x, y in both if x is not None and y is not None)
    return table


def _copy(side: Side, layer: int, one: int, other: int) -> float:
    """How alike two experts of a layer are: the least of their parts."""
    pairs = [(side.matrix(p, layer, one), side.matrix(p, layer, other)) for p in PARTS]
    known = [(a, b) for a, b in pairs if a is not None and b is not None and a.shape == b.shape and (a.any() or b.any())]
    return min((cosine(a, b) for a, b in known), default=0.0)


def _ordered(sight: Sight, count: int, where: dict[str, object]) -> list[Proposal]:
    """The experts in another order, whatever the order of neurons inside them."""
    orders = {}
    for i, j in _pairs(sight):
        routers = sight.both("router", (i, j))
        table = _alike(sight.subject, sight.state, i, j, count)
        drawn = sight.other.matrix("router", j)
        known = routers is not None and drawn is not None and np.array_equal(routers[1], drawn)
        if known and routers is not None and routers[0].shape == routers[1].shape:
            centred = [unit(r - r.mean(axis=0)) for r in routers]
            table += centred[0] @ centred[1].T
        orders[(i, j)] = assign(table + 1e-3 * np.eye(count))
    moved = [o for o in orders.values() if (o != np.arange(count)).any()]
    sure = all(_holds(sight, i, j, order) for (i, j), order in orders.items())
    if not moved or not sure:
        return []
    return [Proposal(Found("expert-permutation", where, {"moved_layers": len(moved)}), {"orders": orders})]


def _holds(sight: Sight, i: int, j: int, order: np.ndarray) -> bool:
    return all(float(np.mean(match(sight, i, j, e, int(f)).partner >= 0)) > 0.5 for e, f in enumerate(order))


def _gram_alike(a: F32, b: F32) -> float:
    x, y = a.T @ a, b.T @ b
    np.fill_diagonal(x, 0.0)
    np.fill_diagonal(y, 0.0)
    return cosine(x, y)
