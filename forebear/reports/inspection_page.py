"""The page of an inspection: what is in a file, what is odd, what it claims, how its parameters add up, every tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.messages import message
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.figures.inside import part_sizes, type_map
from forebear.reports.inspection import (
    STATISTICS,
    alone_rows,
    asked,
    axis_rows,
    change_rows,
    head,
    open_rows,
    residue_words,
    round_rows,
    sentence,
    tensor_cells,
    title,
)
from forebear.reports.inspection_tokens import audit_rows, audit_sentences
from forebear.reports.lines import safe
from forebear.reports.page import Document, Draw, drawn, render, saved, sentences, shown

MAX_TENSORS = 4000
"""Rows of the table; a page says how many it leaves out."""


def inspection_page(document: Document, language: str) -> bytes:
    """The HTML page of a forebear/inspection document."""
    words = catalogue(language)
    tensors, filters, rules = _tensors(document["tensors"], words)
    read = bool(document["tensors"]) and "digest" in document["tensors"][0]
    left_out = len(document["tensors"]) - len(tensors)
    more = [message("limit.page_tensors", count=left_out).document()] if left_out else []
    extended = dict(document) | {"limits": [*document["limits"], *more]}
    values = {
        "title": title(document, words),
        "head": head(document, words),
        "sentence": sentence(document, words),
        "tokens": audit_rows(document["tokenizer"], words) if _audited(document) else [],
        "tokens_said": sentences(audit_sentences(document["tokenizer"]), words) if _audited(document) else [],
        "figures": [shown(figure, _about(document)) for figure in drawn(_draws(document), words)],
        "odd": sentences(document["odd"], words),
        "claims": [safe(words.text(c), 400) for c in document["claims"]],
        "residue": [safe(residue_words(t, words), 400) for t in document["residue"]],
        "arithmetic": _arithmetic(document.get("arithmetic"), words),
        "axes": axis_rows(document["architecture"]["axes"], words),
        "axes_head": [words(f"inspect.{key}") for key in ("axis", "scope", "order", "sign", "withheld")],
        "tensors": tensors,
        "filters": filters,
        "tensor_head": [
            words(f"inspect.{k}") for k in ("name", "dtype", "shape", "part", *(STATISTICS if read else ()))
        ],
    }
    return render("inspection.html", extended, words, values, rules)


def inspection_figures(document: Document, words: Catalogue) -> list[tuple[str, str]]:
    """Name and SVG of every figure of the page."""
    return [(figure.name, saved(figure, _about(document))) for figure in drawn(_draws(document), words)]


def _draws(document: Document) -> tuple[Draw, ...]:
    return (lambda w: part_sizes(document, w), lambda w: type_map(document, w))


def _about(document: Document) -> str:
    return f"[{safe(asked(document), 60)}; {document['tool']['name']} {document['tool']['version']}]"


def _audited(document: Document) -> bool:
    return bool(document["tokenizer"] and document["tokenizer"].get("audit"))


def _tensors(tensors: Sequence[Mapping[str, Any]], words: Catalogue) -> tuple[list[Any], list[Any], str]:
    shown = tensors[:MAX_TENSORS]
    parts = {part: f"p{i}" for i, part in enumerate(dict.fromkeys(t.get("part") or "" for t in shown))}
    rows = [
        {"mark": parts[t.get("part") or ""], "cells": [safe(c, 200) for c in tensor_cells(t, words)]} for t in shown
    ]
    counts = Counter(row["mark"] for row in rows)
    filters = [{"id": "only-all", "name": words("page.filter_all"), "count": len(rows)}]
    filters += [
        {"id": f"only-{mark}", "name": words.name("part", part or "–"), "count": counts[mark]}
        for part, mark in parts.items()
    ]
    rules = "".join(f"#only-{m}:target~.scroll tbody tr:not(.{m}){{display:none}}" for m in parts.values())
    return rows, filters, rules


def _arithmetic(found: Mapping[str, Any] | None, words: Catalogue) -> dict[str, Any] | None:
    if not found:
        return None
    return {
        "words": sentences(found["words"], words),
        "changes": change_rows(found),
        "change_head": [words(f"count.{k}") for k in ("key", "from", "to", "alone", "step")],
        "alone": alone_rows(found, words),
        "alone_head": [words(f"count.{k}") for k in ("key", "from", "needed", "reached", "agrees")],
        "open": open_rows(found, words) if found.get("open") else [],
        "open_title": words("count.open", key=safe(found["open"]["key"])) if found.get("open") else "",
        "open_head": [words(f"count.{k}") for k in ("value", "reached", "difference", "agrees")],
        "round": round_rows(found) if found.get("open") else [],
        "round_head": [words("count.multiple"), words("count.values")],
    }
