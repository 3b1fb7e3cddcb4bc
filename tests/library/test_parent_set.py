"""The set of parents among hits that were proven on weights; nothing of it where prints alone propose."""

from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from tests.recipes.siblings import siblings, weighted


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


def test_without_weights_or_with_one_relative_there_is_no_set(tmp_path: Path, seed: int) -> None:
    _, (one, two) = siblings(seed, 2, width=128, neurons=256)
    for name, model in (("one", one), ("two", two), ("merged", weighted([one, two], [0.6, 0.4]))):
        model.save(tmp_path / name)
    forebear.library_add([tmp_path / "one"], into=tmp_path / "library")
    for proved in (False, True):
        document = forebear.library_search(tmp_path / "merged", library=tmp_path / "library", prove=proved)
        assert document["parents"] is None
        assert "library.no_parents" in [limit["key"] for limit in document["limits"]]
