"""The set of parents among hits that were proven on weights; nothing of it where prints alone propose."""

from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.library.proving import ordered
from forebear.library.search import Hit
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from tests.recipes.siblings import sibling, siblings, weighted


def test_a_merge_needs_both_its_parents_and_not_a_third_relative(tmp_path: Path, seed: int) -> None:
    _, (one, two, three) = siblings(seed, width=128, neurons=256)
    for name, model in (("one", one), ("two", two), ("three", three), ("merged", weighted([one, two], [0.6, 0.4]))):
        model.save(tmp_path / name)
    forebear.library_add([tmp_path / name for name in ("one", "two", "three")], into=tmp_path / "library")
    document = forebear.library_search(tmp_path / "merged", library=tmp_path / "library", prove=True)
    assert {hit["name"]: hit["relation"] for hit in document["hits"]} == dict.fromkeys(("one", "two", "three"), "related")
    found = {row["name"]: row["weight"] for row in document["parents"]}
    assert found == {"one": pytest.approx(0.6, abs=0.02), "two": pytest.approx(0.4, abs=0.02)}
    keys = [limit["key"] for limit in document["limits"]]
    assert document["parents_words"]["key"] == "library.parents"
    assert "library.parents" not in keys  # a finding, and nothing that could not be done
    assert "mixture.covers" in keys
    assert "library.no_parents" not in keys
    for language in LANGUAGES:
        shown = rendered(document, "text", language).decode()
        assert "one 0.6" in shown
        assert "library.parents" not in shown
        assert shown.split("\n\n")[0].replace("\n", " ").startswith("merged ")
        assert "one 0.6" in shown.split("\n\n")[0]  # the sum is the first line, its parents the first hits
    assert [hit["name"] for hit in document["hits"]] == ["one", "two", "three"]


def test_without_weights_or_with_one_relative_there_is_no_set(tmp_path: Path, seed: int) -> None:
    _, (one, two) = siblings(seed, 2, width=128, neurons=256)
    for name, model in (("one", one), ("two", two), ("merged", weighted([one, two], [0.6, 0.4]))):
        model.save(tmp_path / name)
    forebear.library_add([tmp_path / "one"], into=tmp_path / "library")
    for proved in (False, True):
        document = forebear.library_search(tmp_path / "merged", library=tmp_path / "library", prove=proved)
        assert document["parents"] is None
        assert "library.no_parents" in [limit["key"] for limit in document["limits"]]


def test_a_relative_of_many_is_no_sum_of_them_and_the_nearest_comes_first(tmp_path: Path, seed: int) -> None:
    base, (one, two) = siblings(seed, 2, width=128, neurons=256)
    for name, model in (("base", base), ("two", two), ("one", one), ("later", sibling(one, "later", 0.1))):
        model.save(tmp_path / name)
    forebear.library_add([tmp_path / name for name in ("base", "two", "one")], into=tmp_path / "library")
    document = forebear.library_search(tmp_path / "later", library=tmp_path / "library", prove=True)
    assert document["first"] is None
    assert document["hits"][0]["name"] == "one"
    first, second = document.text().splitlines()[:2]
    assert (first, second[:46]) == ("later shares weights with 3 of 3 models: one, base, two.", "First in the list: later and one share weights")


def test_hits_are_ordered_by_what_comparing_found() -> None:
    def hit(name: str, relation: str, *, proved: bool, p: float | None = None, cosine: float = 0.5) -> Hit:
        return Hit(name, name, relation, {"cosine": cosine}, p, proved=proved)

    hits = [hit("none", "no-evidence", proved=True, p=-0.1), hit("print", "candidate-by-sketch", proved=False, p=-30.0),
            hit("far", "related", proved=True, p=-317.0, cosine=0.6), hit("near", "related", proved=True, p=-317.0, cosine=0.9),
            hit("surer", "related", proved=True, p=-318.0, cosine=0.1), hit("parent", "related", proved=True, p=-200.0),
            hit("part", "shares-components", proved=True, p=-50.0), hit("same", "identical", proved=True)]  # fmt: skip
    found = [one.name for one in ordered(hits, [{"id": "parent", "weight": 0.2}])]
    assert found == ["same", "parent", "surer", "near", "far", "part", "print", "none"]
