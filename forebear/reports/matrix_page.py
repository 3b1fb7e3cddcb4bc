"""The page of many at once: map and tree by effect, every verdict, and what the pairs that share something rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from forebear.core.messages import message
from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten, short_names
from forebear.reports.comparison_page import comparison_figures, comparison_view
from forebear.reports.figures.many import pair_map, tree_picture
from forebear.reports.lines import safe
from forebear.reports.many_first import alike_words, many_first, many_names
from forebear.reports.page import Document, Draw, drawn, render, saved, shown
from forebear.reports.telling import evidence_row, verdict_words

RELATIONS = (
    "identical", "related", "shared-start", "related-channels-only", "shares-components", "cannot-tell", "no-evidence",
)  # fmt: skip
COLOURED = ("identical", "related", "cannot-tell")
"""Relations that colour the bar of the first line, the first that occurs."""
MAX_ROWS = 3000
MAX_DRAWN = 4
"""Pairs whose whole comparison, figures and all, stands on the page."""
MAX_FOUND = 200
"""Pairs whose evidence stands on the page where comparisons are not kept."""


def matrix_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/matrix document."""
    words = catalogue(language)
    names = short_names(document["members"])
    order = sorted(range(len(document["pairs"])), key=lambda i: _rank(document["pairs"][i]))
    kept = [i for i in order if document["pairs"][i]["comparison"]]
    views = [
        comparison_view(document["pairs"][i]["comparison"], words, f"pair{i}-", figures=len(kept) <= MAX_DRAWN)
        for i in kept
    ]
    found = [i for i in order if i not in kept and document["pairs"][i]["relation"] not in (None, "no-evidence")][
        :MAX_FOUND
    ]
    anchors = {i: f"pair{i}-pair" for i in kept} | {i: f"found-{i}" for i in found}
    left_out = len(order) - MAX_ROWS
    limits = [
        *document["limits"],
        *([message("limit.page", count=left_out).document()] if left_out > 0 else []),
    ]
    values = {
        **_heading(document, words),
        "total": len(order),
        "figures": _figures(document, words),
        "pairs": [_pair(document["pairs"][i], anchors.get(i, ""), names, words) for i in order[:MAX_ROWS]],
        "members": [_member(m, names, words) for m in document["members"]],
        "shown": views,
        "found": [_found(document["pairs"][i], anchors[i], names, words) for i in found],
    }
    return render("matrix.html", dict(document) | {"limits": limits}, words, values, "".join(v["rules"] for v in views))


def _rank(pair: Mapping[str, Any]) -> tuple[int, float]:
    relation = pair["relation"]
    return RELATIONS.index(relation) if relation in RELATIONS else len(RELATIONS), -(pair.get("effect") or 0.0)


def _heading(document: Document, words: Catalogue) -> dict[str, Any]:
    """The heading, and what stands below it: which models belong together, and how many pairs have which relation."""
    first, counts = many_first(document, words), _headline(document, words)
    return {
        "headline": first or counts,
        "below": many_names(document, words),
        "counts": counts if first else "",
        "colour": next((r for r in COLOURED if any(pair["relation"] == r for pair in document["pairs"])), "none"),
    }


def _headline(document: Document, words: Catalogue) -> str:
    counts = Counter(p["relation"] or "not-compared" for p in document["pairs"])
    order = [r for r in (*RELATIONS, "not-compared") if counts[r]]
    said = (words("many.counted", count=counts[r], relation=words.name("relation", r)) for r in order)
    return words("many.headline", total=len(document["pairs"]), counts=words("many.joint").join(said))


def matrix_figures(document: Document, words: Catalogue) -> list[tuple[str, str]]:
    """Name and SVG of every figure of the page, those of the comparisons on it with the number of their pair before the name."""
    kept = [(number, pair) for number, pair in enumerate(document["pairs"], 1) if pair["comparison"]]
    found = [(figure.name, saved(figure, _about(document))) for figure in drawn(_draws(document), words)]
    for number, pair in kept if len(kept) <= MAX_DRAWN else ():
        found += comparison_figures(pair["comparison"], words, f"pair-{number}-")
    return found


def _figures(document: Document, words: Catalogue) -> list[Any]:
    return [shown(figure, _about(document)) for figure in drawn(_draws(document), words)]


def _about(document: Document) -> str:
    return f"[{document['tool']['name']} {document['tool']['version']}]"


def _draws(document: Document) -> tuple[Draw, ...]:
    return (lambda w: pair_map(document, w), lambda w: tree_picture(document, w))


def _pair(pair: Mapping[str, Any], anchor: str, names: Mapping[str, str], words: Catalogue) -> dict[str, str]:
    return {
        "subject": safe(names[pair["subject"]], 200),
        "candidate": safe(names[pair["candidate"]], 200),
        "relation": words.name("relation", pair["relation"] or "not-compared"),
        "p": power_of_ten(pair["log10_p"]) if pair["log10_p"] is not None else "–",
        "alike": alike_words(pair, words),
        "effect": "–" if pair.get("effect") is None else f"{pair['effect']:z.2f}",
        "anchor": anchor,
    }


def _member(member: Mapping[str, Any], names: Mapping[str, str], words: Catalogue) -> dict[str, str]:
    shown_figures = {k: "–" if member.get(k) is None else f"{member[k]:,}" for k in ("layers", "width", "parameters")}
    error = member.get("why") or member.get("error")
    family = safe(words.text(error) if error else member.get("family") or "–", 200)
    return {"id": safe(names[member["id"]], 200), "family": family, **shown_figures}


def _found(pair: Mapping[str, Any], anchor: str, names: Mapping[str, str], words: Catalogue) -> dict[str, Any]:
    evidence = pair.get("evidence", ())
    sides = [safe(names[pair[side]], 100) for side in ("subject", "candidate")]
    document = {"verdict": {"words": pair.get("words") or ()}, "evidence": evidence}
    return {
        "anchor": anchor,
        "relation": pair["relation"],
        "title": f"{sides[0]} / {sides[1]}: {words.name('relation', pair['relation'])}",
        "words": verdict_words(document, words),
        "evidence": [evidence_row(e, words) for e in evidence],
    }


def matrix_rows(document: Document) -> list[list[Any]]:
    """All pairs for CSV; columns are those of the document, English."""
    keys = ["subject", "candidate", "relation", "direction", "reparameterised", "log10_p", "effect", "error"]
    return [keys, *([p.get(k) for k in keys] for p in document["pairs"])]
