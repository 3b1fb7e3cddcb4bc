"""Documents of libraries as lines of text and as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.messages import distinct
from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten
from forebear.reports.lines import Line, bullet, footer, safe, table, wrap

Document = Mapping[str, Any]
_SEARCH_ROWS = ("id", "name", "relation", "proved", "corrected_log10_p", "cosine", "z", "effective", "shared_tensors", "tensors",
                "anchors", "layers")  # fmt: skip
EQUAL = ("same-values", "identical")
"""Relations that mean every value is equal: by digests, or compared."""
SHARED = ("same-values", "identical", "related")
"""Relations after which a model shares weights."""
NAMED = 4
"""Models that the first line names."""
SHOWN_ITEMS = 200
"""Rows of a document that text shows; the document has all of them."""


def library_lines(document: Document, language: str = "en") -> list[Line]:
    """What a verb did to a library."""
    words = catalogue(language)
    lines = [
        Line(
            words(f"library_page.{document['action']}", models=document["models"], screens=document["screens"]), "bold"
        )
    ]
    counts = [words(f"library_outcome.{name}", count=count) for name, count in document["outcomes"].items()]
    lines += wrap("; ".join(counts)) if counts else []
    if document["action"] == "compact":
        lines += wrap(words("library_page.freed", bytes=document["freed_bytes"]))
    if document["action"] == "verify" and not document["items"]:
        lines += wrap(words("library_page.whole"), style="green")
    items = document["items"][:SHOWN_ITEMS]
    if items:
        lines += [Line(""), *(held(items, words) if document["action"] == "list" else outcomes(items, words))]
    lines += bullet(notes(items, words))
    return [*lines, *limits(document, words), *footer(document, words)]


def outcomes(items: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    """A table of what became of each model."""
    header = (words("library_page.model"), words("library_page.id"), words("library_page.outcome"), "")
    return table(
        header,
        [(i["name"], (i["id"] or "")[:14], words.name("library_row", i["outcome"]), reason(i, words)) for i in items],
    )


def held(items: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    """A table of what each model is, and below it why prints could not be read."""
    header = ("library_page.model", "library_page.id", "column.family", "library_page.layer_count", "column.width",
              "column.parameters", "library_page.read_as")  # fmt: skip
    rows = []
    for item in items:
        if item["error"]:
            rows.append((item["name"], item["id"][:14], "", "", "", "", words("library_row.refused")))
            continue
        names = words("many.joint").join(safe(name) for name in item["names"])
        sizes = (item["layers"], item["width"], f"{item['parameters']:,}")
        rows.append((names, item["id"][:14], item["family"], *sizes, words.name("library_kind", item["kind"])))
    lines = table(tuple(words(key) for key in header), rows)
    return [*lines, *bullet(reason(item, words) for item in items if item["error"])]


def notes(items: Sequence[Mapping[str, Any]], words: Catalogue) -> list[str]:
    """What was said of making prints, each once, led by the models it was said of."""
    models: dict[str, list[str]] = {}
    for item in items:
        for said in item.get("said", ()):
            models.setdefault(words.text(said), []).append(safe(item["name"]))
    return [
        words("limit.side", side=words("many.joint").join(dict.fromkeys(names)), what=said)
        for said, names in models.items()
    ]


def reason(item: Mapping[str, Any], words: Catalogue) -> str:
    """Why something happened to an item; empty where nothing did."""
    return words.text(item["error"]) if item["error"] else ""


def library_rows(document: Document) -> list[list[Any]]:
    """A row for each item."""
    words = catalogue()
    if document["action"] == "list":
        keys = ["name", "id", "outcome", "family", "layers", "width", "parameters", "kind"]
        return [[*keys, "reason"], *([*(i.get(key) for key in keys), reason(i, words)] for i in document["items"])]
    return [
        ["name", "id", "outcome", "reason"],
        *([i["name"], i["id"], i["outcome"], reason(i, words)] for i in document["items"]),
    ]


def first_words(document: Document, words: Catalogue) -> str:
    """The plain conclusion of a search."""
    name, screens, models = document["subject"]["name"], document["searched"]["screens"], document["searched"]["models"]
    hits = document["hits"]
    if not hits:
        return words(f"library_page.{'nothing' if models else 'empty'}", name=safe(name), models=models)
    if document.get("first"):
        return words.text(document["first"])
    best = hits[0]
    if best["relation"] in EQUAL:
        return words("library_page.same", name=safe(name), other=safe(best["name"]))
    shared = [safe(hit["name"]) for hit in hits if hit["proved"] and hit["relation"] in SHARED]
    if shared:
        more = [words("lineage_page.and_more", count=len(shared[NAMED:]))] if shared[NAMED:] else []
        names = words("many.joint").join([*shared[:NAMED], *more])
        return words("search_first.shares", name=safe(name), count=len(shared), models=models, names=names)
    if best["proved"] and (plain := best["verdict"].get("plain")):
        return words.text(plain)
    ranked = best["relation"] == "ranked-by-anchors"
    key = "proved" if best["proved"] else "ranked" if ranked else "proposed"
    return words(f"library_page.{key}", name=safe(name), other=safe(best["name"]), count=document["searched"]["proposed"],
                 models=models, screens=screens, relation=relation(best, words))  # fmt: skip


def second_words(document: Document, words: Catalogue) -> str:
    """Below the first line of a proven search: the sum of several that gives the model, else how far the first one departs."""
    parents, hits = document.get("parents_words"), document["hits"]
    if parents and parents["values"].get("names", ())[1:]:
        return words.text(parents)
    if not hits or not hits[0]["proved"] or hits[0]["relation"] not in SHARED or not hits[0]["verdict"].get("plain"):
        return ""
    return words("search_first.nearest", said=words.text(hits[0]["verdict"]["plain"]))


def relation(hit: Mapping[str, Any], words: Catalogue) -> str:
    """What a hit is in words: the relation that comparing gave, or what proposed it."""
    return words.name("relation" if hit["proved"] else "library_relation", hit["relation"])


def search_lines(document: Document, language: str = "en") -> list[Line]:
    """The candidates of a search, the surest first, with what each figure means."""
    words = catalogue(language)
    lines = [Line(line.text, "bold") for line in wrap(first_words(document, words), indent="")]
    lines += wrap(second_words(document, words), indent="")
    rows = [hit_row(hit, words) for hit in document["hits"]]
    lines += [Line(""), *table(hit_header(words), rows)] if rows else []
    lines += [line for said in found(document, words) for line in wrap(said)]
    lines += [Line(""), *bullet(about(document, words))]
    return [*lines, *limits(document, words), *footer(document, words)]


def hit_header(words: Catalogue) -> tuple[str, ...]:
    """Columns of the table of hits."""
    first, last = ("model", "id", "relation"), ("cosine", "equal", "anchors", "layers")
    names = [[words(f"library_page.{key}") for key in keys] for keys in (first, last)]
    return (*names[0], words("column.p"), *names[1])


def hit_row(hit: Mapping[str, Any], words: Catalogue) -> tuple[str, ...]:
    """A hit as the table shows it."""
    figure = hit["figure"]
    shared = words("library_page.of", count=figure["shared_tensors"], of=figure["tensors"])
    anchors = "–" if figure["anchors"] is None else f"{figure['anchors']:.2f}"
    return (hit["name"], hit["id"][:14], relation(hit, words), power_of_ten(hit["corrected_log10_p"]), f"{figure['cosine']:.2f}",
            shared, anchors, str(len(hit["layers"])))  # fmt: skip


def found(document: Document, words: Catalogue) -> list[str]:
    """How many were compared, and what was found besides the models: a weighted sum of them."""
    best = document["hits"][0] if document["hits"] else None
    searched = document["searched"]
    said = []
    if best and best["proved"] and best["verdict"].get("plain"):
        said.append(words("library_page.compared", other=safe(best["name"]), count=searched["proposed"], models=searched["models"]))
    parents = document.get("parents_words")
    return said + ([words.text(parents)] if parents and not parents["values"].get("names", ())[1:] else [])


def about(document: Document, words: Catalogue) -> list[str]:
    """What the figures of a search mean, with null hypothesis and assumption."""
    level, hits = document["level"], document["hits"]
    if not document["searched"]["models"]:
        return []
    said = []
    if any(hit["proved"] for hit in hits):
        said.append(words("library_page.about_proved", models=document["searched"]["models"], h0=words("h0.text")))
        assumed = distinct(
            hit["verdict"]["assumption"] for hit in hits if hit["proved"] and hit["verdict"]["assumption"]
        )
        said += [f"{words('text.assumes')}: {words.text(one)}{words('found.stop')}" for one in assumed]
        said.append(words("library_sole.sample"))
    if not hits or not all(hit["proved"] for hit in hits):
        said.append(words("library_page.about_p", screens=document["searched"]["screens"], p=power_of_ten(level["log10_p"]),
                          dispersion=f"{level['dispersion']:.2f}"))  # fmt: skip
    said.append(words("library_page.about_equal"))
    if any(hit["relation"] in ("candidate-by-anchors", "ranked-by-anchors") for hit in document["hits"]):
        said.append(words("library_page.about_anchors"))
    if not all(hit["proved"] for hit in document["hits"]):
        said.append(words("library_page.about_proof"))
    return said


def search_rows(document: Document) -> list[list[Any]]:
    """A row for each hit."""
    rows = []
    for hit in document["hits"]:
        flat = {**hit["figure"], **hit, "layers": len(hit["layers"])}
        rows.append([flat[key] for key in _SEARCH_ROWS])
    return [list(_SEARCH_ROWS), *rows]


def limits(document: Document, words: Catalogue) -> list[Line]:
    """What could not be done."""
    said = [words.text(limit) for limit in document["limits"]]
    return [Line(""), Line(words("page.limits"), "bold"), *bullet(said)] if said else []
