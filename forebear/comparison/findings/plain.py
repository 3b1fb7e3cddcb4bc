"""The first line a person reads: names, what was found, and one number that can be pictured. It says no more than the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from forebear.core.messages import Message, message
from forebear.stats.median import median

LAYER_PARTS = frozenset({"q", "k", "v", "o", "gate", "up", "down"})
"""Parts whose change stands for the model's: an embedding is mostly rows that training seldom touches."""
NEAR, HARDLY = 0.5, 0.005
"""Relative change below which a share of the weights' size is said, and below which only that it is small."""
APART, NAMED = 2.0, 3
"""A part is named beside the median from so many times that on; so many parts are named at most."""
_PLAIN_FILES = ("model", "pytorch_model", "consolidated", "checkpoint")


def short_names(subject: str, candidate: str) -> tuple[str, str]:
    """The last part of each path that tells the two apart; a file with a name of no meaning goes by its folder.

    >>> short_names("zoo/a/model.safetensors", "zoo/b/model.safetensors")
    ('a', 'b')
    >>> short_names("x/v1/weights", "x/v2/weights")
    ('v1/weights', 'v2/weights')
    """
    sides = [_parts(subject), _parts(candidate)]
    for depth in range(1, max(map(len, sides)) + 1):
        first, second = ("/".join(side[-depth:]) for side in sides)
        if first != second:
            return first, second
    return subject, candidate


def _parts(path: str) -> list[str]:
    parts = [part for part in PurePath(path.removeprefix("hf://")).parts if part not in ("/", "..", ".")]
    named = len(parts) > 1 and PurePath(parts[-1]).suffix != "" and parts[-1].partition(".")[0] in _PLAIN_FILES
    return (parts[:-1] if named else parts) or [path]


def plain_of(
    verdict: Mapping[str, Any],
    effects: Sequence[Mapping[str, Any]],
    evidence: Sequence[Mapping[str, Any]],
    ids: tuple[str, str],
    whole: float,
) -> Message:
    """The conclusion of a comparison in one line.

    verdict, effects, evidence: as they stand in a forebear/comparison document; ids: the two paths; whole: see `whole_change`.
    Returns: a message `plain.*` or `concentrated.*` (`plain_start.*` where the verdict leaves open whether more than the start is
             shared) with `subject` and `candidate`, and for related models either `change` (median
             over parts of the layers of ‖B−A‖/‖A‖, in place) or `cosine` (median over them, or of the aligned neurons of a
             rewritten copy).
             Where a change is concentrated, also `places`: those changed most; where most parts
             hardly changed (an adapter), `change` is that of the whole.
    """
    subject, candidate = short_names(*ids)
    relation = verdict["relation"]
    if relation != "related":
        return message(f"plain.{relation}", subject=subject, candidate=candidate)
    said = _related(subject, candidate, verdict, effects, evidence, whole)
    only_start = any(word.key.startswith("verdict.related_or_start") for word in verdict.get("words", ()))
    return message(f"plain_start.{said.key.rpartition('.')[2]}", **said.values) if only_start else said


def _related(
    subject: str, candidate: str, verdict: Mapping[str, Any], effects: Sequence[Mapping[str, Any]],
    evidence: Sequence[Mapping[str, Any]], whole: float,
) -> Message:  # fmt: skip
    if verdict["reparameterised"]:
        strength = [e["value"] for e in evidence if e["test"] == "strength" and e.get("value") is not None]
        if not strength:
            return message("plain.rewritten", subject=subject, candidate=candidate)
        return message("plain.rewritten_by", subject=subject, candidate=candidate, cosine=_middle(strength))
    parts = [e for e in effects if e["part"] in LAYER_PARTS] or list(effects)
    if not parts:
        return message("plain.related", subject=subject, candidate=candidate)
    change = _middle([e["distance"] for e in parts])
    if change < NEAR:
        return _near(subject, candidate, change, _changed_most(effects, change), whole)
    cosine = _middle([e["cosine"] for e in parts])
    return message("plain.related_far", subject=subject, candidate=candidate, cosine=cosine)


def _near(subject: str, candidate: str, change: float, parts: Sequence[Message], whole: float) -> Message:
    """Weights that are near: by how much, and in which parts where it is not much the same in all of them."""
    if change < HARDLY and not parts:
        return message("plain.related_hardly", subject=subject, candidate=candidate)
    if change < HARDLY and whole < HARDLY:
        return message("concentrated.in", subject=subject, candidate=candidate, places=list(parts))
    if change < HARDLY:
        return message("concentrated.whole", subject=subject, candidate=candidate, change=whole, places=list(parts))
    if not parts:
        return message("plain.related_by", subject=subject, candidate=candidate, change=change)
    return message("concentrated.most", subject=subject, candidate=candidate, change=change, places=list(parts))


def _changed_most(effects: Sequence[Mapping[str, Any]], change: float) -> list[Message]:
    """Parts that changed far more than the median, most first: by the median of their layers, or the most where few changed."""
    far = max(HARDLY, APART * change)
    known = [
        (e["distance"], max([e["distance"], *(one["distance"] for one in e.get("by_layer", ()))]), e["part"])
        for e in effects
    ]
    apart = sorted(((middle >= far, middle if middle >= far else most, part) for middle, most, part in known if most >= far),
                   reverse=True)  # fmt: skip
    return [message("concentrated.part" if wholly else "concentrated.part_layers", part=message(f"part.{part}"), change=value)
            for wholly, value, part in apart[:NAMED]]  # fmt: skip


def _middle(values: Sequence[float]) -> float:
    return round(median(np.array(values, dtype=np.float64)), 6)
