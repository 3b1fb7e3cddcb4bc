"""What is in a file, drawn: parameters by part, storage types and spread of values by part and layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import colour_legend, figure_number, numbered
from forebear.reports.line_breaks import text_width
from forebear.reports.scene import Box, Cells, Figure, Lines, Scene, Shape, Words, fitted, level_of, ticks

LEFT, TOP, ROW = 104.0, 26.0, 18.0
WIDE, ALONE = 230.0, 18.0
BARS = 180.0
"""The longest bar: a name, it and its count fit into a telephone's width."""
GAP = 8.0
TYPES = ("subject", "candidate", "c3", "n3", "band", "c9", "n9")
"""Colours of storage types, the commonest first; those beyond, and cells of several types, are `muted`."""
MANY = "muted"
MAX_RULED = 48
ORDER = {part: at for at, part in enumerate((
    "embedding", "positions", "token_types", "q", "k", "v", "o", "router", "gate", "up", "down", "norm", "pooler", "head",
))}  # fmt: skip
"""Parts as data flows through them; any others come last."""
Tensor = Mapping[str, Any]
Grid = Mapping[str, Mapping[int | None, Sequence[Tensor]]]


def part_sizes(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """A bar a part: how many of the parameters it holds; None where no tensor is known by its part."""
    grid = _grid(document["tensors"])
    if not grid:
        return None
    counts = {part: sum(t["parameters"] for cell in row.values() for t in cell) for part, row in grid.items()}
    most = max(1, *counts.values())
    shapes: list[Shape] = []
    for at, (part, count) in enumerate(counts.items()):
        y = 6 + at * ROW
        wide = max(1.0, BARS * count / most)
        shapes += [
            Words(LEFT - 8, y + 12, fitted(_name(part, words), LEFT - 10, 12), "ink", "end"),
            Box(LEFT, y, wide, ROW - 4, "subject"),
            Words(LEFT + wide + 6, y + 12, f"{count:,}", "muted", size=11),
        ]
    scene = Scene(LEFT + BARS + max(84.0, 14 + text_width(f"{most:,}", 11)), 6 + len(counts) * ROW + 4, tuple(shapes))
    caption, caveat = words("figure_inside.sizes_caption"), words("figure_inside.sizes_caveat")
    return Figure("inside-sizes", words("figure_inside.sizes"), (scene,), caption, caveat)


def type_map(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Parts down, layers across: how each is stored and, where values were read, how far they spread; None without layers."""
    grid = _grid(document["tensors"])
    layers = sorted({place for row in grid.values() for place in row if place is not None})
    if not layers:
        return None
    panels = [_types(grid, layers, words)]
    if any("std" in t for row in grid.values() for cell in row.values() for t in cell):
        panels.append(_spread(grid, layers, words))
    caption, caveat = words("figure_inside.types_caption"), words("figure_inside.types_caveat")
    return Figure("inside-types", words("figure_inside.types"), tuple(panels), caption, caveat)


def _grid(tensors: Sequence[Tensor]) -> Grid:
    """Part (with its stack, where there are several), then layer (None for what has none), then tensors; empty where unsaid."""
    found: dict[str, dict[int | None, list[Tensor]]] = {}
    for tensor in tensors:
        if tensor.get("part") and "layer" in tensor:
            key = f"{tensor['stack']}:{tensor['part']}" if "stack" in tensor else tensor["part"]
            found.setdefault(key, {}).setdefault(tensor["layer"], []).append(tensor)
    return dict(
        sorted(found.items(), key=lambda row: ORDER.get(row[0].rpartition(":")[2].partition("+")[0], len(ORDER)))
    )


def _name(key: str, words: Catalogue) -> str:
    stack, _, part = key.rpartition(":")
    said = "+".join(words.name("part", one) for one in part.split("+"))
    return f"{stack} {said}".strip()


def _types(grid: Grid, layers: Sequence[int], words: Catalogue) -> Scene:
    stored = [t["dtype"] for row in grid.values() for cell in row.values() for t in cell]
    order = sorted(dict.fromkeys(stored), key=lambda dtype: -stored.count(dtype))
    colours = dict(zip(order, TYPES, strict=False))
    shapes: list[Shape] = [Words(0, 12, words("figure_inside.types_stored"), bold=True)]
    for at, (part, row) in enumerate(grid.items()):
        shapes += _label(part, at, words)
        y = TOP + at * ROW
        for place, x, wide in _cells(layers):
            kinds = list(dict.fromkeys(t["dtype"] for t in row.get(place, ())))
            if kinds:
                shapes.append(Box(x, y, wide, ROW - 4, colours.get(kinds[0], MANY) if kinds == kinds[:1] else MANY))
        shapes += _frames(y, layers, row)
    low = TOP + len(grid) * ROW
    shapes += _axis(layers, low, words)
    x, y = LEFT, low + 38
    for name, colour in [
        *colours.items(),
        *([(words("figure_inside.several"), MANY)] if _mixed(grid, colours) else []),
    ]:
        name = fitted(name, GAP + ALONE + WIDE - 24, 11)
        if x + 22 + text_width(name, 11) > LEFT + GAP + ALONE + WIDE:
            x, y = LEFT, y + 18
        shapes += [Box(x, y, 12, 12, colour, "line"), Words(x + 17, y + 10, name, "muted", size=11)]
        x += 34 + text_width(name, 11)
    return Scene(LEFT + ALONE + GAP + WIDE + 8, y + 22, tuple(shapes))


def _mixed(grid: Grid, colours: Mapping[str, str]) -> bool:
    cells = [{t["dtype"] for t in cell} for row in grid.values() for cell in row.values()]
    return any(cell - set(colours) or len(cell) > 1 for cell in cells)


def _spread(grid: Grid, layers: Sequence[int], words: Catalogue) -> Scene:
    known = {(part, place): [t["std"] for t in cell if t.get("std") is not None]
             for part, row in grid.items() for place, cell in row.items()}  # fmt: skip
    means = {key: sum(found) / len(found) for key, found in known.items() if found}
    top = max(means.values(), default=0.0) or 1.0
    shapes: list[Shape] = [Words(0, 12, words("figure_inside.spread"), bold=True)]
    for at, (part, row) in enumerate(grid.items()):
        shapes += _label(part, at, words)
        y = TOP + at * ROW
        shapes += [
            Cells(x, y, wide, ROW - 4, ((level_of(means[part, place], top),),))
            for place, x, wide in _cells(layers)
            if (part, place) in means
        ]
        shapes += _frames(y, layers, row)
    low = TOP + len(grid) * ROW
    shapes += [*_axis(layers, low, words), *colour_legend(LEFT, low + 38, "0", figure_number(top), steps="above")]
    return Scene(LEFT + ALONE + GAP + WIDE + 8, low + 64, tuple(shapes))


def _cells(layers: Sequence[int]) -> list[tuple[int | None, float, float]]:
    """Place, left edge and width of every cell of a row: what belongs to no layer first, a little apart."""
    each, start = WIDE / len(layers), LEFT + ALONE + GAP
    return [(None, LEFT, ALONE), *((layer, start + i * each, each) for i, layer in enumerate(layers))]


def _label(part: str, at: int, words: Catalogue) -> list[Shape]:
    return [Words(LEFT - 8, TOP + at * ROW + 12, fitted(_name(part, words), LEFT - 10, 12), "ink", "end")]


def _frames(y: float, layers: Sequence[int], row: Mapping[int | None, Any]) -> list[Shape]:
    """The outline of what a row holds, and lines between layers where there are few."""
    start, shapes = LEFT + ALONE + GAP, list[Shape]()
    if None in row:
        shapes.append(Box(LEFT, y, ALONE, ROW - 4, "", "line"))
    if any(place is not None for place in row):
        if len(layers) <= MAX_RULED:
            cuts = [start + i * WIDE / len(layers) for i in range(1, len(layers))]
            shapes += [Lines(((x, y), (x, y + ROW - 4)), "paper", 1.0) for x in cuts]
        shapes.append(Box(start, y, WIDE, ROW - 4, "", "line"))
    return shapes


def _axis(layers: Sequence[int], low: float, words: Catalogue) -> list[Shape]:
    each, start = WIDE / len(layers), LEFT + ALONE + GAP
    labels = [(start + (i + 0.5) * each, str(layers[i])) for i in ticks(len(layers))]
    return [
        *numbered([(LEFT + ALONE / 2, "–"), *labels], low + 11, across=True),
        Words(start + WIDE, low + 27, words("figure_inside.across"), "muted", "end", 11),
    ]
