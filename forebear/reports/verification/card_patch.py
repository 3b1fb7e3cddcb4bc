"""A patch for a card: the front matter's keys that the files speak to, put right, each with its evidence as a comment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from forebear.core.errors import printable
from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten
from forebear.reports.verification.text import evidence_words

SHARED = ("identical", "related")
_KEYS = frozenset(("base_model", "base_model_relation", "merged_from", "license"))
"""Keys of a card's front matter that speak of descent and its terms: what the files do not bear out is said of each."""


def card_patch(document: Mapping[str, Any], language: str = "en") -> bytes:
    """YAML front matter to merge into a card. Relatives are proposed as `base_model` where weights are shared: who was first is
    for the card's author to say, so that the lines stand behind a comment where no claim names them."""
    words = catalogue(language)
    lines = [f"# {_text(words.text(document['conclusion']))}", "---", *_bases(document, words), *_licences(document, words), "---"]
    for claim in document["claims"]:
        stated = claim["source"]["where"] in _KEYS and claim["outcome"] != "borne-out"  # keys that the lines above leave out
        if claim["outcome"] == "contradicted" or claim["flagged"] or stated:
            source = claim["source"]
            place = f"{source['file']}:{source['line']}" if source["line"] else source["file"]
            lines.append(f"# {_text(place)} {_text(source['where'])}: {_text(words.text(claim['claim']))}")
            lines.append(f"#   {words('verify_outcome.' + claim['outcome'])}: {_text(evidence_words(claim, words))}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _bases(document: Mapping[str, Any], words: Catalogue) -> Iterator[str]:
    borne = [one for one in document["claims"] if one["kind"] == "shares" and one["outcome"] == "borne-out"]
    shown = {claim["about"] for claim in borne if not claim["proposed"]}  # a sentence is somebody's reading of it
    named = [base for base in document["relatives"] if base["name"] in shown]
    others = [base for base in document["relatives"] if base["relation"] in SHARED and base["name"] not in shown]
    if named:
        yield "base_model:"
    for base in named:
        yield from _base(base, words, "")
    if others:
        yield f"# {_text(words('shown.symmetric'))}"
        yield from () if named else ("# base_model:",)
    for base in others:
        yield from _base(base, words, "# ")


def _base(base: Mapping[str, Any], words: Catalogue, mark: str) -> Iterator[str]:
    name, relation = json.dumps(_text(base["name"]), ensure_ascii=False), words("related_as." + base["relation"])
    yield f"{mark}- {name}  # {relation}, p {power_of_ten(base['log10_p'])}"


def _licences(document: Mapping[str, Any], words: Catalogue) -> Iterator[str]:
    for claim in document["claims"]:
        if claim["kind"] == "licence" and claim["flagged"]:
            yield f"# {_text(words.text(claim['claim']))}: {_text(evidence_words(claim, words))}"


def _text(text: str) -> str:
    """One printable line, so that nothing of a file can end a comment."""
    return printable(" ".join(text.split()), 600)
