"""A search as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.figures.kin import found_layers
from forebear.reports.library.text import EQUAL, about, first_words, found, hit_header, hit_row, second_words
from forebear.reports.lines import safe
from forebear.reports.page import Draw, drawn, render, saved, shown

Document = Mapping[str, Any]


def search_page(document: Document, language: str = "en") -> bytes:
    """The candidates of a search as one page without script."""
    words = catalogue(language)
    hits = [{"row": hit_row(hit, words), "layers": hit["layers"]} for hit in document["hits"]]
    best = document["hits"][0]["relation"] if document["hits"] else "none"
    values = {
        "relation": "identical" if best in EQUAL else best,
        "headline": first_words(document, words),
        "second": second_words(document, words),
        "header": hit_header(words),
        "hits": hits,
        "found": found(document, words),
        "about": about(document, words),
        "figures": [shown(figure, _about(document)) for figure in drawn(_draws(document), words)],
    }
    return render("search.html", document, words, values)


def search_figures(document: Document, words: Catalogue) -> list[tuple[str, str]]:
    """Name and SVG of every figure of the page."""
    return [(figure.name, saved(figure, _about(document))) for figure in drawn(_draws(document), words)]


def _draws(document: Document) -> tuple[Draw, ...]:
    return (lambda w: found_layers(document, w),)


def _about(document: Document) -> str:
    return f"[{safe(document['subject']['name'], 60)}; {document['tool']['name']} {document['tool']['version']}]"
