"""Pruning, quantisation, other types, noise, merging, low rank, side modules: the property that defines each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.precision import to_fp8
from forebear.recipes.steps.registry import apply
from tests.recipes.arrays import llama

UP, DOWN, Q = (f"model.layers.1.{name}.weight" for name in ("mlp.up_proj", "mlp.down_proj", "self_attn.q_proj"))
E = "model.embed_tokens.weight"


def test_pruning_by_size_zeroes_the_smallest_half_of_inner_matrices_only(seed: int) -> None:
    model = llama(seed)
    pruned = apply("pruned-by-size", model, seed, share=0.5)
    for name in (UP, Q):
        old, new = np.abs(model.arrays[name]), pruned.arrays[name]
        assert np.mean(new == 0) == pytest.approx(0.5, abs=1e-3)
        assert old[new == 0].max() <= old[new != 0].min()
    assert np.array_equal(pruned.arrays[E], model.arrays[E])
    with pytest.raises(RefusedError):
        apply("pruned-by-size", model, seed, share=1.0)


def test_two_of_four_keeps_the_two_largest_of_every_four_inputs(seed: int) -> None:
    model = llama(seed)
    pruned = apply("pruned-in-groups", model, seed).arrays[UP].reshape(-1, 4)
    old = model.arrays[UP].reshape(-1, 4)
    assert np.all((pruned != 0).sum(axis=1) == 2)
    assert np.array_equal(np.sort(np.abs(pruned), axis=1)[:, 2:], np.sort(np.abs(old), axis=1)[:, 2:])
    with pytest.raises(RefusedError, match="whole groups"):
        apply("pruned-in-groups", llama(neurons=46), seed)


def test_int8_rows_lie_on_a_grid_of_their_own_and_next_to_the_old_values(seed: int) -> None:
    model = llama(seed)
    made, old = apply("quantised-int8", model, seed).arrays[UP], model.arrays[UP]
    scale = np.abs(old).max(axis=1, keepdims=True) / 127
    error = np.abs(made - old).max(axis=1) / scale[:, 0]
    assert error.max() <= 0.501
    assert error.min() > 0.3
    levels = made / scale
    assert np.allclose(levels, np.rint(levels), atol=1e-3)
    assert max(len(np.unique(row)) for row in made) <= old.shape[1]
    again = apply("quantised-int8", apply("quantised-int8", model, seed), seed).arrays[UP]
    assert np.allclose(again, made, rtol=1e-6)
    assert not np.allclose(old / scale, np.rint(old / scale), atol=1e-3)


def test_int4_groups_hold_at_most_sixteen_values(seed: int) -> None:
    model = llama(seed, width=64, neurons=64)
    made, old = (m.arrays[UP].reshape(-1, 64) for m in (apply("quantised-int4", model, seed, group=64), model))
    assert max(len(np.unique(group)) for group in made) <= 16
    assert min(len(np.unique(group)) for group in old) > 16
    step = (old.max(axis=1) - old.min(axis=1)) / 15
    assert np.all(np.abs(made - old).max(axis=1) <= step * 0.501)
    assert np.allclose(made.min(axis=1), old.min(axis=1))
    with pytest.raises(RefusedError, match="whole groups"):
        apply("quantised-int4", llama(width=48, neurons=48), seed, group=32)


def test_fp8_is_the_nearest_e4m3_number() -> None:
    exponents = np.concatenate([np.arange(-6, 9)[:, None] + np.log2(1 + np.arange(8) / 8)]).ravel()
    grid = np.unique(np.concatenate([[0.0], np.arange(1, 8) * 2.0**-9, 2.0**exponents]))
    grid = grid[grid <= 448]
    assert len(grid) == 127
    values = np.random.default_rng(3).standard_normal(4000) * 10 ** np.random.default_rng(4).uniform(-3, 3, 4000)
    nearest = grid[np.abs(np.minimum(np.abs(values), 448)[:, None] - grid).argmin(axis=1)] * np.sign(values)
    assert np.allclose(to_fp8(values.astype(np.float32)), nearest, rtol=1e-6)
    ml_dtypes = pytest.importorskip("ml_dtypes")
    inside = np.clip(values, -448, 448).astype(np.float32)
    assert np.array_equal(to_fp8(inside), inside.astype(ml_dtypes.float8_e4m3fn).astype(np.float32))


def test_fp8_matrices_keep_their_largest_value_and_few_levels() -> None:
    model = llama(width=64)
    for block in (None, 16):
        made = apply("quantised-fp8", model, 1, block=block).arrays[UP]
        assert np.abs(made).max() == pytest.approx(np.abs(model.arrays[UP]).max(), rel=1e-6)
        assert 0 < np.abs(made - model.arrays[UP]).max() < 0.04
    assert len(np.unique(np.abs(apply("quantised-fp8", model, 1).arrays[UP]))) <= 127


@pytest.mark.parametrize(("dtype", "bits"), [("BF16", 16), ("F16", 13)])
def test_a_resaved_base_is_equal_after_the_cast_and_is_stored_so(dtype: str, bits: int, tmp_path: Path) -> None:
    model = llama()
    made = apply("resaved", model, 1, dtype=dtype)
    low = made.arrays[UP].view(np.uint32) & np.uint32((1 << bits) - 1)
    assert not low[np.abs(made.arrays[UP]) > 1e-4].any()
    assert np.abs(made.arrays[UP] - model.arrays[UP]).max() < 2**-8
    loaded = Model.load(made.save(tmp_path))
    assert np.array_equal(loaded.arrays[UP].astype(np.float32), made.arrays[UP])
    size = (tmp_path / "model.safetensors").stat().st_size
    assert size < 2 * model.parameters + 10_000
    part = apply("resaved", model, 1, dtype=dtype, tensors="*layers.1.*")
    assert np.array_equal(part.arrays[E], model.arrays[E])
    assert set(part.dtypes) == {name for name in model.arrays if "layers.1." in name}


def test_what_no_narrow_type_can_hold_is_refused() -> None:
    model = llama()
    large = Model({**model.arrays, E: model.arrays[E] * np.float32(1e6)}, model.config)
    with pytest.raises(RefusedError, match="F16 cannot hold"):
        apply("resaved", large, 1, dtype="F16")
    with pytest.raises(RefusedError, match="no tensor is called"):
        apply("resaved", model, 1, tensors="nothing*")


def test_new_layers_of_a_bfloat16_model_are_stored_in_bfloat16() -> None:
    model = apply("resaved", llama(), 1)
    grown = apply("layers-inserted", model, 1, kind="new")
    assert set(grown.dtypes) == set(grown.arrays)
    assert set(grown.dtypes.values()) == {"BF16"}


def test_noise_has_the_size_it_was_given(seed: int) -> None:
    model = llama(seed)
    made = apply("noise-added", model, seed, size=0.1, tensors="*up_proj*")
    change = made.arrays[UP] - model.arrays[UP]
    assert change.std() / model.arrays[UP].std() == pytest.approx(0.1, rel=0.1)
    assert np.array_equal(made.arrays[DOWN], model.arrays[DOWN])


def test_a_merge_is_the_weighted_sum_and_strangers_are_refused() -> None:
    first, second, third = llama(1), llama(2), llama(3)
    made = apply("merged", first, 1, others=[second, third], weights=[0.5, 0.3, 0.2])
    for name in (E, UP, Q):
        expected = 0.5 * first.arrays[name] + 0.3 * second.arrays[name] + 0.2 * third.arrays[name]
        assert np.allclose(made.arrays[name], expected, atol=1e-6)
    assert np.array_equal(apply("merged", first, 1, others=[second], weights=[1, 0]).arrays[UP], first.arrays[UP])
    with pytest.raises(RefusedError, match="shapes differ"):
        apply("merged", first, 1, others=[llama(2, layers=2)], weights=[0.5, 0.5])
    with pytest.raises(RefusedError, match="weights for"):
        apply("merged", first, 1, others=[second], weights=[1.0])
    with pytest.raises(RefusedError, match="missing parameters"):
        apply("merged", first, 1)


def test_frozen_tensors_are_the_bases_bit_for_bit() -> None:
    child, base = llama(1), llama(2)
    made = apply("frozen-restored", child, 1, base=base, tensors="*layers.0.*")
    for name, array in made.arrays.items():
        assert np.array_equal(array, (base if "layers.0." in name else child).arrays[name])
    with pytest.raises(RefusedError, match="no such tensor"):
        apply("frozen-restored", child, 1, base=llama(2, width=64))


def test_a_low_rank_update_has_its_rank_and_size(seed: int) -> None:
    model = llama(seed)
    made = apply("low-rank-merged", model, seed, rank=3, size=0.1, parts="qd")
    for name, moved in ((Q, True), (DOWN, True), (UP, False)):
        change = made.arrays[name].astype(np.float64) - model.arrays[name]
        if not moved:
            assert not change.any()
            continue
        values = np.linalg.svd(change, compute_uv=False)
        assert values[2] > 1e-3
        assert values[3] < 1e-6
        assert np.linalg.norm(change) / np.linalg.norm(model.arrays[name]) == pytest.approx(0.1, rel=1e-3)
    with pytest.raises(RefusedError, match="rank"):
        apply("low-rank-merged", model, seed, rank=33)
    with pytest.raises(RefusedError, match="qkvogud"):
        apply("low-rank-merged", model, seed, parts="x")


def test_side_modules_add_named_tensors_that_write_nothing_at_first() -> None:
    model = llama()
    made = apply("side-modules-added", model, 1, kind="branch", rank=4, layers=[1])
    extra = set(made.arrays) - set(model.arrays)
    assert extra == {"model.layers.1.side_down.weight", "model.layers.1.side_up.weight"}
    assert not made.arrays["model.layers.1.side_up.weight"].any()
    assert made.config["side_modules"] == [{"kind": "branch", "layers": [1], "rank": 4}]
    loud = apply("side-modules-added", model, 1, kind="shortcut", silent=False)
    assert loud.arrays["model.layers.0.shortcut.weight"].std() == pytest.approx(0.02, rel=0.1)
    assert np.array_equal(
        apply("side-modules-added", model, 1, kind="activation").arrays["model.layers.2.activation_map.weight"],
        np.eye(48, dtype=np.float32),
    )
    with pytest.raises(RefusedError):
        apply("side-modules-added", model, 1, layers=[3])
