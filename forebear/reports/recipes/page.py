"""The page of one recipe: the plain conclusion, the layer map, the steps, what is left by part and layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.figures.recipe import change_map, recipe_map
from forebear.reports.lines import local_name, safe
from forebear.reports.page import drawn, render, saved, sentences, shown
from forebear.reports.recipes.text import claim_words, first_lines, left_words, parent_words, step_rows
from forebear.reports.scene import Figure

Document = Mapping[str, Any]

REPLAYED = ("re-derived", "replayed")
"""Grades of steps that replay shows."""


def recipe_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/recipe document."""
    words = catalogue(language)
    first, *rest = sentences(document["words"], words)
    view = {
        "headline": first.text,
        "words": rest,
        "subject": {**document["subject"], "id": safe(local_name(document["subject"]["id"]), 200)},
        "candidates": [
            {
                "id": safe(local_name(c["id"]), 200),
                "relation": words("relation." + c["relation"]),
                "words": words.statements(c["words"]),
            }
            for c in document["candidates"]
        ],
        # the colour of a relation only where a step was replayed: what no replay shows is no success
        "relation": next(
            (
                c["relation"]
                for c in document["candidates"]
                if c["id"] == document["candidate"] and any(step["grade"] in REPLAYED for step in document["steps"])
            ),
            "no-evidence",
        ),
        "steps": step_rows(document, words),
        "left": left_words(document, words),
        "parents": parent_words(document, words),
        "came_first": first_lines(document, words),
        "claims": claim_words(document, words),
        "figures": [shown(figure, _about(document)) for figure in figures(document, words)],
    }
    return render("recipe.html", document, words, {"c": view})


def figures(document: Document, words: Catalogue) -> list[Figure]:
    """The layer map and what is left, where there is something to draw."""
    return drawn((lambda w: recipe_map(document, w), lambda w: change_map(document, w)), words)


def recipe_figures(document: Document, words: Catalogue, prefix: str = "") -> list[tuple[str, str]]:
    """Name and SVG of every figure of the page; prefix: put before every name."""
    return [(f"{prefix}{figure.name}", saved(figure, _about(document))) for figure in figures(document, words)]


def _about(document: Document) -> str:
    name, tool = safe(local_name(document["subject"]["id"]), 60), document["tool"]
    return f"[{name}; {tool['name']} {tool['version']}]"
