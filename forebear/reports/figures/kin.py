"""The models that a search found, each with the layers of the subject that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import colour_legend, numbered
from forebear.reports.line_breaks import text_width
from forebear.reports.scene import Box, Cells, Figure, Lines, Scene, Shape, Words, fitted, level_of, ticks

LONGEST, TOP, ROW, WIDE = 260.0, 8.0, 22.0, 240.0
MAX_ROWS = 20
MAX_RULED = 48


def found_layers(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Models found down, the subject's layers across, by the cosine of those that belong together; None where none do."""
    hits = document["hits"][:MAX_ROWS]
    last = max((pair["subject"] for hit in hits for pair in hit["layers"]), default=None)
    if last is None:
        return None
    count = max(last + 1, document["subject"].get("layers") or 0)
    each = WIDE / count
    left = min(LONGEST, 12 + max(text_width(str(hit["name"])[:40], 12 * 1.25) for hit in hits))
    shapes: list[Shape] = []
    for at, hit in enumerate(hits):
        y = TOP + at * ROW
        found = {pair["subject"]: pair for pair in hit["layers"]}
        levels = tuple(level_of(found[layer]["cosine"]) if layer in found else 0 for layer in range(count))
        shapes += [
            Words(left - 8, y + 14, fitted(hit["name"], left - 10, 12), "ink", "end"),
            Box(left, y, WIDE, ROW - 5, "panel"),
            Cells(left, y, WIDE, ROW - 5, (levels,)),
        ]
        if 1 < count <= MAX_RULED:
            shapes += [Lines(((left + i * each, y), (left + i * each, y + ROW - 5)), "paper") for i in range(1, count)]
        shapes.append(Box(left, y, WIDE, ROW - 5, "", "line"))
    low = TOP + len(hits) * ROW
    shapes += numbered([(left + (i + 0.5) * each, str(i)) for i in ticks(count)], low + 9, across=True)
    shapes.append(Words(left + WIDE, low + 25, words("figure.effects_across"), "muted", "end", 11))
    shapes += colour_legend(left, low + 18, "−1", "+1", steps="both")
    scene = Scene(left + WIDE + 8, low + 46, tuple(shapes))
    caption, caveat = words("figure_kin.caption"), words("figure_kin.caveat")
    return Figure("search-layers", words("figure_kin.title"), (scene,), caption, caveat)
