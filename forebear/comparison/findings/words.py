"""Alignment told in words: which layers, neurons and tokens answer to which (METHODS §10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from forebear.comparison.findings.verdict import Component
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.channels import AxisOutcome
from forebear.comparison.tests.vocabulary import SharedRows

if TYPE_CHECKING:
    from forebear.comparison.gauge.outcome import GaugeOutcome


def alignment_words(
    pair: Pair, rows: SharedRows | None, layers: LayerMap, neurons: AxisOutcome, values: AxisOutcome
) -> list[str]:
    """Sentences on what corresponds and what differs."""
    said = _layer_words(pair, layers)
    if rows is not None:
        said += _token_words(rows)
    said += _unit_words("neurons", neurons)
    said += _unit_words("value dimensions", values)
    return said


def runs(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Maximal runs (subject start, candidate start, length) of pairs that step together."""
    found: list[tuple[int, int, int]] = []
    for a, b in pairs:
        if found and (a, b) == (found[-1][0] + found[-1][2], found[-1][1] + found[-1][2]):
            found[-1] = (found[-1][0], found[-1][1], found[-1][2] + 1)
        else:
            found.append((a, b, 1))
    return found


def span(start: int, length: int) -> str:
    """ "layer 3" or "layers 3-7"."""
    return f"layer {start}" if length == 1 else f"layers {start}-{start + length - 1}"


def _layer_words(pair: Pair, layers: LayerMap) -> list[str]:
    if not layers.found:
        return ["no layer of the subject resembles a layer of the candidate in place"] if layers.parts else []
    said = []
    for a, b, length in runs(layers.pairs):
        verb = "answer" if length > 1 else "answers"
        said.append(f"{span(a, length)} of the subject {verb} to the candidate's {span(b, length)}")
    paired_a, paired_b = {a for a, _ in layers.pairs}, {b for _, b in layers.pairs}
    lone = [i for i in range(pair.subject.layers) if i not in paired_a]
    for a, b, length in runs([(i, layers.repeats[i]) for i in lone if i in layers.repeats]):
        verb = "resemble" if length > 1 else "resembles"
        said.append(f"{span(a, length)} of the subject {verb} the candidate's {span(b, length)} as well (repeated)")
    for start, length in _spans([i for i in lone if i not in layers.repeats]):
        said.append(f"{span(start, length)} of the subject {_have(length)} no counterpart in the candidate")
    spare = [i for i in range(pair.candidate.layers) if i not in paired_b]
    for b, a, length in runs([(i, layers.copies[i]) for i in spare if i in layers.copies]):
        verb = "resemble" if length > 1 else "resembles"
        said.append(f"{span(b, length)} of the candidate {verb} the subject's {span(a, length)} as well (repeated)")
    for start, length in _spans([i for i in spare if i not in layers.copies]):
        said.append(f"{span(start, length)} of the candidate {_have(length)} no counterpart in the subject")
    return said


COMPONENT_WORDS = {
    "shared": "component {name}: shared with the candidate",
    "alike": "component {name}: channels agree but rows do not, as training on the other's vectors would leave them too",
    "rotated": "component {name}: rows follow one rotation, which no test with a known null decides on",
    "not-found": "component {name}: nothing shared was found",
    "open": "component {name}: cannot be told",
    "unlike": "component {name}: the rows looked at do not agree",
}


def told_components(words: list[str], components: Sequence[Component]) -> dict[str, Any]:
    """Components as an alignment document holds them; where one is shared, a sentence each is added to the words."""
    if any(c.state in ("shared", "alike", "rotated") for c in components):
        words += [COMPONENT_WORDS[c.state].format(name=c.name) for c in components if c.state in COMPONENT_WORDS]
    told = [
        {"name": c.name, "state": c.state, "log10_p": None if c.log10_p is None else round(c.log10_p, 3)}
        for c in components
    ]
    return {"components": told}


def add_paths(alignment: dict[str, Any], gauge: GaugeOutcome | None, raw_power: Callable[[], str]) -> None:
    """Which ways were gone, why, and what each would have found; the power is worked out only where raw coordinates failed.

    alignment: the alignment document; its words gain a sentence, and "paths" an entry for each way.
    """
    raw: dict[str, Any] = {"path": "raw coordinates", "ran": True, "why": "always first"}
    if gauge is None:
        why = "raw coordinates settled the pair, so gauge fixing was not needed"
        alignment["paths"] = [raw, {"path": "gauge fixing", "ran": False, "why": why}]
        alignment["words"].append(why)
        return
    raw["power"] = raw_power()
    alignment["paths"] = [raw, {"path": "gauge fixing", "ran": gauge.ran, "why": gauge.why, "power": gauge.power}]
    if gauge.ran:
        again = "raw coordinates did not settle the pair, so it was looked at again after gauge fixing"
        alignment["words"].append(f"{again}: {gauge.why}")


def _have(length: int) -> str:
    return "have" if length > 1 else "has"


def _spans(indices: Sequence[int]) -> list[tuple[int, int]]:
    return [(a, length) for a, _, length in runs([(i, i) for i in indices])]


def _token_words(rows: SharedRows) -> list[str]:
    if rows.shared is None:
        return []
    if not rows.only_subject and not rows.only_candidate:
        return [f"all {rows.shared:,} tokens are shared ({rows.how})"]
    return [
        f"{rows.shared:,} tokens are shared ({rows.how}); {rows.only_subject:,} embedding rows of the subject and "
        f"{rows.only_candidate:,} of the candidate have no partner (special tokens are never paired)"
    ]


def _unit_words(word: str, outcome: AxisOutcome) -> list[str]:
    results = outcome.extra.get("layers", [])
    moved = [r for r in results if r["moved"] * 2 > r["of"]]
    if not moved:
        return []
    total, found = sum(r["of"] for r in moved), sum(r["found_elsewhere"] for r in moved)
    return [
        f"{word} stand in another order in {len(moved)} of {len(results)} layer pairs: {found:,} of {total:,} were found "
        "elsewhere in their layer"
    ]
