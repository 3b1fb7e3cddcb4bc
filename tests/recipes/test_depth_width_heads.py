"""Layers, neurons, channels and heads: what each operation does to the numbers, known in advance."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.recipes.steps.depth import places
from forebear.recipes.steps.registry import apply
from tests.recipes.arrays import layer_names, llama, same


def test_eighty_layers_become_eighty_two_by_copies_in_the_middle() -> None:
    model = llama(layers=80, width=8, neurons=8)
    grown = apply("layers-inserted", model, 1, count=2, kind="copy", where="middle")
    assert grown.config["num_hidden_layers"] == 82
    sources = [*range(40), 39, 40, 40, *range(41, 80)]
    assert sources[39:43] == [39, 39, 40, 40]
    for index, source in enumerate(sources):
        assert same(layer_names(grown, index), layer_names(model, source))
    assert not same(layer_names(grown, 41), layer_names(model, 41))


def test_identity_layers_write_nothing_and_new_ones_share_nothing(seed: int) -> None:
    model = llama(seed)
    silent = apply("layers-inserted", model, seed, count=1, kind="identity", where=[1])
    inserted = layer_names(silent, 2)
    assert not inserted["self_attn.o_proj.weight"].any()
    assert not inserted["mlp.down_proj.weight"].any()
    assert np.array_equal(inserted["self_attn.q_proj.weight"], layer_names(model, 1)["self_attn.q_proj.weight"])
    fresh = layer_names(apply("layers-inserted", model, seed, count=1, kind="new", where=[1]), 2)
    assert np.array_equal(fresh["input_layernorm.weight"], np.ones(32, np.float32))
    for name in ("self_attn.q_proj.weight", "mlp.down_proj.weight"):
        old = layer_names(model, 1)[name]
        assert abs(np.corrcoef(fresh[name].ravel(), old.ravel())[0, 1]) < 0.1
        assert fresh[name].std() == pytest.approx(0.02, rel=0.1)


def test_dropped_layers_leave_the_others_bit_for_bit() -> None:
    model = llama(layers=6)
    cut = apply("layers-dropped", model, 1, where=[1, 4])
    assert cut.config["num_hidden_layers"] == 4
    assert all(same(layer_names(cut, i), layer_names(model, source)) for i, source in enumerate([0, 2, 3, 5]))
    assert not any("layers.4." in name or "layers.5." in name for name in cut.arrays)


def test_inserting_then_dropping_gives_the_model_back() -> None:
    model = llama(layers=4, layer_types=["a", "b", "c", "d"])
    there = apply("layers-inserted", model, 1, where=[0, 2])
    assert there.config["layer_types"] == ["a", "a", "b", "c", "c", "d"]
    back = apply("layers-dropped", there, 1, where=[1, 4])
    assert same(dict(back.arrays), dict(model.arrays))
    assert back.config == model.config


@pytest.mark.parametrize(
    ("count", "layers", "where", "expected"),
    [(2, 80, "middle", [39, 40]), (1, 6, "spread", [3]), (3, 6, "spread", [1, 3, 5]), (2, 6, "end", [4, 5]),
     (2, 6, "start", [0, 1]), (9, 6, [5, 0], [5, 0])],
)  # fmt: skip
def test_places_are_where_they_are_said_to_be(count: int, layers: int, where: str, expected: list[int]) -> None:
    assert places(count, layers, where) == expected


def test_places_that_do_not_exist_are_refused() -> None:
    model = llama()
    for step, parameters in (
        ("layers-dropped", {"where": [3]}), ("layers-dropped", {"count": 3}), ("layers-inserted", {"where": "top"}),
        ("layers-inserted", {"count": 0}), ("layers-inserted", {"kind": "reversed"}),
    ):  # fmt: skip
        with pytest.raises(RefusedError):
            apply(step, model, 1, **parameters)


def test_appended_neurons_follow_the_old_and_interleaved_ones_stand_between(seed: int) -> None:
    model = llama(seed, neurons=10)
    old = layer_names(model, 0)
    appended = layer_names(apply("mlp-widened", model, seed, neurons=15), 0)
    assert np.array_equal(appended["mlp.up_proj.weight"][:10], old["mlp.up_proj.weight"])
    assert np.array_equal(appended["mlp.down_proj.weight"][:, :10], old["mlp.down_proj.weight"])
    between = layer_names(apply("mlp-widened", model, seed, neurons=15, kind="interleave"), 0)
    kept = [0, 1, 3, 4, 6, 7, 9, 10, 12, 13]
    assert np.array_equal(between["mlp.gate_proj.weight"][kept], old["mlp.gate_proj.weight"])
    assert not np.array_equal(between["mlp.gate_proj.weight"][:10], old["mlp.gate_proj.weight"])


def test_duplicated_neurons_share_out_their_down_columns() -> None:
    model = llama(neurons=10)
    made = layer_names(apply("mlp-widened", model, 1, neurons=25, kind="duplicate"), 0)
    old = layer_names(model, 0)
    assert np.array_equal(made["mlp.up_proj.weight"], old["mlp.up_proj.weight"][np.arange(25) % 10])
    totals = [made["mlp.down_proj.weight"][:, i::10].sum(axis=1) for i in range(10)]
    assert np.allclose(np.stack(totals, axis=1), old["mlp.down_proj.weight"], atol=1e-6)


def test_narrowing_keeps_the_largest_neurons_in_order_or_random_ones(seed: int) -> None:
    model = llama(seed, neurons=20)
    old = layer_names(model, 1)
    kept = layer_names(apply("mlp-narrowed", model, seed, share=0.5), 1)
    sizes = [
        np.linalg.norm(old[f"mlp.{part}_proj.weight"], axis=axis)
        for part, axis in (("gate", 1), ("up", 1), ("down", 0))
    ]
    best = np.sort(np.argsort(-np.prod(sizes, axis=0))[:10])
    assert np.array_equal(kept["mlp.up_proj.weight"], old["mlp.up_proj.weight"][best])
    assert np.array_equal(kept["mlp.down_proj.weight"], old["mlp.down_proj.weight"][:, best])
    other = layer_names(apply("mlp-narrowed", model, seed, share=0.5, by="random"), 1)
    assert not np.array_equal(other["mlp.up_proj.weight"], kept["mlp.up_proj.weight"])
    with pytest.raises(RefusedError):
        apply("mlp-narrowed", model, seed, share=1.0)


def test_a_width_grown_by_zeros_holds_the_old_model_in_its_corner() -> None:
    model = llama(width=64)
    grown = apply("width-grown", model, 1, factor=2.9)
    assert grown.config["hidden_size"] == 184
    assert grown.config["head_dim"] == 16
    old, new = model.arrays["model.embed_tokens.weight"], grown.arrays["model.embed_tokens.weight"]
    assert np.array_equal(new[:, :64], old)
    assert not new[:, 64:].any()
    assert np.array_equal(
        layer_names(grown, 0)["mlp.down_proj.weight"][:64], layer_names(model, 0)["mlp.down_proj.weight"]
    )
    ratio = grown.arrays["model.norm.weight"][:64] / model.arrays["model.norm.weight"]
    assert np.allclose(ratio, np.sqrt(64 / 184), rtol=1e-5)
    twice = apply("width-grown", model, 1, factor=2, kind="duplicate")
    assert np.array_equal(twice.arrays["model.embed_tokens.weight"], np.tile(old, 2))
    with pytest.raises(RefusedError):
        apply("width-grown", model, 1, factor=1.0)


def test_merging_the_halves_undoes_appended_copies() -> None:
    model = llama()
    there = apply("heads-added", model, 1, groups=2, kind="copy")
    back = apply("heads-merged", there, 1, pairing="halves")
    assert back.config["num_attention_heads"] == 4
    for name, array in model.arrays.items():
        assert np.allclose(back.arrays[name], array, atol=1e-7), name
    adjacent = apply("heads-merged", there, 1, pairing="adjacent")
    assert not np.allclose(adjacent.arrays["model.layers.0.self_attn.q_proj.weight"],
                           model.arrays["model.layers.0.self_attn.q_proj.weight"], atol=1e-3)  # fmt: skip


def test_shared_keys_are_means_of_neighbours_and_queries_stay() -> None:
    model = llama(num_key_value_heads=2)
    shared = apply("keys-shared", model, 1, kv_heads=1)
    assert shared.config["num_key_value_heads"] == 1
    for part in ("k", "v"):
        old, new = (m.arrays[f"model.layers.2.self_attn.{part}_proj.weight"] for m in (model, shared))
        assert np.allclose(new, (old[:8] + old[8:]) / 2, atol=1e-7)
    assert np.array_equal(*(m.arrays["model.layers.2.self_attn.q_proj.weight"] for m in (model, shared)))
    repeated = apply("keys-repeated", shared, 1)
    assert repeated.config["num_key_value_heads"] == 4
    again = apply("keys-shared", repeated, 1, kv_heads=1)
    assert same(dict(again.arrays), dict(shared.arrays))
    for bad in (0, 2, 3):
        with pytest.raises(RefusedError):
            apply("keys-shared", model, 1, kv_heads=bad)
