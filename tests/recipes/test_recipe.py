"""The verb `recipe`: operations are named and replay, independents get none, the first line is plain."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import forebear
from forebear.core.documents import canonical_json, problems_of, thaw
from forebear.core.errors import RefusedError, UsageError
from forebear.recipes.coordinates.rotation import fitted
from forebear.recipes.coordinates.undo import undone
from forebear.recipes.coordinates.within import refitted
from forebear.recipes.detectors import vocabulary
from forebear.recipes.detectors.grids import group_pattern
from forebear.recipes.detectors.side import Side
from forebear.recipes.replay.held import as_checkpoint
from forebear.recipes.replay.moves import moved
from forebear.recipes.replay.run import run
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import STEPS, apply
from forebear.reports.catalogue import catalogue
from forebear.reports.show import rendered
from tests.recipes.siblings import siblings

DEMO = Path(str(resources.files("forebear"))) / "demo_data"


@pytest.fixture(scope="module")
def base() -> Model:
    return Model.load(DEMO / "base")


def steps_of(subject: Model, candidate: Model):
    return run(Side(as_checkpoint(subject)), candidate).steps


NAMED = (
    ("layers-inserted", {"count": 2, "kind": "copy"}, {"count": 2, "kind": "copy"}),
    ("layers-inserted", {"count": 1, "kind": "identity"}, {"count": 1, "kind": "identity"}),
    ("layers-inserted", {"count": 1, "kind": "new"}, {"count": 1, "kind": "new"}),
    ("layers-dropped", {"count": 1}, {"count": 1}),
    ("mlp-widened", {"factor": 1.5, "kind": "duplicate"}, {"kind": "duplicate"}),
    ("mlp-widened", {"factor": 1.25, "kind": "interleave"}, {"kind": "interleave", "silent": False}),
    ("mlp-narrowed", {"share": 0.5, "by": "random"}, {"share": 0.5, "by": "random"}),
    ("width-grown", {"factor": 2.0, "kind": "zeros"}, {"kind": "zeros"}),
    ("keys-shared", {"kv_heads": 1}, {"kv_heads": 1}),
    ("keys-repeated", {}, {"times": 2}),
    ("dense-to-moe", {"experts": 3}, {"experts": 3, "noise": 0.0}),
    ("vocabulary-extended", {"count": 40, "rows": "mean-of-pieces"}, {"count": 40, "rows": "mean-of-pieces"}),
    ("vocabulary-extended", {"count": 40, "rows": "global-mean"}, {"rows": "global-mean"}),
    ("vocabulary-trimmed", {"keep": 300}, {"keep": 300}),
    ("token-ids-reordered", {}, {}),
    ("pruned-by-size", {"share": 0.8}, {"share": 0.8}),
    ("pruned-in-groups", {}, {"keep": 2, "group": 4}),
    ("quantised-int8", {}, {"bits": 8}),
    ("quantised-int4", {"group": 16}, {"bits": 4, "group": 16}),
    ("low-rank-merged", {"rank": 3, "parts": "qv"}, {"rank": 3, "parts": "qv"}),
    ("noise-added", {"size": 0.02}, {}),
    ("residual-permutation", {}, {}),
    ("residual-rotation", {}, {}),
    ("gain-replacement", {}, {}),
    ("neuron-permutation", {}, {}),
    ("kv-group-permutation", {}, {}),
    ("value-mixing", {}, {}),
)


@pytest.mark.parametrize(("op", "given", "told"), NAMED, ids=[f"{op}-{n}" for n, (op, _, _) in enumerate(NAMED)])
def test_an_operation_is_named_with_its_parameters_and_replays(op, given, told, base):
    plain = Model({n: a.astype(np.float32) for n, a in base.arrays.items()}, base.config)  # float32, so that nothing is rounded
    steps = steps_of(apply(op, plain, 5, **given), plain)
    assert [s.op for s in steps] == [op]
    assert {key: steps[0].parameters[key] for key in told} == told
    assert steps[0].grade in (("partly",) if op == "noise-added" else ("re-derived", "replayed"))


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
@pytest.mark.parametrize("before", ["same type", "F32"])
@pytest.mark.parametrize(("rank", "size", "parts"), [(4, 0.05, "qv"), (8, 0.005, "qkvogud")])
def test_a_low_rank_is_told_beside_the_rounding_of_what_it_is_stored_in(dtype, before, rank, size, parts, base):
    plain = Model({n: a.astype(np.float32) for n, a in base.arrays.items()}, base.config)
    changed = apply("low-rank-merged", plain, "adapter", rank=rank, size=size, parts=parts)
    candidate = plain if before == "F32" else apply("resaved", plain, 1, dtype=dtype)
    steps = steps_of(apply("resaved", changed, 1, dtype=dtype), candidate)
    found = [step for step in steps if step.op != "resaved"]
    assert [step.op for step in found] == ["low-rank-merged"]
    assert (found[0].parameters["rank"], found[0].parameters["parts"], found[0].grade) == (rank, parts, "replayed")
    assert found[0].parameters["size"] == pytest.approx(size, rel=0.05)
    assert [line.key for line in found[0].said] == ["recipe_open.beneath"]


def test_a_dense_layer_among_routed_ones_and_shared_experts_are_read(tmp_path):
    """It once ended in an error; and a change of shared experts was told as training."""
    pytest.importorskip("torch")
    from tests.recipes.tiny import tiny

    model = tiny("qwen2_moe", tmp_path)
    moved = apply("expert-permutation", model, 3)
    assert [step.op for step in steps_of(moved, model)] == ["expert-permutation"]
    found = steps_of(apply("low-rank-merged", model, 3, rank=2, parts="gud"), model)
    assert [(s.op, s.parameters["rank"], s.parameters["parts"], s.grade) for s in found] == [("low-rank-merged", 2, "gud", "replayed")]


@pytest.mark.parametrize("frozen", ["little", "much"])
def test_a_change_of_full_rank_in_a_narrow_type_is_no_low_rank(frozen, base):
    """A spectrum that falls evenly through what rounding gives, as training leaves it, in few or in all maps."""
    rng = np.random.default_rng(3)
    plain = Model({n: a.astype(np.float32) for n, a in base.arrays.items()}, base.config)
    start = apply("resaved", plain, 1, dtype="BF16")
    moved = {}
    for name, values in start.arrays.items():
        if "proj" in name and (frozen == "little" or "q_proj" in name or "v_proj" in name):
            left, right = (np.linalg.qr(rng.standard_normal((n, min(values.shape))))[0] for n in values.shape)
            change = (left * np.geomspace(1, 1e-4, min(values.shape))) @ right.T
            moved[name] = values + (0.02 * np.linalg.norm(values) / np.linalg.norm(change) * change).astype(np.float32)
    made = apply("resaved", Model({**start.arrays, **moved}, start.config), 1, dtype="BF16")
    assert [step.op for step in steps_of(made, start)] == ["continued-training"]


def test_a_chain_is_named_step_by_step(base, seed):
    plain = Model({n: a.astype(np.float32) for n, a in base.arrays.items()}, base.config)
    made = apply("vocabulary-extended", plain, seed, count=20, rows="zeros")
    made = apply("layers-inserted", made, seed, count=2)
    made = apply("mlp-widened", made, seed, kind="duplicate")
    made = apply("pruned-by-size", made, seed, share=0.5)
    assert {s.op for s in steps_of(made, plain)} == {"vocabulary-extended", "layers-inserted", "mlp-widened", "pruned-by-size"}


REWRITTEN = (
    ("layers-inserted", {"count": 2, "kind": "copy"}, {"count": 2, "kind": "copy"}),
    ("layers-inserted", {"count": 1, "kind": "new"}, {"count": 1, "kind": "new"}),
    ("mlp-widened", {"factor": 1.5, "kind": "duplicate"}, {"kind": "duplicate"}),
    ("mlp-narrowed", {"share": 0.5, "by": "norm"}, {"share": 0.5, "by": "norm"}),
    ("width-grown", {"factor": 2.0, "kind": "zeros"}, {"kind": "zeros"}),
    ("width-grown", {"factor": 1.5, "kind": "drawn"}, {"kind": "drawn"}),
    ("keys-repeated", {}, {"times": 2}),
    ("heads-added", {"groups": 2, "kind": "copy"}, {"groups": 2, "kind": "copy"}),
    ("vocabulary-extended", {"count": 40, "rows": "mean-of-pieces"}, {"count": 40, "rows": "mean-of-pieces"}),
    ("vocabulary-stitched", {"keep": 32, "rows": "drawn"}, {"keep": 32}),
    ("token-ids-reordered", {}, {}),
    ("vocabulary-replaced", {"rows": "drawn"}, {}),
    ("pruned-in-groups", {}, {"keep": 2, "group": 4}),
    ("quantised-int8", {}, {"bits": 8}),
    ("noise-added", {"size": 0.02}, {}),
    ("low-rank-merged", {"rank": 3, "parts": "qkvoud", "size": 0.1}, {"rank": 3, "parts": "qkvoud"}),
    ("quantised-fp8", {}, {}),
)


@pytest.mark.parametrize(("op", "given", "told"), REWRITTEN, ids=lambda value: value if isinstance(value, str) else "")
def test_an_operation_is_named_after_every_move_that_keeps_the_outputs(op, given, told, base):
    moves = {name for name, one in STEPS.items() if one.kind == "preserving"}
    subject = reparameterise(apply(op, base, "operation", **given), "rewritten")
    found = [step for step in steps_of(subject, base) if step.op not in moves]
    assert [step.op for step in found] == [op]
    assert {name: found[0].parameters[name] for name in told} == told


@pytest.mark.parametrize("scale", [1.0, 0.05], ids=["full", "nearly empty"])
def test_a_wider_subject_is_met_exactly_whatever_its_other_channels_hold(scale):
    rng = np.random.default_rng(15)
    theirs, other = rng.standard_normal((300, 16)) + 0.5, scale * rng.standard_normal((300, 12))
    turn = np.linalg.qr(rng.standard_normal((28, 28)))[0]
    mine = np.concatenate([theirs, other], axis=1) @ turn
    assert np.abs(fitted(mine, theirs) - turn.T[:, :16]).max() < 1e-7
    noisy = mine + 0.03 * rng.standard_normal(mine.shape)
    assert np.linalg.norm(fitted(noisy, theirs) - turn.T[:, :16]) < 0.1


def test_a_mask_is_counted_where_the_candidate_s_values_were_full():
    rng = np.random.default_rng(15)
    before = np.concatenate([rng.standard_normal((8, 16)), np.zeros((8, 24))], axis=1).astype(np.float32)
    one_of_four = np.tile(np.array([1, 0, 0, 0], dtype=np.float32), 10)
    assert group_pattern([before * one_of_four], [before]) == (1, 4)
    assert group_pattern([before], [before]) is None


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_a_model_stored_narrower_after_a_rotation_is_not_told_as_trained(base, dtype):
    full = apply("noise-added", base, "float32 values", size=0.1)
    subject = apply("resaved", apply("residual-rotation", full, "turned"), "operation", dtype=dtype)
    found = {step.op: step for step in steps_of(subject, full)}
    assert set(found) == {"resaved", "residual-rotation"}
    assert (found["resaved"].parameters["dtype"], found["resaved"].grade) == (dtype, "hint")


def test_a_cast_is_seen_after_every_move_though_no_row_was_left_as_it_was(base):
    full = apply("noise-added", base, "float32 values", size=0.1)  # the demo's own are BF16 already
    subject = reparameterise(apply("resaved", full, "operation", dtype="BF16"), "rewritten")
    found = [step for step in steps_of(subject, full) if STEPS[step.op].kind == "operation"]
    assert [(step.op, step.parameters["dtype"]) for step in found] == [("resaved", "BF16")]


def test_maps_inside_layers_are_fitted_again_beside_a_low_rank_change(base):
    changed = apply("low-rank-merged", base, "operation", rank=2, parts="qkvoud", size=0.1)
    mixed = apply("value-mixing", changed, "mixed")
    maps = refitted(mixed, base, frozenset({"value-mixing"}))["value-mixing"]
    back = moved("value-mixing", mixed, {"maps": maps}, 0)
    for name, values in changed.arrays.items():
        assert np.linalg.norm(back.arrays[name] - values) <= 1e-3 * np.linalg.norm(values), name
    noisy = apply("noise-added", mixed, "no low rank", size=0.1)
    assert refitted(noisy, base, frozenset({"value-mixing"})) == {}


def test_noise_of_a_growth_and_noise_added_later_are_told_apart():
    base = Model.load(DEMO / "base")
    grown = apply("width-grown", base, "operation", factor=2.0, kind="zeros", noise=0.03)
    found = {step.op: dict(step.parameters) for step in steps_of(apply("noise-added", grown, "later", size=0.04), base)}
    assert set(found) == {"width-grown", "noise-added"}
    assert found["width-grown"]["noise"] == pytest.approx(0.03, rel=0.1)
    assert found["noise-added"]["size"] == pytest.approx(0.04, rel=0.1)
    alone = {step.op: dict(step.parameters) for step in steps_of(grown, base)}
    assert set(alone) == {"width-grown"}
    assert alone["width-grown"]["noise"] == pytest.approx(0.03, rel=0.1)


def test_a_rewritten_model_without_another_step_is_told_as_moves_alone(base):
    found = run(Side(as_checkpoint(reparameterise(base, 5))), base)
    assert {STEPS[step.op].kind for step in found.steps} == {"preserving"}
    assert found.left < 1e-6


def test_an_independent_is_not_turned_into_the_candidate(base):
    other = Model.load(DEMO / "independent")
    assert undone(reparameterise(other, 5), base, (Side(as_checkpoint(other)), Side(as_checkpoint(base)))) is None


def test_the_same_model_has_no_steps(base):
    assert steps_of(base, base) == ()


def test_an_independent_gets_no_recipe():
    document = forebear.recipe(DEMO / "independent", [DEMO / "base", DEMO / "descendant"])
    assert document["steps"] == ()
    assert document["candidate"] is None
    assert document["residual"] is None
    assert [said["key"] for said in document["words"]] == ["recipe.none"]


@pytest.fixture(scope="module")
def descendant():
    return forebear.recipe(DEMO / "descendant", [DEMO / "independent", DEMO / "base"])


def test_the_demo_s_descendant_is_told_with_the_candidate_that_is_related(descendant):
    assert descendant["candidate"] == str(DEMO / "base")
    assert {"layers-inserted", "continued-training"} == {step["op"] for step in descendant["steps"]}
    assert descendant["direction"] == "not-shown"
    assert not problems_of(descendant)


@pytest.mark.parametrize("language", ["en", "ja", "zh-Hans", "zh-Hant"])
def test_a_recipe_is_shown_in_every_form_and_language(descendant, language):
    text = rendered(descendant, "text", language).decode()
    page = rendered(descendant, "html", language).decode()
    assert "recipe." not in text
    assert page.count("<svg") == 2
    assert f'<html lang="{language}">' in page
    assert rendered(descendant, "csv").decode().count("\r\n") == 1 + len(descendant["steps"])
    assert canonical_json(thaw(descendant)) == canonical_json(descendant)


def test_without_a_candidate_there_is_nothing_to_ask():
    with pytest.raises(UsageError, match="no candidate"):
        forebear.recipe(DEMO / "base", [])


def test_a_model_larger_than_allowed_is_refused_with_what_to_do():
    with pytest.raises(RefusedError, match="`budget`"):
        forebear.recipe(DEMO / "descendant", DEMO / "base", budget="100kB")


@pytest.mark.parametrize("language", ["en", "zh-Hans", "zh-Hant", "ja"])
def test_two_made_from_a_third_are_not_told_as_one_made_from_the_other(language, tmp_path):
    _, (one, other, _) = siblings(5)
    paths = [one.save(tmp_path / "one"), other.save(tmp_path / "other")]
    text = rendered(forebear.recipe(*paths), "text", language=language).decode()
    third = {"en": "third", "ja": "第三", "zh-Hans": "第三", "zh-Hant": "第三"}[language]
    assert third in text.split("\n\n")[0]


def test_rows_that_training_moved_far_are_not_called_those_of_another_model():
    far = catalogue("en")("recipe.op.rows-from-donor", share=0.38)
    assert far.startswith("38% of the token rows are far from the candidate's")
    assert "training" in far


def test_a_stranger_mixed_in_is_not_called_noise():
    said = catalogue("en")("recipe.op.noise-added", size=0.403)
    assert said.startswith("every value changed as noise would change it")


def test_a_table_whose_rows_are_near_others_by_chance_is_not_called_stitched(base):
    sight = SimpleNamespace(state=SimpleNamespace(config=base.config))
    table = np.random.Generator(np.random.PCG64(3)).standard_normal((50, 8)).astype(np.float32)
    partner = np.arange(50)
    partner[[3, 9, 20]] = [9, 3, -1]
    assert vocabulary._named(sight, table, table + 1, partner) == []
