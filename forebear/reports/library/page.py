"""A search as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import catalogue
from forebear.reports.library.text import EQUAL, about, first_words, hit_header, hit_row
from forebear.reports.page import render

Document = Mapping[str, Any]


def search_page(document: Document, language: str = "en") -> bytes:
    """The candidates of a search as one page without script."""
    words = catalogue(language)
    hits = [{"row": hit_row(hit, words), "layers": hit["layers"]} for hit in document["hits"]]
    best = document["hits"][0]["relation"] if document["hits"] else "none"
    values = {
        "relation": "identical" if best in EQUAL else best,
        "headline": first_words(document, words),
        "header": hit_header(words),
        "hits": hits,
        "about": about(document, words),
    }
    return render("search.html", document, words, values)
