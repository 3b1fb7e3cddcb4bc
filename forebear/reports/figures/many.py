"""Many models at once: all pairs as a heat map, and the tree of similarity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue, short_names
from forebear.reports.figures.scale import colour_legend, numbered
from forebear.reports.line_breaks import text_width
from forebear.reports.scene import Box, Cells, Dots, Figure, Lines, Scene, Shape, Words, fitted, level_of, ticks

NAMES = 190.0
SIDE, SMALL, EACH = 340.0, 200.0, 36.0
"""Side of the map at most and at least, and what a member adds to it between."""
ROW = 17.0
DEPTH = 180.0
LABEL = 230.0
LEGIBLE = 11.0
"""Least size of a cell beside which a name can be read."""
RELATIVES = frozenset({"identical", "related"})


def leaf_order(document: Mapping[str, Any]) -> list[str]:
    """Members that were compared, in the order of the tree's leaves."""
    members = [m["id"] for m in document["members"] if not m["error"]]
    tree = document.get("tree")
    if not tree or not tree["merges"]:
        return members
    groups: dict[int, list[int]] = {i: [i] for i in range(len(members))}
    for i, merge in enumerate(tree["merges"]):
        groups[len(members) + i] = groups.pop(merge["left"]) + groups.pop(merge["right"])
    return [members[i] for group in groups.values() for i in group]


def pair_map(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Every member against every other by effect, in the order of the tree; None without a tree."""
    if not document.get("tree"):
        return None
    order = leaf_order(document)
    place = {member: i for i, member in enumerate(order)}
    names = short_names(document["members"])
    count = len(order)
    levels = [[0] * count for _ in range(count)]
    rings = []
    side = min(SIDE, max(SMALL, EACH * count))
    cell = side / max(1, count)
    named = cell >= LEGIBLE
    left = min(NAMES, max(text_width(names[m], 11 * 1.25) for m in order) + 12) if named else NAMES
    top = min(NAMES, max(text_width(names[m], 11) for m in order) + 24) if named else 8.0
    for pair in document["pairs"]:
        a, b = place[pair["subject"]], place[pair["candidate"]]
        levels[a][b] = levels[b][a] = level_of(pair["effect"])
        if pair["relation"] in RELATIVES:
            rings += [(left + (x + 0.5) * cell, top + (y + 0.5) * cell) for x, y in ((a, b), (b, a))]
    shapes: list[Shape] = [
        Box(left, top, side, side, "panel"),
        Cells(left, top, side, side, tuple(map(tuple, levels))),
        *(Box(left + i * cell, top + i * cell, cell, cell, "band") for i in range(count)),
        Box(left, top, side, side, "", "line"),
        Dots(tuple(rings), max(1.2, min(4.0, cell / 5)), "path"),
    ]
    for i in range(count) if named else ticks(count):
        middle = (i + 0.5) * cell + 4
        name = fitted(names[order[i]], NAMES - 12, 10) if named else f"{fitted(names[order[i]], NAMES - 34, 11)} {i + 1}"
        shapes.append(Words(left - 6, top + middle, name, "ink", "end", 11))
        if named:
            shapes.append(Words(left + middle, top - 6, fitted(names[order[i]], NAMES - 12, 10), size=11, upright=True))
    low = top + side
    if not named:
        shapes += numbered([(left + (i + 0.5) * cell, str(i + 1)) for i in ticks(count, 20)], low + 15, across=True)
    shapes += [
        *colour_legend(left, low + 26, "−1", "+1", steps="both"),
        Dots(((left + 6, low + 66),), 4.0, "path"),
        Words(left + 16, low + 70, words("matrix_words.dot"), "muted", size=11),
    ]
    scene = Scene(left + max(side, 150) + 8, low + 78, tuple(shapes))
    return Figure(
        "pairs", words("figure.matrix"), (scene,), words("figure.matrix_caption"), words("figure.matrix_caveat")
    )


def tree_picture(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """The tree of similarity, leaves at the right; None without a tree."""
    tree = document.get("tree")
    if not tree or not tree["merges"]:
        return None
    order = leaf_order(document)
    names = short_names(document["members"])
    members = [m["id"] for m in document["members"] if not m["error"]]
    place = {member: i for i, member in enumerate(order)}
    left, top = 14.0, 12.0

    def at(similarity: float) -> float:
        return left + DEPTH * max(0.0, min(1.0, similarity))

    spots: dict[int, tuple[float, float]] = {i: (at(1.0), top + place[m] * ROW) for i, m in enumerate(members)}
    shapes: list[Shape] = []
    for i, merge in enumerate(tree["merges"]):
        (x0, y0), (x1, y1) = spots[merge["left"]], spots[merge["right"]]
        x = at(merge["similarity"])
        shapes.append(Lines(((x0, y0), (x, y0), (x, y1), (x1, y1)), "subject", 1.5))
        spots[len(members) + i] = (x, (y0 + y1) / 2)
    for member in order:
        shapes.append(Words(at(1.0) + 8, top + place[member] * ROW + 4, fitted(names[member], LABEL, 12), size=12))
    low = top + len(order) * ROW + 4
    shapes += [
        Lines(((at(0.0), low), (at(1.0), low)), "line", 1.0),
        *numbered([(at(v), f"{v:g}") for v in (0.0, 0.25, 0.5, 0.75, 1.0)], low + 14, across=True),
    ]
    shapes.append(Words(at(1.0), low + 30, words("matrix_words.axis"), "muted", "end", 11))
    scene = Scene(at(1.0) + 14 + min(LABEL, max(text_width(names[m], 12 * 1.25) for m in order)), low + 38, tuple(shapes))
    return Figure("tree", words("figure.tree"), (scene,), words("figure.tree_caption"), words("figure.tree_caveat"))
