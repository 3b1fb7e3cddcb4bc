"""The layer map: how alike every layer of the subject is to every layer of the candidate, and the path between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import colour_legend, numbered
from forebear.reports.scene import Box, Cells, Dots, Figure, Lines, Scene, Shape, Words, level_of, ticks

SIDE = 330.0
LEFT, TOP = 46.0, 30.0
MAX_CELLS = 160
"""Layers drawn a side; more are pooled, each cell showing the most alike of its layers."""


def layer_map(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Heat map of `alignment.layers`; None when no layer could be sampled."""
    layers = document["alignment"].get("layers")
    if not layers or not layers["similarity"] or not layers["similarity"][0]:
        return None
    full = layers["similarity"]
    rows, columns = len(full), len(full[0])
    pool = max(-(-rows // MAX_CELLS), -(-columns // MAX_CELLS))
    shown = _pooled(full, pool)
    found = layers["found"] if "found" in layers else "no alignment" not in layers["how"]  # version 1 said it in words
    cell = SIDE / max(rows, columns)
    high, wide = rows * cell, columns * cell
    shapes: list[Shape] = [
        Box(LEFT, TOP, wide, high, "panel"),
        Cells(LEFT, TOP, wide, high, tuple(tuple(level_of(v) for v in row) for row in shown)),
        Box(LEFT, TOP, wide, high, "", "line"),
    ]
    if found:
        path = tuple((LEFT + (b + 0.5) * cell, TOP + (a + 0.5) * cell) for a, b in layers["pairs"])
        shapes += [Lines(path, "path", 2.0), Dots(path, max(1.2, min(3.5, cell / 4)), "path")]
    shapes += numbered([(LEFT + (i + 0.5) * cell, str(i)) for i in ticks(columns)], TOP + high + 15, across=True)
    shapes += numbered([(TOP + (i + 0.5) * cell, str(i)) for i in ticks(rows)], LEFT - 6, across=False)
    shapes += [
        Words(0, 12, words("figure.layers_down"), "muted"),
        Words(LEFT, TOP + high + 32, words("figure.layers_across"), "muted"),
        *colour_legend(LEFT, TOP + high + 44, "−1", "+1", steps="both"),
    ]
    largest = layers.get("largest")  # documents made before it was kept do not say it
    most = "–" if largest is None else f"{largest:.2f}"
    caption = words("figure.layers_caption") if found else words("figure.layers_none", largest=most)
    if pool > 1:
        caption += " " + words("figure.layers_pooled", count=pool)
    scene = Scene(LEFT + SIDE + 8, TOP + high + 72, tuple(shapes))
    return Figure("layer-map", words("figure.layers"), (scene,), caption, words("figure.layers_caveat"))


def _pooled(full: Sequence[Sequence[float]], pool: int) -> list[list[float]]:
    """Blocks of pool × pool cells as their largest value."""
    if pool == 1:
        return [list(row) for row in full]
    return [
        [max(v for row in full[i : i + pool] for v in row[j : j + pool]) for j in range(0, len(full[0]), pool)]
        for i in range(0, len(full), pool)
    ]
