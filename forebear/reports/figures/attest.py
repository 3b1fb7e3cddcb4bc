"""Figures of an attestation: how much of the start is left at each record, and step sizes against the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.figures.scale import figure_number, numbered
from forebear.reports.scene import Box, Dots, Figure, Lines, Point, Scene, Shape, Words

WIDE, HIGH = 300.0, 150.0
LEFT, TOP = 58.0, 16.0
NEAR, ROOM = 0.5, 0.05
"""Least share up to which the axis of shares starts at nothing, and what stands above and below the shares where it does not."""
APART = 48.0
"""Least distance of two marks below a frame: their words do not touch."""
Row = Mapping[str, Any]


def share_figure(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Share of the start in each record beside what the decay of the log leaves; None where the start is not known."""
    rows = document["chain"]
    if not any(row["start_share"] is not None for row in rows):
        return None
    shares = [row[key] for row in rows for key in ("start_share", "expected_share") if row[key] is not None]
    low = 0.0 if min(shares) < NEAR else max(0.0, round(min(shares) - ROOM, 2))
    span = (low, 1.0 + ROOM if low else 1.2)
    expected = _points(rows, "expected_share", span)
    shapes: list[Shape] = [*_frame(rows, span, words, "attest_axis.share")]
    shapes += [Lines(expected, "candidate", 2.0)] if len(expected) > 1 else []
    shapes.append(Dots(_points(rows, "start_share", span), 3.5, "subject"))
    return _figure("share", shapes, words)


def pace_figure(document: Mapping[str, Any], words: Catalogue) -> Figure | None:
    """Change since the record before in learning rates; None without a log."""
    rows, most = document["chain"], document["most_pace"]
    paces = [row["pace"] for row in rows if row["pace"] is not None]
    if not paces:
        return None
    top = 1.2 * max(most, *paces)
    line = TOP + HIGH * (1 - most / top)
    shapes: list[Shape] = [
        *_frame(rows, (0.0, top), words, "attest_axis.pace"),
        Lines(((LEFT, line), (LEFT + WIDE, line)), "candidate", 1.5, dashed=True),
        Words(LEFT + WIDE - 4, line - 4, words("attest_axis.jump", most=figure_number(most)), "muted", "end", 11),
    ]
    shapes.append(Dots(_points(rows, "pace", (0.0, top)), 3.5, "subject"))
    return _figure("pace", shapes, words)


def _figure(name: str, shapes: Sequence[Shape], words: Catalogue) -> Figure:
    scene = Scene(LEFT + WIDE + 12, TOP + HIGH + 40, tuple(shapes))
    caption, caveat = words(f"attest.figure_{name}_caption"), words(f"attest.figure_{name}_caveat")
    return Figure(f"attest-{name}", words(f"attest.figure_{name}"), (scene,), caption, caveat)


def _frame(rows: Sequence[Row], span: tuple[float, float], words: Catalogue, up: str) -> list[Shape]:
    """The box with its ticks; span: what its lower and upper edge stand for, up: the name of that."""
    ends = _ends(rows)
    marks: list[int] = []
    for step in sorted({row["step"] for row in rows}):
        if not marks or _across(ends, step) - _across(ends, marks[-1]) >= APART:
            marks.append(step)
    labels = [(_across(ends, mark), f"{mark:,}") for mark in marks]
    return [
        Box(LEFT, TOP, WIDE, HIGH, "panel", "line"),
        *numbered([(TOP + 6, figure_number(span[1])), (TOP + HIGH - 4, figure_number(span[0]))], LEFT - 6, across=False),
        *numbered(labels, TOP + HIGH + 14, across=True),
        Words(11, TOP + HIGH, words(up), "muted", size=11, upright=True),
        Words(LEFT + WIDE / 2, TOP + HIGH + 32, words("attest_page.axis"), "muted", "middle"),
    ]


def _ends(rows: Sequence[Row]) -> tuple[int, int]:
    """The smallest and the largest step."""
    steps = [row["step"] for row in rows]
    return min(steps), max(steps)


def _across(ends: tuple[int, int], step: int) -> float:
    first, last = ends
    return LEFT + 12 + (WIDE - 24) * (step - first) / max(1, last - first)


def _points(rows: Sequence[Row], key: str, span: tuple[float, float]) -> tuple[Point, ...]:
    """One point a record that has the figure, kept inside the frame."""
    ends, (low, top) = _ends(rows), span
    return tuple(
        (_across(ends, row["step"]), TOP + HIGH * (1 - min(1.0, max(0.0, (row[key] - low) / (top - low)))))
        for row in rows
        if row[key] is not None
    )
