"""A number and its noun agree: every sentence with a number before a plural has the singular too, and it is the one said of one."""

from __future__ import annotations

import re

import pytest

from forebear.core.messages import message
from forebear.core.wording import FILLED, in_english
from forebear.reports.catalogue import catalogue

COUNTED = re.compile(r"\{\w+:[^|{}]*\|([^|{}]+)\|([^|{}]+)\}")
BARE = re.compile(r"\{(\w+)(:[^|{}]*)?\}((?: [a-z][a-z-]*){1,3})", re.IGNORECASE)
NO_COUNTS = {
    "a",
    "axis",
    "candidate",
    "factor",
    "family",
    "index",
    "key",
    "kind",
    "name",
    "others",
    "right",
    "stack",
    "subject",
    "what",
}
"""Slots that are filled with words, before verbs and nouns that stand behind numbers elsewhere."""
FRACTIONS = (":.", "%", "f", "e", "g")
SMALL = {"a", "and", "are", "as", "at", "by", "for", "from", "has", "have", "in", "is", "no", "of", "on", "or", "than", "that",
         "the", "to", "was", "were", "which", "with", "within"}  # fmt: skip
"""Words that end the group of words which a number belongs to."""


def plurals() -> set[str]:
    """Last words of plural forms in the catalogue whose singular is another: what a number can stand before."""
    found = set()
    for text in catalogue("en").words.values():
        for one, more in COUNTED.findall(text):
            ends = [a for a, b in zip(more.split(), one.split(), strict=False) if a != b and a not in SMALL]
            found |= {end for end in ends[:1] if end.endswith(("s", "matrices", "axes"))}
    return found


def lacking(text: str, known: set[str]) -> list[str]:
    """Slots of numbers before a plural that have no singular."""
    found = []
    for match in BARE.finditer(text):
        name, form, behind = match[1], match[2] or "", match[3].split()
        group = behind[: next((at for at, word in enumerate(behind) if word in SMALL), len(behind))]
        if name not in NO_COUNTS and not form.endswith(FRACTIONS) and known & set(group):
            found.append(match[0])
    return found


def test_every_number_before_a_plural_has_the_singular_too() -> None:
    known = plurals()
    assert {"tensors", "layers", "bytes", "entries", "tokens", "models"} <= known
    wrong = {key: found for key, text in catalogue("en").words.items() if (found := lacking(text, known))}
    assert wrong == {}


def test_a_sentence_that_lacks_it_would_be_noticed() -> None:
    known = {"tensors", "entries", "layers"}
    assert lacking("{tensors:,} tensors and {entries:,} metadata entries fit", known) == [
        "{tensors:,} tensors and",
        "{entries:,} metadata entries fit",
    ]
    assert lacking("in {layers} layers", known) == ["{layers} layers"]
    assert lacking("{tensors:,|tensor|tensors} fit, {share:.0%} tensors", known) == []


@pytest.mark.parametrize(("count", "said"), [
    (1, "1 tensor and 1 metadata entry cannot fit into 1 byte"), (2, "2 tensors and 2 metadata entries cannot fit into 2 bytes"),
])  # fmt: skip
def test_one_is_said_in_the_singular(count: int, said: str) -> None:
    assert in_english(message("gguf.counts", tensors=count, entries=count, left=count)) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 of 3 layers has no norm"), (2, "2 of 3 layers have no norm"), (0, "0 of 3 layers have no norm")],
)
def test_a_verb_behind_other_words_follows_its_number(count: int, said: str) -> None:
    text = "{count:,} of {of:,|layer|layers} {count:-|has|have} no norm"
    assert FILLED.vformat(text, (), {"count": count, "of": 3}) == said


def test_every_form_has_two_words_that_differ() -> None:
    for key, text in catalogue("en").words.items():
        for one, more in COUNTED.findall(text):
            assert one != more, key
