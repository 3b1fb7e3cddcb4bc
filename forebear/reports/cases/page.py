"""The page of a case: claim board, replies beside allegations, texts side by side with findings in place; no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from forebear.core.errors import printable
from forebear.reports.cases.first import case_today, reader
from forebear.reports.cases.text import (
    APART,
    answer_lines,
    count_words,
    counted,
    head_words,
    is_compared,
    is_dismissed,
    verdict,
    why_said,
)
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.page import FILTERS, Sentence, raised, sentences, style_of

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = "forebear.reports.cases"
WITHOUT_BOARD = frozenset({"waiting", "proposed", "linked", "sealed", "changes"})
"""Keys of documents of which the answer is all there is: no findings, texts or claims."""
_STATUSES = ("borne-out", "contradicted", "not-decided", "not-testable", "not-tested")


def case_page(document: Mapping[str, Any], language: str = "") -> bytes:
    """A forebear/case document as one self-contained HTML file; made for the document of `case report`.

    language: of the page; by default that of the reader the case was reported for, whose texts come first either way.
    The page says nothing the document does not hold; who obtained a source and from where is left out.
    """
    from markupsafe import Markup

    document = case_today(document)
    words = catalogue(language or reader(document))
    style = style_of("page.css") + resources.files(_HERE).joinpath("case.css").read_text("utf-8")
    columns = _columns(document)
    # those that are listed have the first numbers: without a gap where one was dismissed, or kept apart
    listed = sorted(_visible(document["findings"]), key=lambda f: (is_dismissed(f), f["rule"] == APART))
    found = [_finding(f, i, words) for i, f in enumerate(listed)]
    folded = [f for f in found if f["dismissed"]]
    kept_apart = [f for f in found if f["rule"] == APART and not f["dismissed"]]
    found = [f for f in found if f["rule"] != APART and not f["dismissed"]]
    rows, placed = _rows(document, columns, found) if is_compared(document) else ([], set[int]())
    claims = [_claim(c, i, words) for i, c in enumerate(_visible(document["claims"])) if c["status"] in _STATUSES]
    html = _template().render(
        w=words,
        lang=words.language,
        title=title_shown(str(_visible(document.get("title", ""))), words),
        answer="\n".join(line.text for line in answer_lines(document, words)) if WITHOUT_BOARD & document.keys() else "",
        jumps=_jumps(found),
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        claims=claims,
        findings=found,
        folded=folded,
        kept_apart=kept_apart,
        heads=[_head(name, document, words) for name in columns],
        headline=head_words(document, words),
        compared=is_compared(document),
        colour="cannot-tell" if any(c["status"] == "contradicted" for c in claims) else "none",
        counts=count_words(document, words),
        counted=counted(document, words),
        tool=document["tool"],
        loose=[f for f in found if f["number"] not in placed],
        columns=columns,
        langs={str(s["id"]): str(s["language"]) for s in document["sources"]},
        rows=rows,
        identifying=_visible(document.get("identifying", ())),
        sources=[_source(s, words) for s in _visible(document["sources"])],
        limits=sentences(_visible(document["limits"]), words),
        reproduce=_visible(document["reproduce"]),
    )
    return html.encode("utf-8", "backslashreplace")


@cache
def _template() -> Template:
    """The template of the page, compiled when one is first made."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=exponents)
    environment.filters |= {name: FILTERS[name] for name in ("coded", "unbroken")}
    return environment.from_string(resources.files(_HERE).joinpath("case.html.j2").read_text("utf-8"))


def exponents(value: Any) -> Any:
    """What the template prints, exponents of ten raised; markup as it is."""
    return raised(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def title_shown(title: str, words: Catalogue) -> str:
    """The title of a case; one of which nothing but marks is shown is no heading."""
    return title if any(c.isalnum() for c in title) else words("case_page.case")


def _jumps(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Findings listed one by one, those that say the same of the same words as one, with the numbers of all."""
    alike: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in found:
        quotes = [(name, quote) for name, quote in one["quotes"].items() if quote]
        key = one["rule"], one["weight"], *quotes
        alike.setdefault(key, {**one, "quoted": quotes, "numbers": []})["numbers"].append(one["number"])
    return list(alike.values())


def _claim(claim: Mapping[str, Any], number: int, words: Catalogue) -> dict[str, Any]:
    """A claim with its statements in order, the reader's language first."""
    tags = (words.language, words.language.partition("-")[0])
    statements = sorted(claim["statement"].items(), key=lambda item: (item[0] not in tags, item[0] != "en"))
    said = Sentence(statements[0][1], statements[0][0]) if statements else Sentence("", words.language)
    return {**claim, "number": number, "statements": statements, "said": said, "shown": sentences(claim["why"], words)}


def _finding(finding: Mapping[str, Any], number: int, words: Catalogue) -> dict[str, Any]:
    """A finding with its reason, category and severity in the reader's language."""
    quotes = {name: quote for name, quote in finding["quotes"].items() if quote or finding["rule"] != APART}
    ruling = finding.get("ruling")
    shown = {
        "id": finding.get("id", ""),
        "dismissed": is_dismissed(finding),
        "verdict": verdict(ruling, words) if ruling else "",
        "shown": Sentence(*why_said(finding, words)),
        "kind_of": words.name("mqm", finding["category"]),
        "weight": words.name("severity", finding["severity"]),
    }
    return {**finding, "number": number, "label": number + 1, "quotes": quotes, **shown}


def _source(source: Mapping[str, Any], words: Catalogue) -> dict[str, Any]:
    return {
        **source,
        "role_name": words.name("source_role", source["role"]),
        "tongue": _tongue(source, words),
        "notes": sentences(source["notes"], words),
    }


def _head(name: str, document: Mapping[str, Any], words: Catalogue) -> dict[str, str]:
    """What stands above a column of the texts side by side: the language by its own name, the source and what it is."""
    source = next(s for s in document["sources"] if s["id"] == name)
    return {"tongue": _tongue(source, words), "name": name, "role": words.name("source_role", source["role"])}


def _tongue(source: Mapping[str, Any], words: Catalogue) -> str:
    """The language of a source by its own name; its tag where it has none here."""
    tags = (f"{source['language']}-{source['script']}", source["language"])
    return next((words(f"own_name.{tag}") for tag in tags if words.has(f"own_name.{tag}")), str(source["language"]))


def _visible(value: Any) -> Any:
    """Untrusted text with control and bidirectional characters made visible."""
    if isinstance(value, str):
        return value if value.isprintable() else printable(value, len(value) + 1)
    if isinstance(value, Mapping):
        return {k: _visible(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(v) for v in value]
    return value


def _columns(document: Mapping[str, Any]) -> list[str]:
    """Sources that are texts side by side: the original, then what was made from it, the reader's language first."""
    segments = document.get("segments", {})
    language = reader(document)
    known = [s for s in document["sources"] if s["id"] in segments]
    originals = [s["id"] for s in known if s["role"] == "original"][:1]
    made = [s for s in known if originals and s["of"] == originals[0]]
    base, _, script = language.partition("-")
    made.sort(key=lambda s: (s["language"] != base, bool(script) and s["script"] != script))
    return [*originals, *(s["id"] for s in made)][:6]


def _rows(
    document: Mapping[str, Any], columns: Sequence[str], found: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], set[int]]:
    """One row a segment of the original, with what each column has there and the findings that stand on it."""
    if not columns:
        return [], set()
    segments = document["segments"]
    languages = {s["id"]: s["language"] for s in document["sources"]}
    links: dict[tuple[str, int], list[int]] = {}
    added: dict[tuple[str, int], list[int]] = {}
    for alignment in document["alignments"]:
        if alignment["left"] == columns[0] and alignment["right"] in columns:
            _spread(alignment, links, added)
    placed: set[int] = set()
    rows = []
    for i, segment in enumerate(segments[columns[0]]):
        cells = [{"name": columns[0], "lang": languages[columns[0]], "text": _visible(segment["text"])}]
        here = {columns[0]: {i}}
        for name in columns[1:]:
            indices = sorted({*links.get((name, i), []), *added.get((name, i), [])})
            here[name] = set(indices)
            text = " ".join(str(segments[name][j]["text"]) for j in indices)
            cells.append({"name": name, "lang": languages[name], "text": _visible(text)})
        mine = [f for f in found if f["number"] not in placed and _on(f, here)]
        placed.update(f["number"] for f in mine)
        rows.append({"cells": cells, "findings": mine})
    return rows, placed


def _spread(
    alignment: Mapping[str, Any], links: dict[tuple[str, int], list[int]], added: dict[tuple[str, int], list[int]]
) -> None:
    name, last = str(alignment["right"]), 0
    for link in alignment["links"]:
        for i in link["left"]:
            links[name, int(i)] = [int(j) for j in link["right"]]
            last = int(i)
        if not link["left"]:
            added.setdefault((name, last), []).extend(int(j) for j in link["right"])


def _on(finding: Mapping[str, Any], here: Mapping[str, set[int]]) -> bool:
    """Whether a finding quotes a segment of this row."""
    return any(set(indices) & here.get(name, set()) for name, indices in finding["segments"].items() if name)
