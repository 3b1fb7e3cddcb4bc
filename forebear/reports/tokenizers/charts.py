"""Small SVG charts from a document's figures; every text passes through escaping, every number through formatting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from math import log10
from typing import Any

from markupsafe import Markup, escape

from forebear.reports.catalogue import Catalogue
from forebear.reports.scene import fitted
from forebear.reports.tokenizers.text import text_name

ROW, LABEL, WIDTH = 16, 140, 180
"""Height of a bar's row, room for its label, room for the bar, in pixels."""
NAMED = 170
"""Room for the name of a script, in pixels."""


def _svg(width: float, height: float, parts: Sequence[str], words: str) -> Markup:
    head = Markup(
        '<svg viewBox="0 0 {:.0f} {:.0f}" width="{:.0f}" height="{:.0f}" role="img"><title>{}</title>'
    ).format(width, height, width, height, words)
    return head + Markup("".join(parts)) + Markup("</svg>")


def premium_charts(document: Mapping[str, Any], words: Catalogue) -> list[dict[str, Any]]:
    """One panel a tokenizer, on one scale; none when there is no reference language."""
    rows = {(row["tokenizer"], row["language"]): row for row in document["rows"]}
    most = max((row["high"] or row["premium"] or 1.0 for row in document["rows"] if row["premium"]), default=1.0)
    names = [entry["name"] for entry in document["tokenizers"]] if document["languages"] else []
    return [
        {
            "name": name,
            "chart": premium_chart(
                [(text_name(k, words), rows[name, k]) for k in document["languages"] if (name, k) in rows],
                most,
                words("cost_page.chart"),
            ),
        }
        for name in names
    ]


def ranking_charts(document: Mapping[str, Any], texts: Sequence[tuple[str, str]]) -> list[Markup]:
    """Tokens for 1,000 characters: a chart for each text, a bar for each tokenizer, fewest first, all on one scale.

    texts: (key, name) of the texts that are drawn.
    """
    by_text = {key: [row for row in document["rows"] if row["language"] == key] for key, _ in texts}
    most = max((row["per_1000_characters"] for rows in by_text.values() for row in rows), default=1.0) or 1.0
    schemes = {entry["name"] for entry in document["tokenizers"] if entry["kind"] == "scheme"}
    return [_ranking(name, by_text[key], most, schemes) for key, name in texts]


def _ranking(name: str, rows: Sequence[Mapping[str, Any]], most: float, schemes: Set[str]) -> Markup:
    parts = [f'<text class="head" x="0" y="13">{escape(fitted(name, LABEL + WIDTH, 10))}</text>']
    for place, row in enumerate(sorted(rows, key=lambda one: one["per_1000_characters"])):
        y = ROW * (place + 1) + 2
        long = WIDTH * row["per_1000_characters"] / most
        kind = "scheme" if row["tokenizer"] in schemes else "bar" if row["lossless"] else "bar lossy"
        label = escape(fitted(row["tokenizer"], LABEL - 8, 10))
        parts.append(f'<text class="label" x="{LABEL - 6}" y="{y + 12}" text-anchor="end">{label}</text>')
        parts.append(f'<rect class="{kind}" x="{LABEL}" y="{y + 3}" width="{long:.1f}" height="{ROW - 6}"/>')
        parts.append(f'<text class="axis" x="{LABEL + long + 5:.1f}" y="{y + 12}">{row["per_1000_characters"]:,.0f}</text>')
    return _svg(LABEL + WIDTH + 48, ROW * (len(rows) + 1) + 8, parts, name)


def premium_chart(rows: Sequence[tuple[str, Mapping[str, Any]]], most: float, title: str) -> Markup:
    """Bars of how many tokens the same text takes, the reference language = 1, with intervals; logarithmic.

    rows: (label, cost row); most: the largest figure over all panels, so that panels share a scale.
    """
    top = max(2.0, most)
    low = min([0.5, *(row["low"] or row["premium"] or 1.0 for _, row in rows)])
    parts = []

    def x(value: float) -> float:
        return LABEL + WIDTH * (log10(max(value, low)) - log10(low)) / (log10(top) - log10(low))

    height = ROW * len(rows) + 24
    for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32):
        if low <= tick <= top:
            parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="0" y2="{height - 20}"/>')
            parts.append(f'<text class="axis" x="{x(tick):.1f}" y="{height - 6}" text-anchor="middle">{tick:g}×</text>')
    for place, (label, row) in enumerate(rows):
        y = place * ROW
        parts.append(f'<text class="label" x="{LABEL - 6}" y="{y + 12}" text-anchor="end">{escape(label)}</text>')
        value = row["premium"]
        if value is None:
            continue
        end = x(max(value, row["high"] or value, 1.0)) + 5
        parts.append(f'<text class="axis" x="{end:.1f}" y="{y + 12}">{value:.2f}</text>')
        parts.append(f'<circle class="bar" cx="{x(1.0):.1f}" cy="{y + ROW / 2}" r="2"/>')
        start, stop = sorted((x(1.0), x(value)))
        kind = "bar" if row["lossless"] else "bar lossy"
        parts.append(
            f'<rect class="{kind}" x="{start:.1f}" y="{y + 3}" width="{stop - start:.1f}" height="{ROW - 6}"/>'
        )
        if row["low"] is not None:
            middle = y + ROW / 2
            parts.append(
                f'<line class="whisker" x1="{x(row["low"]):.1f}" x2="{x(row["high"]):.1f}" y1="{middle}" y2="{middle}"/>'
            )
    return _svg(LABEL + WIDTH + 40, height, parts, title)


def colours(document: Mapping[str, Any]) -> set[str]:
    """Which colours the pictures of a lineage have: "moved", "new", "lost" (of scripts), "fresh" (of scripts)."""
    stretches, scripts = document["change_points"], document["by_script"]
    found = {
        "moved": any(stretch["shared_out_of_order"] for stretch in stretches),
        "new": any(stretch["new"] for stretch in stretches),
        "lost": any(row["shared"] > row["kept"] for row in scripts),
        "fresh": any(row["subject"] > row["shared"] for row in scripts),
    }
    return {name for name, there in found.items() if there}


def ribbon(
    stretches: Sequence[Mapping[str, Any]], parents: Sequence[str], words: Catalogue, width: int = 900
) -> Markup:
    """The subject's ids from left to right; in each stretch, how much is kept from which parent, moved, or new."""
    total = sum(stretch["tokens"] for stretch in stretches) or 1
    parts: list[str] = []
    at, height = 0.0, 90.0
    for stretch in stretches:
        span = width * stretch["tokens"] / total
        y = 0.0
        layers = [(f"h{k % 6}", stretch["kept"].get(name, 0)) for k, name in enumerate(parents)]
        layers += [("moved", stretch["shared_out_of_order"]), ("new", stretch["new"])]
        for kind, count in layers:
            tall = height * count / max(1, stretch["tokens"])
            if tall > 0:
                parts.append(
                    f'<rect class="{kind}" x="{at:.2f}" y="{y:.2f}" width="{max(span, 0.5):.2f}" height="{tall:.2f}"/>'
                )
            y += tall
        at += span
    first, last = (stretches[0]["first_id"], stretches[-1]["last_id"]) if stretches else (0, 0)
    parts.append(f'<text class="axis" x="0" y="{height + 16:.0f}">{int(first):,}</text>')
    parts.append(f'<text class="axis" x="{width}" y="{height + 16:.0f}" text-anchor="end">{int(last):,}</text>')
    return _svg(width, height + 22, parts, words("lineage_page.ribbon"))


def script_chart(rows: Sequence[Mapping[str, Any]], words: Catalogue, most: int = 16) -> Markup:
    """Per script: kept, shared but moved, and new, as shares of the subject's tokens."""
    shown = [row for row in rows if row["subject"]][:most]
    parts = []
    for place, row in enumerate(shown):
        y, at = place * ROW, float(NAMED)
        name = escape(fitted(words.name("script", row["script"]), NAMED + 20, 11))
        parts.append(f'<text class="label" x="{NAMED - 6}" y="{y + 12}" text-anchor="end">{name}</text>')
        for kind, count in (
            ("h0", row["kept"]),
            ("moved", row["shared"] - row["kept"]),
            ("new", row["subject"] - row["shared"]),
        ):
            span = WIDTH * count / row["subject"]
            if span > 0:
                parts.append(f'<rect class="{kind}" x="{at:.1f}" y="{y + 3}" width="{span:.1f}" height="{ROW - 6}"/>')
            at += span
        parts.append(f'<text class="axis" x="{NAMED + WIDTH + 6}" y="{y + 12}">{int(row["subject"]):,}</text>')
    return _svg(NAMED + WIDTH + 60, ROW * len(shown) + 4, parts, words("lineage_page.scripts_kept"))
