"""A tree of a library as a page: families that fold, one drawing each, claims, what every edge rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten
from forebear.reports.figures.tree import family_names, family_scene, tree_figure
from forebear.reports.library.tree import (
    about,
    alone_in,
    claim_header,
    claim_row,
    claim_summary,
    compared_words,
    family_head,
    family_words,
    headline,
    marks,
    said_of,
)
from forebear.reports.lines import safe
from forebear.reports.page import render, saved, shown
from forebear.reports.svg import inline_svg

Document = Mapping[str, Any]
FEW = range(11)
"""How many models without a relation there are where they are listed openly."""
OPEN = 6
"""Families that are unfolded when the page opens."""
MOST_CLAIMS = 3000
MOST_ALONE = 2000
STYLE = (
    ".tree svg.figure{max-width:none}.tree summary{color:var(--ink)}"
    ".claims td{white-space:normal;overflow-wrap:anywhere;min-width:7rem}"
)


def tree_page(document: Document, language: str = "en") -> bytes:
    """The HTML page of a forebear/tree document."""
    words = catalogue(language)
    names = family_names(document, words)
    figure = tree_figure(document, words)
    values = {
        "headline": headline(document, words),
        "relation": "related" if document["proved"] and document["families"] else "none",
        "families": [_family(document, family, names, words) for family in document["families"]],
        "opened": OPEN,
        "marks": marks(document, words),
        "few": FEW,
        "figure": None if figure is None else shown(figure, _about(document)),
        "claim_header": claim_header(words),
        "claims": [claim_row(row, words) for row in document["claims"][:MOST_CLAIMS]],
        "claim_summary": claim_summary(document, words),
        "compared": compared_words(document, words)[:MOST_CLAIMS],
        "alone": [safe(names[node["id"]], 120) for node in alone_in(document)[:MOST_ALONE]],
        "about": about(document, words),
    }
    return render("tree.html", document, words, values, STYLE)


def tree_figures(document: Document, words: Catalogue) -> list[tuple[str, str]]:
    """Name and SVG of the figure of the page."""
    figure = tree_figure(document, words)
    return [] if figure is None else [(figure.name, saved(figure, _about(document)))]


def _about(document: Document) -> str:
    return f"[{document['tool']['name']} {document['tool']['version']}]"


def _family(
    document: Document, family: Mapping[str, Any], names: Mapping[str, str], words: Catalogue
) -> dict[str, Any]:
    from markupsafe import Markup

    head = family_head(document, family, names, words)
    scene = family_scene(document, family["number"], names, words)
    edges = [edge for edge in document["edges"] if edge["family"] == family["number"]]
    said = [line for edge in edges for line in said_of(edge, names, words)]
    return {
        "head": head, "words": family_words(family, names, words), "svg": Markup(inline_svg(scene, head)),
        "edges": [_edge(edge, names, words) for edge in edges], "said": list(dict.fromkeys(said)),
    }  # fmt: skip


def _edge(edge: Mapping[str, Any], names: Mapping[str, str], words: Catalogue) -> dict[str, str]:
    evidence, way = edge["evidence"], edge["evidence"].get("way")
    one, other = (safe(names[end], 80) for end in edge["ends"])
    direction = words("tree_page.no_direction")
    if edge["parent"] is not None:
        direction = words(
            "tree_page.from", child=safe(names[edge["child"]], 80), parent=safe(names[edge["parent"]], 80)
        )
    return {
        "one": one, "other": other, "kind": words(f"tree_kind.{edge['kind']}"),
        "relation": "–" if edge["relation"] is None else words.name("relation", edge["relation"]),
        "p": power_of_ten(evidence.get("log10_p")), "way": "–" if way is None else f"{way['whole']:.2g}", "direction": direction,
    }  # fmt: skip
