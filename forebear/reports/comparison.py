"""A comparison document in words: verdict first, then what it rests on, then what could not be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.lines import Line, bullet, footer, power_of_ten, safe, table, wrap

STYLES = {
    "identical": "bold green",
    "related": "bold green",
    "no-evidence": "bold",
    "cannot-tell": "bold yellow",
    "shared-start": "bold yellow",
    "related-channels-only": "bold yellow",
    "shares-components": "bold yellow",
}
WORDS = {
    "identical": "identical",
    "related": "related",
    "shared-start": "shared start only",
    "related-channels-only": "related by channels only",
    "shares-components": "shares components",
    "no-evidence": "no evidence of a relation",
    "cannot-tell": "cannot tell",
}


def comparison_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """Text report of a forebear/comparison/1 document."""
    verdict = document["verdict"]
    lines = [
        Line(f"subject    {_party(document['subject'])}"),
        Line(f"candidate  {_party(document['candidate'])}"),
        Line(""),
        Line(f"Verdict: {WORDS[verdict['relation']].upper()}", STYLES[verdict["relation"]]),
        *wrap(verdict["words"]),
        Line(f"  direction: {verdict['direction']}"),
    ]
    if document["evidence"]:
        lines += [Line(""), Line("Evidence", "bold"), *_evidence(document["evidence"])]
        lines += wrap(f"H0: {document['evidence'][0]['h0']}.", style="dim")
        for assumption in dict.fromkeys(e["assumption"] for e in document["evidence"] if e["assumption"]):
            lines += wrap(f"Assumes: {assumption}.", style="dim")
    lines += _alignment(document["alignment"])
    lines += _effects(document["effects"])
    alarms = [a for a in document["audit"] if a["alarm"]]
    calm = len(document["audit"]) - len(alarms)
    if document["audit"]:
        lines += [Line(""), Line(f"Index audit: {calm} checks clean, {len(alarms)} alarms", "bold")]
        lines += bullet(f"{a['checkpoint']}, {a['axis']}: {a['words']}" for a in alarms)
    if document["limits"]:
        lines += [Line(""), Line("What could not be done", "bold"), *bullet(document["limits"])]
    return lines + footer(document)


def _party(party: Mapping[str, Any]) -> str:
    sizes = f"{party['layers']} layers, width {party['width']}, " if party["layers"] else ""
    return f"{safe(party['id'])}  ({safe(party['family'])}, {sizes}{party['parameters']:,} parameters, {safe(party['container'])})"


def _evidence(evidence: Any) -> list[Line]:
    rows = []
    for e in evidence:
        if e["test"] == "sign":
            figure = f"z {e['z']:.1f} of at most {e['max_z']:.1f}"
        elif e["matched"] is not None:
            figure = f"{e['matched']} of {e['of']} in place; chance {e.get('expected', 1)}"
        elif "rho" in e:
            figure = "gains constant" if e["rho"] is None else f"rho {e['rho']:.2f}"
        else:
            figure = f"mean cosine {e.get('mean_cosine', 0.0):.3f}"
        role = "decides" if e["decides"] else ("withheld" if e.get("withheld") else "describes")
        rows.append((e["test"], e["axis"], figure, power_of_ten(e["log10_p"]), e["kind"], role))
    return table(("test", "axis", "figure", "p at most", "kind", "role"), rows)


def _alignment(alignment: Mapping[str, Any]) -> list[Line]:
    said = list(alignment.get("words", []))
    lines = [Line(""), Line("Alignment", "bold"), *bullet(said)] if said else []
    pairs = alignment.get("all_pairs")
    if pairs:
        lines += [
            Line(""),
            Line(
                f"Matches in all {pairs['pairs']} layer pairs ({pairs['units']} {pairs['axis']} each; chance expects 1)",
                "bold",
            ),
        ]
        most = max(pairs["histogram"].values(), default=1)
        for key, count in sorted(pairs["histogram"].items(), key=lambda item: int(item[0])):
            lines.append(Line(f"  {int(key):>5} {'#' * max(1, round(40 * count / most))} {count}"))
    return lines


def _effects(effects: Any) -> list[Line]:
    if not effects:
        return []
    rows = [
        (e["part"], e["layers"], f"{e['cosine']:.4f}", f"{e['distance']:.4f}", f"{e['equal_rows']:.0%}")
        for e in effects
    ]
    head = ("part", "layer pairs", "median cosine", "relative change", "rows equal bit for bit")
    return [Line(""), Line("Effect, over sampled rows in place", "bold"), *table(head, rows)]


def matrix_lines(document: Mapping[str, Any]) -> list[Line]:
    """Text report of a forebear/matrix/1 document: the table, then each comparison."""
    lines: list[Line] = []
    for note in document.get("notes", []):
        lines += wrap(note, indent="")
    rows = [
        (p["subject"], p["candidate"], WORDS.get(p["relation"], p["relation"]), power_of_ten(p["log10_p"]))
        for p in document["pairs"]
    ]
    lines += [*table(("subject", "candidate", "relation", "p at most"), rows, indent="")]
    for pair in document["pairs"]:
        title = f"{safe(pair['subject'])}  against  {safe(pair['candidate'])}"
        lines += [Line(""), Line("─" * 100, "dim"), Line(title, "bold"), Line("")]
        lines += comparison_lines(pair["comparison"]) if pair["comparison"] else wrap(pair["error"] or "not compared")
    if document["limits"]:
        lines += [Line(""), Line("What could not be done", "bold"), *bullet(document["limits"])]
    return lines + footer(document)
