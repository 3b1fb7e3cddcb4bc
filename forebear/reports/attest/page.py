"""The page of an attestation: conclusion, what is proven and what is not, decay of the start, step sizes, every record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.reports.attest.text import (
    COLUMNS,
    commitment_lines,
    event_words,
    headline,
    record_lines,
    rows,
    sections,
)
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.figures.attest import pace_figure, share_figure
from forebear.reports.lines import Line
from forebear.reports.page import Document, Draw, drawn, render, saved, shown

OUTCOMES = {"start-proven": "related", "start-not-proven": "no-evidence", "contradicted": "cannot-tell"}
"""Conclusion → the class of a verdict whose colour it has."""


def attestation_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/attestation document."""
    words = catalogue(language)
    values = {
        "title": words("attest.title"),
        "headline": headline(document, words),
        "colour": OUTCOMES[document["conclusion"]["outcome"]],
        "sections": [{"title": title, "lines": several} for title, several in sections(document, words) if several],
        "events": event_words(document, words),
        "figures": [
            {"title": figure.title, **shown(figure, words("attest.title"))} for figure in drawn(_draws(document), words)
        ],
        "columns": [words(f"attest.column_{name}") for name in COLUMNS],
        "rows": rows(document, words),
    }
    return render("attestation.html", document, words, values)


def attestation_figures(document: Document, words: Catalogue) -> list[tuple[str, str]]:
    """Name and SVG of every figure of the page."""
    return [(figure.name, saved(figure, words("attest.title"))) for figure in drawn(_draws(document), words)]


def _draws(document: Document) -> Sequence[Draw]:
    return (lambda words: share_figure(document, words), lambda words: pace_figure(document, words))


def commitment_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/commitment document."""
    return _plain(document, language, commitment_lines(document, language))


def record_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/chain document."""
    return _plain(document, language, record_lines(document, language))


def _plain(document: Document, language: str, lines: Sequence[Line]) -> bytes:
    words = catalogue(language)
    head, *rest = lines
    values: dict[str, Any] = {
        "title": words("attest.title"), "headline": head.text, "colour": "no-evidence", "sections": [], "events": [],
        "figures": [], "columns": [], "rows": [], "text": "\n".join(line.text for line in rest),
    }  # fmt: skip
    return render("attestation.html", document, words, values)
