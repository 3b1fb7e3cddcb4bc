"""Weight distributions by part and layer, over the band that models which share nothing fill (METHODS §16)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import figure_number, numbered
from forebear.reports.scene import Area, Box, Dots, Figure, Lines, Point, Scene, Shape, Words, fitted

WIDE, HIGH = 114.0, 72.0
LEFT, TOP = 44.0, 22.0
SIZE = (LEFT + WIDE + 8, TOP + HIGH + 24)


@cache
def band() -> Mapping[str, Any]:
    """What was measured on trained independents; says itself on which."""
    found: Mapping[str, Any] = json.loads(
        (resources.files("forebear.reports") / "data" / "independents.json").read_bytes()
    )
    return found


def weight_curves(document: Mapping[str, Any], words: Catalogue, figure: str) -> Figure | None:
    """One small panel a part: `figure` ("std" over its own mean, or "kurtosis") by depth. None without layers."""
    weights = document.get("weights") or {}
    panels = [p for part in weights.get("parts", []) if (p := _panel(part, figure, words)) is not None]
    if not panels:
        return None
    toys = band()
    caption = words(f"figure.{figure}_caption", models=toys["models"])
    return Figure(figure, words(f"figure.{figure}"), (_legend(words), *panels), caption, words("figure.weights_caveat"))


def _panel(part: Mapping[str, Any], figure: str, words: Catalogue) -> Scene | None:
    curves = {side: _curve(part[side], figure) for side in ("subject", "candidate")}
    if not any(len(c) > 1 for c in curves.values()):
        return None
    toy = band()["parts"].get(part["part"])
    low_curve = list(zip(toy["depth"], toy[figure]["low"], strict=True)) if toy else []
    high_curve = list(zip(toy["depth"], toy[figure]["high"], strict=True)) if toy else []
    values = [v for curve in (*curves.values(), low_curve, high_curve) for _, v in curve]
    low, high = min(values), max(values)
    pad = (high - low or abs(high) or 1.0) * 0.06
    low, high = low - pad, high + pad

    def at(curve: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((LEFT + d * WIDE, TOP + HIGH * (high - v) / (high - low)) for d, v in curve)

    shapes: list[Shape] = [Words(LEFT, 13, fitted(words.name("part", part["part"]), WIDE, 12), bold=True)]
    shapes.append(Box(LEFT, TOP, WIDE, HIGH, "panel", "line"))
    if low_curve:
        shapes.append(Area((*at(low_curve), *reversed(at(high_curve))), "band"))
    for side in ("candidate", "subject"):
        line = at(curves[side])
        shapes.append(Lines(line, side, 1.8) if len(line) > 1 else Dots(line, 2.5, side))
    shapes += numbered([(TOP + 6, f"{high:.2g}"), (TOP + HIGH - 6, f"{low:.2g}")], LEFT - 5, across=False)
    shapes += [
        Words(LEFT, TOP + HIGH + 15, words("figure.first_layer"), "muted", size=11),
        Words(LEFT + WIDE, TOP + HIGH + 15, words("figure.last_layer"), "muted", "end", 11),
    ]
    return Scene(*SIZE, tuple(shapes))


def _curve(side: Mapping[str, Any], figure: str) -> list[Point]:
    """(depth 0..1, value) of one side; std is divided by its mean over layers, so that widths do not matter."""
    known = [
        (layer, v) for layer, v in zip(side["layers"], side[figure], strict=True) if v is not None and layer is not None
    ]
    if not known:
        return []
    last = max(1, known[-1][0])
    mean = sum(v for _, v in known) / len(known) if figure == "std" else 1.0
    return [(layer / last, v / (mean or 1.0)) for layer, v in known]


def _legend(words: Catalogue) -> Scene:
    shapes: list[Shape] = []
    for row, side in enumerate(("subject", "candidate")):
        y = 34.0 + 22 * row
        shapes += [Lines(((8, y), (28, y)), side, 2.5), Words(34, y + 4, words(f"term.{side}"), size=11)]
    shapes += [Box(8, 72, 20, 12, "band"), Words(34, 83, fitted(words("figure.band"), SIZE[0] - 34, 11), size=11)]
    return Scene(*SIZE, tuple(shapes))


def curve_scale(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """How alike the two sides' curves run, on a scale where the independents' pairs lie; None when it was not measured."""
    value = (document.get("weights") or {}).get("curve_correlation")
    if value is None:
        return None
    toys = band()["curve_correlation"]
    left, wide = 12.0, 330.0

    def at(r: float) -> float:
        return left + (r + 1) / 2 * wide

    here = at(max(-1.0, min(1.0, value)))
    shapes: list[Shape] = [
        Box(at(toys["least"]), 26, at(toys["greatest"]) - at(toys["least"]), 26, "band"),
        Lines(((left, 52), (left + wide, 52)), "line", 1.0),
        Lines(((here, 20), (here, 58)), "path", 2.5),
        Words(min(here, left + wide - 24), 14, f"{value:.2f}", anchor="middle", bold=True),
        *numbered([(at(r), figure_number(r)) for r in (-1.0, -0.5, 0.0, 0.5, 1.0)], 72, across=True),
    ]
    caption = words(
        "figure.curves_caption",
        value=f"{value:.2f}",
        pairs=band()["pairs"],
        low=f"{toys['least']:.2f}",
        high=f"{toys['greatest']:.2f}",
    )
    scene = Scene(left + wide + 14, 80, tuple(shapes))
    return Figure("curves", words("figure.curves"), (scene,), caption, words("figure.curves_caveat"))
