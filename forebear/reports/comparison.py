"""A comparison document in words: verdict first, then what it rests on, then what could not be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.messages import distinct
from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten, short_names
from forebear.reports.lines import Line, bullet, footer, padded, safe, table, wrap
from forebear.reports.many_first import alike_words, many_first, many_names
from forebear.reports.telling import effect_row, evidence_row, plain_words, verdict_words

STYLES = {
    "identical": "bold green",
    "related": "bold green",
    "no-evidence": "bold",
    "cannot-tell": "bold yellow",
    "shared-start": "bold yellow",
    "related-channels-only": "bold yellow",
    "shares-components": "bold yellow",
}
SPELT = range(7)
"""How many pairs there are where the conclusion of each stands above the table."""


def comparison_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """Text report of a forebear/comparison document."""
    words = catalogue(language)
    return _body(document, words) + footer(document, words)


def brief_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """The conclusion of a comparison, or of a matrix: what belongs together, then each pair, a line each."""
    words = catalogue(language)
    told = [document] if "verdict" in document else [pair for pair in document["pairs"] if pair.get("plain")]
    failed = [] if "verdict" in document else [pair for pair in document["pairs"] if pair["error"]]
    lines = _groups(document, words) + [line for one in told for line in wrap(plain_words(one, words), indent="")]
    return lines + [line for one in failed for line in wrap(words("many.brief_failed", subject=safe(one["subject"]),
        candidate=safe(one["candidate"]), why=words.text(one.get("why") or one["error"])), indent="")]  # fmt: skip


def _groups(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Which models of a matrix belong together, of documents that say so."""
    if "pairs" not in document:
        return []
    first = many_first(document, words)
    lines = wrap(first, indent="", style="bold") if first else []
    return lines + [line for one in many_names(document, words) for line in wrap(one)]


def _body(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    verdict = document["verdict"]
    sides = (words("term.subject"), words("term.candidate"))
    rewritten = f" ({words('text.reparameterised')})" if verdict["reparameterised"] else ""
    lines = [
        *wrap(plain_words(document, words), indent="", style="bold"),
        Line(""),
        Line(f"{padded(sides[0], 10)} {_party(document['subject'], words)}"),
        Line(f"{padded(sides[1], 10)} {_party(document['candidate'], words)}"),
        Line(""),
        Line(
            f"{words('text.verdict')}: {words('relation.' + verdict['relation']).upper()}{rewritten}",
            STYLES[verdict["relation"]],
        ),
        *wrap(verdict_words(document, words)),
        Line(f"  {words('text.direction')}: {words.name('direction', verdict['direction'])}"),
    ]
    if document["evidence"]:
        lines += [Line(""), Line(words("text.evidence"), "bold"), *_evidence(document["evidence"], words)]
        lines += wrap(f"{words('text.h0')}: {words('h0.text')}", style="dim")
        for assumption in distinct(e["assumption"] for e in document["evidence"] if e["assumption"]):
            lines += wrap(f"{words('text.assumes')}: {words.text(assumption)}{words('found.stop')}", style="dim")
    lines += _alignment(document["alignment"], words)
    lines += _effects(document["effects"], words)
    alarms = [a for a in document["audit"] if a["alarm"]]
    if document["audit"]:
        calm = [a for a in document["audit"] if not a["alarm"]]
        lines += [Line(""), Line(words("text.audit", calm=len(calm), alarms=len(alarms)), "bold")]
        lines += bullet(
            f"{words.name('term', a['checkpoint'])}, {words.name('term', a['axis'])}: {words.text(a['words'])}"
            for a in alarms
        )
    return lines + _limits(document["limits"], words)


def _limits(limits: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    if not limits:
        return []
    return [Line(""), Line(words("page.limits"), "bold"), *bullet(words.text(s) for s in limits)]


def _party(party: Mapping[str, Any], words: Catalogue) -> str:
    sizes = words("text.party_sizes", layers=party["layers"], width=party["width"]) if party["layers"] else ""
    said = words(
        "text.party",
        family=safe(party["family"]),
        sizes=sizes,
        parameters=f"{party['parameters']:,}",
        container=safe(party["container"]),
    )
    return f"{safe(party['id'])}  ({said})"


def _evidence(evidence: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    keys = ("test", "axis", "figure", "p", "kind", "role")
    rows = [tuple(evidence_row(e, words)[key] for key in keys) for e in evidence]
    return table(tuple(words(f"column.{key}") for key in keys), rows)


def _alignment(alignment: Mapping[str, Any], words: Catalogue) -> list[Line]:
    said = [words.text(s) for s in alignment.get("words", [])]
    lines = [Line(""), Line(words("text.alignment"), "bold"), *bullet(said)] if said else []
    pairs = alignment.get("all_pairs")
    if pairs:
        axis = words.name("term", pairs["axis"])
        title = words("text.all_pairs", pairs=pairs["pairs"], units=pairs["units"], axis=axis)
        lines += [Line(""), Line(title, "bold")]
        most = max(pairs["histogram"].values(), default=1)
        for key, count in sorted(pairs["histogram"].items(), key=lambda item: int(item[0])):
            lines.append(Line(f"  {int(key):>5} {'#' * max(1, round(40 * count / most))} {count}"))
    return lines


def _effects(effects: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    if not effects:
        return []
    keys = ("part", "layers", "cosine", "distance", "equal", "rows")
    rows = [tuple(effect_row(e, words)[key] for key in keys) for e in effects]
    head = tuple(words(f"column.{key}") for key in ("part", "layer_pairs", "cosine", "distance", "equal"))
    return [Line(""), Line(words("text.effects"), "bold"), *table((*head, words("sampled.rows")), rows)]


def matrix_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """Text report of a forebear/matrix document: the conclusion and a line for each pair."""
    words = catalogue(language)
    kept = any(pair["comparison"] for pair in document["pairs"])
    hint = [Line(""), *wrap(words("many_text.more"), indent="", style="dim")] if kept else []
    return _overview(document, words) + hint + _limits(document["limits"], words) + footer(document, words)


def matrix_in_full(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """The same, with each comparison that the document keeps."""
    words = catalogue(language)
    lines = _overview(document, words)
    for pair in document["pairs"]:
        if pair["comparison"] is None and not pair["error"]:
            continue
        title = f"{safe(pair['subject'])}  {words('text.against')}  {safe(pair['candidate'])}"
        lines += [Line(""), Line("─" * 100, "dim"), Line(title, "bold"), Line("")]
        if pair["comparison"]:
            lines += _body(pair["comparison"], words) + footer(pair["comparison"], words)
        else:
            lines += wrap(words.text(pair.get("why") or pair["error"]))
    return lines + _limits(document["limits"], words) + footer(document, words)


def _overview(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Which models belong together, or without a tree the conclusion of each pair; then the table of pairs."""
    names = short_names(document["members"])
    lines = _groups(document, words)
    if not lines and len(document["pairs"]) in SPELT:
        told = [plain_words(pair, words) for pair in document["pairs"] if pair.get("plain")]
        lines = [line for one in told for line in wrap(one, indent="", style="bold")]
    lines += [Line("")] if lines else []
    for note in document.get("notes", []):
        lines += wrap(note, indent="")
    rows = [
        (
            names[p["subject"]],
            names[p["candidate"]],
            words.name("relation", p["relation"] or "not-compared"),
            power_of_ten(p["log10_p"]),
            alike_words(p, words),
        )
        for p in document["pairs"]
    ]
    head = tuple(words(f"column.{key}") for key in ("subject", "candidate", "relation", "p"))
    return lines + table((*head, words("many_alike.head")), rows, indent="")
