"""The colour scale's legend and the frame with ticks that figures share."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.reports.scene import LEVELS, Box, Cells, Shape, Words

STEPS = {"both": range(-LEVELS, LEVELS + 1), "above": range(LEVELS + 1), "below": range(0, -LEVELS - 1, -1)}
"""Steps of the colour scale: of figures that agree or oppose, of figures that grow, and of differences."""


def colour_legend(x: float, y: float, low: str, high: str, *, steps: str) -> list[Shape]:
    """A bar of the colour scale with its ends named; 150 wide, 24 high. steps: which of STEPS."""
    levels = tuple(STEPS[steps])
    return [
        Cells(x, y, 150, 8, (levels,)),
        Box(x, y, 150, 8, "", "line"),
        Words(x, y + 21, low, "muted", size=11),
        Words(x + 150, y + 21, high, "muted", "end", 11),
    ]


def numbered(positions: Sequence[tuple[float, str]], at: float, *, across: bool) -> list[Shape]:
    """Tick labels: across a baseline at `at`, or down an edge at `at`."""
    if across:
        return [Words(p, at, text, "muted", "middle", 11) for p, text in positions]
    return [Words(at, p + 4, text, "muted", "end", 11) for p, text in positions]


def figure_number(value: float) -> str:
    """A number short enough for an axis."""
    return f"{value:.3g}"
