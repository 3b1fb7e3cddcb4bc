"""Attention heads: more, fewer, keys shared or repeated; heads and value dimensions in another order or mixed (METHODS §9, §12)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.side import Side, left
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found
from forebear.stats.alignment import assign
from forebear.stats.arrays import F32

EMPTY = 0.02
SAME = 0.35
"""Cosine of a head's rows from which it is taken for the candidate's."""
MIXED = 0.02
"""What may be left of a head, as a share, after the best linear map, and be called mixed."""


def find(sight: Sight) -> list[Proposal]:
    """Counts first; where they agree, orders and mixtures inside heads."""
    a, b = sight.subject, sight.state
    if not (a.kv_heads and b.kv_heads and a.head_dim == b.head_dim) or not sight.layers:
        return []
    if (a.heads, a.kv_heads) != (b.heads, b.kv_heads):
        return _counts(sight)
    return _orders(sight) or _inside(sight)


def _counts(sight: Sight) -> list[Proposal]:
    a, b = sight.subject, sight.state
    where = {"layers": [i for i, _ in sight.layers], "parts": ["q", "k", "v", "o"]}
    if a.heads == b.heads:
        said = {"kv_heads": a.kv_heads, "from": b.kv_heads}
        if a.kv_heads < b.kv_heads:
            return [Proposal(Found("keys-shared", where, said), {"kv_heads": a.kv_heads})]
        times = a.kv_heads // b.kv_heads
        return [Proposal(Found("keys-repeated", where, {**said, "times": times}), {"times": times})]
    if a.kv_heads > b.kv_heads and a.heads * b.kv_heads == b.heads * a.kv_heads:
        groups = a.kv_heads - b.kv_heads
        return [Proposal(Found("heads-added", where, {"groups": groups, "kind": _added(sight)}))]
    if a.kv_heads * 2 == b.kv_heads and a.heads * 2 == b.heads:
        return [Proposal(Found("heads-merged", where, {"pairing": _pairing(sight)}))]
    return []


def _heads(sight: Sight, side: Side, part: str, layer: int) -> F32 | None:
    """The rows of a part by head: (heads, dimensions, channels), on channels that no step drew."""
    rows = side.matrix(part, layer)
    count = side.heads if part in ("q", "o") else side.kv_heads
    if rows is None or not count or len(rows) % count:
        return None
    return sight.known_part(rows).reshape(count, len(rows) // count, -1)


def _added(sight: Sight) -> str:
    """How the heads that were added began, wherever they stand now: by the spaces that keys span, and by what is written."""
    silent = copied = seen = 0
    for i, j in sight.layers:
        out, keys = (_heads(sight, sight.subject, part, i) for part in ("o", "k"))
        old, writes = _heads(sight, sight.state, "k", j), sight.state.matrix("o", j)
        if out is None or keys is None or old is None or writes is None or not writes.any():
            continue  # of a layer that writes nothing no head does
        seen += 1
        sizes = np.abs(out).mean(axis=(1, 2))
        quiet = sizes < EMPTY * float(np.median(sizes[np.argsort(-sizes)][: sight.state.heads]))
        silent += int(quiet.sum()) >= len(out) - sight.state.heads
        copied += bool((_similar(keys, old).max(axis=1) > SAME).all())
    most = seen / 2
    return "silent" if silent > most else "copy" if copied > most else "new"


def _pairing(sight: Sight) -> str:
    """Which heads were made one: neighbours, or those half the heads apart; whatever their order and the mixture inside."""
    alike = {"adjacent": 0.0, "halves": 0.0}
    for i, j in sight.layers:
        mine, theirs = _heads(sight, sight.subject, "v", i), _heads(sight, sight.state, "v", j)
        if mine is None or theirs is None:
            continue
        count = len(theirs)
        pairs = {"adjacent": np.arange(count).reshape(-1, 2), "halves": np.arange(count).reshape(2, -1).T}
        for name, members in pairs.items():
            table = _similar(mine, theirs[members].mean(axis=1))
            alike[name] += float(table[np.arange(len(table)), assign(table)].sum())
    return max(alike, key=lambda name: alike[name])


def _orders(sight: Sight) -> list[Proposal]:
    """KV groups, and query heads inside them, in another order; only where every head is found."""
    groups, queries = {}, {}
    for i, j in sight.layers:
        both = [(_heads(sight, sight.subject, part, i), _heads(sight, sight.state, part, j)) for part in ("k", "v", "q")]
        if any(a is None or b is None or a.shape != b.shape for a, b in both):
            return []
        score = np.sum([_similar(a, b) for a, b in both[:2] if a is not None and b is not None], axis=0)
        known = _known_heads(sight, j)
        near = score + 0.2 * _queries_alike(*both[2], len(score))
        near[:, ~known] = 0.0  # heads that a step drew are like none
        order = assign(near + 1e-3 * np.eye(len(score)))
        if (score[np.arange(len(order)), order] < SAME)[known[order]].any():
            order = np.arange(len(order))
        groups[(i, j)] = order
        a, b = both[2]
        assert a is not None
        assert b is not None
        each = len(a) // len(order)
        table, chosen = _similar(a, b), []
        for g, source in enumerate(order):
            block = table[g * each : (g + 1) * each, source * each : (source + 1) * each]
            inner = assign(block + 1e-3 * np.eye(each))
            if (block[np.arange(each), inner] < SAME).any():  # drawn heads as well
                inner = np.arange(each)
            chosen.append(inner)
        queries[(i, j)] = chosen
    found = []
    where = {"layers": [i for i, _ in sight.layers], "parts": ["q", "k", "v", "o"]}
    moved = [layer for layer, order in groups.items() if (order != np.arange(len(order))).any()]
    if moved:
        said = {"moved_layers": len(moved)}
        found.append(Proposal(Found("kv-group-permutation", where, said), {"groups": groups}))
    turned = [layer for layer, inner in queries.items() if any((o != np.arange(len(o))).any() for o in inner)]
    if turned:
        said = {"moved_layers": len(turned)}
        found.append(Proposal(Found("query-head-permutation", where, said), {"queries": queries}))
    return found


def _known_heads(sight: Sight, layer: int) -> np.ndarray:
    """KV heads of the state whose values no step drew, (heads,)."""
    mine, other = _heads(sight, sight.state, "k", layer), _heads(sight, sight.other, "k", layer)
    if mine is None or other is None or mine.shape != other.shape:
        return np.ones(max(1, sight.state.kv_heads), dtype=bool)
    known = np.asarray((mine == other).mean(axis=(1, 2)) > 0.5)
    return known if known.any() else np.ones(len(known), dtype=bool)


def _queries_alike(a: F32 | None, b: F32 | None, groups: int) -> np.ndarray:
    """How well the query heads of two groups pair off, (groups, groups): it tells groups apart whose keys are copies."""
    if a is None or b is None or a.shape != b.shape:
        return np.zeros((groups, groups))
    each = len(a) // groups
    blocks = _similar(a, b).reshape(groups, each, groups, each).swapaxes(1, 2)
    best = np.zeros((groups, groups))
    for g in range(groups):
        for s in range(groups):
            best[g, s] = float(blocks[g, s][np.arange(each), assign(blocks[g, s])].mean())
    return best


def _similar(a: F32, b: F32) -> np.ndarray:
    """How alike the spaces are that heads' rows span, whatever their order, sign or mixture inside. Shapes: (h, k, d) twice."""
    x, y = (np.linalg.qr(np.swapaxes(m, 1, 2).astype(np.float64))[0] for m in (a, b))
    overlap = np.einsum("adi,bdj->abij", x, y)
    chance = a.shape[1] / a.shape[2]
    return np.asarray((np.einsum("abij,abij->ab", overlap, overlap) / a.shape[1] - chance) / max(1e-6, 1 - chance))


def _inside(sight: Sight) -> list[Proposal]:
    """Values (and, without rotary positions, queries and keys) mixed inside heads; rotary pairs turned."""
    a, b = sight.subject, sight.state
    found = []
    where = {"layers": [i for i, _ in sight.layers], "parts": ["v", "o"]}
    maps = _maps(sight, "v")
    if maps is not None:
        op = "value-permutation" if all(_is_order(m) for m in maps.values()) else "value-mixing"
        found.append(Proposal(Found(op, where), {"maps": maps}))
    keys = _maps(sight, "k")
    if keys is not None:
        rotary = not b.positions and not a.positions
        op = "head-rotation" if rotary else "query-key-mixing"
        found.append(Proposal(Found(op, {**where, "parts": ["q", "k"]}), {"maps": keys}))
    return found


Maps = dict[tuple[int, int], np.ndarray]


def _maps(sight: Sight, part: str) -> Maps | None:
    """Per layer, (heads, k, k): the map of a head's rows that makes them the subject's; None where they are in place."""
    maps: Maps = {}
    plain, mixed = [], []
    for i, j in sight.layers:
        mine, theirs = _heads(sight, sight.subject, part, i), _heads(sight, sight.state, part, j)
        if mine is None or theirs is None or mine.shape != theirs.shape:
            return None
        x, y = mine.astype(np.float64), theirs.astype(np.float64)
        gram = np.matmul(y, np.swapaxes(y, 1, 2)) + 1e-9 * np.eye(y.shape[1])
        fitted = np.matmul(np.matmul(x, np.swapaxes(y, 1, 2)), np.linalg.inv(gram))
        plain.append(left(mine, theirs))
        mixed.append(left(mine, np.matmul(fitted, y)))
        maps[(i, j)] = fitted
    gain = float(np.median(mixed)) < 0.6 * float(np.median(plain)) - MIXED
    return maps if gain and float(np.median(plain)) > 0.3 else None


def _is_order(maps: np.ndarray) -> bool:
    """Whether maps only reorder and negate."""
    sizes = np.abs(maps)
    near = (sizes > 0.7).sum(axis=2) == 1
    return bool(near.mean() > 0.95 and np.abs(sizes.max(axis=2) - 1).mean() < 0.2)
