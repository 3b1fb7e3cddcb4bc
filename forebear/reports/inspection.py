"""An inspection document in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.core.sizes import show_size
from forebear.reports.lines import Line, bullet, footer, safe, table

SHOWN_TENSORS = 24


def inspection_lines(document: Mapping[str, Any]) -> list[Line]:
    """Text report of a forebear/inspection/1 document."""
    container, architecture = document["container"], document["architecture"]
    dtypes = ", ".join(f"{safe(k)} {v}" for k, v in document["dtypes"].items())
    lines = [
        Line(f"container     {safe(container['kind'])}, {container['files']} file(s), {show_size(container['bytes'])}"),
        Line(
            f"architecture  {safe(architecture['family'])}"
            + ("" if architecture["recognised"] else " (not recognised)")
        ),
        Line(f"layers        {document['layers'] or '-'}"),
        Line(f"width         {document['width'] or '-'}"),
        Line(f"parameters    {document['parameters']:,} in {len(document['tensors'])} tensors"),
        Line(f"dtypes        {dtypes}"),
    ]
    if document["tokenizer"]:
        t = document["tokenizer"]
        lines.append(Line(f"tokenizer     {safe(t['kind'])}, {t['tokens']:,} tokens ({safe(t['file'])})"))
    if architecture["axes"]:
        lines += [Line(""), Line("Axes a test may use", "bold")]
        rows = [
            (
                a["axis"],
                a["scope"],
                "yes" if a["permutation"] else "no",
                "yes" if a["sign"] else "no",
                a["withheld"] or "",
            )
            for a in architecture["axes"]
        ]
        lines += table(("axis", "scope", "order", "sign", "withheld because"), rows)
    lines += [Line(""), Line("Tensors", "bold"), *_tensors(document["tensors"])]
    for title, key in (("Claims in metadata", "claims"), ("Odd", "odd"), ("What could not be done", "limits")):
        if document[key]:
            lines += [Line(""), Line(title, "bold"), *bullet(document[key])]
    return lines + footer(document)


def _tensors(tensors: Any) -> list[Line]:
    shown = tensors[:SHOWN_TENSORS]
    rows = [(t["name"], t["dtype"], "x".join(str(s) for s in t["shape"]) or "scalar", t["part"] or "") for t in shown]
    lines = table(("name", "dtype", "shape", "part"), rows)
    rest = len(tensors) - len(shown)
    return [*lines, Line(f"  … and {rest} more (all in --format json)", "dim")] if rest > 0 else lines
