"""Sides on disk and at an address differ in the plan that is read by, and nowhere else in a comparison."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.plan import LocalPlan, ReadPlan
from forebear.comparison.reading.planning import plan_reads
from forebear.comparison.reading.remote_plan import RemotePlan
from forebear.core.seeds import Draws
from forebear.models.checkpoint import open_checkpoint
from tests.files.hub_server import Hub, serve

ROOM = Path(forebear.__file__).parent / "comparison"
ASKS = re.compile(r"grain_bytes|RemotePlan|LocalPlan|RemoteFile|isinstance\([^)]*plan")
DEMO = demo_folder()


def opened(subject: str | Path, candidate: str | Path, budget: int | None = None) -> Pair:
    left, right = open_checkpoint(subject), open_checkpoint(candidate)
    return Pair(left, right, Allowance(left.container, right.container, budget))


@pytest.mark.parametrize("path", sorted(p for p in ROOM.rglob("*.py") if p.parent.name != "reading"), ids=lambda p: p.name)
def test_no_test_asks_where_a_side_lies(path: Path) -> None:
    assert ASKS.findall(path.read_text("utf-8")) == []


def test_both_plans_answer_every_question_of_the_protocol() -> None:
    asked = {name for name in (*vars(ReadPlan), *ReadPlan.__annotations__) if not name.startswith("_")}
    methods = {name for name in asked if callable(getattr(ReadPlan, name, None))}
    assert len(methods) > 15
    for plan in (LocalPlan(), RemotePlan()):
        assert all(hasattr(plan, name) for name in asked)
        for name in methods:
            ours = inspect.signature(getattr(type(plan), name))
            assert ours.parameters.keys() == inspect.signature(getattr(ReadPlan, name)).parameters.keys(), name


def test_one_side_at_an_address_makes_the_plan_of_both() -> None:
    assert isinstance(plan_reads(opened(DEMO / "base", DEMO / "descendant")), LocalPlan)
    with serve(Hub({path.name: path.read_bytes() for path in (DEMO / "base").iterdir()})) as far:
        for sides in ((far.file("model.safetensors"), DEMO / "base"), (DEMO / "base", far.file("model.safetensors"))):
            pair = opened(*sides)
            before = far.ranges()
            plan = plan_reads(pair)
            assert isinstance(plan, RemotePlan)
            assert far.ranges() > before  # the first rows are fetched
            assert plan.units
            assert plan.covers(0, "model.layers.0.mlp.up_proj.weight", np.arange(4))
            assert not plan.covers(0, "model.norm.weight")


def test_a_plan_on_disk_stays_within_what_is_left_and_one_at_an_address_has_paid() -> None:
    pair = opened(DEMO / "base", DEMO / "base", budget=10_000)
    local, far = LocalPlan(), RemotePlan(units=7)
    assert (local.affordable(pair, 50, 1_000), local.affordable(pair, 50, 1_000, 5), local.affordable(pair, 3, 1_000)) == (10, 2, 3)
    assert far.affordable(pair, 50, 1_000) == 50
    assert (local.layer_units(9), far.layer_units(9), far.layer_units(5), RemotePlan().layer_units(9)) == (None, 7, 5, None)
    assert (local.fetched_units(9), far.fetched_units(9), RemotePlan().fetched_units(9)) == (9, 7, 0)
    assert (local.positions(9, 3).tolist(), far.positions(9, 3).tolist()) == ([0, 4, 8], [0, 1, 2])
    drawn = far.draw(Draws("test/plan", 1), 100, 8)
    assert np.diff(drawn).tolist() == [1] * 7
    assert len(set(local.draw(Draws("test/plan", 1), 100, 8).tolist())) == 8
    local.keep(pair, 4)
    assert pair.allowance.left() == 7_500
    far.second_budget(pair, 99_999)
    assert pair.allowance.budget == 10_000
    local.second_budget(pair, 99_999)
    assert pair.allowance.budget == 99_999
