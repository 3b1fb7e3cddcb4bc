"""Scenes as SVG: inside a page, where its style colours them, or as a file of its own that carries its colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from forebear.core.errors import printable
from forebear.reports.scene import Area, Box, Cells, Dots, Lines, Scene, Shape, Words, palette, role_of

FONT = "system-ui,-apple-system,'Segoe UI','Noto Sans','Noto Sans CJK SC',sans-serif"


def inline_svg(scene: Scene, label: str) -> str:
    """SVG for a page: classes f-ROLE (fill) and s-ROLE (stroke) come from the page's style; label is read aloud."""
    return _svg(scene, label, f'class="figure" width="{_n(scene.width)}" height="{_n(scene.height)}"', "")


def standalone_svg(scene: Scene, label: str) -> str:
    """SVG as a file: its own style, light and dark, and a ground to stand on."""
    ground = Scene(scene.width, scene.height, (Box(0, 0, scene.width, scene.height, "paper"), *scene.shapes))
    style = f"<style>text{{font-family:{FONT}}}{colour_rules()}</style>"
    size = f'width="{_n(scene.width)}" height="{_n(scene.height)}"'
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + _svg(ground, label, size, style) + "\n"


def colour_rules() -> str:
    """Style rules for every colour role, light and dark, for a page, whose fonts figures take, and for files alike."""
    light, dark = palette("light"), palette("dark")
    text = ".bold{font-weight:600}.open{fill:none}"
    return f"{text}{_rules(light)}@media screen and (prefers-color-scheme:dark){{{_rules(dark)}}}"


def _rules(colours: dict[str, str]) -> str:
    fills = "".join(f".f-{role}{{fill:{colour}}}" for role, colour in colours.items())
    strokes = "".join(f".s-{role}{{stroke:{colour}}}" for role, colour in colours.items() if not role[1:].isdigit())
    return fills + strokes


def _svg(scene: Scene, label: str, attributes: str, style: str) -> str:
    body = "".join(_shape(shape) for shape in scene.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" {attributes} '
        f'role="img" aria-label="{_safe(label)}">{style}{body}</svg>'
    )


def _safe(text: str) -> str:
    """Hostile text as inert markup: one printable line, escaped for text and attributes."""
    return escape(printable(text, 2000), quote=True)


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _shape(shape: Shape) -> str:
    match shape:
        case Box():
            return (
                f'<rect x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}" '
                f'class="{_paint(shape.fill, shape.stroke)}"/>'
            )
        case Lines():
            dash = ' stroke-dasharray="4 3"' if shape.dashed else ""
            return (
                f'<polyline points="{_points(shape.points)}" class="{_paint("", shape.stroke)}" '
                f'stroke-width="{_n(shape.width)}" stroke-linejoin="round"{dash}/>'
            )
        case Area():
            return f'<polygon points="{_points(shape.points)}" class="{_paint(shape.fill, "")}"/>'
        case Dots():
            return _dots(shape)
        case Cells():
            return _cells(shape)
        case Words():
            bold = " bold" if shape.bold else ""
            anchor = "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
            turned = f' transform="rotate(-90 {_n(shape.x)} {_n(shape.y)})"' if shape.upright else ""
            return (
                f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{shape.size}" class="f-{shape.role}{bold}"{anchor}{turned}>'
                f"{_safe(shape.text)}</text>"
            )


def _paint(fill: str, stroke: str) -> str:
    return " ".join([f"f-{fill}" if fill else "open", *([f"s-{stroke}"] if stroke else [])])


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _dots(dots: Dots) -> str:
    """One path: each dot a line of no length with round ends, a quarter of the bytes of circles."""
    if not dots.points:
        return ""
    path = "".join(f"M{_n(x)} {_n(y)}h0" for x, y in dots.points)
    return f'<path d="{path}" class="open s-{dots.fill}" stroke-width="{_n(2 * dots.radius)}" stroke-linecap="round"/>'


def _cells(cells: Cells) -> str:
    """One path a colour, cells of equal colour in a row joined; drawn in a grid of whole numbers, then scaled."""
    if not cells.levels or not cells.levels[0]:
        return ""
    runs: dict[int, list[str]] = {}
    for y, row in enumerate(cells.levels):
        start = 0
        for x in range(1, len(row) + 1):
            if x == len(row) or row[x] != row[start]:
                if row[start]:
                    runs.setdefault(row[start], []).append(f"M{start} {y}h{x - start}v1h-{x - start}z")
                start = x
    scale = f"{cells.width / len(cells.levels[0]):.4f} {cells.height / len(cells.levels):.4f}"
    paths = "".join(f'<path d="{"".join(d)}" class="f-{role_of(level)}"/>' for level, d in sorted(runs.items()))
    return (
        f'<g transform="translate({_n(cells.x)} {_n(cells.y)}) scale({scale})" shape-rendering="crispEdges">{paths}</g>'
    )
