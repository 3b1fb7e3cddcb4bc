"""Case documents of version 1 in the shape of today's: their sentences stay the English they hold."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from forebear.reports.catalogue import LANGUAGES, Catalogue, catalogue
from forebear.reports.page import style_of

ALIASES = {"zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant"}
"""Other tags readers give for a language there are words for."""


def case_today(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A forebear/case document as one of version 2."""
    if document["schema"] != "forebear/case/1":
        return document
    claims = [{**claim, "why": [claim["why"]]} for claim in document["claims"]]
    return {**document, "claims": claims}


def reader(document: Mapping[str, Any]) -> str:
    """The language of the reader that a case was reported for, where there are words for it; else English."""
    language = str(document.get("language", "en"))
    tag = ALIASES.get(language, language)
    return tag if tag in LANGUAGES else "en"


def words_of(language: str) -> Catalogue:
    """The words for a reader whose language is given by any tag, English where there are none for it."""
    return catalogue(reader({"language": language}))


def every_word() -> str:
    """All words that a page, a table or a text of a case may have of its own, in every language."""
    own = ("case.html.j2", "case.css")
    templates = [resources.files("forebear.reports.cases").joinpath(name).read_text("utf-8") for name in own]
    templates.append(style_of("page.css"))  # names of fonts read like names of people
    return "\n".join([*templates, *(word for language in LANGUAGES for word in catalogue(language).words.values())])
