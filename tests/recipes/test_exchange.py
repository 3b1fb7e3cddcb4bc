"""Claims of merge configurations and recipes against weights; hostile YAML is inert; what is written reads back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.mixtures_cases import slerp
from forebear.core.errors import RefusedError
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.exchange import checked, plan_of, read_mergekit, write_mergekit, written
from forebear.recipes.found import Found
from forebear.recipes.mixtures import mixed
from forebear.recipes.rederive.formulas import ROUNDINGS, linear, task_arithmetic
from forebear.recipes.steps.model import Model
from tests.recipes.arrays import llama
from tests.recipes.siblings import siblings

pytest.importorskip("yaml")
LINEAR = b"""
merge_method: linear
models:
  - {model: a, parameters: {weight: 0.3}}
  - {model: b, parameters: {weight: 0.7}}
dtype: float32
tokenizer_source: union
"""
SLERP = b"""
merge_method: slerp
base_model: a
slices:
  - sources:
      - {model: a, layer_range: [0, 3]}
      - {model: b, layer_range: [0, 3]}
parameters:
  t:
    - {filter: self_attn, value: [0.2, 0.6]}
    - {filter: mlp, value: 0.4}
    - value: 0.5
"""
TIES = b"""
merge_method: ties
base_model: base
models:
  - {model: a, parameters: {weight: 0.5, density: 0.5}}
  - {model: b, parameters: {weight: 0.4, density: 0.6}}
  - model: base
"""
STACK = b"""
merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: [0, 2]}]
  - sources: [{model: b, layer_range: [1, 3]}]
"""


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    base, (a, b) = siblings(31, 2)
    return {"a": a, "b": b, "base": base, "stranger": llama(99, layers=3, width=64, neurons=96)}


def opened(folder: Path, models: Mapping[str, Model]) -> dict[str, Checkpoint]:
    return {name: open_checkpoint(model.save(folder / name)) for name, model in models.items()}


def child(folder: Path, models: Mapping[str, Model], change, **config: int) -> Checkpoint:  # type: ignore[no-untyped-def]
    a = models["a"]
    arrays = {name: np.asarray(change(name), dtype=np.float32) for name in a.arrays}
    return open_checkpoint(Model(arrays, {**a.config, **config}).save(folder / "child"))


def outcomes(found) -> dict[str, list[str]]:  # type: ignore[no-untyped-def]
    told: dict[str, list[str]] = {}
    for one in found:
        told.setdefault(one.claim.key.split(".")[1], []).append(one.outcome)
    return told


def sum_of(models: Mapping[str, Model], weights: Mapping[str, float]):  # type: ignore[no-untyped-def]
    return lambda name: linear([models[one].arrays[name] for one in weights], list(weights.values()), True)


def test_a_true_linear_merge_is_borne_out_bit_for_bit(tmp_path: Path, models: dict[str, Model]) -> None:
    found = checked(LINEAR, child(tmp_path, models, sum_of(models, {"a": 0.3, "b": 0.7})), opened(tmp_path, models))
    assert found[0].grade == "re-derived"
    assert outcomes(found) == {
        "claim_method": ["borne-out"], "claim_weight": ["borne-out"] * 2, "claim_dtype": ["borne-out"], "claim_key": ["unseen"],
    }  # fmt: skip


def test_other_weights_are_contradicted_and_a_stranger_shows_nothing(tmp_path: Path, models: dict[str, Model]) -> None:
    given = opened(tmp_path, models)
    other = checked(LINEAR, child(tmp_path, models, sum_of(models, {"a": 0.6, "b": 0.4})), given)
    assert outcomes(other)["claim_weight"] == ["contradicted", "contradicted"]
    nothing = checked(LINEAR, given["stranger"], given)
    assert set(outcomes(nothing)["claim_weight"]) == {"unseen"}
    assert outcomes(nothing)["claim_method"] == ["unseen"]


def test_slerp_with_a_gradient_and_filters_is_recomputed(tmp_path: Path, models: dict[str, Model]) -> None:
    def change(name: str) -> np.ndarray:
        layer = int(name.split(".")[2]) if ".layers." in name else 0
        t = 0.2 + 0.4 * layer / 2 if "self_attn" in name else 0.4 if "mlp" in name else 0.5
        return slerp(t, models["a"].arrays[name], models["b"].arrays[name])

    found = checked(SLERP, child(tmp_path, models, change), opened(tmp_path, models))
    assert (found[0].outcome, found[0].grade) == ("borne-out", "re-derived")


def test_ties_is_recomputed_and_another_density_is_not_borne_out(tmp_path: Path, models: dict[str, Model]) -> None:
    def change(name: str) -> np.ndarray:
        return task_arithmetic(
            models["base"].arrays[name], [models["a"].arrays[name], models["b"].arrays[name]], [0.5, 0.4],
            densities=[0.5, 0.6], consensus=True, normalize=True,
        )  # fmt: skip

    given, subject = opened(tmp_path, models), child(tmp_path, models, change)
    assert checked(TIES, subject, given)[0].grade == "re-derived"
    assert checked(TIES.replace(b"density: 0.5", b"density: 0.2"), subject, given)[0].grade != "re-derived"


def test_a_stack_is_checked_layer_by_layer(tmp_path: Path, models: dict[str, Model]) -> None:
    rows = [("a", 0), ("a", 1), ("b", 1), ("b", 2)]
    arrays = {name: array for name, array in models["a"].arrays.items() if ".layers." not in name}
    arrays["model.norm.weight"] = models["b"].arrays["model.norm.weight"]
    for layer, (which, source) in enumerate(rows):
        start = f"model.layers.{source}."
        for name, array in models[which].arrays.items():
            if name.startswith(start):
                arrays[f"model.layers.{layer}.{name[len(start) :]}"] = array
    made = Model(arrays, {**models["a"].config, "num_hidden_layers": 4}).save(tmp_path / "child")
    given, subject = opened(tmp_path, models), open_checkpoint(made)
    found = checked(STACK, subject, given)
    assert found[0].grade == "re-derived"
    wrong = checked(STACK.replace(b"[1, 3]", b"[0, 2]"), subject, given)
    assert [one.outcome for one in wrong if one.claim.key == "exchange.claim_layer"] == [
        "borne-out", "borne-out", "contradicted", "contradicted",
    ]  # fmt: skip


def test_a_model_that_is_not_given_leaves_the_claim_unseen(tmp_path: Path, models: dict[str, Model]) -> None:
    given = opened(tmp_path, models)
    (found,) = [one for one in checked(LINEAR.replace(b"model: b", b"model: x"), given["a"], given) if one.outcome != "borne-out"][:1]
    assert (found.outcome, found.why.values["model"]) == ("unseen", "x")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_sums_in_torch_are_equal_bit_for_bit(dtype: str, rng: np.random.Generator) -> None:
    """The order of operations is that of the library whose formulas these are."""
    torch = pytest.importorskip("torch")
    kind, rounding = getattr(torch, dtype), ROUNDINGS[dtype]
    tensors = [torch.from_numpy(rng.standard_normal((40, 70)).astype(np.float32)).to(kind) for _ in range(3)]
    weights = torch.tensor([0.3, 0.25, 0.6], dtype=kind).reshape(3, 1, 1)
    wanted = (weights * torch.stack(tensors)).sum(dim=0) / weights.sum(dim=0)
    got = linear([rounding(one.float().numpy()) for one in tensors], [0.3, 0.25, 0.6], True, rounding)
    assert np.array_equal(got, wanted.float().numpy())


@pytest.mark.parametrize(
    "text",
    [
        b"!!python/object/apply:os.system ['true']", b"a: &x [1]\nb: *x", b"merge_method: linear\nmerge_method: ties\n",
        b"a: {<<: {b: 1}}", b"- " * 30 + b"x", b"[" * 5000, b"? [1]\n: 2\n", b"a: 1\n---\nb: 2\n", b"x" * (2**20 + 1),
        b"\xff\xfe\x00", b"merge_method: linear\nmodels: [{model: a}]\nevil: 1\n", b"merge_method: linear\nmodels: []\n",
        b"merge_method: linear\nslices: [{sources: [{model: a, layer_range: [3, 1]}]}]", b"merge_method: 3\nmodels: [{model: a}]",
        b"merge_method: linear\nmodels: [{model: a, parameters: {weight: x}}]", b"[" + b"1, " * 60_000 + b"1]", b"a: !local x",
        b"merge_method: linear\nmodels: [{model: a}]\ndtype: int8", b"", b"null", b"a: 2001-99-99",
    ],
    ids=range(21),
)  # fmt: skip
def test_hostile_yaml_is_refused(text: bytes) -> None:
    with pytest.raises(RefusedError):
        read_mergekit(text)


def test_text_that_is_no_recipe_is_refused(tmp_path: Path, models: dict[str, Model]) -> None:
    subject = open_checkpoint(models["a"].save(tmp_path / "a"))
    for text in (b"{}", b'{"schema": "forebear/recipe/1"}', b'{"schema": "forebear/recipe/1", "steps": [{"op": "../x"}]}', b"{"):
        with pytest.raises(RefusedError):
            checked(text, subject, {})


@pytest.mark.parametrize("text", [LINEAR, SLERP, TIES, STACK], ids=["linear", "slerp", "ties", "stack"])
def test_a_plan_that_is_written_reads_back(text: bytes) -> None:
    plan, _ = read_mergekit(text)
    assert read_mergekit(write_mergekit(plan))[0] == plan


def test_a_found_merge_is_written_and_borne_out_when_checked(tmp_path: Path, models: dict[str, Model]) -> None:
    subject, given = child(tmp_path, models, sum_of(models, {"a": 0.25, "b": 0.75})), opened(tmp_path, models)
    answer = mixed(subject, [given["a"], given["b"]], ["a", "b"])
    mergekit, recipe = written(answer.found, answer.parents)
    assert mergekit is not None
    assert checked(mergekit, subject, given)[0].outcome == "borne-out"
    (again,) = checked(recipe, subject, given, answer.found)
    assert again.outcome == "borne-out"
    other = json.loads(recipe)
    other["steps"][0]["parameters"]["weights"] = {"a": 0.5, "b": 0.5}
    (contradicted,) = checked(json.dumps(other).encode(), subject, given, answer.found)
    assert contradicted.outcome == "contradicted"
    assert checked(recipe, subject, given, ())[0].outcome == "unseen"


def test_nothing_found_is_no_plan() -> None:
    assert plan_of([Found("resaved")]) is None


def test_the_verb_tells_a_merge_checks_a_configuration_and_writes_one(tmp_path: Path, models: dict[str, Model]) -> None:
    for name in ("a", "b", "base"):
        models[name].save(tmp_path / name)
    child(tmp_path, models, sum_of(models, {"a": 0.3, "b": 0.7})).close()
    (tmp_path / "m.yaml").write_bytes(LINEAR.replace(b"model: a", b"model: some/a"))
    given = [tmp_path / name for name in ("a", "b", "base")]
    document = forebear.recipe(tmp_path / "child", given, check=tmp_path / "m.yaml", write=tmp_path / "found")
    assert [step["op"] for step in document["steps"]] == ["merged"]
    assert {Path(one["id"]).name: round(one["weight"], 4) for one in document["parents"]} == {"a": 0.3, "b": 0.7}
    assert (document["checked"][0]["outcome"], document["checked"][0]["grade"]) == ("borne-out", "re-derived")
    assert read_mergekit((tmp_path / "found.yaml").read_bytes())[0].method == "linear"
    assert json.loads((tmp_path / "found.json").read_bytes())["steps"][0]["op"] == "merged"
    assert forebear.recipe(tmp_path / "base", tmp_path / "a")["parents"] == ()
