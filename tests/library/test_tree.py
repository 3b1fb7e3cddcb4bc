"""The tree of a library: what is next to what, merges, missing models, direction by dates alone, claims (decision 0067)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from forebear.core.errors import RefusedError
from forebear.library.tree.claims import plain
from forebear.library.tree.directions import Dated, pointed_merge
from forebear.library.tree.merges import Merge, weights_on
from forebear.library.tree.shape import Ways, shortest, siblings_apart, unknown
from forebear.reports.catalogue import LANGUAGES, catalogue
from forebear.reports.library.tree_page import tree_figures
from forebear.reports.show import rendered
from tests.recipes.siblings import sibling, siblings, weighted

SIZES = {"width": 128, "neurons": 256}
XML = "{http://graphml.graphdrawing.org/xmlns}"


def between(names: dict[str, float]) -> Any:
    """Ways of a tree whose legs from its only inner point are given."""

    def ways(v: int, a: int, b: int) -> Ways:
        legs = list(names.values())
        three = (legs[v] + legs[a], legs[v] + legs[b], legs[a] + legs[b])
        return Ways(three, three)

    return ways


def library(folder: Path, models: dict[str, Any], cards: dict[str, str] | None = None) -> Path:
    """A library of models, each with a card that names a base where one is given."""
    for name, model in models.items():
        model.save(folder / name)
        if cards and name in cards:
            (folder / name / "README.md").write_text(f"---\nbase_model: {cards[name]}\n---\n", "utf-8")
    forebear.library_add([folder / name for name in models], into=folder / "library")
    return folder / "library"


def drawn(document: Any) -> dict[tuple[str, str], str]:
    """Edges by the names of their ends, in order, with what each is."""
    names = {node["id"]: node["name"] or "missing" for node in document["nodes"]}
    return {tuple(sorted(names[end] for end in edge["ends"])): edge["kind"] for edge in document["edges"]}


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base, two children, a child of the first, a merge of the children, a stranger; what their cards say is in part false."""
    folder = tmp_path_factory.mktemp("tree")
    base, (one, two) = siblings(16, 2, **SIZES)
    stranger, _ = siblings(17, 0, **SIZES)
    models = {"base": base, "one": one, "two": two, "grand": sibling(one, "grand", 0.2), "merged": weighted([one, two], [0.3, 0.7]),
              "stranger": stranger}  # fmt: skip
    cards = {"one": "base", "two": "org/base", "grand": "base", "stranger": "base", "merged": "elsewhere/unheard-of"}
    return folder, library(folder, models, cards)


@pytest.fixture(scope="module")
def proved(family: tuple[Path, Path]) -> Any:
    return forebear.library_tree(library=family[1], prove=True)


def test_the_shortest_tree_joins_what_can_be_joined() -> None:
    lengths = {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 2.0, (3, 4): 5.0}
    assert shortest(range(5), lengths) == [(0, 1), (1, 2), (3, 4)]


def test_a_missing_model_is_where_none_of_three_lies_between_the_others() -> None:
    edges = [(0, 1), (0, 2)]
    assert unknown(edges, between({"a": 1.0, "b": 1.2, "c": 0.9})) == [edges]
    assert unknown(edges, between({"parent": 0.0, "b": 1.2, "c": 0.9})) == []


def test_models_trained_alike_draw_no_missing_model_and_hang_on_what_they_were_trained_from() -> None:
    """From 0, both 1 and 2 went 1.0; in weak directions 0.4 of it together, in all directions 0.8."""

    def ways(v: int, a: int, b: int) -> Ways:
        weak, whole = {(0, 1): 1.0, (0, 2): 1.0, (1, 2): 1.2}, {(0, 1): 1.0, (0, 2): 1.0, (1, 2): 0.4}
        three = [tuple(sorted(pair)) for pair in ((v, a), (v, b), (a, b))]
        return Ways(tuple(weak[p] for p in three), tuple(whole[p] for p in three))  # type: ignore[misc, arg-type]

    assert unknown([(0, 1), (0, 2)], ways) == []
    assert siblings_apart([(0, 1), (1, 2)], ways) == [(0, 1), (0, 2)]


def test_a_chain_trained_on_like_text_stays_a_chain() -> None:
    """0 - 1 - 2 in weak directions; in all directions the second step went on in the direction of the first."""

    def ways(v: int, a: int, b: int) -> Ways:
        weak, whole = {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 2.0}, {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 3.5}
        three = [tuple(sorted(pair)) for pair in ((v, a), (v, b), (a, b))]
        return Ways(tuple(weak[p] for p in three), tuple(whole[p] for p in three))  # type: ignore[misc, arg-type]

    assert siblings_apart([(0, 1), (1, 2)], ways) == [(0, 1), (1, 2)]
    assert unknown([(0, 1), (1, 2)], ways) == []


def test_weights_on_parents_are_those_of_the_sum() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.25, 0.5], [0.0, 0.0]])
    points[4] = 0.2 * points[0] + 0.3 * points[1] + 0.5 * points[2]
    table = ((points[:, None] - points) ** 2).sum(axis=-1)
    weights, left = weights_on(table, 4, [0, 1, 2])
    assert weights == pytest.approx([0.2, 0.3, 0.5])
    assert left == pytest.approx(0, abs=1e-9)
    assert weights_on(table, 3, [0, 1])[1] == pytest.approx(0.25)


def test_edges_merges_and_the_stranger(proved: Any) -> None:
    assert drawn(proved) == {("base", "one"): "next", ("base", "two"): "next", ("grand", "one"): "next",
                             ("merged", "one"): "merge", ("merged", "two"): "merge"}  # fmt: skip
    assert {edge["relation"] for edge in proved["edges"]} == {"related"}
    assert all(edge["proved"] and edge["evidence"]["log10_p"] <= -9 for edge in proved["edges"])
    told = next(line for line in proved.text().splitlines() if "is a merge" in line).strip().removeprefix("- merged is a merge: ")
    assert sorted(told.split(" + ")) == ["0.300 of one", "0.700 of two"]
    weights = [edge["evidence"]["weight"] for edge in proved["edges"] if edge["kind"] == "merge"]
    assert sorted(weights) == pytest.approx([0.3, 0.7], abs=0.02)
    assert [node["name"] for node in proved["nodes"] if node["family"] is None] == ["stranger"]


def test_without_dates_nothing_points_and_no_root_is_named(proved: Any) -> None:
    assert {(edge["parent"], edge["child"], edge["direction"]) for edge in proved["edges"]} == {
        (None, None, "not-shown")
    }
    assert [family["root"] for family in proved["families"]] == [None]
    merges = [edge for edge in proved["edges"] if edge["kind"] == "merge"]
    assert {hint["key"] for edge in merges for hint in edge["hints"]} == {"came_first.combination"}


def test_claims_are_borne_out_farther_away_or_have_nothing_found(proved: Any) -> None:
    rows = {row["name"]: (row["outcome"], row["disagrees"]) for row in proved["claims"]}
    assert rows == {"one": ("borne-out", False), "two": ("borne-out", False), "grand": ("farther", False),
                    "stranger": ("nothing", False), "merged": ("not-here", False)}  # fmt: skip


def test_prints_alone_propose_and_draw_no_direction_merge_or_missing_model(family: tuple[Path, Path]) -> None:
    document = forebear.library_tree(library=family[1])
    assert set(drawn(document).values()) == {"proposed"}
    assert not any(edge["proved"] or edge["relation"] for edge in document["edges"])
    assert ("grand", "one") in drawn(document)
    assert "tree.not_proven" in [limit["key"] for limit in document["limits"]]
    assert not any("stranger" in pair for pair in drawn(document))


def dated(path: Path, **days: tuple[str, str]) -> Path:
    path.write_text(
        "".join(
            f'[[model]]\nname = "{name}"\nthere_by = {by}\nnot_before = {since}\n' for name, (by, since) in days.items()
        )
    )
    return path


def test_dates_name_a_root_and_direct_a_merge_whose_parents_are_older(
    family: tuple[Path, Path], tmp_path: Path
) -> None:
    days = {
        name: (f"2024-01-0{n}", f"2024-01-0{n}") for n, name in enumerate(("base", "one", "two", "grand", "merged"), 1)
    }
    document = forebear.library_tree(library=family[1], prove=True, dates=dated(tmp_path / "dates.toml", **days))
    names = {node["id"]: node["name"] for node in document["nodes"]}
    assert [names[one["root"]] for one in document["families"]] == ["base"]
    pointed = {(names[edge["parent"]], names[edge["child"]]) for edge in document["edges"] if edge["parent"]}
    assert {("one", "merged"), ("two", "merged")} <= pointed
    assert pointed <= {("one", "merged"), ("two", "merged"), ("one", "grand")}
    assert "base was there before the others" in " ".join(document.text().split())


def test_a_merge_points_only_where_every_parent_is_older_and_the_sum_gives_it() -> None:
    days = {
        0: Dated(date(2024, 1, 1), None),
        1: Dated(date(2024, 1, 2), None),
        2: Dated(date(2024, 3, 1), date(2024, 2, 1)),
    }
    merge = Merge(2, (0, 1), (0.5, 0.5), 0.0)
    assert pointed_merge(merge, "replayed", days)[0]
    assert not pointed_merge(merge, "partly", days)[0]
    assert not pointed_merge(merge, "replayed", {**days, 1: Dated(date(2024, 2, 1), None)})[0]
    assert not pointed_merge(merge, "replayed", {0: days[0], 2: days[2]})[0], "a parent without a date"


@pytest.mark.parametrize(
    "text",
    ['[[model]]\nname = "nobody"\nthere_by = 2024-01-01\n', '[[model]]\nname = "one"\nthere_by = "soon"\n',
     '[[model]]\nname = "one"\nthere_by = 2024-01-01\nnot_before = 2025-01-01\n', '[[model]]\nname = "one"\nwhen = 2024-01-01\n'],
)  # fmt: skip
def test_dates_that_name_nobody_or_contradict_themselves_are_refused(
    family: tuple[Path, Path], tmp_path: Path, text: str
) -> None:
    (tmp_path / "dates.toml").write_text(text)
    with pytest.raises(RefusedError, match=re.escape(str(tmp_path / "dates.toml"))):
        forebear.library_tree(library=family[1], dates=tmp_path / "dates.toml")


def test_three_children_of_a_model_that_is_not_here_meet_in_it(tmp_path: Path) -> None:
    _, children = siblings(18, 4, **SIZES)
    document = forebear.library_tree(library=library(tmp_path, dict(zip("abcd", children, strict=True))), prove=True)
    assert drawn(document) == {
        (name, "missing") if name < "missing" else ("missing", name): "unknown" for name in "abcd"
    }
    assert document["families"][0]["root"] is None
    assert "a model that is not here" in document.text()


def test_two_kin_are_an_edge_without_direction_and_no_missing_model(tmp_path: Path) -> None:
    _, (one, two) = siblings(19, 2, **SIZES)
    document = forebear.library_tree(library=library(tmp_path, {"one": one, "two": two}), prove=True)
    assert drawn(document) == {("one", "two"): "next"}


def test_comparisons_that_are_used_up_are_told(family: tuple[Path, Path]) -> None:
    document = forebear.library_tree(library=family[1], prove=True, comparisons=2)
    assert document["searched"]["comparisons"] == 2
    assert "tree.used_up" in [limit["key"] for limit in document["limits"]]
    assert all(edge["relation"] == "related" for edge in document["edges"] if edge["proved"])
    assert sum(edge["proved"] for edge in document["edges"]) <= 2


def test_every_form_shows_the_same_edges(proved: Any, tmp_path: Path) -> None:
    assert forebear.open(proved.save(tmp_path / "tree.json")) == proved
    graph = ET.fromstring(rendered(proved, "graphml"))
    assert len(graph.findall(f".//{XML}edge")) == len(proved["edges"])
    assert {one.get("directed") for one in graph.findall(f".//{XML}edge")} == {"false"}
    assert rendered(proved, "csv").count(b"\r\n") == len(proved["edges"]) + 1
    for language in LANGUAGES:
        page, text = rendered(proved, "html", language).decode(), proved.text(language)
        assert page.count("<details") >= 2
        assert "<script" not in page
        for name in ("base", "grand", "merged", "stranger"):
            assert name in page
            assert name in text
        assert not re.search(r"\btree(_page|_kind|_outcome)?\.[a-z_]+", text), "words of every key"
        assert len(tree_figures(proved, catalogue(language))) == 1


def test_networkx_reads_the_graph(proved: Any, tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")
    (tmp_path / "tree.graphml").write_bytes(rendered(proved, "graphml"))
    graph = networkx.read_graphml(tmp_path / "tree.graphml")
    assert sorted(data["name"] for _, data in graph.nodes(data=True)) == [
        "base",
        "grand",
        "merged",
        "one",
        "stranger",
        "two",
    ]
    assert graph.number_of_edges() == len(proved["edges"])


def test_names_are_compared_without_organisation_and_signs() -> None:
    assert plain("Org/My-Model_1.5@abc") == plain("my model 1 5") == "mymodel15"
