"""Weights, arcs, stacks and sparse merges are found; independents and plain fine-tunes are no mixture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.mixtures_cases import slerp
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.mixtures import mixed, parents
from forebear.recipes.mixtures.gram import rounding_noise
from forebear.recipes.rederive.formulas import task_arithmetic
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.recipes.arrays import llama
from tests.recipes.siblings import sibling, siblings, weighted


def opened(folder: Path, *models: Model) -> list[Checkpoint]:
    return [open_checkpoint(model.save(folder / str(place))) for place, model in enumerate(models)]


def by_tensor(base: Model, change) -> Model:  # type: ignore[no-untyped-def]
    return Model({name: np.asarray(change(name), dtype=np.float32) for name in base.arrays}, base.config)


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.15, 0.85], [0.5, 0.3, 0.2], [0.3, 0.1, 0.2, 0.4], [0.2, 0.2, 0.2, 0.2, 0.2]])
@pytest.mark.parametrize("rounded", [False, True])
def test_weights_are_found_within_two_hundredths(tmp_path: Path, seed: int, weights: list[float], rounded: bool) -> None:
    base, made = siblings(seed, 5)
    child = weighted(made[: len(weights)], weights)
    child = apply("quantised-int4", child, seed) if rounded else child
    subject, *given = opened(tmp_path, child, *made, base, llama(seed + 50, layers=3, width=64, neurons=96))
    answer = mixed(subject, given, [*map(str, range(5)), "base", "stranger"])
    assert {one["id"] for one in answer.parents} == {str(place) for place in range(len(weights))}
    for one in answer.parents:
        assert abs(one["weight"] - weights[int(one["id"])]) < 0.02
        assert one["low"] - 1e-6 <= one["weight"] <= one["high"] + 1e-6
    assert [(one.op, one.parameters["method"]) for one in answer.found] == [("merged", "linear")]
    assert set(answer.by_layer) == {"0", "1", "2"}
    assert {"q", "embedding"} <= set(answer.by_part)


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
@pytest.mark.parametrize("parents_too", [False, True], ids=["parents in float32", "all in one type"])
@pytest.mark.parametrize("size", [0.3, 0.02])
def test_a_merge_is_told_beside_the_rounding_of_the_type_it_is_stored_in(
    tmp_path: Path, dtype: str, parents_too: bool, size: float
) -> None:
    base = llama(3, layers=4, width=96, neurons=160)
    made = [sibling(base, f"narrow/{place}", size) for place in range(3)]
    given = [apply("resaved", model, 1, dtype=dtype) if parents_too else model for model in (*made, base)]
    a, b, _, old = given
    ties = by_tensor(base, lambda n: task_arithmetic(
        old.arrays[n], [a.arrays[n], b.arrays[n]], [0.5, 0.5], densities=[0.4, 0.4], consensus=True, normalize=True,
    ))  # fmt: skip
    told = {}
    for name, child in (("linear", weighted([a, b], [0.6, 0.4])), ("ties", ties), ("tuned", sibling(a, "tuned", 0.1 * size))):
        subject, *others = opened(tmp_path / name, apply("resaved", Model(child.arrays, child.config), 1, dtype=dtype), *given)
        told[name] = mixed(subject, others, ["a", "b", "c", "base"]).found
    assert [one.parameters["method"] for one in told["linear"]] == ["linear"]
    assert {n: round(w["value"], 2) for n, w in told["linear"][0].parameters["weights"].items()} == {"a": 0.6, "b": 0.4}
    assert [one.parameters["method"] for one in told["ties"]] == ["ties"]
    assert told["ties"][0].parameters["densities"] == pytest.approx({"a": 0.4, "b": 0.4}, abs=0.02)
    assert told["tuned"] == ()


def test_a_base_among_the_parents_has_what_is_left_to_one(tmp_path: Path, seed: int) -> None:
    base, (a, b) = siblings(seed, 2)
    child = by_tensor(base, lambda n: base.arrays[n] + 0.4 * (a.arrays[n] - base.arrays[n]) + 0.3 * (b.arrays[n] - base.arrays[n]))
    subject, *given = opened(tmp_path, child, a, b, base)
    found = {one["id"]: one["weight"] for one in mixed(subject, given, ["a", "b", "base"]).parents}
    assert found == pytest.approx({"a": 0.4, "b": 0.3, "base": 0.3}, abs=1e-4)


def test_a_fine_tune_is_a_mixture_of_one(tmp_path: Path, seed: int) -> None:
    base, made = siblings(seed)
    subject, *given = opened(tmp_path, sibling(made[0], "later", 0.1), *made, base)
    answer = mixed(subject, given)
    assert [one["id"] for one in answer.parents] == ["0"]
    assert answer.found == ()


def test_an_unknown_sibling_of_many_is_not_their_mixture(tmp_path: Path, seed: int) -> None:
    """The base is about the mean of its siblings: a fit that good is no merge."""
    base, made = siblings(seed, 5)
    subject, *given = opened(tmp_path, sibling(base, "another", 0.02), *made)
    answer = mixed(subject, given)
    assert answer.found == ()
    assert "mixture.no_merge" in [said.key for said in answer.said]


def test_an_independent_has_no_weight(tmp_path: Path, seed: int) -> None:
    base, made = siblings(seed)
    subject, *given = opened(tmp_path, llama(seed + 77, layers=3, width=64, neurons=96), *made, base)
    answer = mixed(subject, given)
    assert (answer.parents, answer.found) == ((), ())
    assert parents(subject, given).places == ()


@pytest.mark.parametrize("t", [0.2, 0.5, 0.7])
def test_an_arc_is_told_from_a_line(tmp_path: Path, seed: int, t: float) -> None:
    base, (a, b) = siblings(seed, 2)
    subject, *given = opened(tmp_path, by_tensor(base, lambda n: slerp(t, a.arrays[n], b.arrays[n])), a, b, base)
    (found,) = mixed(subject, given, ["a", "b", "base"]).found
    assert found.parameters["method"] == "slerp"
    share = found.parameters["t"] if found.parameters["to"] == "b" else 1 - found.parameters["t"]
    assert abs(share - t) < 0.005
    assert found.grade == "replayed"


def test_ties_is_read_off_the_changes(tmp_path: Path, seed: int) -> None:
    base, (a, b) = siblings(seed, 2, width=128, neurons=192)
    child = by_tensor(base, lambda n: task_arithmetic(
        base.arrays[n], [a.arrays[n], b.arrays[n]], [0.5, 0.4], densities=[0.4, 0.6], consensus=True, normalize=True,
    ))  # fmt: skip
    subject, *given = opened(tmp_path, child, a, b, base)
    (found,) = mixed(subject, given, ["a", "b", "base"]).found
    assert (found.parameters["method"], found.parameters["base"], found.grade) == ("ties", "base", "replayed")
    assert found.parameters["densities"] == pytest.approx({"a": 0.4, "b": 0.6}, abs=0.03)
    assert found.parameters["weights"] == pytest.approx({"a": 5 / 9, "b": 4 / 9}, abs=0.01)


def test_a_sparse_merge_is_not_told_about_another_base_or_of_some_of_its_parents(tmp_path: Path, seed: int) -> None:
    base, (a, b) = siblings(seed, 2, width=128, neurons=192)
    child = by_tensor(base, lambda n: task_arithmetic(
        base.arrays[n], [a.arrays[n], b.arrays[n]], [0.5, 0.5], densities=[0.4, 0.4], consensus=True, normalize=True,
    ))  # fmt: skip
    subject, *given = opened(tmp_path, child, a, b, base)
    assert [one.parameters["method"] for one in mixed(subject, given).found] == ["ties"]
    assert mixed(subject, given[:2]).found == ()  # the base is not among them
    assert mixed(subject, given[1:]).found == ()  # one of the parents is not


def test_dare_is_read_off_the_changes(tmp_path: Path, seed: int, rng: np.random.Generator) -> None:
    base, made = siblings(seed, 2, width=128, neurons=192)

    def change(name: str) -> np.ndarray:
        return base.arrays[name] + sum(
            w * (m.arrays[name] - base.arrays[name]) * (rng.random(base.arrays[name].shape) < d) / d
            for w, d, m in zip((0.6, 0.5), (0.5, 0.7), made, strict=True)
        )

    subject, *given = opened(tmp_path, by_tensor(base, change), *made, base)
    (found,) = mixed(subject, given, ["a", "b", "base"]).found
    assert found.parameters["method"] == "dare"
    assert found.parameters["densities"] == pytest.approx({"a": 0.5, "b": 0.7}, abs=0.03)
    assert found.parameters["weights"] == pytest.approx({"a": 0.6, "b": 0.5}, abs=0.04)


@pytest.mark.parametrize("rounded", [False, True])
def test_a_stack_of_layers_is_exact(tmp_path: Path, seed: int, rounded: bool) -> None:
    base, made = siblings(seed, 2, layers=4)
    rows = [(0, 0), (0, 1), (1, 1), (1, 2), (0, 3)]
    arrays = {name: array for name, array in made[0].arrays.items() if ".layers." not in name}
    for layer, (which, source) in enumerate(rows):
        start = f"model.layers.{source}."
        for name, array in made[which].arrays.items():
            if name.startswith(start):
                arrays[f"model.layers.{layer}.{name[len(start) :]}"] = array
    child = Model(arrays, {**base.config, "num_hidden_layers": 5})
    child = apply("quantised-int4", child, seed) if rounded else child
    subject, *given = opened(tmp_path, child, *made, base)
    found = next(one for one in mixed(subject, given, ["a", "b", "base"]).found if one.op == "layers-stacked")
    assert [("ab".index(one["from"]), one["source"]) for one in found.parameters["map"]] == rows
    assert found.grade == ("partly" if rounded else "replayed")


def test_layers_in_place_are_no_stack(tmp_path: Path, seed: int) -> None:
    base, made = siblings(seed)
    subject, *given = opened(tmp_path, sibling(made[1], "later", 0.05), *made)
    assert mixed(subject, given).found == ()


def test_a_repeated_candidate_is_weighed_once(tmp_path: Path, seed: int) -> None:
    _, (a, b) = siblings(seed, 2)
    subject, *given = opened(tmp_path, weighted([a, b], [0.3, 0.7]), a, b, a)
    answer = mixed(subject, given, ["a", "b", "again"])
    assert [one["id"] for one in answer.parents] == ["a", "b"]
    assert "mixture.repeated" in [said.key for said in answer.said]


def test_rounding_noise_is_that_of_the_grid_and_none_without(rng: np.random.Generator) -> None:
    values = rng.standard_normal((64, 256)).astype(np.float32)
    assert rounding_noise(values) == 0.0
    step = np.float32(0.25)
    on_grid = np.rint(values / step) * step
    assert rounding_noise(on_grid) == pytest.approx(float(np.mean((values - on_grid) ** 2)), rel=0.1)


def test_what_a_merge_leaves_is_drawn_and_not_how_far_one_parent_is(tmp_path: Path, seed: int) -> None:
    base, (a, b) = siblings(seed, 2)
    child = weighted([a, b], [0.7, 0.3])
    paths = [model.save(tmp_path / name) for name, model in (("child", child), ("a", a), ("b", b))]
    document = forebear.recipe(paths[0], paths[1:])
    assert document["before"] > 0.05
    assert {row["part"] for row in document["change"]} >= {"q", "up", "embedding"}
    assert max(row["distance"] for row in document["change"]) < 1e-5
    assert "weighted sum of its parents" in document.rendered("html").decode()
    name = next(name for name in child.arrays if "layers.1." in name and "q_proj" in name)
    child.arrays[name] = child.arrays[name] + 0.1 * np.float32(np.linalg.norm(child.arrays[name]) / child.arrays[name].size**0.5)
    odd = forebear.recipe(child.save(tmp_path / "odd"), paths[1:])
    summed = sum(row["weight"] * model.arrays[name] for row, model in zip(odd["parents"], (a, b), strict=True))
    direct = float(np.linalg.norm(child.arrays[name] - summed) / np.linalg.norm(child.arrays[name]))
    found = {(row["part"], row["layer"]): row["distance"] for row in odd["change"]}
    assert found["q", 1] == pytest.approx(direct, abs=2e-6)
    assert max(value for place, value in found.items() if place != ("q", 1)) < 0.02 < direct


def test_what_an_arc_leaves_is_that_of_each_part_and_other_merges_have_no_figure(tmp_path: Path, seed: int) -> None:
    base, (a, b) = siblings(seed, 2)
    subject, *given = opened(tmp_path / "arc", by_tensor(base, lambda n: slerp(0.3, a.arrays[n], b.arrays[n])), a, b)
    assert max(left for _, _, left in mixed(subject, given).left) < 1e-5
    child = by_tensor(base, lambda n: task_arithmetic(
        base.arrays[n], [a.arrays[n], b.arrays[n]], [0.5, 0.4], densities=[0.4, 0.6], consensus=True, normalize=True,
    ))  # fmt: skip
    subject, *given = opened(tmp_path / "ties", child, a, b, base)
    answer = mixed(subject, given)
    assert answer.found[0].parameters["method"] in ("ties", "dare")
    assert answer.left == ()


def test_nothing_is_left_of_a_conversion_that_gives_every_value(tmp_path: Path, seed: int) -> None:
    base, _ = siblings(seed, 1)
    child = apply("quantised-int4", base, seed)
    document = forebear.recipe(child.save(tmp_path / "child"), base.save(tmp_path / "base"))
    assert document["steps"][0]["grade"] == "re-derived"
    assert document["residual"] == 0.0 < document["before"]
    assert {(row["distance"], row["equal"]) for row in document["change"]} == {(0.0, True)}
