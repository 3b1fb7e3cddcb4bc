"""Direction in a recipe: by dates and weights together only, and silent where either does not bear it (decision 0065)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.core.documents import problems_of
from forebear.core.errors import RefusedError
from forebear.recipes.dated import HELD_OUT
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from forebear.reports.show import rendered
from tests.recipes.arrays import llama
from tests.recipes.preimages import preimage
from tests.recipes.siblings import sibling, siblings, weighted

Asked = Callable[..., Mapping[str, Any]]


def dated(path: Path, **days: str) -> Path:
    """A file of dates in which every model was there from its day on, and not before."""
    tables = [f'[[model]]\nname = "{name}"\nthere_by = {day}\nnot_before = {day}\n' for name, day in days.items()]
    path.write_text("\n".join(tables))
    return path


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """A recipe of models that are saved under their names, the first being the subject; days: of the file of dates."""

    def ask(models: Mapping[str, Model], **days: str) -> Mapping[str, Any]:
        paths = [model.save(tmp_path / name) for name, model in models.items()]
        return forebear.recipe(paths[0], paths[1:], dates=dated(tmp_path / "dates.toml", **days) if days else None)

    return ask


@pytest.fixture(scope="module")
def chain() -> dict[str, Model]:
    base, (middle,) = siblings(11, 1)
    return {"last": sibling(middle, "last", 0.25), "middle": middle, "base": base}


ORDER = {"base": "2024-01-01", "middle": "2024-02-01", "last": "2024-03-01"}


def test_without_dates_nothing_is_shown_or_asked(asked: Asked, chain: dict[str, Model]) -> None:
    document = asked(chain)
    assert document["direction"] == "not-shown"
    assert "came_first" not in document
    assert "recipe.direction" in [said["key"] for said in document["words"]]


def test_a_dated_chain_is_told_in_every_form_and_language(asked: Asked, chain: dict[str, Model]) -> None:
    document = asked(chain, **ORDER)
    assert (document["direction"], document["came_first"]["by"]) == ("subject-from-candidate", "third")
    assert not problems_of(document)
    keys = [said["key"] for said in document["words"]]
    assert "direction_dates.subject_from_candidate" in keys
    assert "recipe.direction" not in keys
    assert "direction_dates.limit" in [said["key"] for said in document["limits"]]
    made = {"en": "last was made from middle", "ja": "last は middle から作られた", "zh-Hans": "last 由 middle 制成", "zh-Hant": "last 由 middle 製成"}
    for language, sentence in made.items():
        assert sentence in " ".join(rendered(document, "text", language).decode().split())
        page = rendered(document, "html", language).decode()
        assert sentence in page
        assert "2024-03-01" in page


def test_a_chain_asked_the_other_way_round_is_told_the_other_way_round(asked: Asked, chain: dict[str, Model]) -> None:
    document = asked({name: chain[name] for name in ("middle", "last", "base")}, **ORDER)
    assert (document["candidate"].endswith("last"), document["direction"]) == (True, "candidate-from-subject")


@pytest.mark.parametrize(
    ("days", "why"),
    [({**ORDER, "middle": "2024-04-01"}, "direction_dates.not_in_order"), ({**ORDER, "base": "2024-02-15"}, "came_first.undated"),
     ({"middle": "2024-02-01", "last": "2024-03-01"}, "came_first.nothing")],
    ids=["contradicted", "third too young", "no third"],
)  # fmt: skip
def test_dates_that_contradict_the_weights_or_lack_an_older_third_show_nothing(
    asked: Asked, chain: dict[str, Model], days: dict[str, str], why: str
) -> None:
    document = asked(chain, **days)
    assert document["direction"] == "not-shown"
    assert document["came_first"]["said"][-1]["key"] == why
    assert "recipe.direction" in [said["key"] for said in document["words"]]


@pytest.mark.parametrize("first", ["one", "two"])
def test_siblings_and_independents_stay_silent_however_they_are_dated(asked: Asked, first: str) -> None:
    base, (one, two) = siblings(12, 2)
    days = {"base": "2024-01-01", "one": "2024-03-01", "two": "2024-03-01", first: "2024-02-01"}
    document = asked({"one": one, "two": two, "base": base}, **days)
    assert document["direction"] == "not-shown"
    stranger = {"one": one, "two": llama(99, layers=3, width=64, neurons=96)}
    document = asked(stranger, one=days["one"], two=days["two"])
    assert (document["direction"], document["candidate"]) == ("not-shown", None)
    assert document["came_first"]["said"][0]["key"] == "direction_dates.unrelated"


@pytest.mark.parametrize("op", ["quantised-int8", "quantised-gguf"])
def test_a_candidate_built_to_convert_to_the_subject_shows_no_direction(asked: Asked, op: str, seed: int) -> None:
    subject, candidate = preimage(op, seed)
    built = {"subject": subject, "built": candidate}
    document = asked(built, subject="2024-01-01", built="2024-02-01")
    assert {step["grade"] for step in document["steps"]} == {"re-derived"}, "the case that it is about"
    assert document["direction"] == "not-shown"
    assert [said["key"] for said in document["came_first"]["said"]] == ["came_first.preimage"]
    assert asked(built, built="2023-01-01")["direction"] == "not-shown", "when the subject came is open"
    told = asked(built, subject="2024-02-01", built="2024-01-01")
    assert (told["direction"], told["came_first"]["by"]) == ("subject-from-candidate", "re-derived")


def test_equal_models_and_layers_left_out_show_no_direction_by_dates_alone(asked: Asked, chain: dict[str, Model]) -> None:
    same = asked({"last": chain["last"], "copy": chain["last"]}, last="2024-03-01", copy="2024-01-01")
    assert (same["direction"], same["came_first"]["said"][0]["key"]) == ("not-shown", "direction_dates.equal")
    fewer = apply("layers-dropped", chain["last"], 5, count=1)
    document = asked({"fewer": fewer, "last": chain["last"]}, fewer="2024-03-01", last="2024-01-01")
    assert [(step["op"], step["grade"]) for step in document["steps"]] == [("layers-dropped", "re-derived")]
    assert document["direction"] == "not-shown"


def test_a_merge_is_not_told_as_what_its_parent_was_made_from(asked: Asked, chain: dict[str, Model]) -> None:
    merge = weighted([chain["middle"], chain["base"]], [0.7, 0.3])
    document = asked({"merge": merge, "middle": chain["middle"], "base": chain["base"]},
                     base="2024-01-01", middle="2024-02-01", merge="2024-03-01")  # fmt: skip
    assert document["direction"] == "not-shown"
    assert [hint["key"] for hint in document["came_first"]["hints"]] == ["came_first.combination"]


@pytest.mark.parametrize(
    ("text", "what"),
    [('[[model]]\nname = "nobody"\nthere_by = 2024-01-01\n', "names 0 of the models"),
     ('[[model]]\nname = "last"\nthere_by = "soon"\n', "there_by"),
     ('[[model]]\nname = "last"\nthere_by = 2024-01-01\nnot_before = 2025-01-01\n', "before it could be"),
     ('[[model]]\nname = "last"\nthere_by = 2024-01-01\n[[model]]\nname = "last"\nnot_before = 2023-01-01\n', "twice"),
     ('[[model]]\nname = "last"\nwhen = 2024-01-01\n', "when")],
)  # fmt: skip
def test_wrong_or_contradictory_dates_are_refused(tmp_path: Path, chain: dict[str, Model], text: str, what: str) -> None:
    paths = [model.save(tmp_path / name) for name, model in chain.items()]
    (tmp_path / "dates.toml").write_text(text)
    with pytest.raises(RefusedError, match=re.escape(str(tmp_path / "dates.toml"))) as refused:
        forebear.recipe(paths[0], paths[1:], dates=tmp_path / "dates.toml")
    assert what in str(refused.value)


def test_the_figure_among_the_limits_is_that_of_the_held_out_run() -> None:
    measured = json.loads((Path(__file__).parents[2] / "bench/results/direction-moe-64.json").read_text("utf-8"))
    found = measured["summary"]
    assert measured["held_out"]
    assert {"answered": found["answered"], "of": found["chains"]} == HELD_OUT
    assert (found["wrong_of_answered"], found["spoke_on_apart"]) == (0, 0)
