"""Every test of units, one line each, run on every axis that is read. A new one is a file with its `TEST` and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.tests import deck, decks, sign, trace
from forebear.comparison.tests.axis_test import AxisRead, AxisTest
from forebear.comparison.thresholds import VERDICT_LOG10_LEVEL
from forebear.core.plugins import Plugin, installed

TESTS: tuple[AxisTest, ...] = (
    deck.TEST,
    decks.TEST,
    trace.TEST,
    sign.TEST,
)
"""In the order in which they run: a test that spares itself looks at those before it."""
OTHERS = ("two-views", "two-products", "shared-start", "strength", "equality")
"""Names of evidence that is no test of units, so that no test takes them."""


@cache
def added() -> Mapping[str, tuple[AxisTest, Plugin]]:
    """Name -> test and who brings it, of those that installed packages add (docs/contributing/test.md).

    Raises: PluginError for what is no test, and for a name in use.
    """
    owners = dict.fromkeys((*OTHERS, *(test.name for test in TESTS)), "forebear")
    found: dict[str, tuple[AxisTest, Plugin]] = {}
    for plugin in installed("forebear.tests"):
        test = plugin.load()
        if not isinstance(test, AxisTest):
            raise plugin.error("is no test (forebear.comparison.tests.axis_test.AxisTest)")
        if test.name in owners:
            raise plugin.error(f"the test {test.name!r} is taken by {owners[test.name]}")
        owners[test.name] = plugin.distribution
        found[test.name] = (test, plugin)
    return found


def run_tests(read: AxisRead, *, decides: bool = True, installed_too: bool = False) -> list[Evidence]:
    """Evidence of every test whose rule the axis is granted.

    decides: whether the axis may decide (METHODS §13: no audit, no say). installed_too: whether tests of installed packages run
    as well; theirs never decides.
    """
    found: list[Evidence] = []
    for test in TESTS:
        if not (test.sparing and _reached(found, test)):
            found += _listed(test.evidence(read, decides=decides))
    for test, _ in added().values() if installed_too else ():
        if not (test.sparing and _reached(found, test)):
            found += _listed(test.evidence(read, decides=False))
    return found


def _reached(found: list[Evidence], test: AxisTest) -> bool:
    own = [e.log10_p for e in found if e.symmetry == test.symmetry and e.log10_p is not None]
    return bool(own) and min(own) <= VERDICT_LOG10_LEVEL


def _listed(evidence: Evidence | None) -> list[Evidence]:
    return [] if evidence is None else [evidence]
