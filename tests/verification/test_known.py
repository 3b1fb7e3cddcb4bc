"""Relatives that a library proposes: proven on weights where they are, and otherwise no relation."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.errors import ExpectationError, RefusedError

DEMO = demo_folder()


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of a model, and a library of its base and an independent whose weights can go away."""
    for name in ("base", "independent"):
        shutil.copytree(DEMO / name, tmp_path / "models" / name)
    shutil.copytree(DEMO / "descendant", tmp_path / "x")
    (tmp_path / "x" / "README.md").write_text("# Mine\n", "utf-8")
    forebear.library_add([tmp_path / "models" / "base", tmp_path / "models" / "independent"], into=tmp_path / "library")
    return tmp_path / "x", tmp_path / "library"


def said(document) -> list[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
    return [(n["kind"], n["said"]["key"], n["said"]["values"]["name"]) for n in document["noticed"] if n["kind"] != "tokenizer"]


def test_a_relative_of_the_library_that_no_claim_names_is_proven_on_weights(places: tuple[Path, Path]) -> None:
    model, library = places
    document = forebear.verify(model, library=library)
    assert said(document) == [("relative", "noticed.unnamed", "base")]
    (row,) = document["relatives"]
    assert row["relation"] == "related"
    alone = forebear.verify(model, against=DEMO / "base")["relatives"][0]["log10_p"]
    assert row["log10_p"] == pytest.approx(alone + 0.30103, abs=1e-3)  # two models were searched
    assert "--library" in document["reproduce"]
    with pytest.raises(ExpectationError):
        forebear.verify(model, library=library, expect="not-flagged")


def test_without_weights_a_print_proposes_and_shows_no_relation(places: tuple[Path, Path]) -> None:
    model, library = places
    shutil.rmtree(library.parent / "models")
    document = forebear.verify(model, library=library, expect="not-flagged")
    assert said(document) == [("proposed", "noticed.proposed", "base")]
    assert document["relatives"] == ()
    assert {c["outcome"] for c in document["claims"]} <= {"borne-out", "not-shown", "not-testable"}


def test_a_parent_that_the_card_names_is_found_in_the_library_and_tested(places: tuple[Path, Path]) -> None:
    model, library = places
    (model / "README.md").write_text("- **Base model:** north/base\n", "utf-8")
    document = forebear.verify(model, library=library)
    assert said(document) == []
    assert [c["outcome"] for c in document["claims"] if c["kind"] == "shares"] == ["borne-out"]
    (model / "README.md").write_text("- **Base model:** independent\n", "utf-8")
    document = forebear.verify(model, library=library)
    assert [(c["outcome"], c["flagged"]) for c in document["claims"] if c["kind"] == "shares"] == [("not-shown", True)]
    assert said(document) == [("relative", "noticed.unnamed", "base")]


def test_an_independent_has_no_relative_and_a_model_is_not_its_own(places: tuple[Path, Path], tmp_path: Path) -> None:
    model, library = places
    shutil.rmtree(tmp_path / "models" / "independent")
    document = forebear.verify(DEMO / "independent", library=library)
    assert all(kind != "relative" for kind, _, _ in said(document))
    assert said(forebear.verify(tmp_path / "models" / "base", library=library)) == []


def test_a_folder_that_is_no_library_is_refused(places: tuple[Path, Path]) -> None:
    model, _ = places
    with pytest.raises(RefusedError, match="library"):
        forebear.verify(model, library=model)
