"""A tree of a library as lines of text and as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.natural import natural
from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten
from forebear.reports.figures.tree import family_names
from forebear.reports.library.text import limits
from forebear.reports.lines import Line, bullet, footer, safe, table, wrap

Document = Mapping[str, Any]
NAMED = 4
"""Members that the head of a family names."""
SHOWN_CLAIMS = 100
SHOWN_ALONE = 40
SHOWN_COMPARED = 40
DEEPEST = 30
_ROWS = (
    "family",
    "kind",
    "relation",
    "direction",
    "parent",
    "child",
    "proved",
    "log10_p",
    "proposed_by",
    "cosine",
    "shared_tensors",
)


def headline(document: Document, words: Catalogue) -> str:
    """The plain conclusion."""
    if not document["nodes"]:
        return words("tree_page.empty")
    alone = len(alone_in(document))
    models = document["searched"]["models"]
    key = "proved" if document["proved"] else "proposed"
    return words(f"tree_page.{key}", models=models, families=len(document["families"]), alone=alone)


def alone_in(document: Document) -> list[Mapping[str, Any]]:
    """Models in no family, by name."""
    alone = [node for node in document["nodes"] if node["family"] is None]
    return sorted(alone, key=lambda node: natural(node["name"]))


def tree_lines(document: Document, language: str = "en") -> list[Line]:
    """Families with their models set in, claims, what was compared besides, and what the words mean."""
    words = catalogue(language)
    names = family_names(document, words)
    lines = [Line(line.text, "bold") for line in wrap(headline(document, words), indent="")]
    for family in document["families"]:
        lines += [Line(""), *family_lines(document, family, names, words)]
    lines += _claims(document, words)
    if document["compared"]:
        lines += [
            Line(""),
            Line(words("tree_page.compared"), "bold"),
            *bullet(compared_words(document, words)[:SHOWN_COMPARED]),
        ]
    alone = alone_in(document)
    if alone:
        shown = [safe(names[node["id"]], 80) for node in alone[:SHOWN_ALONE]]
        more = ["…"] if alone[SHOWN_ALONE:] else []
        lines += [Line(""), Line(words("tree_page.alone"), "bold"), *wrap(words("many.joint").join([*shown, *more]))]
    lines += [Line(""), *bullet(about(document, words))]
    return [*lines, *limits(document, words), *footer(document, words)]


def family_head(document: Document, family: Mapping[str, Any], names: Mapping[str, str], words: Catalogue) -> str:
    """The line above a family."""
    members = [safe(names[member], 60) for member in family["members"]]
    more = [words("lineage_page.and_more", count=len(members[NAMED:]))] if members[NAMED:] else []
    shown = words("many.joint").join([*members[:NAMED], *more])
    return words("tree_page.family", number=family["number"], names=shown, count=len(members))


def family_words(family: Mapping[str, Any], names: Mapping[str, str], words: Catalogue) -> str:
    """What is known of where a family begins."""
    if not family["proved"]:
        return words("tree_page.by_proposal")
    if family["root"] is None:
        return words("tree_page.no_root")
    return words("tree_page.root", name=safe(names[family["root"]], 80), branches=family["branches"])


def family_lines(
    document: Document, family: Mapping[str, Any], names: Mapping[str, str], words: Catalogue
) -> list[Line]:
    """One family: each model set in below the one it is next to, with the sign of the line between them."""
    edges = {frozenset(edge["ends"]): edge for edge in document["edges"] if edge["family"] == family["number"]}
    lines = [Line(family_head(document, family, names, words), "bold"), *wrap(family_words(family, names, words))]
    for row in family["rows"]:
        mark, told = "", ""
        if row["above"] is not None:
            edge = edges[frozenset((row["id"], row["above"]))]
            mark, told = sign(edge, row["id"]), _told(edge, words)
        indent = "  " * min(DEEPEST, row["depth"] + 1)
        lines.append(Line(f"{indent}{mark}{safe(names[row['id']], 80)}{told}"))
    return [*lines, *bullet(merge_words(list(edges.values()), names, words))]


def sign(edge: Mapping[str, Any], ident: str) -> str:
    """How a line is drawn in text: an arrow to the child, a plain line without direction, dots for a proposal."""
    if edge["kind"] == "proposed":
        return "··· "
    if edge["child"] is None:
        return "─── "
    return "──> " if edge["child"] == ident else "<── "


def _told(edge: Mapping[str, Any], words: Catalogue) -> str:
    if edge["relation"] is None:
        return ""
    return f"  ({words.name('relation', edge['relation'])}, p {power_of_ten(edge['evidence']['log10_p'])})"


def merge_words(edges: Sequence[Mapping[str, Any]], names: Mapping[str, str], words: Catalogue) -> list[str]:
    """Each merge of a family with its parents and their shares."""
    parents: dict[str, list[str]] = {}
    for edge in edges:
        if edge["kind"] == "merge":
            child, parent = (safe(names[end], 80) for end in edge["ends"])
            weight = edge["evidence"].get("weight")
            parents.setdefault(child, []).append(parent if weight is None else words("tree_page.share", share=weight, name=parent))
    return [words("tree_mark.made", name=child, shares=" + ".join(shares)) for child, shares in parents.items()]


def marks(document: Document, words: Catalogue) -> list[str]:
    """What the signs of a drawing mean, of those that occur in it."""
    edges = document["edges"]
    found = {
        "arrow": any(edge["parent"] is not None for edge in edges),
        "line": any(edge["parent"] is None for edge in edges),
        "dashed": any(not edge["proved"] for edge in edges),
        "circle": any(family["unknown"] for family in document["families"]),
        "merge": any(edge["kind"] == "merge" for edge in edges),
        "top": bool(document["families"]),
    }
    return [words(f"tree_mark.{key}") for key, there in found.items() if there]


def compared_words(document: Document, words: Catalogue) -> list[str]:
    """Pairs that were compared and are no edge."""
    return [f"{safe(row['names'][0], 60)} / {safe(row['names'][1], 60)}: {words.name('relation', row['relation'])}"
            for row in document["compared"]]  # fmt: skip


def claim_summary(document: Document, words: Catalogue) -> str:
    """How many claims the tree does not agree with."""
    claims = document["claims"]
    if not claims:
        return words("tree_page.no_claims")
    return words("tree_page.disagree", count=len([row for row in claims if row["disagrees"]]), of=len(claims))


def claim_header(words: Catalogue) -> tuple[str, ...]:
    """Columns of the table of claims."""
    return tuple(words(f"tree_page.{key}") for key in ("one", "claim", "outcome", "other"))


def claim_row(row: Mapping[str, Any], words: Catalogue) -> tuple[str, ...]:
    """A claim as the table shows it."""
    joined = words("many.joint").join(safe(name, 60) for name in row["next_to"][:6])
    return (safe(row["name"], 80), safe(row["claim"], 80), words(f"tree_outcome.{row['outcome']}"), joined)


def _claims(document: Document, words: Catalogue) -> list[Line]:
    lines = [Line(""), Line(words("tree_page.claims"), "bold"), *wrap(claim_summary(document, words))]
    rows = [claim_row(row, words) for row in document["claims"][:SHOWN_CLAIMS]]
    return lines + (table(claim_header(words), rows) if rows else [])


def about(document: Document, words: Catalogue) -> list[str]:
    """What the figures mean, with null hypothesis."""
    if not document["edges"]:
        return []
    h0, level = words("h0.text"), document["level"]
    said = []
    if any(edge["proved"] for edge in document["edges"]):
        said.append(words("tree_page.p_note", pairs=document["searched"]["pairs"], h0=h0))
    if any(edge["kind"] == "proposed" for edge in document["edges"]):
        said.append(
            words("tree_page.screen_note", p=power_of_ten(level["log10_p"]), cosine=level["unproven_cosine"], h0=h0)
        )
    if any(row["outcome"] == "circle" for row in document["claims"]):
        said.append(words("tree_page.circle_note"))
    return said


def tree_rows(document: Document) -> list[list[Any]]:
    """A row for each edge; columns are those of the document."""
    names = {node["id"]: node["name"] or node["id"] for node in document["nodes"]}
    rows: list[list[Any]] = [["one", "other", *_ROWS]]
    for edge in document["edges"]:
        flat = {**edge["evidence"], **edge}
        flat |= {key: names.get(edge[key]) for key in ("parent", "child")}
        rows.append([*(names[end] for end in edge["ends"]), *(flat.get(key) for key in _ROWS)])
    return rows


def said_of(edge: Mapping[str, Any], names: Mapping[str, str], words: Catalogue) -> Sequence[str]:
    """Why an edge points where it does, or what hints at it."""
    subject, candidate = (safe(names[end], 80) for end in edge["ends"])
    listed = [words.text(one) for one in (*edge["said"], *edge["hints"])]
    if edge["kind"] == "unknown":
        return listed
    return [words("tree.of_edge", subject=subject, candidate=candidate, said=one) for one in listed]
