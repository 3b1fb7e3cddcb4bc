"""Effect by layer and part: how much of each matrix is left in place, and how far it moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import colour_legend, numbered
from forebear.reports.scene import Box, Cells, Figure, Lines, Scene, Shape, Words, fitted, level_of, ticks

LEFT, TOP = 104.0, 26.0
WIDE, ROW = 250.0, 18.0
ALONE = 18.0
"""Width of the one cell of a part that belongs to no layer."""
TOPS = (0.005, 0.015, 0.05, 0.15, 0.5, 1.5)
"""Ends of the colour scale of relative changes: the least that holds them all; unrelated matrices differ by 1.41."""
MAX_RULED = 48
"""Layer pairs up to which cells are told apart by a line."""


def effect_map(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Two grids, parts down and layer pairs across: cosine in place, relative change; None without effects."""
    effects = document["effects"]
    if not effects:
        return None
    places = sorted({tuple(f["layers"]) for e in effects for f in e["by_layer"] if f["layers"][0] is not None})
    furthest = max(f["distance"] for e in effects for f in e["by_layer"])
    far = next((t for t in TOPS if furthest <= t), TOPS[-1])
    panels = (
        _grid(effects, places, "cosine", 1.0, words, ("−1", "+1")),
        _grid(effects, places, "distance", far, words, ("0", f"≥ {far}")),
    )
    caption = words("figure.effects_caption")
    return Figure("effects", words("figure.effects"), panels, caption, words("figure.effects_caveat"))


def _grid(
    effects: Sequence[Mapping[str, Any]],
    places: Sequence[tuple[Any, ...]],
    figure: str,
    top: float,
    words: Catalogue,
    ends: tuple[str, str],
) -> Scene:
    sign = -1 if figure == "distance" else 1  # another colour: what is dark in one grid is alike, in the other it is not
    shapes: list[Shape] = [Words(0, 12, words(f"figure.effects_{figure}"), bold=True)]
    for row, effect in enumerate(effects):
        y = TOP + row * ROW
        known = {tuple(f["layers"]): sign * level_of(f[figure], top) for f in effect["by_layer"]}
        shapes.append(Words(LEFT - 8, y + 12, fitted(words.name("part", effect["part"]), LEFT - 10, 12), "ink", "end"))
        alone = [level for place, level in known.items() if place[0] is None]
        levels = alone if alone else [known.get(place, 0) for place in places]
        width = ALONE if alone else WIDE
        shapes += [Box(LEFT, y, width, ROW - 4, "panel"), Cells(LEFT, y, width, ROW - 4, (tuple(levels),))]
        if 1 < len(levels) <= MAX_RULED:
            cuts = [LEFT + i * width / len(levels) for i in range(1, len(levels))]
            shapes += [Lines(((x, y), (x, y + ROW - 4)), "paper", 1.0) for x in cuts]
        shapes.append(Box(LEFT, y, width, ROW - 4, "", "line"))
    low = TOP + len(effects) * ROW
    if places:
        each = WIDE / len(places)
        labels = [(LEFT + (i + 0.5) * each, str(places[i][0])) for i in ticks(len(places))]
        shapes += numbered(labels, low + 11, across=True)
        shapes.append(Words(LEFT + WIDE, low + 27, words("figure.effects_across"), "muted", "end", 11))
    shapes += colour_legend(LEFT, low + 38, *ends, steps="both" if figure == "cosine" else "below")
    return Scene(LEFT + WIDE + 8, low + 64, tuple(shapes))
