"""Every output-preserving move leaves the logits within 1e-4 in float32, alone and all together (METHODS §9)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.recipes.steps import compose, registry
from forebear.recipes.steps.compose import preserving_moves, reparameterise
from forebear.recipes.steps.families import model_types
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import STEPS, apply
from tests.recipes.tiny import CONFIGS, logits

TOLERANCE = 1e-4
OF_TOKENS = ("cls.predictions.bias", "lm_head.bias", "lm_head.decoder.bias", "vocab_projector.bias")
"""Values of tokens, which no move touches."""
MOVES = [name for name, step in STEPS.items() if step.kind == "preserving"]


def test_every_model_type_that_steps_know_has_a_tiny_model_here() -> None:
    assert set(model_types()) == {settings.get("model_type", name) for name, settings in CONFIGS.items()}


def changed(before: Model, after: Model) -> set[str]:
    """Names whose values differ."""
    return {name for name, a in after.arrays.items() if not np.array_equal(a, before.arrays.get(name, np.empty(0)))}


@pytest.mark.parametrize("family", list(CONFIGS))
def test_every_move_alone_changes_weights_and_no_logit(
    family: str, models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model, expected = models[family]
    moves = preserving_moves(model)
    assert len(moves) >= 6
    for move in moves:
        moved = apply(move, model, 7)
        assert changed(model, moved), move
        assert np.abs(logits(moved, tmp_path / move) - expected).max() < TOLERANCE, move


@pytest.mark.parametrize("family", list(CONFIGS))
def test_all_moves_together_change_every_layer_and_no_logit(
    family: str, models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path, seed: int
) -> None:
    model, expected = models[family]
    moved = reparameterise(model, seed)
    untouched = set(moved.arrays) - changed(model, moved)
    assert not [name for name in untouched if not name.endswith(OF_TOKENS)]
    assert np.abs(logits(moved, tmp_path / "moved") - expected).max() < TOLERANCE
    assert [record["step"] for record in moved.history] == list(preserving_moves(model))


@pytest.mark.parametrize("family", list(CONFIGS))
def test_permutations_together_keep_every_value_of_every_tensor(
    family: str, models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path, seed: int
) -> None:
    model, expected = models[family]
    moved = reparameterise(model, seed, "permutations")
    everything = [np.sort(np.abs(np.concatenate([a.ravel() for a in m.arrays.values()]))) for m in (model, moved)]
    assert np.array_equal(*everything)
    assert changed(model, moved)
    assert np.abs(logits(moved, tmp_path / "moved") - expected).max() < TOLERANCE


def test_every_registered_move_is_seen_to_change_weights_somewhere(
    models: dict[str, tuple[Model, np.ndarray]],
) -> None:
    seen = {move for model, _ in models.values() for move in preserving_moves(model)}
    assert seen == set(MOVES)


def test_a_move_that_forgets_its_other_half_does_change_the_logits(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model, expected = models["llama"]
    moved = apply("neuron-permutation", model, 7)
    half = {**moved.arrays, **{n: a for n, a in model.arrays.items() if n.endswith("down_proj.weight")}}
    broken = Model(half, model.config)
    assert np.abs(logits(broken, tmp_path / "broken") - expected).max() > 100 * TOLERANCE


def test_the_source_is_never_changed(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    for model, _ in models.values():
        before = {name: array.copy() for name, array in model.arrays.items()}
        config = dict(model.config)
        reparameterise(model, 3)
        assert all(np.array_equal(model.arrays[name], array) for name, array in before.items())
        assert model.config == config


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    models: dict[str, tuple[Model, np.ndarray]], seed: int
) -> None:
    model, _ = models["qwen3"]
    first, again, other = reparameterise(model, seed), reparameterise(model, seed), reparameterise(model, seed + 1)
    assert all(np.array_equal(first.arrays[name], again.arrays[name]) for name in first.arrays)
    assert not np.array_equal(first.arrays["lm_head.weight"], other.arrays["lm_head.weight"])


def test_a_tied_head_is_untied_only_by_moves_that_need_it(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    model, _ = models["llama-tied"]
    needing = {m for m in preserving_moves(model) if not apply(m, model, 1).config["tie_word_embeddings"]}
    assert needing == {"residual-rotation", "residual-scale", "gain-folding", "gain-replacement"}


@pytest.mark.parametrize(
    ("move", "family"),
    [
        ("residual-signs", "gpt2"), ("residual-signs", "starcoder2"), ("residual-rotation", "bert"),
        ("gain-replacement", "bert"), ("neuron-signs", "gpt2"), ("neuron-scaling", "arcee"),
        ("head-rotation", "gpt2"), ("query-key-mixing", "llama"), ("expert-permutation", "llama"),
        ("query-head-permutation", "gpt2"), ("bias-exchange", "llama"), ("bias-exchange", "qwen2"),
    ],
)  # fmt: skip
def test_a_move_the_mathematics_forbids_is_refused_by_name(
    move: str, family: str, models: dict[str, tuple[Model, np.ndarray]]
) -> None:
    with pytest.raises(RefusedError, match=move):
        apply(move, models[family][0], 1)


def test_a_tensor_without_a_known_part_stops_a_residual_move(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    model, _ = models["llama"]
    odd = Model({**model.arrays, "model.layers.0.mlp.side.weight": np.ones((32, 32), np.float32)}, model.config)
    with pytest.raises(RefusedError, match="side"):
        apply("residual-permutation", odd, 1)


def test_side_modules_stop_moves_of_what_they_read(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    odd = apply("side-modules-added", models["llama"][0], 1, kind="activation")
    for move in ("neuron-permutation", "residual-rotation", "gain-folding"):
        with pytest.raises(RefusedError, match="no known part"):
            apply(move, odd, 1)


def test_channels_whose_gain_is_zero_stay_silent(models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path) -> None:
    for family in ("llama-tied", "arcee", "gpt2"):
        model = models[family][0]
        arrays = dict(model.arrays)
        for name in arrays:
            if arrays[name].ndim == 1 and ("norm" in name or "ln_" in name):
                arrays[name] = arrays[name].copy()
                arrays[name][3] = 0
        dead = Model(arrays, model.config)
        expected = logits(dead, tmp_path / "dead")
        for move in ("gain-replacement", "gain-folding", "residual-rotation"):
            assert np.abs(logits(apply(move, dead, 2), tmp_path / move) - expected).max() < TOLERANCE, (family, move)


def test_a_bias_behind_a_zero_gain_stays_or_is_refused(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model = models["gpt2"][0]
    gain = model.arrays["transformer.ln_f.weight"].copy()
    gain[3] = 0
    dead = Model({**model.arrays, "transformer.ln_f.weight": gain}, model.config)
    replaced = apply("gain-replacement", dead, 2)
    assert np.abs(logits(replaced, tmp_path / "replaced") - logits(dead, tmp_path / "dead")).max() < TOLERANCE
    with pytest.raises(RefusedError, match="behind a zero gain"):
        apply("residual-rotation", dead, 2)


def test_a_model_without_a_head_is_not_given_one(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    model = models["llama"][0]
    headless = Model({name: a for name, a in model.arrays.items() if name != "lm_head.weight"}, model.config)
    with pytest.raises(RefusedError, match="no head"):
        apply("residual-rotation", headless, 1)
    assert "lm_head.weight" not in apply("residual-permutation", headless, 1).arrays


def test_unknown_names_parameters_and_families_are_refused(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    model, _ = models["llama"]
    with pytest.raises(RefusedError, match="no step"):
        apply("residual-teleport", model, 1)
    with pytest.raises(RefusedError, match="unknown parameters"):
        apply("neuron-scaling", model, 1, spred=2)
    with pytest.raises(RefusedError, match="rwkv"):
        apply("neuron-permutation", Model(model.arrays, {**model.config, "model_type": "rwkv"}), 1)
    with pytest.raises(RefusedError, match="no set of moves"):
        reparameterise(model, 1, "everything")
    operation = next((name for name, step in registry.STEPS.items() if step.kind == "operation"), None)
    if operation:
        with pytest.raises(RefusedError, match="may change the outputs"):
            compose.reparameterise(model, 1, [operation])


def test_residual_signs_and_permutations_round_nothing(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    model, _ = models["mixtral"]
    flipped = apply("residual-signs", model, 5)
    assert all(np.array_equal(np.abs(flipped.arrays[name]), np.abs(a)) for name, a in model.arrays.items())
    assert np.array_equal(flipped.arrays["model.norm.weight"], model.arrays["model.norm.weight"])
    share = np.mean(flipped.arrays["model.embed_tokens.weight"] != model.arrays["model.embed_tokens.weight"])
    assert 0.2 < share < 0.8
