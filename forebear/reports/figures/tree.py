"""The families of a library, one drawing each: a row a model, lines between those that are next to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.line_breaks import text_width
from forebear.reports.scene import Area, Dots, Figure, Lines, Scene, Shape, Words, fitted

ROW = 21.0
LEFT = 14.0
STEP = 20.0
DEEP = 400.0
"""Width that the steps of the deepest family may take between them."""
NAME = 300.0
NOTE = 360.0
LANE = 9.0
LANES = 16
SIZE = 12
HEAD = 4.0
CLOSE = 1.04
"""How much wider than measured a text is taken to be where a line starts behind it."""


def family_names(document: Mapping[str, Any], words: Catalogue) -> dict[str, str]:
    """What every model is called: its name, with the beginning of its id where several have it; missing ones in words."""
    names = [node["name"] for node in document["nodes"]]
    several = {name for name in names if name is not None and names.count(name) > 1} if len(names) <= 5000 else set()
    found = {}
    for node in document["nodes"]:
        name = words("tree_page.missing") if node["name"] is None else str(node["name"])
        found[node["id"]] = f"{name} ({node['id'][-64:][:8]})" if node["name"] in several else name
    return found


def family_scene(document: Mapping[str, Any], number: int, names: Mapping[str, str], words: Catalogue) -> Scene:
    """One family: rows from the top down, each set in below the model it is next to; further parents of merges at the right."""
    family = next(one for one in document["families"] if one["number"] == number)
    edges = {frozenset(edge["ends"]): edge for edge in document["edges"] if edge["family"] == number}
    rows = family["rows"]
    deepest = max([row["depth"] for row in rows], default=0)
    step = min(STEP, DEEP / max(1, deepest))
    place = {row["id"]: (LEFT + row["depth"] * step, (at + 0.5) * ROW) for at, row in enumerate(rows)}
    shapes: list[Shape] = []
    drawn = set()
    for row in rows:
        if row["above"] is not None:
            pair = frozenset((row["id"], row["above"]))
            drawn.add(pair)
            shapes += _joint(place[row["above"]], place[row["id"]], edges[pair], row["id"])
    right = LEFT
    ends: dict[str, float] = {}
    for row in rows:
        x, y = place[row["id"]]
        name = fitted(names[row["id"]], NAME, SIZE)
        missing = row["id"] in family["unknown"]
        shapes.append(
            Words(x + 10, y + 4, name, "muted" if missing else "ink", size=SIZE, bold=row["id"] == family["root"])
        )
        note = fitted(_note(row, edges, names, words), NOTE, SIZE - 1)
        start = x + 20 + text_width(name, SIZE * CLOSE)
        if note:
            shapes.append(Words(start, y + 4, note, "muted", size=SIZE - 1))
            start += 10 + text_width(note, (SIZE - 1) * CLOSE)
        ends[row["id"]] = start
        right = max(right, start)
    shapes += _dots(rows, family, place)
    more = [edge for pair, edge in edges.items() if pair not in drawn]
    lanes = _lanes([sorted(place[end][1] for end in edge["ends"]) for edge in more])
    for edge, lane in zip(more, lanes, strict=True):
        shapes += _beside(edge, place, ends, right + 10 + lane * LANE)
    width = right + 20 + LANE * max([lane + 1 for lane in lanes], default=0)
    return Scene(max(260.0, width), max(ROW, ROW * len(rows)) + 4, tuple(shapes))


def _joint(above: tuple[float, float], here: tuple[float, float], edge: Mapping[str, Any], ident: str) -> list[Shape]:
    """A line from a row to the row above it, with an arrow head where direction is shown."""
    (x, y), (to, down) = above, here
    dashed = not edge["proved"] and edge["kind"] == "proposed"
    stroke = "subject" if edge["parent"] else "muted"
    found: list[Shape] = [Lines(((x, y + 4), (x, down), (to - 4, down)), stroke, 1.4, dashed)]
    if edge["child"] == ident:
        found.append(Area(((to - 3, down), (to - 3 - 2 * HEAD, down - HEAD), (to - 3 - 2 * HEAD, down + HEAD)), stroke))
    elif edge["child"]:
        found.append(Area(((x, y + 3), (x - HEAD, y + 3 + 2 * HEAD), (x + HEAD, y + 3 + 2 * HEAD)), stroke))
    return found


def _beside(
    edge: Mapping[str, Any], place: Mapping[str, tuple[float, float]], ends: Mapping[str, float], lane: float
) -> list[Shape]:
    """A line at the right of the names between two rows that are not set in below each other."""
    (one, other), stroke = edge["ends"], "candidate"
    a, b = (place[end][1] for end in (one, other))
    found: list[Shape] = [
        Lines(((ends[one], a), (lane, a), (lane, b), (ends[other], b)), stroke, 1.2, not edge["proved"])
    ]
    for end, y in ((one, a), (other, b)):
        if edge["child"] == end:
            x = ends[end]
            found.append(Area(((x - 2, y), (x + 2 * HEAD - 2, y - HEAD), (x + 2 * HEAD - 2, y + HEAD)), stroke))
    return found


def _lanes(spans: Sequence[Sequence[float]]) -> list[int]:
    """For every span the first lane that is free there; the last one where none is."""
    taken: list[list[Sequence[float]]] = []
    found = []
    for low, high in spans:
        lane = next((at for at, held in enumerate(taken) if all(high < a or low > b for a, b in held)), len(taken))
        lane = min(lane, LANES - 1)
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        found.append(lane)
    return found


def _dots(
    rows: Sequence[Mapping[str, Any]], family: Mapping[str, Any], place: Mapping[str, tuple[float, float]]
) -> list[Shape]:
    missing = tuple(place[row["id"]] for row in rows if row["id"] in family["unknown"])
    there = tuple(place[row["id"]] for row in rows if row["id"] not in family["unknown"])
    return [Dots(there, 3.6, "dot"), Dots(missing, 4.4, "muted"), Dots(missing, 3.0, "paper")]


def _note(
    row: Mapping[str, Any],
    edges: Mapping[frozenset[str], Mapping[str, Any]],
    names: Mapping[str, str],
    words: Catalogue,
) -> str:
    """What is said beside a name: of a merge its parents with their weights."""
    parents = [edge for edge in edges.values() if edge["kind"] == "merge" and edge["ends"][0] == row["id"]]
    shares = [words("tree_page.share", share=edge["evidence"]["weight"], name=names[edge["ends"][1]]) for edge in parents
              if edge["evidence"].get("weight") is not None]  # fmt: skip
    return " + ".join(shares)


def tree_figure(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """All families as one figure; None where there is none."""
    if not document["families"]:
        return None
    names = family_names(document, words)
    panels = tuple(family_scene(document, family["number"], names, words) for family in document["families"])
    return Figure("tree", words("tree_page.title"), panels, words("tree_page.caption"), words("tree_page.legend"))


__all__ = ["family_names", "family_scene", "tree_figure"]
