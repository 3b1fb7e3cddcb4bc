"""Every test of units, one line each, run on every axis that is read. A new one is a file with its `TEST` and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.tests import deck, decks, sign, trace
from forebear.comparison.tests.axis_test import AxisRead, AxisTest
from forebear.comparison.thresholds import VERDICT_LOG10_LEVEL
from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.core.plugins import Plugin, PluginError, installed

TESTS: tuple[AxisTest, ...] = (
    deck.TEST,
    decks.TEST,
    trace.TEST,
    sign.TEST,
)
"""In the order in which they run: a test that spares itself looks at those before it."""
OTHERS = ("two-views", "two-products", "shared-start", "strength", "equality")
"""Names of evidence that is no test of units, so that no test takes them."""


class Added(NamedTuple):
    """Tests that installed packages add. tests: name -> test and who brings it; broken: those that cannot be used, and why.

    What such a test finds decides nothing, so one that is broken ends no comparison: it is said (decision 0101).
    """

    tests: Mapping[str, tuple[AxisTest, Plugin]]
    broken: Sequence[Message] = ()


@cache
def added() -> Added:
    """What installed packages add (docs/contributing/test.md)."""
    owners = dict.fromkeys((*OTHERS, *(test.name for test in TESTS)), "forebear")
    found: dict[str, tuple[AxisTest, Plugin]] = {}
    broken: list[Message] = []
    for plugin in installed("forebear.tests"):
        try:
            test = _loaded(plugin, owners)
        except PluginError as error:
            broken.append(message("package_test.unusable", where=printable(error.where, 160), why=printable(error.what, 200)))
            continue
        owners[test.name] = plugin.distribution
        found[test.name] = (test, plugin)
    return Added(found, broken)


def _loaded(plugin: Plugin, owners: Mapping[str, str]) -> AxisTest:
    """The test of an entry point. Raises: PluginError for what is no test, and for a name in use."""
    test = plugin.load()
    if not isinstance(test, AxisTest):
        raise plugin.error("is no test (forebear.comparison.tests.axis_test.AxisTest)")
    if test.name in owners:
        raise plugin.error(f"the test {test.name!r} is taken by {owners[test.name]}")
    return test


def run_tests(read: AxisRead, *, decides: bool = True, note: Callable[[Message], None] | None = None) -> list[Evidence]:
    """Evidence of every test whose rule the axis is granted.

    decides: whether the axis may decide (METHODS §13: no audit, no say). note: takes what could not be done by tests of installed
    packages, which run as well then; theirs never decides.
    """
    found: list[Evidence] = []
    for test in TESTS:
        if not (test.sparing and _reached(found, test)):
            found += _listed(test.evidence(read, decides=decides))
    for test, plugin in added().tests.values() if note is not None else ():
        if not (test.sparing and _reached(found, test)):
            try:
                evidence = test.evidence(read, decides=False)
            except Exception as error:  # noqa: BLE001 code of a package, whose evidence decides nothing
                assert note is not None
                why = printable(f"{type(error).__name__}: {error}", 200)
                note(message("package_test.failed", test=test.name, package=plugin.distribution, axis=_axis(read), why=why))
                continue
            found += [replace(one, package=plugin.distribution) for one in _listed(evidence)]
    return found


def _axis(read: AxisRead) -> Message:
    return message(f"term.{read.axis.value}")


def _reached(found: list[Evidence], test: AxisTest) -> bool:
    own = [e.log10_p for e in found if e.symmetry == test.symmetry and e.log10_p is not None]
    return bool(own) and min(own) <= VERDICT_LOG10_LEVEL


def _listed(evidence: Evidence | None) -> list[Evidence]:
    return [] if evidence is None else [evidence]
