"""A figure as a list of shapes with named colours: drawn once, shown as SVG in light or dark, saved as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from forebear.core.errors import printable
from forebear.reports.line_breaks import text_width, wrapped

Point = tuple[float, float]
LEVELS = 10
"""Steps of the colour scale on either side of zero."""

LIGHT = {
    "paper": "#ffffff", "ink": "#1c2430", "muted": "#5a6474", "line": "#c3cad4", "panel": "#f6f7f9",
    "subject": "#1763a6", "candidate": "#b3541e", "band": "#d9dde4", "path": "#c2410c", "dot": "#1763a6",
}  # fmt: skip
DARK = {
    "paper": "#14181f", "ink": "#e6e8ec", "muted": "#a3adbd", "line": "#465061", "panel": "#1b212b",
    "subject": "#7db8ee", "candidate": "#f0a070", "band": "#333c4a", "path": "#ff9d5c", "dot": "#7db8ee",
}  # fmt: skip
_SCALE = {"light": ((226, 236, 247), (11, 60, 120), (250, 232, 214), (150, 72, 10)),
          "dark": ((34, 48, 66), (150, 205, 255), (60, 46, 34), (250, 180, 120))}  # fmt: skip


def palette(theme: str) -> dict[str, str]:
    """Colour by role, "light" or "dark": named roles, and c1..c10, n1..n10 of the scale above and below zero."""
    low, high, negative_low, negative_high = _SCALE[theme]
    found = dict(LIGHT if theme == "light" else DARK)
    for level in range(1, LEVELS + 1):
        share = (level - 1) / (LEVELS - 1)
        found[f"c{level}"] = _mix(low, high, share)
        found[f"n{level}"] = _mix(negative_low, negative_high, share)
    return found


def _mix(low: tuple[int, int, int], high: tuple[int, int, int], share: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(low, high, strict=True))


def level_of(value: float | None, top: float = 1.0) -> int:
    """Step of the colour scale for a value, 0 for none or nearly nothing; beyond `top` the last step."""
    if value is None:
        return 0
    step = min(LEVELS, int(abs(value) / top * LEVELS + 0.5))
    return step if value >= 0 else -step


def role_of(level: int) -> str:
    """Colour role of a step other than zero."""
    return f"c{level}" if level > 0 else f"n{-level}"


@dataclass(frozen=True)
class Box:
    """A rectangle; empty roles draw nothing."""

    x: float
    y: float
    width: float
    height: float
    fill: str = ""
    stroke: str = ""


@dataclass(frozen=True)
class Lines:
    """A broken line through points."""

    points: tuple[Point, ...]
    stroke: str
    width: float = 1.5
    dashed: bool = False


@dataclass(frozen=True)
class Area:
    """A filled polygon."""

    points: tuple[Point, ...]
    fill: str


@dataclass(frozen=True)
class Dots:
    """Discs of one radius."""

    points: tuple[Point, ...]
    radius: float
    fill: str


@dataclass(frozen=True)
class Cells:
    """A grid of coloured cells; levels: rows of steps of the colour scale, 0 draws nothing."""

    x: float
    y: float
    width: float
    height: float
    levels: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Words:
    """One line of text on a baseline. anchor: start, middle or end. May be hostile: every renderer escapes it."""

    x: float
    y: float
    text: str
    role: str = "ink"
    anchor: str = "start"
    size: int = 12
    bold: bool = False
    upright: bool = False  # read from below to above


Shape = Box | Lines | Area | Dots | Cells | Words


@dataclass(frozen=True)
class Scene:
    """A drawing of a given size in pixels."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Figure:
    """Panels that belong together, with what must travel with them: title, caption, caveat.

    name: used for file names and anchors, ours and not the document's.
    """

    name: str
    title: str
    panels: tuple[Scene, ...]
    caption: str
    caveat: str


def moved(shape: Shape, dx: float, dy: float) -> Shape:
    """The same shape elsewhere."""
    if isinstance(shape, Lines | Area | Dots):
        return replace(shape, points=tuple((x + dx, y + dy) for x, y in shape.points))
    return replace(shape, x=shape.x + dx, y=shape.y + dy)


GAP = 18.0
SHEET = 760.0


def sheet(figure: Figure) -> Scene:
    """The whole figure on one sheet: title, panels in rows, caption and caveat below, at most SHEET wide if panels allow."""
    rows: list[list[Scene]] = [[]]
    for panel in figure.panels:
        if rows[-1] and sum(p.width + GAP for p in rows[-1]) + panel.width + GAP > SHEET:
            rows.append([])
        rows[-1].append(panel)
    width = max([420.0, *(sum(p.width + GAP for p in row) + GAP for row in rows)])
    shapes: list[Shape] = [Words(GAP, 28, figure.title, size=15, bold=True)]
    y = 44.0
    for row in rows:
        x = GAP
        for panel in row:
            shapes += [moved(s, x, y) for s in panel.shapes]
            x += panel.width + GAP
        y += max((p.height for p in row), default=0) + GAP
    for text, role in ((figure.caption, "ink"), (figure.caveat, "muted")):
        for line in wrapped(text, width - 2 * GAP, 12):
            shapes.append(Words(GAP, y + 6, line, role=role))
            y += 17
        y += 4
    return Scene(width, y + 8, tuple(shapes))


def fitted(text: str, width: float, size: float) -> str:
    """The text made printable and cut, with a sign that it was, to fit a width even in the widest common fonts."""
    text = printable(text, 200)
    size *= 1.25
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text}…"


def ticks(count: int, most: int = 9) -> Sequence[int]:
    """Round positions of 0..count-1 to label: 0, 5, 10, ... at most about `most` of them."""
    step = next(s for s in (1, 2, 5, 10, 20, 25, 50, 100, 250, 500, 1000, 5000, 10**9) if count / s <= most)
    return range(0, count, step)
