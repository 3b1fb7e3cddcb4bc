"""A verification in words: the conclusion, each claim with its outcome and evidence, what was noticed, what was compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten
from forebear.reports.lines import Line, bullet, footer, safe, table, wrap

STYLES = {"contradicted": "bold red", "borne-out": "green", "not-shown": "yellow", "not-testable": "dim"}
NAMED = 5
"""Claims that stand below a brief conclusion."""
ROW = ("kind", "stated", "about", "file", "where", "line", "outcome", "flagged", "proposed", "evidence")


def verification_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """Text report of a forebear/verification document."""
    words = catalogue(language)
    lines = [Line(safe(words.text(document["conclusion"]), 400), "bold"), Line("")]
    shown, alike = told(document)
    for claim in shown:
        lines += _claim(claim, words)
    for file, names in alike.items():
        lines.append(Line(words("verify_page.digests", count=len(names), file=safe(file)), STYLES["borne-out"]))
    if document["noticed"]:
        lines += [Line(""), Line(words("verify_page.noticed"), "bold")]
        lines += bullet(words.text(one["said"]) for one in document["noticed"])
    if document["relatives"]:
        lines += [Line(""), Line(words("verify_page.relatives"), "bold")]
        lines += table(relative_head(words), relative_rows(document, words))
    if document["subject"]["root"]:
        lines += [Line(""), Line(f"{words('verify_page.root')}: {document['subject']['root']}", "dim")]
    lines += [Line(""), *wrap(words("verify_page.meaning"), style="dim")]
    said = document["limits"]
    lines += [Line(""), Line(words("page.limits"), "bold"), *bullet(words.text(one) for one in said)] if said else []
    return [*lines, *footer(document, words)]


def brief_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """The conclusion of a forebear/verification document, and the claims that it is about: contradicted, or deserving a look."""
    words = catalogue(language)
    noted = [claim for claim in told(document)[0] if claim["flagged"] or claim["outcome"] == "contradicted"]
    lines = [Line(safe(words.text(document["conclusion"]), 400), "bold")]
    return lines + [_claim(claim, words)[0] for claim in noted[:NAMED]] + ([Line("…")] if noted[NAMED:] else [])


def told(document: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], dict[str, list[str]]]:
    """The claims that are shown one by one, contradicted ones and those that deserve a look first; and the names of files whose
    digests are borne out, by the file that states them."""
    shown, alike = [], dict[str, list[str]]()
    for claim in document["claims"]:
        if claim["kind"] == "digest" and claim["outcome"] == "borne-out":
            alike.setdefault(claim["source"]["file"], []).append(claim["about"])
        else:
            shown.append(claim)
    return sorted(shown, key=lambda claim: (claim["outcome"] != "contradicted", not claim["flagged"])), alike


def _claim(claim: Mapping[str, Any], words: Catalogue) -> list[Line]:
    marks = outcome_words(claim, words)
    head = Line(f"{marks}: {safe(words.text(claim['claim']), 300)}  [{safe(place(claim, words), 160)}]", STYLES[claim["outcome"]])
    return [head, *(line for one in claim["evidence"] for line in wrap(words.text(one), indent="    "))]


def outcome_words(claim: Mapping[str, Any], words: Catalogue) -> str:
    """The outcome, and whether it deserves a look or was read from a sentence."""
    return " · ".join([outcome_said(claim, words), *how_read(claim, words)])


def outcome_said(claim: Mapping[str, Any], words: Catalogue) -> str:
    """The outcome, and whether it deserves a look."""
    marks = [words(f"verify_outcome.{claim['outcome']}"), *([words("verify_outcome.flagged")] if claim["flagged"] else [])]
    return " · ".join(marks)


def how_read(claim: Mapping[str, Any], words: Catalogue) -> list[str]:
    """That a claim was read from a sentence; nothing of one that a field states."""
    return [words("verify_outcome.proposed")] if claim["proposed"] else []


def place(claim: Mapping[str, Any], words: Catalogue) -> str:
    """Where a claim stands, in words."""
    source = claim["source"]
    where = words("look.sentence") if source["where"] == "sentence" else source["where"]
    if source["line"]:
        return words("verify_page.line", file=source["file"], line=source["line"], where=where)
    return words("verify_page.place", file=source["file"], where=where)


def evidence_words(claim: Mapping[str, Any], words: Catalogue) -> str:
    """What an outcome rests on, on one line."""
    return words("found.joint").join(words.text(one).rstrip(".。") for one in claim["evidence"])


def relative_head(words: Catalogue) -> tuple[str, ...]:
    """Names of the columns of what was compared."""
    return (*(words(f"verify_page.{key}") for key in ("model", "relation")), words("column.p"), words("verify_page.licences"))


def relative_rows(document: Mapping[str, Any], words: Catalogue) -> Sequence[tuple[str, ...]]:
    """One row for each model that was compared."""
    return [
        (
            base["name"],
            words(f"related_as.{base['relation']}") if base["relation"] else words.text(base["why"]) if base["why"] else "–",
            power_of_ten(base["log10_p"]),
            ", ".join(base["licences"]) or "–",
        )
        for base in document["relatives"]
    ]


def verification_rows(document: Mapping[str, Any]) -> list[list[Any]]:
    """One row a claim; what it rests on as keys."""
    rows: list[list[Any]] = [list(ROW)]
    for claim in document["claims"]:
        source = claim["source"]
        keys = " ".join(one["key"] for one in claim["evidence"])
        rows.append([claim["kind"], claim["stated"], claim["about"], source["file"], source["where"], source["line"] or "",
                     claim["outcome"], claim["flagged"], claim["proposed"], keys])  # fmt: skip
    return rows
