"""Attention after gauge fixing: which head answers to which, and by how much; it describes and never decides (METHODS §9, §10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Evidence, HeadProducts
from forebear.comparison.gauge.cells import Cell
from forebear.comparison.gauge.rotation import Rotation
from forebear.comparison.gauge.thresholds import HEAD_CHANNELS, HEAD_LAYERS, MOST_ASKED, MOST_HEADS, ROTATION_RANK
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.heads import Heads, heads_cost, read_heads
from forebear.comparison.reading.pair import Pair
from forebear.core.errors import IncomparableError
from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.stats.gauge_heads import HeadMatch, match_heads, product_likeness, rotary_likeness

HEADS = "two-products"
HEADS_ASSUMPTION = message("assumption.heads")
HEADS_BUDGET = message("budget.heads")


@dataclass(frozen=True)
class HeadsFound:
    """What attention shows: one described figure, statements, and the map a page may draw."""

    evidence: tuple[Evidence, ...] = ()
    words: tuple[Message, ...] = ()
    document: tuple[dict[str, Any], ...] = ()


def compare_heads(pair: Pair, sides: tuple[Side, Side], rotation: Rotation, cells: Sequence[Cell]) -> HeadsFound:
    """Heads of some layer pairs, and of layers that do not belong together beside them.

    Nothing where a side's attention is not made of q, k, v and o of known head sizes, or the budget forbids it.
    """
    chosen = _chosen(pair, sides, cells)
    if not chosen:
        return HeadsFound()
    channels = evenly(sides[1].checkpoint.width, HEAD_CHANNELS)
    mine: dict[int, Heads] = {}
    groups = 0
    for a in dict.fromkeys(a for a, _ in chosen):
        own = read_heads(sides[0], a)
        if own is not None:
            groups = own.groups
            mine[a] = own.few(max(1, MOST_ASKED // own.each)).turned(rotation.matrix[:, channels])
    matched: list[tuple[Cell, HeadMatch]] = []
    strange: list[HeadMatch] = []
    sizes = (0, 0, 0, 0)
    for a, b in chosen:
        there = read_heads(sides[1], b)
        if there is None or a not in mine:
            continue
        there = there.cut(channels)
        sizes = (groups, mine[a].each, there.groups, there.each)
        matched += [((a, b), m) for m in (hold_heads(mine[a], there),) if m is not None]
        others = [hold_heads(mine[c], there) for c in mine if (c, b) not in cells and c != a][-1:]
        strange += [m for m in others if m is not None]
    if not matched:
        return HeadsFound()
    positions = next(iter(mine.values())).positions
    return HeadsFound(
        (_evidence(matched, strange),),
        tuple(head_words(matched, strange, positions, sizes)),
        tuple(_told(c, m, positions) for c, m in matched),
    )


def hold_heads(mine: Heads, there: Heads) -> HeadMatch | None:
    """Heads of both layers told apart by two products; None where their sizes cannot be compared."""
    if mine.rotary != there.rotary:
        return None
    try:
        written = product_likeness(mine.o, mine.shared(mine.v), there.o, there.shared(there.v))
        score = rotary_likeness if mine.rotary else product_likeness
        scored = score(mine.q, mine.shared(mine.k), there.q, there.shared(there.k))
    except IncomparableError:
        return None
    return match_heads(written, scored, (mine.each, there.each))


def _chosen(pair: Pair, sides: tuple[Side, Side], cells: Sequence[Cell]) -> list[Cell]:
    """Layer pairs whose attention the budget allows, spread over the depth; of wide models two, one for each to be a stranger."""
    most = HEAD_LAYERS if sides[1].checkpoint.width <= ROTATION_RANK else 2
    chosen = [cells[i] for i in evenly(len(cells), most)]
    costs = [sum(heads_cost(side, cell[k]) for cell in chosen) for k, side in enumerate(sides)]
    if not chosen or not all(costs) or not pair.allowance.allows(costs[0], costs[1], HEADS_BUDGET):
        return []
    return chosen


def _evidence(matched: Sequence[tuple[Cell, HeadMatch]], strange: Sequence[HeadMatch]) -> Evidence:
    by_chance = float(np.mean([m.agreed for m in strange])) if strange else None
    return Evidence(
        test=HEADS,
        axis=Axis.HEADS,
        kind="described",
        private=True,
        matched=sum(m.agreed for _, m in matched),
        of=sum(len(m.partners) for _, m in matched),
        assumption=HEADS_ASSUMPTION,
        figures=HeadProducts(
            layers=len(matched),
            by_layer=tuple(m.agreed for _, m in matched),
            expected=None if by_chance is None else round(by_chance * len(matched), 1),
            mismatched_mean=by_chance,
            written_cosine=_mean([m.written for _, m in matched]),
            scored_cosine=_mean([m.scored for _, m in matched]),
            mismatched_written=_mean([m.written for m in strange]),
            mismatched_scored=_mean([m.scored for m in strange]),
        ),
        gauge=True,
    )


def _mean(values: Sequence[np.ndarray[Any, Any]]) -> float | None:
    joined = np.concatenate(values) if values else np.zeros(0)
    return round(float(joined.mean()), 4) if len(joined) else None


def head_words(
    matched: Sequence[tuple[Cell, HeadMatch]],
    strange: Sequence[HeadMatch],
    positions: NDArray[np.intp],
    sizes: tuple[int, int, int, int],
) -> list[Message]:
    """What corresponds: heads, what they write and score, and KV groups where their number changed."""
    agreed, of = sum(m.agreed for _, m in matched), sum(len(m.partners) for _, m in matched)
    place = sum(int(np.count_nonzero(m.partners == positions)) for _, m in matched)
    written, scored = (_mean([getattr(m, name) for _, m in matched]) or 0.0 for name in ("written", "scored"))
    where = message("term.in their places" if place * 2 > of else "term.in another order")
    said = [message("heads.named", layers=len(matched), agreed=agreed, of=of, where=where)]
    if strange:
        other, score = (_mean([getattr(m, name) for m in strange]) or 0.0 for name in ("written", "scored"))
        beside = {"written": written, "scored": scored, "other_written": other, "other_scored": score}
        said.append(message("heads.alike", **beside))
    else:
        said.append(message("heads.alike_alone", written=written, scored=scored))
    if (sizes[0], sizes[1]) != (sizes[2], sizes[3]):
        said.append(message("heads.groups", a=sizes[0], b=sizes[1], c=sizes[2], d=sizes[3]))
    return said


def _told(cell: Cell, match: HeadMatch, positions: NDArray[np.intp]) -> dict[str, Any]:
    return {
        "layers": list(cell),
        "heads": positions[:MOST_HEADS].tolist(),
        "partners": match.partners[:MOST_HEADS].tolist(),
        "groups": None if match.groups is None else match.groups[:MOST_HEADS].tolist(),
        "agree": match.agreed,
        "written": [round(float(c), 4) for c in match.written[:MOST_HEADS]],
        "scored": [round(float(c), 4) for c in match.scored[:MOST_HEADS]],
    }
