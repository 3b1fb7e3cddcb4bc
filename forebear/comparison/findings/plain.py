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
) -> Message:
    """The conclusion of a comparison in one line.

    verdict, effects, evidence: as they stand in a forebear/comparison document; ids: the two paths.
    Returns: a message `plain.*` with `subject` and `candidate`, and for related models either `change` (median over parts of the
             layers of ‖B−A‖/‖A‖, in place) or `cosine` (median over them, or of the aligned neurons of a rewritten copy).
    """
    subject, candidate = short_names(*ids)
    relation = verdict["relation"]
    if relation != "related":
        return message(f"plain.{relation}", subject=subject, candidate=candidate)
    if verdict["reparameterised"]:
        strength = [e["value"] for e in evidence if e["test"] == "strength" and e.get("value") is not None]
        if not strength:
            return message("plain.rewritten", subject=subject, candidate=candidate)
        return message("plain.rewritten_by", subject=subject, candidate=candidate, cosine=_middle(strength))
    parts = [e for e in effects if e["part"] in LAYER_PARTS] or list(effects)
    if not parts:
        return message("plain.related", subject=subject, candidate=candidate)
    change = _middle([e["distance"] for e in parts])
    if change < HARDLY:
        return message("plain.related_hardly", subject=subject, candidate=candidate)
    if change < NEAR:
        return message("plain.related_by", subject=subject, candidate=candidate, change=change)
    cosine = _middle([e["cosine"] for e in parts])
    return message("plain.related_far", subject=subject, candidate=candidate, cosine=cosine)


def _middle(values: Sequence[float]) -> float:
    return round(median(np.array(values, dtype=np.float64)), 6)
