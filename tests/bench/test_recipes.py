"""The recipe bench counts what it says: names whatever their order, estimated numbers within a tenth, the rest exactly."""

from __future__ import annotations

import numpy as np
import pytest

from bench.recipe_cases import GROUPS, OPERATIONS, agrees
from bench.recipe_table import page
from bench.recipes import by_step, missed, right, summary
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


def _told(*ops):
    return [{"op": op, "parameters": {"n": n}} for op, n in ops]


def test_what_was_told_in_place_of_what_is_counted():
    told = (_told(("a", 1)), _told(("b", 1)), _told(("a", 1)), _told(("a", 2)), [])
    wanted = _told(("a", 1))
    rows = [{"operation": "a", "wanted": wanted, "steps": s, "named": right(wanted, s)[0], "exact": right(wanted, s)[1]} for s in told]
    made = summary(rows)
    assert [(line["operation"], line["of"], line["exact"]) for line in made["lines"]] == [("all", 5, 2), ("a", 5, 2)]
    assert made["confusion"] == {"a": {"a": 3, "b": 1, "(nothing)": 1}}
    assert made["misses"] == {"wrong": 2, "silent": 1}
    assert made["steps"] == [{"operation": "a", "of": 5, "told": 3, "exact_chains": 2, "instead": {"b": 1, "(nothing)": 1}}]
    shown = page([{"part": "alone", **made}])
    assert "| alone | 5 | 3 | 2 | 40 % (12 to 77) | 2 | 1 |" in shown
    assert "| a | 5 | 3 | 2 | (nothing) (1); b (1) |" in shown


def test_moves_of_a_rewriting_count_neither_as_wrong_nor_in_place_of_a_step():
    row = {"rewritten": True, "wanted": _told(("a", 1)), "steps": _told(("residual-rotation", 1)), "exact": False}
    assert missed(row) == "silent"
    assert missed({**row, "rewritten": False}) == "wrong"
    assert by_step([row])[0]["instead"] == {"(nothing)": 1}


def test_every_operation_with_a_forward_step_is_drawn_or_said_not_to_be():
    left_out = {"merged", "frozen-restored", "layernorm-to-rmsnorm"}
    assert {o.step for o in OPERATIONS} == set(STEPS) - left_out
    assert {o.group for o in OPERATIONS} == set(GROUPS)


def test_held_out_parameters_are_others_than_those_seen():
    pruned = next(o for o in OPERATIONS if o.step == "pruned-by-size")
    drawn = [{str(pruned.draw(np.random.default_rng(seed), held)) for seed in range(20)} for held in (False, True)]
    assert len(drawn[0]) == len(drawn[1]) == 2
    assert not drawn[0] & drawn[1]
