"""The page of a verification: each claim beside what the files show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import catalogue
from forebear.reports.lines import safe
from forebear.reports.page import render, sentences
from forebear.reports.verification.text import how_read, outcome_said, place, relative_head, relative_rows, told

MAX_FILES = 500
SIGNS = {"contradicted": "▲", "borne-out": "●"}
"""What stands before an outcome, so that no colour alone tells them apart; "▲" also where something deserves a look."""


def verification_page(document: Mapping[str, Any], language: str) -> bytes:
    """The HTML page of a forebear/verification document."""
    words = catalogue(language)
    shown, alike = told(document)
    claims = [
        {
            "said": safe(words.text(claim["claim"]), 300),
            "place": safe(place(claim, words), 200),
            "outcome": outcome_said(claim, words),
            "read": how_read(claim, words),
            "mark": claim["outcome"],
            "sign": "▲" if claim["flagged"] else SIGNS.get(claim["outcome"], "○"),
            "flagged": claim["flagged"],
            "evidence": sentences([one for one in claim["evidence"] if not _figures(one)], words),
            "figures": sentences([one for one in claim["evidence"] if _figures(one)], words),
        }
        for claim in shown
    ]
    values = {
        "title": words("verify_page.title", name=safe(document["subject"]["name"], 80)),
        "conclusion": safe(words.text(document["conclusion"]), 400),
        "colour": "cannot-tell" if any(claim["flagged"] or claim["outcome"] == "contradicted" for claim in shown) else "none",
        "claims": claims,
        "alike": [words("verify_page.digests", count=len(names), file=safe(file)) for file, names in alike.items()],
        "noticed": sentences([one["said"] for one in document["noticed"]], words),
        "relative_head": relative_head(words),
        "relatives": relative_rows(document, words),
        "files": document["subject"]["files"][:MAX_FILES],
        "root": document["subject"]["root"],
    }
    return render("verification.html", document, words, values, STYLE)


def _figures(said: Mapping[str, Any]) -> bool:
    """Whether it is what a comparison's verdict rests on: p-values and counts, which stand behind a fold."""
    return str(said["key"]).startswith(("verdict.", "start."))


STYLE = """
.claims td{vertical-align:top;white-space:normal;overflow-wrap:anywhere}
.claims .outcome{font-weight:600;min-width:11em}.claims .borne-out .outcome{color:var(--good)}
.claims .looked .outcome,.claims .contradicted .outcome{color:var(--warn)}
.claims ul{margin:0;padding-left:1.3em}
.claims tr.contradicted td:first-child{border-left:4px solid currentColor;padding-left:.6em}
.claims tr.looked td:first-child{border-left:4px dotted currentColor;padding-left:.6em}
.claims .outcome .place{font-weight:400;color:var(--ink)}
.claims .place{display:block;opacity:.85;font-size:.85em;overflow-wrap:anywhere}.claims td:nth-child(3){min-width:18em}
"""
