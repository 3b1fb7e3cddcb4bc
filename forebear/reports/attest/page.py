"""The page of an attestation: conclusion, what is proven and what is not, decay of the start, step sizes, every record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.reports.attest.text import (
    COLUMNS,
    commitment_headline,
    commitment_said,
    event_words,
    headline,
    names_said,
    record_facts,
    record_said,
    rows,
    sections,
    told,
)
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.figures.attest import pace_figure, share_figure
from forebear.reports.page import Document, Draw, drawn, render, saved, shown

OUTCOMES = {
    "start-proven": "related",
    "start-known": "cannot-tell",
    "start-not-proven": "no-evidence",
    "unexplained": "cannot-tell",
    "contradicted": "cannot-tell",
}
"""Conclusion → the class of a verdict whose colour it has."""


def attestation_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/attestation document."""
    words = catalogue(language)
    values = {
        "title": words("attest.title"),
        "page_title": _title(document, words),
        "names": names_said(document, words),
        "headline": headline(document, words),
        "colour": OUTCOMES[document["conclusion"]["outcome"]],
        "sections": [
            {"title": title, "lines": lines}
            for (title, _), lines in zip(sections(document, words), told(document, words), strict=True)
            if lines
        ],
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


def _title(document: Document, words: Catalogue) -> str:
    """What a browser calls the page: the run, and the model it ended in."""
    if "run" not in document:
        return words("attest.title")
    if document.get("final") is None:
        return words("attest_page.title", run=document["run"])
    return words("attest_page.title_final", run=document["run"], final=document.get("final"))


def commitment_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/commitment document."""
    words = catalogue(language)
    title, head = words("attest_page.title_commitment"), commitment_headline(document, words)
    return _plain(document, words, title, [head], document["announcement"], commitment_said(document, words))


def record_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/chain document."""
    words = catalogue(language)
    title, said = words("attest_page.title_record"), record_said(document, words)
    return _plain(document, words, title, said, document["record"]["line_sha256"], [], record_facts(document, words))


def _plain(
    document: Document, words: Catalogue, title: str, said: Sequence[str], digest: str, after: Sequence[str],
    facts: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A page of a few sentences. said: its headline and what stands before the digest; after: what stands below; facts: by name."""
    head, *before = said
    values: dict[str, Any] = {
        "title": title, "page_title": title, "names": before, "headline": head, "colour": "no-evidence", "sections": [],
        "digest": digest, "after": after, "facts": facts, "events": [], "figures": [], "columns": [], "rows": [],
    }  # fmt: skip
    return render("attestation.html", document, words, values)
