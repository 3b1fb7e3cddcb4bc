"""The layer map: how alike every layer of the subject is to every layer of the candidate, and the path between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import colour_legend, numbered
from forebear.reports.scene import Box, Cells, Dots, Figure, Lines, Scene, Shape, Words, level_of, ticks

SIDE, SMALL = 330.0, 262.0
"""Side of the map, and of one of few layers, which a telephone shows whole."""
FEW = 40
LEFT, TOP = 46.0, 30.0
MAX_CELLS = 160
"""Layers drawn a side; more are pooled, each cell showing the most alike of its layers."""
MAX_TOLD = 24
"""Layers up to which the cosine of each pair on the path stands beside its row."""


def layer_map(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Heat map of `alignment.layers`; None when no layer could be sampled."""
    layers = document["alignment"].get("layers")
    if not _sampled(layers):
        return None
    full = layers["similarity"]
    rows, columns = len(full), len(full[0])
    pool = max(-(-rows // MAX_CELLS), -(-columns // MAX_CELLS))
    shown = tuple(tuple(level_of(v) for v in row) for row in _pooled(full, pool))
    found = _found(layers)
    if not found and not any(level for row in shown for level in row):
        return None  # every cell would be blank: `blank_words` says it
    side = SMALL if max(rows, columns) <= FEW else SIDE
    cell = side / max(rows, columns)
    high, wide = rows * cell, columns * cell
    shapes: list[Shape] = [
        Box(LEFT, TOP, wide, high, "panel"),
        Cells(LEFT, TOP, wide, high, shown),
        Box(LEFT, TOP, wide, high, "", "line"),
    ]
    if found:
        path = tuple((LEFT + (b + 0.5) * cell, TOP + (a + 0.5) * cell) for a, b in layers["pairs"])
        shapes += [Lines(path, "path", 2.0), Dots(path, max(1.2, min(3.5, cell / 4)), "path")]
        if rows <= MAX_TOLD:
            shapes += [
                Words(LEFT + wide + 6, TOP + (a + 0.5) * cell + 4, f"{full[a][b]:.2f}", "muted", size=11)
                for a, b in layers["pairs"]
            ]
            shapes.append(Words(LEFT + wide + 6, TOP - 6, words("figure.layers_cosine"), "muted", size=11))
    shapes += numbered([(LEFT + (i + 0.5) * cell, str(i)) for i in ticks(columns)], TOP + high + 15, across=True)
    shapes += numbered([(TOP + (i + 0.5) * cell, str(i)) for i in ticks(rows)], LEFT - 6, across=False)
    shapes += [
        Words(0, 12, words("figure.layers_down"), "muted"),
        Words(LEFT, TOP + high + 32, words("figure.layers_across"), "muted"),
        *colour_legend(LEFT, TOP + high + 44, "−1", "+1", steps="both"),
    ]
    caption = words("figure.layers_caption") if found else _none_found(layers, words)
    if pool > 1:
        caption += " " + words("figure.layers_pooled", count=pool)
    scene = Scene(LEFT + side + 60, TOP + high + 72, tuple(shapes))
    return Figure("layer-map", words("figure.layers"), (scene,), caption, words("figure.layers_caveat"))


def blank_words(document: Mapping[str, Any], words: Catalogue) -> str:
    """What a map says that is not drawn since no cell of it has a colour; empty where no layer could be sampled."""
    layers = document["alignment"].get("layers")
    return _none_found(layers, words) if _sampled(layers) else ""


def _sampled(layers: Any) -> bool:
    return bool(layers and layers["similarity"] and layers["similarity"][0])


def _found(layers: Mapping[str, Any]) -> bool:
    return bool(layers["found"]) if "found" in layers else "no alignment" not in layers["how"]  # version 1 said it in words


def _none_found(layers: Mapping[str, Any], words: Catalogue) -> str:
    largest = layers.get("largest")  # documents made before it was kept do not say it
    return words("figure.layers_none", largest="–" if largest is None else f"{largest:.2f}")


def _pooled(full: Sequence[Sequence[float]], pool: int) -> list[list[float]]:
    """Blocks of pool × pool cells as their largest value."""
    if pool == 1:
        return [list(row) for row in full]
    return [
        [max(v for row in full[i : i + pool] for v in row[j : j + pool]) for j in range(0, len(full[0]), pool)]
        for i in range(0, len(full), pool)
    ]
