"""What corresponds to what: layers, units, tokens and components (METHODS §10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from forebear.comparison.findings.outcomes import AxisOutcome, GaugeOutcome
from forebear.comparison.findings.parts import Component
from forebear.comparison.findings.spans import runs, span
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.core.messages import Message, message


def alignment_words(
    pair: Pair, rows: SharedRows | None, layers: LayerMap, neurons: AxisOutcome, values: AxisOutcome
) -> list[Message]:
    """What corresponds and what differs."""
    said = _layer_words(pair, layers)
    if rows is not None:
        said += _token_words(rows)
    said += _unit_words("neurons", neurons)
    said += _unit_words("values", values)
    return said


def _layer_words(pair: Pair, layers: LayerMap) -> list[Message]:
    if not layers.found:
        return [message("layers.none")] if layers.parts else []
    said = [_layers("paired", a, b, length) for a, b, length in runs(layers.pairs)]
    paired_a, paired_b = {a for a, _ in layers.pairs}, {b for _, b in layers.pairs}
    lone = [i for i in range(pair.subject.layers) if i not in paired_a]
    repeats = runs([(i, layers.repeats[i]) for i in lone if i in layers.repeats])
    said += [_layers("subject_repeats", a, b, length) for a, b, length in repeats]
    said += [_layers("subject_alone", a, None, n) for a, n in _spans([i for i in lone if i not in layers.repeats])]
    spare = [i for i in range(pair.candidate.layers) if i not in paired_b]
    copies = runs([(i, layers.copies[i]) for i in spare if i in layers.copies])
    said += [_layers("candidate_repeats", a, b, length) for b, a, length in copies]
    said += [_layers("candidate_alone", None, b, n) for b, n in _spans([i for i in spare if i not in layers.copies])]
    return said


def _layers(what: str, subject: int | None, candidate: int | None, length: int) -> Message:
    """One statement on a run of layers; languages that tell one from several have a key for each."""
    sides = {"subject": subject, "candidate": candidate}
    numbers = {side: span(start, length) for side, start in sides.items() if start is not None}
    return message(f"layers.{what}{'_one' if length == 1 else ''}", **numbers)


COMPONENT_STATES = ("shared", "alike", "within-reach", "rotated", "not-found", "open", "unlike")


def as_told(components: Sequence[Component], *, close: bool) -> list[Component]:
    """Components as they are told: layers whose units correspond are shared only where they are close enough (METHODS §17).

    close: whether they agree more closely than an aligned independent's.
    """
    return [c._replace(state="within-reach") if c.name == "layers" and c.state == "shared" and not close else c for c in components]


def component_words(words: list[Message], components: Sequence[Component]) -> dict[str, Any]:
    """Components as an alignment document holds them; where one is shared, the words gain a statement on each."""
    if any(c.state in ("shared", "alike", "rotated") for c in components):
        known = (c for c in components if c.state in COMPONENT_STATES)
        words += [message(f"component.{c.state}", name=c.words) for c in known]
    return {"components": [c.document() for c in components]}


def add_paths(alignment: dict[str, Any], gauge: GaugeOutcome | None, raw_power: Callable[[], list[Message]]) -> None:
    """Which ways were gone, why, and what each would have found; the power is worked out only where raw coordinates failed.

    alignment: the alignment document; its words gain a statement, and "paths" an entry for each way.
    """
    raw: dict[str, Any] = {"path": "raw coordinates", "ran": True, "why": message("path.first")}
    if gauge is None:
        why = message("path.raw")
        alignment["paths"] = [raw, {"path": "gauge fixing", "ran": False, "why": why}]
        alignment["words"].append(why)
        return
    raw["power"] = raw_power()
    fixed = {"path": "gauge fixing", "ran": gauge.ran, "why": gauge.why, "power": list(gauge.power)}
    alignment["paths"] = [raw, fixed]
    if gauge.ran:
        alignment["words"].append(message("path.both", why=gauge.why))


def _spans(indices: Sequence[int]) -> list[tuple[int, int]]:
    return [(a, length) for a, _, length in runs([(i, i) for i in indices])]


def _token_words(rows: SharedRows) -> list[Message]:
    if rows.shared is None:
        return []
    how = message(f"term.{rows.how}")
    if not rows.only_subject and not rows.only_candidate:
        return [message("tokens.all", count=rows.shared, how=how)]
    lone = {"subject": rows.only_subject, "candidate": rows.only_candidate}
    return [message("tokens.some", count=rows.shared, how=how, **lone)]


def _unit_words(units: str, outcome: AxisOutcome) -> list[Message]:
    moved = [r for r in outcome.layers if r["moved"] * 2 > r["of"]]
    if not moved:
        return []
    total, found = sum(r["of"] for r in moved), sum(r["found_elsewhere"] for r in moved)
    values = {"layers": len(moved), "all": len(outcome.layers), "found": found, "total": total}
    return [message("units.moved", units=message(f"term.{units}"), **values)]
