"""Strength by layer: how closely neurons and heads agree, and beside it what an aligned independent reaches (METHODS §17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import numbered
from forebear.reports.line_breaks import wrapped
from forebear.reports.scene import Area, Box, Figure, Lines, Scene, Shape, Words, ticks

WIDE, HIGH = 300.0, 130.0
LEFT, TOP = 46.0, 34.0


def strength_bars(document: Mapping[str, Any], words: Catalogue, axis: str = "neurons") -> Figure | None:
    """Two bars a layer pair: strength and ceiling; a line for what the pooled strength needs. None where none was measured.

    axis: "neurons", or "heads" for attention.
    """
    measured = (e for e in document["evidence"] if (e["test"], e["axis"]) == ("strength", axis))
    found = next((e for e in measured if e.get("ceiling") is not None), None)
    if found is None or not found["by_layer"]:
        return None
    of = "" if axis == "neurons" else "_heads"
    values, ceilings = found["by_layer"], found["ceiling_by_layer"]
    each = WIDE / len(values)
    shapes: list[Shape] = [Box(LEFT, TOP, WIDE, HIGH, "panel", "line")]
    for place, (value, ceiling) in enumerate(zip(values, ceilings, strict=True)):
        x = LEFT + place * each
        shapes += [_bar(x + 0.15 * each, each, value, "subject"), _bar(x + 0.5 * each, each, ceiling, "band")]
    needed = TOP + HIGH * (1 - min(1.0, found["factor"] * found["ceiling"]))
    shapes.append(Lines(((LEFT, needed), (LEFT + WIDE, needed)), "candidate", 1.5, dashed=True))
    shapes += [
        Words(0, 13, words("figure.strength_asked"), bold=True),
        Words(LEFT - 28, TOP + HIGH, words("figure.strength_up"), "muted", size=11, upright=True),
        Words(LEFT + WIDE, TOP + HIGH + 30, words("figure.effects_across"), "muted", "end", 11),
    ]
    shapes += numbered([(TOP + 6, "1"), (TOP + HIGH - 4, "0")], LEFT - 6, across=False)
    labels = [(LEFT + (i + 0.5) * each, str(found["layer_pairs"][i][0])) for i in ticks(len(values))]
    shapes += numbered(labels, TOP + HIGH + 14, across=True)
    low = TOP + HIGH + 40
    for row, (role, key) in enumerate((("subject", f"value{of}"), ("band", "ceiling"))):
        shapes += [
            Box(LEFT, low + 18 * row, 14, 10, role),
            Words(LEFT + 22, low + 9 + 18 * row, words(f"figure.strength_{key}")),
        ]
    shapes.append(Lines(((LEFT, low + 41), (LEFT + 14, low + 41)), "candidate", 1.5, dashed=True))
    needs = wrapped(words("figure.strength_needed", factor=f"{found['factor']:.1f}"), WIDE - 22, 12)
    shapes += [Words(LEFT + 22, low + 45 + 16 * row, line) for row, line in enumerate(needs)]
    caption = words(f"figure.strength_caption{of}", value=f"{found['value']:.2f}", ceiling=f"{found['ceiling']:.2f}")
    scene = Scene(LEFT + WIDE + 8, low + 40 + 16 * len(needs), tuple(shapes))
    return Figure(f"strength{of}", words(f"figure.strength{of}"), (scene,), caption, words("about.strength"))


def _bar(x: float, each: float, value: float, role: str) -> Area:
    high, wide = HIGH * min(1.0, max(0.0, value)), 0.32 * each
    top, low = TOP + HIGH - high, TOP + HIGH
    return Area(((x, low), (x, top), (x + wide, top), (x + wide, low)), role)
