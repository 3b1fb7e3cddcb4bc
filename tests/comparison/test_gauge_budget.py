"""A rewritten copy needs every neuron of a layer read, more than a quick comparison may; unless told a budget, it has its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import forebear
from forebear.comparison import compare
from forebear.comparison.demo import demo_folder
from forebear.comparison.reading.allowance import Allowance
from forebear.files.base import Container
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from tests.said import said

QUICK = 70_000
"""Less than the two matrices of one layer of the demo models (180 KB): what 64 MB are to a 7B model."""


def test_a_rewritten_copy_larger_than_the_quick_budget_is_found_unless_a_budget_was_stated(tmp_path, monkeypatch):
    base = demo_folder() / "base"
    made = reparameterise(Model.load(base), "budget").save(tmp_path / "made")
    monkeypatch.setattr(compare, "DEFAULT_BUDGET_BYTES", QUICK)
    found = forebear.compare(made, [base])["verdict"]
    assert (found["relation"], found["reparameterised"]) == ("related", True)
    stated = forebear.compare(made, [base], budget=QUICK)
    assert stated["verdict"]["relation"] != "related"
    assert any("budget" in sentence for sentence in said(stated["limits"]))


def test_a_larger_budget_counts_from_its_start_and_slow_searches_do_not_get_it():
    sides = cast(tuple[Container, Container], (SimpleNamespace(bytes_read=0), SimpleNamespace(bytes_read=0)))
    allowance = Allowance(*sides, 100)
    cast(Any, sides[0]).bytes_read = 90
    assert not allowance.allows(20, 0, "early")
    allowance.restart(1000)
    assert allowance.allows(900, 0, "late")
    assert allowance.allows(100, 0, "slow and small", slow=True)
    assert not allowance.allows(101, 0, "slow and large", slow=True)
    assert allowance.refused == ["early", "slow and large"]


def test_without_a_bound_there_is_none_afterwards():
    sides = cast(tuple[Container, Container], (SimpleNamespace(bytes_read=0), SimpleNamespace(bytes_read=0)))
    allowance = Allowance(*sides, None)
    allowance.restart(10)
    assert allowance.left() is None
    assert allowance.allows(10**12, 0, "all", slow=True)
