"""Pictures of an inspection and of a search: what is in a file by part and layer, which layers a search found."""

from __future__ import annotations

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.reports.catalogue import catalogue
from forebear.reports.figures.inside import part_sizes, type_map
from forebear.reports.figures.kin import found_layers
from forebear.reports.scene import Box, Cells, Words

WORDS = catalogue()


def tensor(part: str, layer: int | None, dtype: str = "F32", count: int = 10, **more: object) -> dict[str, object]:
    return {"part": part, "layer": layer, "dtype": dtype, "parameters": count, **more}


def texts(scene: object) -> list[str]:
    return [shape.text for shape in scene.shapes if isinstance(shape, Words)]  # type: ignore[attr-defined]


def test_parts_stand_as_data_flows_with_all_their_parameters() -> None:
    document = {"tensors": [tensor("head", None), tensor("q", 1), tensor("q", 0, count=5), tensor("embedding", None)]}
    figure = part_sizes(document, WORDS)
    assert figure is not None
    assert texts(figure.panels[0]) == ["embedding", "10", "q", "15", "head", "10"]


def test_a_part_stored_in_two_types_is_marked_and_a_missing_one_is_a_gap() -> None:
    rows = [tensor("q", 0), tensor("q", 0, "BF16"), tensor("q", 1, "BF16"), tensor("k", 1)]
    figure = type_map({"tensors": rows}, WORDS)
    assert figure is not None
    (panel,) = figure.panels
    filled = [box.fill for box in panel.shapes if isinstance(box, Box) and box.fill and not box.stroke]
    assert filled == ["muted", "candidate", "subject"] or filled == ["muted", "subject", "candidate"]
    assert WORDS("figure_inside.several") in texts(panel)


def test_the_spread_is_drawn_where_values_were_read() -> None:
    read = {"tensors": [tensor("q", 0, std=0.1), tensor("q", 1, std=0.2)]}
    figure = type_map(read, WORDS)
    assert figure is not None
    assert len(figure.panels) == 2
    assert [c.levels for c in figure.panels[1].shapes if isinstance(c, Cells)][:2] == [((5,),), ((10,),)]


@pytest.mark.parametrize("tensors", [[], [{"name": "x", "dtype": "F32", "parameters": 3}]])
def test_a_document_that_does_not_say_the_layers_has_no_picture(tensors: list[dict[str, object]]) -> None:
    assert part_sizes({"tensors": tensors}, WORDS) is None
    assert type_map({"tensors": tensors}, WORDS) is None


def test_an_inspection_says_the_layer_of_every_tensor_it_places() -> None:
    document = forebear.inspect(demo_folder() / "base")
    layers = {t["name"]: t["layer"] for t in document["tensors"]}
    assert layers["model.layers.3.mlp.up_proj.weight"] == 3
    assert layers["model.embed_tokens.weight"] is None


def test_layers_that_a_search_found_are_coloured_and_others_empty() -> None:
    hit = {"name": "kin", "layers": [{"subject": 2, "candidate": 0, "cosine": 1.0}]}
    figure = found_layers({"hits": [hit, {"name": "no", "layers": []}], "subject": {"layers": 4}}, WORDS)
    assert figure is not None
    cells = [c.levels for c in figure.panels[0].shapes if isinstance(c, Cells)]
    assert cells[:2] == [((0, 0, 10, 0),), ((0, 0, 0, 0),)]
    assert found_layers({"hits": [], "subject": {"layers": 4}}, WORDS) is None
