"""Tokenizer documents of version 1 in the shape of today's: their sentences stay the English they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]
_OUTCOMES = {
    "a needs fewer": "a-fewer",
    "b needs fewer": "b-fewer",
    "no clear difference": "no-clear-difference",
    "cannot tell": "cannot-tell",
}
OUTCOMES = tuple(_OUTCOMES.values())
"""What comparing two tokenizers on one text can give, in the order reports show it."""


def cost_today(document: Document) -> Document:
    """A forebear/tokenizer-cost document as one of version 2."""
    if document["schema"] != "forebear/tokenizer-cost/1":
        return document
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for row in document["comparisons"]:
        tally = counted.setdefault((row["a"], row["b"]), dict.fromkeys(OUTCOMES, 0))
        tally[_OUTCOMES[row["outcome"]]] += 1
    return {
        **document,
        "pairs": [{"a": a, "b": b, "texts": tally} for (a, b), tally in counted.items()],
        "languages": [entry["name"] for entry in document["languages"]],
        "domains": [entry["name"] for entry in document["domains"]],
    }


def lineage_today(document: Document) -> Document:
    """A forebear/tokenizer-lineage document as one of version 2."""
    if document["schema"] != "forebear/tokenizer-lineage/1":
        return document
    return {**document, "words": [document["words"]]}
