"""Verdicts and evidence in words, in every language, for text and pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from forebear.reports.catalogue import Catalogue, axis_name, power_of_ten


def verdict_words(document: Mapping[str, Any], words: Catalogue) -> str:
    """What the verdict says, as a paragraph; a document of version 1 has its own English words."""
    return words.statements(document["verdict"]["words"])


def plain_words(document: Mapping[str, Any], words: Catalogue) -> str:
    """The conclusion in one line with the models' names; of a document made before there was one, without them."""
    plain = document.get("plain")
    return words.text(plain) if plain else words(f"headline.{document['verdict']['relation']}")


def _p(e: Mapping[str, Any]) -> Any:
    """log10 p after everything that was looked at, as far as the document says it."""
    return e.get("corrected_log10_p", e["log10_p"])


LONGEST = 12
"""Most characters of a relative change."""


def change_shown(distance: float) -> str:
    """A relative change with two figures and no exponent: the one rounding of every report.

    >>> change_shown(0.0000953), change_shown(0.0143), change_shown(0.3), change_shown(0.0), change_shown(2e-30)
    ('0.000095', '0.014', '0.30', '0.0', '0.0000000000')
    """
    return f"{Decimal(f'{distance:#.2g}'):f}"[:LONGEST]


def cosine_shown(cosine: float) -> str:
    """A cosine: the one rounding of every report."""
    return f"{cosine:.3f}"


def effect_row(e: Mapping[str, Any], words: Catalogue) -> dict[str, Any]:
    """How one part of two models differs, as the table of effects shows it."""
    return {
        "part": words.name("part", e["part"]),
        "layers": e["layers"],
        "cosine": cosine_shown(e["cosine"]),
        "distance": change_shown(e["distance"]),
        "equal": f"{e['equal_rows']:.0%}",
        "rows": rows_over(e, words),
    }


def rows_over(e: Mapping[str, Any], words: Catalogue) -> str:
    """Over how many rows of how many a figure is; a dash where the document does not say it."""
    rows = e.get("rows")
    return words("sampled.of", compared=rows["compared"], of=rows["of"]) if rows else "–"


def _counted(e: Mapping[str, Any], words: Catalogue) -> str:
    """The count of a test of an installed package, whose units are what that test counts; chance where it says it."""
    if e.get("matched") is None or e.get("of") is None:
        return "–"
    counted = {"matched": e["matched"], "of": e["of"]}
    if e.get("expected") is None:
        return words("package_test.count", **counted)
    return words("package_test.count_chance", **counted, expected=f"{e['expected']:.4g}")


def evidence_row(e: Mapping[str, Any], words: Catalogue) -> dict[str, str]:
    """One test as the evidence table shows it."""
    if e["test"] == "sign" and "z" in e:
        figure = words("figure_of.sign", z=f"{e['z']:.1f}", max_z=f"{e['max_z']:.1f}")
    elif e.get("package"):
        figure = _counted(e, words)
    elif e.get("matched") is not None:
        figure = words("figure_of.deck", matched=e["matched"], of=e["of"], expected=e.get("expected", 1))
    elif e["test"] == "strength" and e.get("ceiling") is not None:
        figure = words("figure_of.strength", value=f"{e['value']:.2f}", ceiling=f"{e['ceiling']:.2f}")
    elif e.get("rho") is not None:
        figure = words("figure_of.rho", rho=f"{e['rho']:.2f}")
    elif e.get("mean_cosine") is not None:
        figure = words("figure_of.cosine", cosine=f"{e['mean_cosine']:.3f}")
    else:
        figure = "–"
    kind = words.name("kind", e["kind"])
    role = "decides" if e["decides"] else ("withheld" if e.get("withheld") else "describes")
    return {
        "test": words.name("test", e["test"]),
        "axis": axis_name(e, words),
        "figure": figure,
        "p": power_of_ten(_p(e)),
        "kind": words("package_test.kind", kind=kind) if e.get("package") else kind,
        "role": words(f"role.{role}"),
    }
