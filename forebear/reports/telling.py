"""Verdicts and evidence as clauses, in every language, for text and pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.lines import power_of_ten

DECISIVE_LOG10 = -9.0
"""Evidence quoted in the verdict's words when a document is told in another language (METHODS §11)."""


def told(document: Mapping[str, Any], words: Catalogue) -> str:
    """The verdict in words: the document's own in English, in another language its figures from the evidence that decided."""
    if words.language == "en":
        return str(document["verdict"]["words"])
    found = [
        finding(e, words)
        for e in document["evidence"]
        if e["decides"] and _p(e) is not None and _p(e) <= DECISIVE_LOG10
    ]
    return words("found.joint").join(found) + words("found.stop") if found else words("found.nothing")


def _p(e: Mapping[str, Any]) -> Any:
    """log10 p after everything that was looked at, as far as the document says it."""
    return e.get("corrected_log10_p", e["log10_p"])


def finding(e: Mapping[str, Any], words: Catalogue) -> str:
    """One deciding test as a clause."""
    axis, p = axis_name(e["axis"], words), f"{_p(e):.0f}"
    if e["test"] in ("deck", "two-views") and e.get("matched") is not None:
        return words(
            f"found.{e['test']}", matched=e["matched"], of=e["of"], axis=axis, expected=e.get("expected", 1), p=p
        )
    if e["test"] == "sign":
        return words("found.sign", axis=axis, z=f"{e.get('z', 0):.1f}", max_z=f"{e.get('max_z', 0):.1f}", p=p)
    return words("found.other", test=words.name("test", e["test"]), axis=axis, p=p)


def axis_name(axis: str, words: Catalogue) -> str:
    """An axis in words: "neurons", "channels"; what follows a comma or slash is said as it stands."""
    head, *rest = axis.split(",", 1)
    name = words.name("term", head)
    return f"{name}, {words.name('term', rest[0].strip())}" if rest else name


def evidence_row(e: Mapping[str, Any], words: Catalogue) -> dict[str, str]:
    """One test as the evidence table shows it."""
    if e["test"] == "sign" and "z" in e:
        figure = words("figure_of.sign", z=f"{e['z']:.1f}", max_z=f"{e['max_z']:.1f}")
    elif e.get("matched") is not None:
        figure = words("figure_of.deck", matched=e["matched"], of=e["of"], expected=e.get("expected", 1))
    elif e.get("rho") is not None:
        figure = words("figure_of.rho", rho=f"{e['rho']:.2f}")
    elif e.get("mean_cosine") is not None:
        figure = words("figure_of.cosine", cosine=f"{e['mean_cosine']:.3f}")
    else:
        figure = "–"
    role = "decides" if e["decides"] else ("withheld" if e.get("withheld") else "describes")
    return {
        "test": words.name("test", e["test"]),
        "axis": axis_name(e["axis"], words),
        "figure": figure,
        "p": power_of_ten(_p(e)),
        "kind": words.name("kind", e["kind"]),
        "role": words(f"role.{role}"),
    }
