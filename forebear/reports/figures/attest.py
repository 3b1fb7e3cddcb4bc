"""Figures of an attestation: how much of the start is left at each record, and step sizes against the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import figure_number, numbered
from forebear.reports.scene import Box, Dots, Figure, Lines, Point, Scene, Shape, Words

WIDE, HIGH = 520.0, 180.0
LEFT, TOP = 46.0, 16.0
APART = 48.0
"""Least distance of two marks below a frame: their words do not touch."""
Row = Mapping[str, Any]


def share_figure(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Share of the start in each record beside what the decay of the log leaves; None where the start is not known."""
    rows = document["chain"]
    if not any(row["start_share"] is not None for row in rows):
        return None
    expected = _points(rows, "expected_share", 1.2)
    shapes: list[Shape] = [*_frame(rows, 1.2, words)]
    shapes += [Lines(expected, "candidate", 2.0)] if len(expected) > 1 else []
    shapes.append(Dots(_points(rows, "start_share", 1.2), 3.5, "subject"))
    return _figure("share", shapes, words)


def pace_figure(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Change since the record before in learning rates; None without a log."""
    rows, most = document["chain"], document["most_pace"]
    paces = [row["pace"] for row in rows if row["pace"] is not None]
    if not paces:
        return None
    top = 1.1 * max(most, *paces)
    line = TOP + HIGH * (1 - most / top)
    shapes: list[Shape] = [
        *_frame(rows, top, words),
        Lines(((LEFT, line), (LEFT + WIDE, line)), "candidate", 1.5, dashed=True),
    ]
    shapes.append(Dots(_points(rows, "pace", top), 3.5, "subject"))
    return _figure("pace", shapes, words)


def _figure(name: str, shapes: Sequence[Shape], words: Catalogue) -> Figure:
    scene = Scene(LEFT + WIDE + 12, TOP + HIGH + 40, tuple(shapes))
    caption, caveat = words(f"attest.figure_{name}_caption"), words(f"attest.figure_{name}_caveat")
    return Figure(f"attest-{name}", words(f"attest.figure_{name}"), (scene,), caption, caveat)


def _frame(rows: Sequence[Row], top: float, words: Catalogue) -> list[Shape]:
    ends = _ends(rows)
    marks: list[int] = []
    for step in sorted({row["step"] for row in rows}):
        if not marks or _across(ends, step) - _across(ends, marks[-1]) >= APART:
            marks.append(step)
    labels = [(_across(ends, mark), f"{mark:,}") for mark in marks]
    return [
        Box(LEFT, TOP, WIDE, HIGH, "panel", "line"),
        *numbered([(TOP + 6, figure_number(top)), (TOP + HIGH - 4, "0")], LEFT - 6, across=False),
        *numbered(labels, TOP + HIGH + 14, across=True),
        Words(LEFT + WIDE / 2, TOP + HIGH + 32, words("attest_page.axis"), "muted", "middle"),
    ]


def _ends(rows: Sequence[Row]) -> tuple[int, int]:
    """The smallest and the largest step."""
    steps = [row["step"] for row in rows]
    return min(steps), max(steps)


def _across(ends: tuple[int, int], step: int) -> float:
    first, last = ends
    return LEFT + 12 + (WIDE - 24) * (step - first) / max(1, last - first)


def _points(rows: Sequence[Row], key: str, top: float) -> tuple[Point, ...]:
    """One point a record that has the figure, kept inside the frame."""
    ends = _ends(rows)
    return tuple(
        (_across(ends, row["step"]), TOP + HIGH * (1 - min(1.0, max(0.0, row[key] / top))))
        for row in rows
        if row[key] is not None
    )
