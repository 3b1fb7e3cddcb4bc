"""Tokenizer documents as pages: one file, no script, strict Content-Security-Policy, light and dark, charts in SVG."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.page import render, sentences, style_of
from forebear.reports.tokenizers.charts import colours, premium_charts, ranking_charts, ribbon, script_chart
from forebear.reports.tokenizers.contrast import cut_sentences, examples, special_sentences
from forebear.reports.tokenizers.first import OUTCOMES, cost_today, lineage_today
from forebear.reports.tokenizers.text import (
    ENGLISH,
    alone,
    cheaper,
    cheapest,
    evidence_words,
    lost,
    marked,
    origin,
    parts,
    seen,
    text_name,
)

Document = Mapping[str, Any]
HUES = 6
"""Colours that neighbouring tokens and parents take turns in (tokenizers.css: .h0 to .h5)."""


RANKED = 12
"""Texts in the picture that ranks tokenizers; the table below has all of them."""


def differing(given: str, back: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Both texts in three pieces: what they begin with alike, what differs, what they end with alike.

    >>> differing("naïve", "naive")
    (('na', 'ï', 've'), ('na', 'i', 've'))
    """
    head = _alike(given, back)
    rests = [text.removeprefix(head) for text in (given, back)]
    tail = _alike(*(rest[::-1] for rest in rests))[::-1]
    first, second = ((head, rest.removesuffix(tail), tail) for rest in rests)
    return first, second


def _alike(one: str, other: str) -> str:
    """What two texts begin with alike."""
    return "".join(pair[0] for pair in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _page(template: str, document: Document, words: Catalogue, **values: Any) -> bytes:
    """A page in the common frame, with the colours of tokens."""
    return render(template, document, words, {"hues": HUES, "d": document, **values}, style_of("tokenizers.css"))


def cost_page(document: Document, language: str = "en") -> bytes:
    """The page of a forebear/tokenizer-cost document."""
    words, document = catalogue(language), cost_today(document)
    rows = {(row["tokenizer"], row["language"]): row for row in document["rows"]}
    texts = list(dict.fromkeys(row["language"] for row in document["rows"]))
    return _page(
        "tokenizer_cost.html",
        document,
        words,
        rows=rows,
        texts=texts,
        ranking=ranking_charts(document, [(key, text_name(key, words)) for key in texts[:RANKED]]),
        ranked=RANKED,
        without_english=document["reference"] not in (None, ENGLISH),
        differing=differing,
        named=lambda name: text_name(name, words),
        panels=premium_charts(document, words),
        first=sentences(document.get("first", ()), words),
        alone=alone(document, words),
        cheapest=cheapest(document, words),
        cheaper=cheaper(document, words),
        marked=marked,
        marks={t["name"]: marked(t) for t in document["tokenizers"]},
        lost=lambda entry: lost(entry, words),
        worded=[
            n for n in document["languages"] if any(r.get("tokens_per_word") for (_, k), r in rows.items() if k == n)
        ],
        apart=list(dict.fromkeys(r["language"] for r in document["rows"] if r.get("forms"))),
        used=any(t.get("vocabulary_used") for t in document["tokenizers"]),
        outcomes=OUTCOMES,
    )


def lineage_page(document: Document, language: str = "en") -> bytes:
    """The page of a forebear/tokenizer-lineage document."""
    words, document = catalogue(language), lineage_today(document)
    return _page(
        "tokenizer_lineage.html",
        document,
        words,
        headline=origin(document, words),
        said=sentences(document["words"], words),
        points=[*parts(document, words), *seen(document, words)],
        special=special_sentences(document, words),
        cuts=cut_sentences(document, words),
        examples=examples(document),
        evidence=[
            {"figure": evidence_words(item, words), "rests": tuple(sentences([item["h0"], item["assumption"]], words))}
            for item in document["evidence"]
        ],
        whole=next((c["name"] for c in document["candidates"] if c["relation"] == document["relation"] == "identical"), ""),
        colours=colours(document),
        ribbon=ribbon(document["change_points"], [part["name"] for part in document["parents"]], words),
        scripts=script_chart(document["by_script"], words),
    )
