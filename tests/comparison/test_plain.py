"""The first line says names and one number, and never more than the relation it stands for."""

from __future__ import annotations

from typing import Any

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.comparison.findings.plain import plain_of, short_names
from forebear.comparison.findings.verdict import RELATIONS
from forebear.reports.catalogue import LANGUAGES, catalogue

IDS = ("zoo/left/model.safetensors", "zoo/right")
DEMO = demo_folder()


def effect(part: str, distance: float, cosine: float) -> dict[str, Any]:
    return {"part": part, "distance": distance, "cosine": cosine}


def said(relation: str, effects: list[dict[str, Any]], *, rewritten: bool = False, strength: tuple[float, ...] = ()) -> str:
    evidence = [{"test": "strength", "value": value} for value in strength]
    one = plain_of({"relation": relation, "reparameterised": rewritten}, effects, evidence, IDS, 0.5)
    return catalogue().text(one.document())


@pytest.mark.parametrize(("effects", "end"), [
    ([effect("q", 0.012, 0.9999), effect("up", 0.014, 0.9999), effect("embedding", 0.002, 1.0)], "differ by about 1% of their size."),
    ([effect("q", 0.004, 1.0)], "differ by less than half a per cent of their size."),
    ([effect("q", 0.9, 0.61), effect("down", 1.1, 0.41)], "still agree by a cosine of 0.51."),
    ([effect(p, 0.0, 1.0) for p in ("k", "o", "up", "down")] + [effect("q", 0.28, 0.9), effect("v", 0.37, 0.9)],
     "changed most: v by about 37%, q by about 28%."),
    ([effect("embedding", 0.2, 0.98)], "differ by about 20% of their size."),
    ([], "left and right share weights."),
])  # fmt: skip
def test_related_models_get_a_number_that_can_be_pictured(effects: list[dict[str, Any]], end: str) -> None:
    assert said("related", effects).endswith(end)


LORA = [effect("q", 0.28, 0.96), effect("v", 0.37, 0.93), *(effect(part, 0.0, 1.0) for part in ("k", "o", "gate", "up", "down"))]
ONE_LAYER = [*(effect(part, 0.0, 1.0) for part in ("q", "k")), effect("up", 0.0, 1.0) | {"by_layer": [{"distance": 0.0}, {"distance": 0.31}]}]


@pytest.mark.parametrize(("effects", "whole", "end"), [
    (LORA, 0.08, "in all they differ by about 8% of their size; most parts hardly differ; changed most: v by about 37%, q by about 28%."),
    (LORA, 0.004, "in all they differ by less than half a per cent of their size; changed most: v by about 37%, q by about 28%."),
    (ONE_LAYER, 0.03, "in all they differ by about 3% of their size; most parts hardly differ; changed most: up by up to 31% in some layers."),
    ([effect("q", 0.012, 1.0), effect("up", 0.014, 1.0), effect("embedding", 1.2, 0.1)], 0.2,
     "differ by about 1% of their size; changed most: embedding by about 120%."),
    ([effect("q", 0.0, 1.0), effect("up", 0.001, 1.0)], 0.0, "differ by less than half a per cent of their size."),
])  # fmt: skip
def test_a_change_of_some_parts_is_not_told_by_the_others(effects: list[dict[str, Any]], whole: float, end: str) -> None:
    one = plain_of({"relation": "related", "reparameterised": False}, effects, [], IDS, whole)
    assert catalogue().text(one.document()).endswith(end)
    assert {language: catalogue(language).say(one.document())[1] for language in LANGUAGES} == {one: one for one in LANGUAGES}


def test_a_rewritten_copy_is_not_measured_in_places_it_does_not_keep() -> None:
    told = said("related", [effect("q", 1.4, 0.0)], rewritten=True, strength=(0.84,))
    assert "other coordinates" in told
    assert "0.84" in told
    assert "0.00" not in said("related", [effect("q", 1.4, 0.0)], rewritten=True)


@pytest.mark.parametrize("relation", [r for r in RELATIONS if r not in ("related", "identical", "shared-start", "shares-components")])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_other_relation_is_said_to_share_weights(relation: str, language: str) -> None:
    one = plain_of({"relation": relation, "reparameterised": False}, [effect("q", 0.01, 1.0)], [], IDS, 0.5)
    words = catalogue(language)
    told, claim = words.text(one.document()), words("plain.related", subject="left", candidate="right")
    assert "left" in told
    assert "right" in told
    assert claim.rstrip(".。") not in told or relation in ("no-evidence", "cannot-tell")
    assert told != claim


@pytest.mark.parametrize(("paths", "names"), [
    (("a/model.safetensors", "b/model.safetensors"), ("a", "b")),
    (("x/v1/w", "x/v2/w"), ("v1/w", "v2/w")),
    (("hf://org/one", "hf://org/two"), ("one", "two")),
    (("tiny.gguf", "base"), ("tiny.gguf", "base")),
    (("same", "same"), ("same", "same")),
    (("model.safetensors", "other.safetensors"), ("model.safetensors", "other.safetensors")),
    (("./m", "m"), ("./m", "m")),
])  # fmt: skip
def test_names_are_the_shortest_that_tell_two_apart(paths: tuple[str, str], names: tuple[str, str]) -> None:
    assert short_names(*paths) == names


def test_the_report_the_page_and_the_brief_begin_with_it() -> None:
    document = forebear.compare(DEMO / "descendant", DEMO / "base")
    line = catalogue().text(document["plain"])
    assert " ".join(document.text().split("\n\n")[0].split()) == line
    assert f"<h1>{line}</h1>" in document.rendered("html").decode()


def test_a_matrix_says_which_belong_together() -> None:
    matrix = forebear.compare(DEMO)
    assert [one["key"] for one in matrix["plain"]] == ["plain.together", "plain.apart"]
    assert set(matrix["plain"][0]["values"]["names"]) == {"base", "descendant"}
    assert list(matrix["plain"][1]["values"]["names"]) == ["independent"]
    assert all(pair["plain"] for pair in matrix["pairs"])
