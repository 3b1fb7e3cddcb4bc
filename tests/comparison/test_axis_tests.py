"""Tests of units: what each declares holds of it, and the registry runs it where a definition allows it and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from forebear.comparison.findings.evidence import ORDER_ASSUMPTION, Evidence
from forebear.comparison.tests import deck, sign, trace
from forebear.comparison.tests.axis_test import AxisRead, AxisTest, Figure, Law, granted
from forebear.comparison.tests.laws import broken, read_of
from forebear.comparison.tests.registry import OTHERS, TESTS, run_tests
from forebear.core.seeds import generator
from forebear.models.architecture.rules import AxisRule
from forebear.reports.catalogue import catalogue
from forebear.stats.deck import deck_layers_log10_p, deck_log10_p


@pytest.mark.parametrize("test", TESTS, ids=lambda t: t.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_laws_a_test_declares_hold_of_it(test: AxisTest, seed: int) -> None:
    assert test.laws
    assert broken(test, seed) == []


def wrong(name: str, figure: object) -> AxisTest:
    return replace(deck.TEST, name=name, figure=figure, laws=tuple(Law))


def by_position(read: AxisRead) -> Figure:
    """Looks at the first unit alone."""
    a, b = read.blocks[0]
    return Figure(-float(abs(a[0] @ b[0])), 0.0)


def overconfident(read: AxisRead) -> Figure:
    """Takes a share of matches for a chance."""
    assert read.decks is not None
    return Figure(-4.0 * read.decks.matched, 0.0)


@pytest.mark.parametrize(("figure", "laws"), [
    (by_position, {Law.MOVED_TOGETHER, Law.SCALED, Law.SHUFFLED, Law.COINS}),
    (overconfident, {Law.SHUFFLED, Law.COINS}),
    (lambda read: None, {Law.FOUND}),
    (trace.TEST.figure, {Law.NEGATED_TOGETHER}),  # cosines with other units change their signs
    (sign.TEST.figure, set()),
], ids=["by position", "overconfident", "nothing", "trace", "sign"])  # fmt: skip
def test_a_law_that_does_not_hold_is_named(figure: object, laws: set[Law]) -> None:
    got = set(broken(wrong("wrong", figure)))
    assert laws <= got
    if not laws:
        assert got <= {Law.SHUFFLED}  # signs say nothing against another order: the sign test does not declare it


def rule(*, permutation: bool, sign: bool) -> AxisRule:
    return AxisRule("unit", ("layer",), permutation, sign)


def of_these(found: Sequence[Evidence]) -> list[str]:
    """Names of the four tests whose order is asked here; another one beside them changes nothing."""
    return [e.test for e in found if e.test in {"deck", "decks", "trace", "sign"}]


@pytest.mark.parametrize(("one", "other", "run"), [
    (rule(permutation=True, sign=True), rule(permutation=True, sign=True), ["deck", "decks", "sign"]),
    (rule(permutation=True, sign=True), rule(permutation=True, sign=False), ["deck", "decks"]),
    (rule(permutation=False, sign=True), rule(permutation=True, sign=True), ["sign"]),
    (rule(permutation=True, sign=True), None, []),
])  # fmt: skip
def test_a_test_runs_where_both_definitions_grant_its_rule(one: AxisRule, other: AxisRule | None, run: list[str]) -> None:
    a = generator("tests/axis", 3).standard_normal((40, 30), dtype=np.float32)
    read = replace(read_of([(a, a)]), holds=granted(one, other))
    found = run_tests(read)
    assert of_these(found) == run
    assert all(e.decides and e.log10_p is not None and e.log10_p < -5 for e in found)
    assert not any(e.decides for e in run_tests(read, decides=False))


def test_trace_spares_itself_where_the_deck_found_enough() -> None:
    rng = generator("tests/axis", 4)
    a = rng.standard_normal((40, 30), dtype=np.float32)
    faint = 0.2 * a + rng.standard_normal(a.shape, dtype=np.float32)
    assert of_these(run_tests(read_of([(a, a)]))) == ["deck", "decks", "sign"]
    assert of_these(run_tests(read_of([(a, faint)]))) == ["deck", "decks", "trace", "sign"]


@pytest.mark.parametrize("test", TESTS, ids=lambda t: t.name)
def test_a_test_has_a_name_in_words(test: AxisTest) -> None:
    assert f"test.{test.name}" in catalogue("en").words  # a verdict says it; other languages have the keys of English


def test_names_of_tests_are_their_own() -> None:
    names = [test.name for test in TESTS]
    assert len(set(names)) == len(names)
    assert not set(names) & set(OTHERS)
    assert ORDER_ASSUMPTION == deck.TEST.assumption == trace.TEST.assumption != sign.TEST.assumption


def test_matches_of_blocks_add_up_only_where_blocks_were_shuffled_apart() -> None:
    rng = generator("tests/axis", 5)
    few = [(a, a + 0.1) for a in (rng.standard_normal((4, 30), dtype=np.float32) for _ in range(12))]
    together = {e.test: e for e in run_tests(read_of(few))}
    assert "deck" not in together  # four units in their places happen by chance once in 24 times
    assert together["decks"].log10_p == pytest.approx(deck_layers_log10_p(48, 12))
    assert together["decks"].matched == 48
    alone = {e.test: e for e in run_tests(replace(read_of(few), blocks_apart=0))}
    assert "decks" not in alone
    assert alone["deck"].log10_p == pytest.approx(deck_log10_p(4, 12))
