"""What corresponds to what after gauge fixing (METHODS §10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forebear.comparison.findings.outcomes import AxisOutcome
from forebear.comparison.findings.spans import runs, span
from forebear.comparison.findings.words import alignment_words
from forebear.comparison.gauge.cells import CellResult, Tested
from forebear.comparison.gauge.rotation import Rotation
from forebear.comparison.gauge.thresholds import SCREEN_SHARE
from forebear.comparison.gauge.wider import Wider
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.core.messages import Message, message


def gauge_words(
    pair: Pair, rotation: Rotation, layers: LayerMap, tested: Tested, decided: bool
) -> list[Message]:
    """Statements on the rotation, the layers and the neurons; only the rotation when nothing was found."""
    fit = rotation.fit_words
    if not decided:
        return [message("gauge.none", fit=fit)]
    turned = message("upcycled.lie") if rotation.lies else message("gauge.rotated", how=rotation.how, fit=fit)
    said = [turned, *layer_words(pair, layers)]
    matched, of = sum(r.agreement.matched for r in tested.pairs), sum(r.agreement.of for r in tested.pairs)
    in_place = sum(r.in_place for r in tested.pairs)
    where = message("term.in their places" if in_place * 2 > of else "term.in another order")
    said.append(message("gauge.views", matched=matched, of=of, layers=len(tested.pairs), where=where))
    return [*said, *wider_words(tested), *expert_words(tested)]


def layer_words(pair: Pair, layers: LayerMap) -> list[Message]:
    """The layer map as the raw walk says it; a map in plain order was confirmed by the test and is said alike."""
    return alignment_words(pair, None, replace(layers, found=True), AxisOutcome(), AxisOutcome())


LEAST_IN_ORDER = 12
"""Neurons found, beside SCREEN_SHARE of those compared, below which their order says nothing."""


def wider_words(tested: Tested) -> list[Message]:
    """How MLPs that are wider or narrower than the candidate's correspond to them, told apart by their sizes."""
    wide = [(r.sizes, r.wider) for r in tested.pairs if r.wider is not None and r.experts == (None, None)]
    return [_wider(sizes, [w for s, w in wide if s == sizes]) for sizes in dict.fromkeys(s for s, _ in wide)]


def _wider(sizes: tuple[int, int], layers: Sequence[Wider]) -> Message:
    """One statement on layers of one size each; no order is told from the few neurons that chance names as well."""
    own, other = sizes
    orders = {w.order for w in layers}
    found, asked = sum(w.found for w in layers), sum(w.asked for w in layers)
    enough = len(orders) == 1 and found >= max(LEAST_IN_ORDER, SCREEN_SHARE * asked)
    order = orders.pop() if enough else ""
    if own <= other and order not in ("appended", "interleaved"):
        order = ""
    how = message(f"{'wider' if own > other else 'narrower'}.{order or 'unknown'}")
    return message("wider.sizes", subject=own, candidate=other, found=found, of=asked, order=how)


def expert_words(tested: Tested) -> list[Message]:
    """Which experts answer to which where there are any; layer pairs with one and the same map are told together."""
    maps = [(r.cell, _map(r)) for r in tested.pairs if r.experts != (None, None)]
    said: list[Message] = []
    for text in dict.fromkeys(t for _, t in maps if t):
        cells = [cell for cell, t in maps if t == text]
        for a, b, length in runs(cells):
            key = "experts.paired" if length > 1 else "experts.paired_one"
            said.append(message(key, subject=span(a, length), candidate=span(b, length), map=text))
    return said


def _map(result: CellResult) -> str:
    """The partner of each expert, or several where they are about as near: "0, 2 → MLP [0-87]".

    Experts by number, "MLP" for a layer of one; in brackets the partner's neurons that answer, where these are not all of them.
    """
    groups: dict[str, list[int | None]] = {}
    best: dict[int | None, int] = {}
    for (mine, _), count in result.by_expert.items():
        best[mine] = max(count, best.get(mine, 0))
    for (mine, other), count in sorted(
        result.by_expert.items(), key=lambda item: [-1 if e is None else e for e in item[0]]
    ):
        if count * 10 < result.agreement.of or count * 2 < best[mine]:
            continue
        low, high = result.spans[(mine, other)]
        part = f" [{low}-{high}]" if (high - low + 1) * 4 < 3 * result.sizes[1] else ""
        groups.setdefault(f"{'MLP' if other is None else other}{part}", []).append(mine)
    return "; ".join(f"{_numbers(mine)} → {other}" for other, mine in groups.items())


def _numbers(experts: list[int | None]) -> str:
    known = [e for e in experts if e is not None]
    if not known:
        return "MLP"
    spans = runs([(e, e) for e in known])
    return ", ".join(f"{a}" if length == 1 else f"{a}-{a + length - 1}" for a, _, length in spans)
