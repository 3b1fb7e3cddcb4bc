"""The recipe bench counts what it says: names whatever their order, estimated numbers within a tenth, the rest exactly."""

from __future__ import annotations

import numpy as np
import pytest

from bench.recipe_cases import GROUPS, OPERATIONS, agrees
from bench.recipes import right, summary
from forebear.recipes.steps.registry import STEPS


@pytest.mark.parametrize(
    ("wanted", "told", "same"),
    [(0.5, 0.54, True), (0.5, 0.56, False), (0.0, 0.0, True), (0.0, 0.01, False), (4, 4, True), (4, 5, False),
     ("copy", "copy", True), ("copy", "new", False), (True, True, True), (True, False, False), (0.5, None, False)],
)  # fmt: skip
def test_a_parameter_is_told_right_or_not(wanted, told, same):
    assert agrees(wanted, told) is same


def test_steps_count_whatever_their_order_and_none_may_be_invented():
    wanted = [{"op": "a", "parameters": {"count": 2}}, {"op": "b", "parameters": {}}]
    told = [{"op": "b", "parameters": {"x": 1}}, {"op": "a", "parameters": {"count": 2}}]
    assert right(wanted, told) == (True, True)
    assert right(wanted, [told[0], {"op": "a", "parameters": {"count": 3}}]) == (True, False)
    assert right(wanted, [*told, {"op": "c", "parameters": {}}]) == (False, False)
    assert right(wanted, told[:1]) == (False, False)


def test_what_was_told_in_place_of_what_is_counted():
    rows = [{"operation": "a", "named": n, "exact": n, "steps": [{"op": "a" if n else "b"}]} for n in (True, False, True)]
    made = summary(rows)
    assert [(line["operation"], line["of"], line["exact"]) for line in made["lines"]] == [("all", 3, 2), ("a", 3, 2)]
    assert made["confusion"] == {"a": {"a": 2, "b": 1}}


def test_every_operation_with_a_forward_step_is_drawn_or_said_not_to_be():
    left_out = {"merged", "frozen-restored", "layernorm-to-rmsnorm"}
    assert {o.step for o in OPERATIONS} == set(STEPS) - left_out
    assert {o.group for o in OPERATIONS} == set(GROUPS)


def test_held_out_parameters_are_others_than_those_seen():
    pruned = next(o for o in OPERATIONS if o.step == "pruned-by-size")
    drawn = [{str(pruned.draw(np.random.default_rng(seed), held)) for seed in range(20)} for held in (False, True)]
    assert len(drawn[0]) == len(drawn[1]) == 2
    assert not drawn[0] & drawn[1]
