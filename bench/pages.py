"""Results drawn: one self-contained page a document, no script, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--faint:#667;--line:#c8ccd4;--bar:#4472a8;--bad:#b3402a;--paper:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ec;--faint:#9aa3b2;--line:#3a4250;--bar:#7fa8d8;--bad:#e88a72;--paper:#14181f}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.6rem 0}td,th{border-bottom:1px solid var(--line);padding:.2rem .7rem;text-align:left;
vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}.faint{color:var(--faint)}.bad{color:var(--bad);font-weight:600}
svg rect{fill:var(--bar)}svg text{fill:var(--faint);font:11px system-ui}figure{display:inline-block;margin:.5rem 1.2rem .5rem 0}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, parts: Sequence[str]) -> str:
    """A whole HTML page; title is escaped, parts are markup made here."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{POLICY}"><title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>'
        f"{''.join(parts)}</body></html>\n"
    )


def table(head: Sequence[str], body: Sequence[Sequence[Any]], bad: Sequence[bool] = ()) -> str:
    """A table; numbers are set right, rows marked bad are coloured."""
    cells = []
    for i, row in enumerate(body):
        mark = ' class="bad"' if i < len(bad) and bad[i] else ""
        cells.append(f"<tr{mark}>" + "".join(_cell(value) for value in row) + "</tr>")
    return f"<table><tr>{''.join(f'<th>{escape(h)}</th>' for h in head)}</tr>{''.join(cells)}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f'<td class="n">{value:.4g}</td>'
    return f'<td class="n">{value}</td>' if isinstance(value, int) else f"<td>{escape(str(value))}</td>"


def histogram(name: str, drawn: dict[str, Any], wide: int = 300, high: int = 90) -> str:
    """Bars of counts with the ends of the axis written."""
    counts, edges = drawn["counts"], drawn["edges"]
    top, each = max(*counts, 1), wide / len(counts)
    heights = [high * c / top for c in counts]
    bars = "".join(
        f'<rect x="{i * each:.1f}" y="{high - h:.1f}" width="{each - 1:.1f}" height="{h:.1f}"/>'
        for i, h in enumerate(heights)
    )
    words = (
        f'<text x="0" y="{high + 13}">{edges[0]:.3g}</text>'
        f'<text x="{wide}" y="{high + 13}" text-anchor="end">{edges[-1]:.3g}</text>'
    )
    return (
        f'<figure><svg width="{wide}" height="{high + 18}" role="img" aria-label="{escape(name)}">{bars}{words}</svg>'
        f"<figcaption>{escape(name)}</figcaption></figure>"
    )


def machine_words(document: dict[str, Any]) -> str:
    """One faint line of what the figures were made with."""
    made = document["machine"]
    words = f"Method version {document['method_version']}. " if "method_version" in document else ""
    return (
        f'<p class="faint">{escape(words)}{escape(made["processor"])}, Python {escape(made["python"])}, numpy '
        f"{escape(made['numpy'])}, torch {escape(made['torch'])}.</p>"
    )


def failed_words(errors: list[dict[str, str]]) -> str:
    """How many pairs failed, and the first reason; nothing where none did."""
    if not errors:
        return ""
    return f'<p class="bad">{len(errors)} pairs failed; the first: {escape(errors[0]["error"])}</p>'


def null_page(d: dict[str, Any]) -> str:
    """The page of a forebear-bench/null/1 document."""
    first = d["independent"]
    figures, parts = d["figures"], [machine_words(d)]
    parts.append(
        f"<p>{d['models']} independents, {first['pairs']} pairs, {first['disjoint_pairs']} of them disjoint. "
        f"Called related: {escape(first['called_related_words'])}; among disjoint pairs "
        f"{escape(first['called_related_disjoint'])}.</p><h2>Statistics on independent pairs</h2>"
    )
    parts += [histogram(f["name"], f["histogram"]) for f in figures]
    parts.append(
        table(
            ["statistic", "promise", "pairs", "mean", "sd", "least", "median", "most", "KS p (disjoint)", "worst pair"],
            [
                [
                    f["name"],
                    f["law"],
                    f["pairs"],
                    f["mean"],
                    f["sd"],
                    f["least"],
                    f["median"],
                    f["most"],
                    f["ks"]["p"] if f["ks"] else "",
                    f"{f['worst'][0]['subject']} / {f['worst'][0]['candidate']}",
                ]
                for f in figures
            ],
            [f["alarm"] for f in figures],
        )
    )
    tested = [f for f in figures if f["levels"]]
    if tested:
        parts.append(
            "<h2>Share of p below each level, disjoint pairs (count, most allowed)</h2>"
            + table(
                ["statistic", *(str(row["level"]) for row in tested[0]["levels"])],
                [
                    [f["name"], *(f"{row['count']} of {row['of']} (≤ {row['limit']})" for row in f["levels"])]
                    for f in tested
                ],
                [any(row["alarm"] for row in f["levels"]) for f in tested],
            )
        )
    parts.append(
        "<h2>Strata: what is not a relative and looks like one</h2>"
        + table(
            ["stratum", "truth", "pairs", "called related", "verdicts", "largest score"],
            [
                [
                    s["stratum"],
                    s["truth"],
                    s["pairs"],
                    s["called_related_words"],
                    _counted(s["relations"]),
                    s["largest_score"]["score"],
                ]
                for s in d["strata"]
            ],
            [s["called_related"] > 0 for s in d["strata"]],
        )
    )
    parts.append(failed_words(d["errors"]))
    return page(f"Null audit: {d['method']} on {d['shape']}", parts)


def _counted(relations: dict[str, int]) -> str:
    return ", ".join(f"{k or '(none given)'} {v}" for k, v in sorted(relations.items()))


def run_page(d: dict[str, Any]) -> str:
    """The page of a forebear-bench/run/1 document."""
    body = [
        [
            s["stratum"],
            s["truth"],
            s["further"],
            s["positives"],
            s["auc"],
            f"{s['low']:.3f} to {s['high']:.3f}",
            s["called_related"] or "",
        ]
        for s in d["strata"]
    ]
    words = (
        ""
        if d["related"] is None
        else (
            f"<p>All relatives against independents: AUC {d['related']['auc']:.4f}, 95 % interval {d['related']['low']:.3f} to "
            f"{d['related']['high']:.3f}.</p>"
        )
    )
    return page(
        f"Run: {d['method']} on {d['shape']}",
        [
            machine_words(d),
            words,
            table(["stratum", "truth", "further training", "pairs", "AUC", "95 % interval", "called related"], body),
            failed_words(d["errors"]),
        ],
    )


def table_page(d: dict[str, Any]) -> str:
    """The page of a forebear-bench/table/1 document."""
    parts = [machine_words(d), f"<p>Three seeds; {escape(d['order'])}. Found of tried.</p>"]
    for method, result in sorted(d["methods"].items()):
        cells = {(c["operation"], c["further"], c["form"]): c for c in result["cells"] if not c["stranger"]}
        shares = sorted({k[1] for k in cells})
        heads = ["operation", *(f"{share:g}x {form}" for share in shares for form in d["forms"])]
        names = dict.fromkeys(k[0] for k in cells)
        body = [[name, *(_found(cells.get((name, s, f))) for s in shares for f in d["forms"])] for name in names]
        wrong = [c for c in result["cells"] if c["stranger"] and c["found"]]
        parts += [
            f"<h2>{escape(method)}</h2>",
            table(heads, body),
            f"<p>The same operations done to independents: {sum(c['found'] for c in wrong)} of "
            f"{sum(c['of'] for c in result['cells'] if c['stranger'])} called related.</p>",
        ]
    parts.append(
        "<h2>Cosine of weights with the base</h2>"
        + table(
            ["text", "further training", "seed", "cosine"],
            [[c["text"], c["further"], c["seed"], c["cosine"]] for c in d["residual_cosine"]],
        )
    )
    if d["not_done"]:
        parts.append(
            "<h2>Not done</h2>" + table(["operation", "why"], [[n["operation"], n["why"]] for n in d["not_done"]])
        )
    return page(f"Power table: {d['shape']}", parts)


def _found(cell: dict[str, Any] | None) -> str:
    return "" if cell is None else f"{cell['found']}/{cell['of']}" if cell["of"] else "not done"


def pairs_page(d: dict[str, Any]) -> str:
    """The page of a forebear-bench/real-pairs/1 document."""
    body = [[r["subject"], r["truth"], r["relation"], r["words"], "; ".join(r["alarms"])] for r in d["rows"]]
    parts = [
        machine_words(d),
        f"<p>Against {escape(d['candidate'])}. Called related: {escape(d['called_related'])}.</p>",
        table(["subject", "truth", "verdict", "in words", "index audit"], body, [not r["right"] for r in d["rows"]]),
    ]
    for r in d["rows"]:
        parts.append(f"<h2>{escape(r['subject'])}</h2>")
        heads = ["test", "axis", "matched", "of", "log10 p"]
        parts.append(
            table(
                heads,
                [
                    [e["test"], e["axis"], *(_or_blank(e.get(k)) for k in ("matched", "of", "log10_p"))]
                    for e in r["evidence"]
                ],
            )
        )
        if r["all_pairs"]:
            counted = r["all_pairs"]["histogram"]
            parts.append(
                f"<p>Every layer pair ({r['all_pairs']['pairs']}), units found in place:</p>"
                + table(["matches", "layer pairs"], [[int(k), v] for k, v in counted.items()])
            )
    return page("Real checkpoints of known truth", parts)


def _or_blank(value: Any) -> Any:
    return "" if value is None else value


def real_page(d: dict[str, Any]) -> str:
    """The page of a forebear-bench/real-base/1 document."""
    methods = sorted(d["methods"])
    body = [
        [r["operation"], r["form"], *(_said(r.get(m), r.get("refused", "")) for m in methods), r["processor_seconds"]]
        for r in d["rows"]
    ]
    words = f"<p>Base: {escape(d['base'])}. No real independent of this shape exists, so this shows finding only.</p>"
    return page("Real base", [machine_words(d), words, table(["operation", "form", *methods, "seconds"], body)])


def _said(answer: dict[str, Any] | None, refused: str) -> str:
    if answer is None:
        return f"not done: {refused}"
    return f"{answer['relation']} {answer['score']:.4g}".strip()


PAGES = {
    "forebear-bench/null/1": null_page,
    "forebear-bench/run/1": run_page,
    "forebear-bench/table/1": table_page,
    "forebear-bench/real-base/1": real_page,
    "forebear-bench/real-pairs/1": pairs_page,
}


def draw(document: dict[str, Any]) -> str:
    """The page of any result. Raises: KeyError for a document of another kind."""
    return PAGES[document["schema"]](document)
