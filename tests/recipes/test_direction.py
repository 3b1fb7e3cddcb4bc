"""Direction is answered by a dated third only, and never between siblings."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.direction import Dated, Third, directed
from forebear.recipes.found import Found
from forebear.recipes.steps.model import Model
from tests.recipes.siblings import sibling, siblings, weighted

OLD, NEW = date(2024, 1, 1), date(2025, 1, 1)
FIRST, THEN = Dated(NEW, NEW), Dated(date(2026, 1, 1), date(2026, 1, 1))


def opened(folder: Path, *models: Model) -> list[Checkpoint]:
    return [open_checkpoint(model.save(folder / str(place))) for place, model in enumerate(models)]


def test_a_chain_is_answered_both_ways_round(tmp_path: Path, seed: int) -> None:
    base, (middle,) = siblings(seed, 1)
    last, between, first = opened(tmp_path, sibling(middle, "last", 0.25), middle, base)
    third = [Third("base", first, OLD)]
    assert directed(last, between, thirds=third, dates=(THEN, FIRST)).answer == "subject-from-candidate"
    assert directed(between, last, thirds=third, dates=(FIRST, THEN)).answer == "candidate-from-subject"


@pytest.mark.parametrize(
    "dates", [(Dated(), Dated()), (THEN, Dated()), (Dated(), FIRST), (THEN, Dated(NEW, date(2023, 1, 1))), (THEN, Dated(there_by=NEW))]
)
def test_an_undated_third_decides_nothing(tmp_path: Path, dates: tuple[Dated, Dated]) -> None:
    base, (middle,) = siblings(11, 1)
    last, between, first = opened(tmp_path, sibling(middle, "last", 0.25), middle, base)
    answer = directed(last, between, thirds=[Third("base", first, OLD)], dates=dates)
    assert answer.answer == "not-shown"
    assert [said.key for said in answer.said] == ["came_first.undated"]


def test_siblings_and_a_small_step_are_silent(tmp_path: Path, seed: int) -> None:
    base, (a, b) = siblings(seed, 2)
    one, other, near, first = opened(tmp_path, a, b, sibling(a, "near", 0.02), base)
    third = [Third("base", first, OLD)]
    for dates in ((THEN, FIRST), (FIRST, THEN), (FIRST, FIRST)):
        assert directed(one, other, thirds=third, dates=dates).answer == "not-shown"
        assert directed(near, one, thirds=third, dates=dates).answer == "not-shown"


@pytest.mark.parametrize("dates", [(FIRST, THEN), (FIRST, FIRST), (Dated(not_before=NEW), Dated(not_before=NEW))])
def test_a_chain_that_dates_do_not_order_or_contradict_is_silent(tmp_path: Path, dates: tuple[Dated, Dated]) -> None:
    base, (middle,) = siblings(11, 1)
    last, between, first = opened(tmp_path, sibling(middle, "last", 0.25), middle, base)
    answer = directed(last, between, thirds=[Third("base", first, OLD)], dates=dates)
    assert answer.answer == "not-shown"
    assert [said.key for said in answer.said] == ["came_first.subject_carries", "direction_dates.not_in_order"]


@pytest.mark.parametrize("other", ["base", "sibling"])
def test_a_merge_with_a_model_that_is_not_given_is_not_told_as_its_own_parent_s_parent(tmp_path: Path, other: str) -> None:
    """By weights alone, 0.7 of C and 0.3 of another looks like what C was made from (decision 0065)."""
    base, (middle, beside) = siblings(11, 2)
    merge, between, first = opened(tmp_path, weighted([middle, base if other == "base" else beside], [0.7, 0.3]), middle, base)
    answer = directed(merge, between, thirds=[Third("base", first, OLD)], dates=(THEN, FIRST))
    assert "came_first.candidate_carries" in [said.key for said in answer.said], "the case that it is about"
    assert answer.answer == "not-shown"


def test_hints_stay_hints(tmp_path: Path) -> None:
    base, (a,) = siblings(11, 1)
    one, other = opened(tmp_path, a, base)
    found = [Found("layers-stacked", grade="replayed"), Found("quantised-int8", grade="partly")]
    answer = directed(one, other, found=found)
    assert answer.answer == "not-shown"
    assert [hint.key for hint in answer.hints] == ["came_first.copied_layers", "came_first.grid"]
