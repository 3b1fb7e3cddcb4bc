"""The deck picture: place in the candidate against best match in the subject; a line for kin, a cloud for independents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue, axis_name, short_names
from forebear.reports.figures.scale import numbered
from forebear.reports.scene import Box, Dots, Figure, Lines, Scene, Shape, Words, fitted, ticks

SIDE = 196.0
LEFT, TOP = 52.0, 52.0
SIZE = (LEFT + SIDE + 24, TOP + SIDE + 40)


def deck_picture(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """One square a deck of the evidence; None when no deck ran."""
    sides = short_names([document["subject"], document["candidate"]])
    names = [sides[document[side]["id"]] for side in ("subject", "candidate")]
    panels = [
        _square(axis_name(e, words), e["best"], names, words, e.get("best_layer"), e.get("best_in_place"))
        for e in document["evidence"]
        if e["test"] == "deck" and e.get("best")
    ]
    if not panels:
        return None
    caption, caveat = words("figure.decks_caption"), words("figure.decks_caveat")
    return Figure("decks", words("figure.decks"), tuple(panels), caption, caveat)


def _square(
    title: str, best: Sequence[int], names: Sequence[str], words: Catalogue, layer: Sequence[int] | None, matched: int | None
) -> Scene:
    """One deck; names: of subject and candidate; matched: how many dots lie on the diagonal, where the document says it."""
    count = max(1, len(best), max(best, default=0) + 1)
    scale = SIDE / count
    dots = tuple((LEFT + (i + 0.5) * scale, TOP + SIDE - (j + 0.5) * scale) for i, j in enumerate(best) if j >= 0)
    in_place = "" if matched is None else words("figure.deck_count", matched=matched, of=len(best))
    where = "" if layer is None else _layers(layer[0], layer[1], words)
    marks = ticks(count, 5)
    shapes: list[Shape] = [
        Words(LEFT, 13, fitted(title, SIDE, 12), bold=True),
        Words(LEFT, 29, in_place, "muted"),
        Words(LEFT, 44, where, "muted"),
        Box(LEFT, TOP, SIDE, SIDE, "panel", "line"),
        Dots(dots, 1.1 if len(best) > 256 else 1.7, "dot"),
        *numbered([(LEFT + (i + 0.5) * scale, str(i)) for i in marks], TOP + SIDE + 14, across=True),
        *numbered([(TOP + SIDE - (i + 0.5) * scale, str(i)) for i in marks], LEFT - 4, across=False),
        Words(LEFT, TOP + SIDE + 30, fitted(words("figure.deck_across", name=names[1]), SIDE, 11), "muted", size=11),
        Words(13, TOP + SIDE, fitted(words("figure.deck_up", name=names[0]), SIDE + 30, 11), "muted", size=11, upright=True),
    ]
    return Scene(*SIZE, tuple(shapes))


def _layers(subject: int, candidate: int, words: Catalogue) -> str:
    if subject == candidate:
        return words("page_looks.deck_layer", layer=subject)
    return words("page_looks.deck_layers", subject=subject, candidate=candidate)


def all_pairs_histogram(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """How many layer pairs gave how many matches, when all were tried; None otherwise."""
    pairs = document["alignment"].get("all_pairs")
    if not pairs:
        return None
    counts = sorted((int(k), v) for k, v in pairs["histogram"].items())
    last = max(2, counts[-1][0])
    most, wide = max(v for _, v in counts), 300.0
    each = wide / (last + 1)
    shapes: list[Shape] = []
    for value, count in counts:
        height = 120.0 * count / most
        shapes.append(Box(LEFT + value * each + 1, 40 + 120 - height, max(1.0, each - 2), height, "dot"))
        if last <= 16:
            shapes.append(Words(LEFT + (value + 0.5) * each, 40 + 120 - height - 4, str(count), "muted", "middle", 11))
    middle = LEFT + 1.5 * each
    shapes += [
        Lines(((middle, 12), (middle, 21)), "candidate", 1.5),
        Words(middle, 8, words("figure.pairs_chance"), "muted", "middle", 11),
        Words(LEFT - 20, 160, words("figure.pairs_up"), "muted", size=11, upright=True),
    ]
    shapes += numbered([(LEFT + (i + 0.5) * each, str(i)) for i in ticks(last + 1)], 175, across=True)
    shapes.append(Words(LEFT + wide, 192, words("figure.pairs_across"), "muted", "end", 11))
    title = words("figure.pairs", count=pairs["pairs"])
    caption = words("figure.pairs_caption", count=pairs["pairs"], units=pairs["units"], mean=f"{pairs['mean']:.2f}")
    scene = Scene(LEFT + wide + 8, 200, tuple(shapes))
    return Figure("all-pairs", title, (scene,), caption, words("figure.pairs_caveat"))
