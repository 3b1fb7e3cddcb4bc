"""Tokenizer documents as pages: one file, no script, strict Content-Security-Policy, light and dark, charts in SVG."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.page import sentences
from forebear.reports.tokenizers.charts import premium_charts, ribbon, script_chart
from forebear.reports.tokenizers.contrast import cut_sentences, examples, special_sentences
from forebear.reports.tokenizers.first import OUTCOMES, cost_today, lineage_today
from forebear.reports.tokenizers.text import evidence_words, lost, marked, parts, seen, text_name

Document = Mapping[str, Any]
_TEMPLATES = resources.files("forebear.reports.tokenizers").joinpath("templates")
HUES = 6
"""Colours that neighbouring tokens and parents take turns in (style.css: .h0 to .h5)."""


def _read(name: str) -> str:
    return _TEMPLATES.joinpath(name).read_text(encoding="utf-8")


def visible(text: str) -> str:
    """Untrusted text with spaces, line ends, control and direction characters made visible."""
    shown = []
    for character in text:
        if character == " ":
            shown.append("␣")
        elif character == "\n":
            shown.append("↵\n")
        elif unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and character != "\u200d":
            shown.append(f"\\u{ord(character):04x}")
        else:
            shown.append(character)
    return "".join(shown)


def _plain(value: object, limit: int = 200) -> str:
    text = visible(str(value)).replace("␣", " ").replace("↵\n", "\\n")
    return text if len(text) <= limit else f"{text[:limit]}…"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = visible
    environment.filters["plain"] = _plain
    environment.filters["number"] = lambda value: "-" if value is None else f"{value:,.0f}"
    environment.filters["share"] = lambda value: "-" if value is None else f"{value:.1%}"
    environment.filters["three"] = lambda value: "-" if value is None else f"{value:.3f}"
    environment.filters["two"] = lambda value: "-" if value is None else f"{value:.2f}"
    return environment


def _page(template: str, document: Document, words: Catalogue, **values: Any) -> bytes:
    style = _read("style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    text = (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),
            policy=policy,
            hues=HUES,
            d=document,
            w=words,
            language=words.language,
            limits=sentences(document["limits"], words),
            **values,
        )
    )
    return text.encode("utf-8", "backslashreplace")


def cost_page(document: Document, language: str = "en") -> bytes:
    """The page of a forebear/tokenizer-cost document."""
    words, document = catalogue(language), cost_today(document)
    rows = {(row["tokenizer"], row["language"]): row for row in document["rows"]}
    return _page(
        "cost.html.j2",
        document,
        words,
        rows=rows,
        texts=list(dict.fromkeys(row["language"] for row in document["rows"])),
        named=lambda name: text_name(name, words),
        panels=premium_charts(document, words),
        first=sentences(document.get("first", ()), words),
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
        "lineage.html.j2",
        document,
        words,
        said=sentences(document["words"], words),
        points=[*parts(document, words), *seen(document, words)],
        special=special_sentences(document, words),
        cuts=cut_sentences(document, words),
        examples=examples(document),
        evidence=[
            {"figure": evidence_words(item, words), "rests": sentences([item["h0"], item["assumption"]], words)}
            for item in document["evidence"]
        ],
        ribbon=ribbon(document["change_points"], [part["name"] for part in document["parents"]], words),
        scripts=script_chart(document["by_script"], words),
    )
