"""Experts made from a dense model and back: copies are copies, slices add up, collapsed experts are equal."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.recipes.arrays import llama


def expert(model: Model, layer: int, index: int, part: str) -> np.ndarray:
    """One expert matrix of a mixtral model; part w1 gate, w3 up, w2 down."""
    return model.arrays[f"model.layers.{layer}.block_sparse_moe.experts.{index}.{part}.weight"]


def test_copied_experts_equal_the_mlp_and_average_back_to_it() -> None:
    model = llama()
    routed = apply("dense-to-moe", model, 1, experts=4)
    assert routed.config["model_type"] == "mixtral"
    assert not any(".mlp." in name for name in routed.arrays)
    for index in range(4):
        assert np.array_equal(expert(routed, 1, index, "w1"), model.arrays["model.layers.1.mlp.gate_proj.weight"])
        assert np.array_equal(expert(routed, 1, index, "w2"), model.arrays["model.layers.1.mlp.down_proj.weight"])
    for kind in ("mean", "pick"):
        back = apply("moe-to-dense", routed, 1, kind=kind)
        assert back.config["model_type"] == "mistral"
        assert all(np.array_equal(back.arrays[name], array) for name, array in model.arrays.items())
        assert back.arrays.keys() == model.arrays.keys()


def test_sliced_experts_tile_the_neurons_in_order() -> None:
    model = llama(neurons=48)
    routed = apply("dense-to-moe", model, 1, experts=6, slices=3)
    ups = np.concatenate([expert(routed, 0, index, "w3") for index in range(3)])
    downs = np.concatenate([expert(routed, 0, index, "w2") for index in range(3)], axis=1)
    assert np.array_equal(ups, model.arrays["model.layers.0.mlp.up_proj.weight"])
    assert np.allclose(downs / 3, model.arrays["model.layers.0.mlp.down_proj.weight"], atol=1e-7)
    assert np.array_equal(expert(routed, 0, 4, "w3"), expert(routed, 0, 1, "w3"))
    assert routed.config["intermediate_size"] == 16
    with pytest.raises(RefusedError, match="equal slices"):
        apply("dense-to-moe", model, 1, experts=6, slices=5)


def test_noised_experts_stand_as_far_from_each_other_as_their_noise_says(seed: int) -> None:
    model = llama(seed)
    routed = apply("dense-to-moe", model, seed, noise=0.5)
    flat = [expert(routed, 0, i, "w3").ravel() for i in (0, 1)]
    cosine = flat[0] @ flat[1] / np.linalg.norm(flat[0]) / np.linalg.norm(flat[1])
    assert cosine == pytest.approx(1 / 1.25, abs=0.05)
    to_base = np.corrcoef(flat[0], model.arrays["model.layers.0.mlp.up_proj.weight"].ravel())[0, 1]
    assert to_base**2 == pytest.approx(cosine, abs=0.05)  # METHODS §12: r_Ae · r_Ae′, so not cloned from each other


def test_redrawn_neurons_are_the_share_asked_for(seed: int) -> None:
    model = llama(seed, neurons=40)
    routed = apply("dense-to-moe", model, seed, redrawn=0.25)
    base = model.arrays["model.layers.0.mlp.up_proj.weight"]
    kept = [np.all(expert(routed, 0, index, "w3") == base, axis=1) for index in range(4)]
    assert [int(rows.sum()) for rows in kept] == [30] * 4
    assert not np.array_equal(kept[0], kept[1])


def test_a_shared_expert_is_the_whole_mlp_and_routed_ones_carry_the_other_half() -> None:
    model = llama()
    routed = apply("dense-to-moe", model, 1, shared=True)
    assert (routed.config["model_type"], routed.config["qkv_bias"]) == ("qwen2_moe", False)
    down = model.arrays["model.layers.0.mlp.down_proj.weight"]
    start = "model.layers.0.mlp."
    assert np.array_equal(routed.arrays[f"{start}shared_expert.down_proj.weight"], down)
    assert np.allclose(routed.arrays[f"{start}experts.2.down_proj.weight"], down / 2)
    assert not routed.arrays[f"{start}shared_expert_gate.weight"].any()


def test_collapsed_experts_are_copies_and_the_kept_ones_are_untouched(seed: int) -> None:
    routed = apply("dense-to-moe", llama(seed), seed, experts=5, noise=1.0)
    fallen = apply("experts-collapsed", routed, seed, distinct=2)
    for index in range(5):
        assert np.array_equal(expert(fallen, 2, index, "w1"), expert(routed, 2, index % 2, "w1"))
    rows = fallen.arrays["model.layers.2.block_sparse_moe.gate.weight"]
    assert np.array_equal(rows[4], rows[0])
    assert not np.array_equal(rows[1], rows[0])
    near = apply("experts-collapsed", routed, seed, distinct=2, noise=0.01)
    assert 0 < np.abs(expert(near, 2, 2, "w1") - expert(near, 2, 0, "w1")).max() < 0.1
    with pytest.raises(RefusedError):
        apply("experts-collapsed", routed, seed, distinct=5)


def test_added_experts_are_copies_of_the_first() -> None:
    routed = apply("dense-to-moe", llama(), 1, noise=1.0)
    more = apply("experts-added", routed, 1, count=2)
    assert more.config["num_local_experts"] == 6
    assert np.array_equal(expert(more, 0, 5, "w2"), expert(routed, 0, 1, "w2"))
    assert more.arrays["model.layers.0.block_sparse_moe.gate.weight"].shape == (6, 32)
    with pytest.raises(RefusedError):
        apply("experts-added", routed, 1, count=5)


def test_a_picked_expert_that_is_not_there_is_refused() -> None:
    routed = apply("dense-to-moe", llama(), 1)
    with pytest.raises(RefusedError, match="no expert 4"):
        apply("moe-to-dense", routed, 1, kind="pick", expert=4)
    with pytest.raises(RefusedError, match="moe-to-dense does not apply"):
        apply("moe-to-dense", llama(), 1)
