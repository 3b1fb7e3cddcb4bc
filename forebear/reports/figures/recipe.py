"""Pictures of a recipe: where every layer of the subject comes from, and what is left by part and layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import colour_legend, numbered
from forebear.reports.scene import Area, Box, Cells, Figure, Lines, Scene, Shape, Words, fitted, level_of, moved, ticks

MAX_LAYERS = 96
"""Layers drawn; of a deeper subject the first ones."""
BAR, HIGH, GAP = 96.0, 15.0, 4.0
RIGHT, TOP = 170.0, 34.0
COLOURS = {"kept": "subject", "copy": "candidate", "identity": "band", "new": "muted"}
LEFT, WIDE, ROW = 96.0, 260.0, 18.0
TOPS = (0.005, 0.015, 0.05, 0.15, 0.5, 1.5)


def recipe_map(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Layers of the candidate left, of the subject right, joined; None without layers."""
    layers = document["layers"][:MAX_LAYERS]
    if not layers:
        return None
    sources = max((row["from"] for row in layers if row["from"] is not None), default=-1) + 1
    sources = max(
        sources,
        *(n + 1 for step in document["steps"] if step["op"] == "layers-dropped" for n in step["where"]["layers"]),
        0,
    )
    sources = min(sources, MAX_LAYERS)
    shapes: list[Shape] = [
        Words(40, 18, words("term.candidate"), "candidate", bold=True),
        Words(RIGHT + 26, 18, words("term.subject"), "subject", bold=True),
    ]
    used = {row["from"] for row in layers}
    for layer in range(sources):
        y = TOP + layer * (HIGH + GAP)
        shapes += [
            Box(40, y, BAR, HIGH, "candidate" if layer in used else "panel", "line"),
            Words(34, y + 12, str(layer), "muted", "end", 11),
        ]
    for layer in range(sources):
        if layer not in used:
            y = TOP + layer * (HIGH + GAP) + HIGH / 2
            shapes.append(Lines(((36, y), (44 + BAR, y)), "path", 2.0))
    for at, row in enumerate(layers):
        shapes += _layer(at, row, words)
    high = TOP + max(sources, len(layers)) * (HIGH + GAP) + 12
    shapes += _legend(layers, high, words)
    wide = RIGHT + (170 if all(row["how"] == "kept" for row in layers) else 270)
    return Figure(
        "recipe-map", words("recipe.map"), (Scene(wide, high + 24, tuple(shapes)),), words("recipe.map_caption"),
        words("recipe.map_caveat"),
    )  # fmt: skip


def _layer(at: int, row: Mapping[str, Any], words: Catalogue) -> list[Shape]:
    """One layer of the subject, and the band from the candidate's layer it comes from."""
    y, colour = TOP + at * (HIGH + GAP), COLOURS.get(row["how"], "band")
    shapes: list[Shape] = []
    if row["from"] is not None:
        start = TOP + row["from"] * (HIGH + GAP) + HIGH / 2
        shapes.append(Lines(((40 + BAR, start), (RIGHT + 20, y + HIGH / 2)), colour, 1.6, row["how"] != "kept"))
    wide = BAR * 1.35 if "mlp-widened" in row["mlp"] else BAR * 0.7 if "mlp-narrowed" in row["mlp"] else BAR
    shapes += [Box(RIGHT + 20, y, wide, HIGH, colour, "line")]
    if row["frozen"]:
        shapes.append(Box(RIGHT + 17, y - 2, wide + 6, HIGH + 4, "", "ink"))
    said = "" if row["how"] == "kept" else f" · {words.name('recipe.word', row['how'])}"
    return [*shapes, Words(RIGHT + 26 + wide, y + 12, f"{row['layer']}{said}", "muted", size=11)]


def _legend(layers: Any, y: float, words: Catalogue) -> list[Shape]:
    shapes: list[Shape] = []
    x = 40.0
    for how in dict.fromkeys(row["how"] for row in layers):
        name = words("recipe.kept") if how == "kept" else words.name("recipe.word", how)
        shapes += [Box(x, y, 14, 12, COLOURS.get(how, "band"), "line"), Words(x + 20, y + 11, name, "muted", size=11)]
        x += 130
    if any(row["mlp"] for row in layers):
        shapes.append(Words(x, y + 11, words("recipe.widened"), "muted", size=11))
    return shapes


def change_map(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Parts down, the subject's layers across: how far each is from the replayed candidate; None without figures."""
    change = document["change"]
    if not change:
        return None
    layers = sorted({row["layer"] for row in change if row["layer"] is not None})
    parts = list(dict.fromkeys(row["part"] for row in change))
    furthest = max(row["distance"] for row in change)
    top = next((t for t in TOPS if furthest <= t), TOPS[-1])
    shapes: list[Shape] = []
    for at, part in enumerate(parts):
        y = 6 + at * ROW
        known = {row["layer"]: row for row in change if row["part"] == part}
        alone = None in known and len(known) == 1
        places = [None] if alone else layers
        width = ROW if alone else WIDE
        levels = tuple(-level_of(known[p]["distance"], top) if p in known else 0 for p in places)
        shapes += [
            Words(LEFT - 8, y + 12, fitted(words.name("part", part), LEFT - 10, 12), "ink", "end"),
            Box(LEFT, y, width, ROW - 4, "panel"),
            Cells(LEFT, y, width, ROW - 4, (levels,)),
            Box(LEFT, y, width, ROW - 4, "", "line"),
        ]  # fmt: skip
        each = width / len(places)
        for i, place in enumerate(places):
            if place in known and known[place]["equal"]:
                x = LEFT + i * each
                shapes.append(
                    Area(((x + each / 2 - 3, y + 4), (x + each / 2 + 3, y + 4), (x + each / 2, y + 10)), "muted")
                )
    low = 6 + len(parts) * ROW
    if layers:
        each = WIDE / len(layers)
        shapes += numbered(
            [(LEFT + (i + 0.5) * each, str(layers[i])) for i in ticks(len(layers))], low + 11, across=True
        )
        shapes.append(Words(LEFT + WIDE, low + 27, words("recipe_words.layer"), "muted", "end", 11))
    shapes += colour_legend(LEFT, low + 26, "0", f"≥ {top}", steps="below")
    merge = any(step["op"] == "merged" for step in document["steps"])
    title, caption = words("recipe.change"), words("merge_map.caption" if merge else "recipe.change_caption")
    below = tuple(moved(shape, 0, 22) for shape in shapes)
    scene = Scene(LEFT + WIDE + 8, low + 74, (Words(0, 12, title, bold=True), *below))
    return Figure("recipe-change", title, (scene,), caption, words("recipe.change_caveat"))
