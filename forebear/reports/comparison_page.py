"""The page of one comparison: the verdict first, then what it rests on, figures, tensors, what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.messages import distinct
from forebear.core.sizes import show_size
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.figures.decks import all_pairs_histogram, deck_picture
from forebear.reports.figures.effects import effect_map
from forebear.reports.figures.layers import blank_words, layer_map
from forebear.reports.figures.strength import strength_bars
from forebear.reports.figures.weights import curve_scale, weight_curves
from forebear.reports.lines import local_name, safe
from forebear.reports.page import Document, Draw, drawn, render, saved, sentences, shown
from forebear.reports.scene import Figure
from forebear.reports.telling import (
    change_shown,
    cosine_shown,
    effect_row,
    evidence_row,
    plain_words,
    rows_over,
    verdict_words,
)

ORDER = ("decks", "layers", "effects", "weights")
"""Order of the pictures, on every page the same: a line of kin and a cloud of strangers can be laid side by side."""


def comparison_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/comparison document."""
    words = catalogue(language)
    view = comparison_view(document, words)
    return render("comparison.html", document, words, {"c": view}, view["rules"])


def comparison_view(document: Document, words: Catalogue, prefix: str = "", *, figures: bool = True) -> dict[str, Any]:
    """What the templates show of one comparison; prefix keeps anchors apart where a page holds several."""
    verdict = document["verdict"]
    relation = verdict["relation"]
    rows, filters, rules = _tensors(document.get("tensors", ()), words, prefix)
    drawings, about = _drawings(document, words) if figures else {}, _about(document)
    return {
        "prefix": prefix,
        "relation": relation,
        "headline": plain_words(document, words),
        "words": verdict_words(document, words),
        "english": "" if words.language == "en" else verdict_words(document, catalogue("en")),
        "order": ORDER if drawings or document["effects"] else (),
        "undrawn": _undrawn(document, words),
        "first_figure": words("page_words.first_figure") if _has_figure(document) else "",
        "caveat": words(f"caveat.{relation}"),
        "rewritten": words("caveat.reparameterised") if verdict["reparameterised"] else "",
        "direction": words(f"direction.{verdict['direction']}"),
        "subject": _party(document["subject"]),
        "candidate": _party(document["candidate"]),
        "evidence": [evidence_row(e, words) for e in document["evidence"]],
        "about": [words(k) for k in dict.fromkeys(f"about.{e['test']}" for e in document["evidence"]) if words.has(k)],
        "assumptions": sentences(
            distinct(e["assumption"] for e in document["evidence"] if e["assumption"]), words
        ),
        **_audit(document["audit"], words),
        "alignment": sentences(document["alignment"].get("words", ()), words),
        "figures": {key: _group(group, about) for key, group in drawings.items()},
        "effects": [effect_row(e, words) for e in document["effects"]],
        "tensors": rows,
        "filters": filters,
        "rules": rules,
        **_read(document["read"], words),
    }


def _party(party: Mapping[str, Any]) -> dict[str, Any]:
    return {k: safe(v, 200) if isinstance(v, str) else v for k, v in party.items()} | {"id": safe(local_name(party["id"]), 200)}


def _audit(audit: Sequence[Mapping[str, Any]], words: Catalogue) -> dict[str, Any]:
    alarms = [a for a in audit if a["alarm"]]
    if not audit:
        said = words("page.audit_none")
    elif alarms:
        said = words("page.audit_alarms", count=len(alarms))
    else:
        said = words("page.audit_calm", count=len(audit))
    told = [
        f"{words.name('term', a['checkpoint'])}, {words.name('term', a['axis'])}: {words.text(a['words'])}"
        for a in alarms
    ]
    return {"audit_words": said, "alarms": sentences(told, words)}


def comparison_figures(document: Document, words: Catalogue, prefix: str = "") -> list[tuple[str, str]]:
    """Name and SVG of every figure of the page; prefix: put before every name."""
    about = _about(document)
    groups = _drawings(document, words).values()
    return [(f"{prefix}{figure.name}", saved(figure, about)) for figures in groups for figure in figures]


def _group(figures: Sequence[Figure], about: str) -> list[dict[str, Any]]:
    """Figures that stand below each other; what several of them warn of is said once."""
    caveats = [figure.caveat for figure in figures]
    return [
        shown(figure, about) | ({"caveat": ""} if figure.caveat in caveats[:at] else {}) for at, figure in enumerate(figures)
    ]


def _undrawn(document: Document, words: Catalogue) -> dict[str, str]:
    """What stands in the place of pictures that a document has nothing for."""
    said = {key: words("page.none_drawn", why=words(f"page.no_{key}")) for key in ORDER}
    blank = blank_words(document, words)
    return said | ({"layers": blank} if blank else {})


FIGURED = ("plain.related_by", "plain.related_far", "plain_start.related_by", "plain_start.related_far")


def _has_figure(document: Document) -> bool:
    """Whether the first line holds a figure that is a median over parts."""
    return "plain" in document and document["plain"]["key"] in FIGURED


def _about(document: Document) -> str:
    names = [safe(local_name(document[side]["id"]), 60) for side in ("subject", "candidate")]
    return f"[{names[0]} / {names[1]}; {document['tool']['name']} {document['tool']['version']}]"


def _drawings(document: Document, words: Catalogue) -> dict[str, list[Figure]]:
    wanted: dict[str, tuple[Draw, ...]] = {
        "layers": (lambda w: layer_map(document, w),),
        "decks": (
            lambda w: deck_picture(document, w),
            lambda w: all_pairs_histogram(document, w),
            lambda w: strength_bars(document, w),
            lambda w: strength_bars(document, w, "heads"),
        ),
        "effects": (lambda w: effect_map(document, w),),
        "weights": (
            lambda w: curve_scale(document, w),
            lambda w: weight_curves(document, w, "std"),
            lambda w: weight_curves(document, w, "kurtosis"),
        ),
    }
    found = {key: drawn(draws, words) for key, draws in wanted.items()}
    return found if any(found.values()) else {}


def _tensors(tensors: Sequence[Mapping[str, Any]], words: Catalogue, prefix: str) -> tuple[list[Any], list[Any], str]:
    """Rows of the table, the filters above it, and the style rules by which an anchor hides the other rows."""
    parts = {part: f"p{i}" for i, part in enumerate(dict.fromkeys(t["part"] for t in tensors))}
    rows = [_tensor(t, parts[t["part"]], words) for t in tensors]
    counts = Counter(mark for row in rows for mark in row["marks"].split())
    named = [("", words("page.filter_all"), len(rows))]
    named += [
        (m, words(f"page.filter_{n}"), counts[m]) for m, n in (("ch", "changed"), ("eq", "equal"), ("lo", "lone"))
    ]
    named += [(mark, words.name("part", part), counts[mark]) for part, mark in parts.items()]
    filters = [{"id": f"{prefix}only-{mark or 'all'}", "name": name, "count": n} for mark, name, n in named if n]
    rules = "".join(
        f"#{prefix}only-{mark}:target~.scroll tbody tr:not(.{mark}){{display:none}}"
        for mark, _, n in named
        if mark and n
    )
    return rows, filters, rules


def _tensor(t: Mapping[str, Any], mark: str, words: Catalogue) -> dict[str, str]:
    a, b = t["subject"], t["candidate"]
    state = (
        "lo" if a is None or b is None else ("eq" if t["equal"] == 1.0 else ("ch" if t["equal"] is not None else ""))
    )
    one, other = a or b, b or a
    expert = "" if t.get("expert") is None else f" · {t['expert']}"
    return {
        "marks": f"{mark} {state}".strip(),
        "part": words.name("part", t["part"]) + ("" if t["kind"] == "matrix" else f" {t['kind']}") + expert,
        "layers": "/".join("–" if s is None or s["layer"] is None else str(s["layer"]) for s in (a, b)),
        "subject": "–" if a is None else safe(a["name"], 200),
        "candidate": "–" if b is None else ("=" if a is not None and a["name"] == b["name"] else safe(b["name"], 200)),
        "shape": _both("×".join(map(str, one["shape"])), "×".join(map(str, other["shape"]))),
        "dtype": safe(_both(one["dtype"], other["dtype"]), 60),
        "cosine": "" if t["cosine"] is None else cosine_shown(t["cosine"]),
        "distance": "" if t["distance"] is None else change_shown(t["distance"]),
        "equal": "" if t["equal"] is None else f"{t['equal']:.0%}",
        "rows": rows_over(t, words) if t["distance"] is not None else "",
    }


def _both(left: str, right: str) -> str:
    return left if left == right else f"{left} / {right}"


def _read(read: Mapping[str, Any], words: Catalogue) -> dict[str, Any]:
    budget = read.get("budget_bytes")
    said = [words("look.budget", budget=words("term.none") if budget is None else show_size(budget))]
    if read.get("seconds") is not None:
        said.append(words("look.seconds", seconds=f"{read['seconds']:.2g}"))
    sizes = {
        side: show_size(read[f"{side}_bytes"]) if f"{side}_bytes" in read else "–" for side in ("subject", "candidate")
    }
    return {"read_bytes": sizes, "read_words": " · ".join(said)}


def comparison_rows(document: Document) -> list[list[Any]]:
    """The table of tensors for CSV; columns are those of the document, English."""
    rows: list[list[Any]] = [
        ["part", "kind", "subject", "subject_layer", "candidate", "candidate_layer", "subject_shape", "candidate_shape",
         "subject_dtype", "candidate_dtype", "cosine", "relative_change", "equal_rows", "rows_compared", "rows"]
    ]  # fmt: skip
    for t in document.get("tensors", ()):
        sides = [
            t[side] or {"name": None, "layer": None, "shape": (), "dtype": None} for side in ("subject", "candidate")
        ]
        shapes = ["x".join(map(str, s["shape"])) for s in sides]
        names = [v for s in sides for v in (s["name"], s["layer"])]
        rows.append(
            [
                t["part"],
                t["kind"],
                *names,
                *shapes,
                *(s["dtype"] for s in sides),
                t["cosine"],
                t["distance"],
                t["equal"],
                *((None, None) if not t.get("rows") else (t["rows"]["compared"], t["rows"]["of"])),
            ]
        )
    return rows
