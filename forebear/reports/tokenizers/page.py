"""Tokenizer documents as pages: one file, no script, strict Content-Security-Policy, light and dark, charts in SVG."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from forebear.reports.tokenizers.charts import premium_chart, ribbon, script_chart

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
    environment.filters["two"] = lambda value: "-" if value is None else f"{value:.2f}"
    return environment


def _page(template: str, **values: Any) -> bytes:
    style = _read("style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    text = _environment().get_template(template).render(style=Markup(style), policy=policy, hues=HUES, **values)
    return text.encode("utf-8", "backslashreplace")


def cost_page(document: Document) -> bytes:
    """The page of a forebear/tokenizer-cost/1 document."""
    names = [entry["name"] for entry in document["tokenizers"]]
    rows = {(row["tokenizer"], row["language"]): row for row in document["rows"]}
    words = {entry["name"]: entry["words"] for entry in (*document["languages"], *document["domains"])}
    languages = [entry["name"] for entry in document["languages"]]
    others = [n for n in dict.fromkeys(row["language"] for row in document["rows"]) if n not in languages]
    most = max((row["high"] or row["premium"] or 1.0 for row in document["rows"] if row["premium"]), default=1.0)
    panels = [
        {
            "name": name,
            "chart": premium_chart([(words[k], rows[name, k]) for k in languages if (name, k) in rows], most),
        }
        for name in names
    ]
    return _page(
        "cost.html.j2", d=document, names=names, rows=rows, words=words, languages=languages, others=others,
        panels=panels if languages else [], pairs=_pairs(document["comparisons"]),
    )  # fmt: skip


def _pairs(comparisons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Outcomes per pair of tokenizers, counted."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for row in comparisons:
        tally = counted.setdefault((row["a"], row["b"]), dict.fromkeys(_OUTCOMES, 0))
        tally[row["outcome"]] += 1
    return [{"a": a, "b": b, **tally} for (a, b), tally in counted.items()]


_OUTCOMES = ("a needs fewer", "b needs fewer", "no clear difference", "cannot tell")


def lineage_page(document: Document) -> bytes:
    """The page of a forebear/tokenizer-lineage/1 document."""
    return _page(
        "lineage.html.j2",
        d=document,
        ribbon=ribbon(document["change_points"], [part["name"] for part in document["parents"]]),
        scripts=script_chart(document["by_script"]),
    )
