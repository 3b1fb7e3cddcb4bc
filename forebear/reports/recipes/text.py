"""A recipe document in words: the plain conclusion first, then each step with its grade, then what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.lines import Line, bullet, footer, local_name, padded, safe, wrap

Document = Mapping[str, Any]


def recipe_lines(document: Document, language: str = "en") -> list[Line]:
    """Text report of a forebear/recipe document."""
    words = catalogue(language)
    first, *rest = [words.text(said) for said in document["words"]]
    lines = [
        *wrap(first, indent="", style="bold"),
        *(line for said in rest for line in wrap(said, indent="")),
        Line(""),
    ]
    lines.append(Line(f"{padded(words('term.subject'), 10)} {party(document['subject'], words)}"))
    for candidate in document["candidates"]:
        relation = words("relation." + candidate["relation"])
        lines.append(Line(f"{padded(words('term.candidate'), 10)} {safe(candidate['id'])}  ({relation})"))
        lines += [Line(f"  {line.text.strip()}", "dim") for line in wrap(words.statements(candidate["words"]))]
    if document["steps"]:
        lines += [Line(""), Line(words("recipe.steps"), "bold"), *steps_table(document, words)]
        lines += wrap(left_words(document, words))
    if document["parents"]:
        lines += [Line(""), Line(words("made.parents"), "bold"), *bullet(parent_words(document, words))]
    if document.get("came_first"):
        lines += [Line(""), Line(words("direction_dates.title"), "bold"), *bullet(first_lines(document, words))]
    if document.get("checked"):
        lines += [Line(""), Line(words("made.claims"), "bold"), *bullet(claim_words(document, words))]
    if document["limits"]:
        lines += [Line(""), Line(words("page.limits"), "bold"), *bullet(words.text(s) for s in document["limits"])]
    return lines + footer(document, words)


def party(side: Mapping[str, Any], words: Catalogue) -> str:
    """A side with its sizes."""
    sizes = [words("page_more.sizes", layers=side["layers"], width=side["width"])] if side["layers"] else []
    about = " · ".join((safe(side["family"]), *sizes, f"{side['parameters']:,} {words('column.parameters')}"))
    return f"{safe(side['id'])}  ({about})"


def steps_table(document: Document, words: Catalogue) -> list[Line]:
    """One row for each step, its sentence in full below."""
    lines: list[Line] = []
    for row in step_rows(document, words):
        lines += wrap(f"{row['number']}. {row['sentence']}", style="bold")
        share = f"{words('recipe.explains')}: {row['explains']}" if row["explains"] else ""
        about = " · ".join(said for said in (row["grade"], share, row["where"]) if said)
        lines += wrap(about, indent="     ", style="dim")
        for said in row["said"]:
            lines += wrap(said, indent="     ")
    return lines


def step_rows(document: Document, words: Catalogue) -> list[dict[str, Any]]:
    """What text and page show of each step."""
    return [
        {
            "number": str(number),
            "op": safe(step["op"], 40),
            "sentence": words.text(step["words"][0]),
            "said": [words.text(said) for said in step["words"][1:]],
            "grade": words.name("recipe.grade", step["grade"]),
            "explains": "" if step["explains"] is None else f"{step['explains']:.1%}",
            "where": places(step["where"], words),
            "parameters": parameters(step["parameters"]),
        }
        for number, step in enumerate(document["steps"], start=1)
    ]


def parameters(found: Mapping[str, Any]) -> str:
    """Parameters of a step as a recipe states them: a flag by its name, a list by its members, nothing where there is nothing."""
    shown = []
    for key, value in found.items():
        if value is None or value is False or (isinstance(value, list | tuple) and not value):
            continue
        if value is True:
            shown.append(safe(key, 40))
        elif isinstance(value, list | tuple):
            shown.append(f"{safe(key, 40)}: {safe(', '.join(map(str, value)), 60)}")
        elif isinstance(value, Mapping):
            shown.append(f"{safe(key, 40)}: {safe(', '.join(_weighed(value)), 200)}")
        else:
            shown.append(f"{safe(key, 40)}: {safe(value, 60)}")
    return "; ".join(shown)


def _weighed(found: Mapping[str, Any]) -> list[str]:
    """Entries of a table inside a step: of a weight with its interval the weight alone."""
    plain = {key: value.get("value", "") if isinstance(value, Mapping) else value for key, value in found.items()}
    shown = {local_name(key): f"{value:.3f}" if isinstance(value, float) else str(value) for key, value in plain.items()}
    return [f"{name} {value}".rstrip() for name, value in shown.items()]


def places(where: Mapping[str, Any], words: Catalogue) -> str:
    """Parts and layers that a step touched."""
    parts = [words.name("term", part) for part in where.get("parts", ())]
    found = [words("many.joint").join(parts)] if parts else []
    if "layers" in where:
        numbers = words("many.joint").join(str(layer) for layer in where["layers"])
        found.append(words("look.layers" if where["layers"][1:] else "look.layer", layers=numbers))
    return " · ".join(found)


def parent_words(document: Document, words: Catalogue) -> list[str]:
    """Each of the set of parents with its weight, and the interval where it can be seen at three digits."""
    return [
        words("made.parent_between" if one["low"] is not None and f"{one['low']:.3f}" != f"{one['high']:.3f}" else "made.parent",
              **{**one, "id": safe(local_name(one["id"]))})
        for one in document["parents"]
    ]  # fmt: skip


def first_lines(document: Document, words: Catalogue) -> list[str]:
    """What dates and weights say of which came first: what decided or why nothing did, signs that decide nothing, the dates."""
    found = document.get("came_first")
    if not found:
        return []
    hints = [words("direction_dates.hint", what=words.text(hint)) for hint in found["hints"]]
    days = [
        words(f"direction_dates.{key}", id=safe(local_name(row["id"])), day=row[key])
        for row in found["dates"]
        for key in ("there_by", "not_before")
        if row[key]
    ]
    return [*(words.text(said) for said in found["said"]), *hints, *days]


def claim_words(document: Document, words: Catalogue) -> list[str]:
    """Each claim that was checked: what, the outcome, why."""
    return [
        words("made.claim", claim=words.text(one["claim"]), outcome=words("made." + one["outcome"]), why=words.text(one["why"]))
        for one in document.get("checked", ())
    ]


def left_words(document: Document, words: Catalogue) -> str:
    """What replay leaves beside what there was before."""
    return words("recipe.left", residual=share(document["residual"]), before=share(document["before"]))


def share(value: float | None) -> str:
    """A share of a size."""
    return "–" if value is None else f"{value:.2%}"


def recipe_rows(document: Document) -> list[list[Any]]:
    """Steps as rows of a table."""
    rows: list[list[Any]] = [["step", "op", "layers", "parts", "parameters", "explains", "grade"]]
    for number, step in enumerate(document["steps"], start=1):
        given = "; ".join(f"{key}={value}" for key, value in step["parameters"].items())
        where = step["where"]
        layers = " ".join(str(layer) for layer in where.get("layers", ()))
        rows.append(
            [number, step["op"], layers, " ".join(where.get("parts", ())), given, step["explains"], step["grade"]]
        )
    return rows
