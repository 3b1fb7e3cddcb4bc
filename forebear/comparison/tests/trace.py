"""Are units more alike at their own place than in any other order? The trace test, where the deck found little (METHODS §6)."""

from __future__ import annotations

from forebear.comparison.findings.evidence import ORDER_ASSUMPTION, Trace
from forebear.comparison.tests.axis_test import AxisRead, AxisTest, Figure, Law
from forebear.comparison.thresholds import TRACE_MAX_UNITS
from forebear.stats.trace import similarity, trace_test


def _figure(read: AxisRead) -> Figure | None:
    """The blocks that were kept, each with its own shuffle."""
    if not read.blocks:
        return None
    cut = [(min(len(a), len(b), TRACE_MAX_UNITS), a, b) for a, b in read.blocks]
    found = trace_test([similarity(a[:n], b[:n]) for n, a, b in cut])
    units = sum(n for n, _, _ in cut)
    return Figure(found.log10_p, read.map_looks_log10, Trace(found.total / max(1, units), found.z), of=units)


TEST = AxisTest(
    name="trace",
    rule="permutation",
    symmetry="order",
    kind="exact",
    assumption=ORDER_ASSUMPTION,
    laws=(Law.MOVED_TOGETHER, Law.SCALED, Law.SHUFFLED, Law.FOUND),
    figure=_figure,
    sparing=True,
)
