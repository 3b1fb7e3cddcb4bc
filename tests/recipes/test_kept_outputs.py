"""Operations that say they keep the outputs do, within 1e-4 in float32; the same operations in their other forms do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.recipes.tiny import CAUSAL, IDS, MASKED, VOCABULARY, logits

TOLERANCE = 1e-4
AFTER_PAD = ("roberta", "xlm-roberta", "camembert")
RMS = ["llama-tied", "qwen2", "qwen3", "mistral"]
ROUTED = ["mixtral", "qwen2_moe", "qwen3_moe"]

KEPT: list[tuple[str, dict[str, Any], list[str]]] = [
    ("layers-inserted", {"kind": "identity"}, CAUSAL),
    ("mlp-widened", {"kind": "duplicate"}, [*RMS, "llama-biased", "gpt2", *MASKED, "starcoder2", "arcee"]),
    ("mlp-widened", {"kind": "duplicate", "factor": 2.9}, ["llama", "gpt2"]),
    ("mlp-widened", {"kind": "append", "silent": True}, ["llama", "gpt2", *MASKED]),
    ("mlp-widened", {"kind": "interleave", "silent": True}, ["llama-biased", "arcee"]),
    ("width-grown", {"factor": 2, "kind": "zeros"}, [*RMS, "llama-biased", *ROUTED, "arcee"]),
    ("width-grown", {"factor": 2.9, "kind": "zeros"}, [*RMS, "llama-biased", *ROUTED, "arcee"]),
    ("width-grown", {"factor": 2, "kind": "duplicate"}, [*RMS, *ROUTED, "arcee", "gpt2", "starcoder2"]),
    ("width-grown", {"factor": 2.9, "kind": "duplicate"}, [*RMS, *ROUTED]),
    ("heads-added", {"kind": "silent"}, ["qwen2", "qwen3", "mistral", "mixtral", "starcoder2"]),
    ("heads-added", {"kind": "copy", "groups": 2}, ["llama", "llama-biased", "qwen2", "qwen3", "starcoder2"]),
    ("keys-repeated", {}, ["llama", "qwen2", "qwen3", "starcoder2", "mixtral"]),
    ("dense-to-moe", {}, RMS),
    ("dense-to-moe", {"shared": True}, ["llama-tied", "qwen2", "mistral"]),
    ("dense-to-moe", {"slices": 4, "active": 4, "router": "zero"}, RMS),
    ("embeddings-untied", {}, ["llama-tied", "qwen2", "gpt2", "starcoder2"]),
    ("biases-added", {}, ["llama", "qwen3"]),
    ("side-modules-added", {"kind": "branch"}, ["llama", "gpt2"]),
]
CHANGED: list[tuple[str, dict[str, Any], str]] = [
    ("layers-inserted", {"kind": "copy"}, "llama"),
    ("layers-inserted", {"kind": "new"}, "llama"),
    ("layers-dropped", {}, "gpt2"),
    ("mlp-widened", {"kind": "append"}, "llama"),
    ("mlp-narrowed", {}, "bert"),
    ("width-grown", {"kind": "drawn"}, "llama"),
    ("width-grown", {"kind": "drawn", "factor": 2.9}, "gpt2"),
    ("width-grown", {"kind": "zeros", "noise": 0.05}, "llama"),
    ("heads-added", {"kind": "new", "groups": 2}, "llama"),
    ("heads-merged", {}, "llama"),
    ("keys-shared", {}, "llama"),
    ("dense-to-moe", {"noise": 0.1}, "llama"),
    ("dense-to-moe", {"redrawn": 0.5}, "llama"),
    ("dense-to-moe", {"slices": 4, "active": 2}, "llama"),
    ("experts-collapsed", {}, "mixtral"),
    ("experts-added", {"noise": 0.1}, "qwen3_moe"),
    ("biases-added", {"size": 0.1}, "qwen3"),
    ("biases-dropped", {}, "qwen2"),
]


@pytest.mark.parametrize(("step", "parameters", "families"), KEPT, ids=lambda value: str(value)[:40])
def test_an_operation_that_keeps_the_outputs_keeps_them(
    step: str,
    parameters: dict[str, Any],
    families: list[str],
    models: dict[str, tuple[Model, np.ndarray]],
    tmp_path: Path,
) -> None:
    for family in families:
        model, expected = models[family]
        made = apply(step, model, 5, **parameters)
        assert set(made.arrays) != set(model.arrays) or made.config != model.config, family
        assert np.abs(logits(made, tmp_path / family) - expected).max() < TOLERANCE, family


@pytest.mark.parametrize(("step", "parameters", "family"), CHANGED, ids=lambda value: str(value)[:40])
def test_the_same_operations_in_other_forms_change_the_outputs_and_still_load(
    step: str, parameters: dict[str, Any], family: str, models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model, expected = models[family]
    found = logits(apply(step, model, 5, **parameters), tmp_path / "made")
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() > 10 * TOLERANCE


def test_a_model_grown_in_every_direction_and_reparameterised_keeps_its_outputs(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path, seed: int
) -> None:
    for family in ("qwen2", "llama-tied"):
        model, expected = models[family]
        model = apply("layers-inserted", model, seed, kind="identity", count=2, where="middle")
        model = apply("heads-added", model, seed, kind="copy", groups=2)
        model = apply("mlp-widened", model, seed, kind="duplicate", factor=2)
        model = apply("width-grown", model, seed, kind="zeros", factor=2.9)
        model = apply("dense-to-moe", model, seed, experts=6, active=2)
        model = reparameterise(model, seed)
        assert (model.config["num_hidden_layers"], model.config["num_attention_heads"]) == (5, 8)
        assert model.config["hidden_size"] in (92, 96)
        assert np.abs(logits(model, tmp_path / family) - expected).max() < TOLERANCE


def test_what_a_configuration_leaves_out_is_written_down_when_the_family_changes(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model, expected = models["llama"]
    short = {key: value for key, value in model.config.items() if key not in ("rope_parameters", "rms_norm_eps")}
    bare = Model(model.arrays, short)
    assert np.abs(logits(bare, tmp_path / "bare") - expected).max() == 0
    routed = apply("dense-to-moe", bare, 1)
    assert (routed.config["rope_theta"], routed.config["rms_norm_eps"]) == (10000.0, 1e-6)  # mixtral: 1e6 and 1e-5
    assert np.abs(logits(routed, tmp_path / "routed") - expected).max() < TOLERANCE
    back = apply("moe-to-dense", routed, 1)
    assert back.config["sliding_window"] is None  # mistral means 4096 when it is left out
    assert np.abs(logits(back, tmp_path / "back") - expected).max() < TOLERANCE


def test_reordered_ids_give_the_same_logits_in_the_new_order(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    for family in ("llama-tied", "gpt2", *MASKED, "mixtral"):
        model, expected = models[family]
        order = np.random.default_rng(2).permutation(VOCABULARY)
        if family in AFTER_PAD:
            with pytest.raises(RefusedError, match="positions start after the id of padding"):
                apply("token-ids-reordered", model, 1, order=order.tolist())
            assert apply("token-ids-reordered", model, 1).config["pad_token_id"] == 0
            order = np.concatenate([[0], order[order != 0]])
        moved = apply("token-ids-reordered", model, 1, order=order.tolist())
        numbers = np.argsort(order)
        found = logits(moved, tmp_path / family, numbers[IDS])
        assert np.abs(found[..., numbers] - expected).max() < TOLERANCE
        assert np.abs(found - expected).max() > 1


def test_layernorm_folds_into_rmsnorm_up_to_one_constant_vector(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model, expected = models["starcoder2"]
    exact = logits(apply("layernorm-to-rmsnorm", model, 1), tmp_path / "exact")
    lost = model.arrays["model.embed_tokens.weight"] @ model.arrays["model.norm.bias"]
    assert np.abs(exact + lost - expected).max() < TOLERANCE
    plain = logits(apply("layernorm-to-rmsnorm", model, 1, exact=False), tmp_path / "plain")
    assert np.abs(plain + lost - expected).max() > 0.1


def test_rotary_positions_change_nothing_where_there_is_one_token(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model, _ = models["gpt2"]
    without = Model({**model.arrays, "transformer.wpe.weight": np.zeros((64, 32), np.float32)}, model.config)
    rotary = apply("positions-to-rotary", model, 1)
    assert rotary.config["model_type"] == "starcoder2"
    one = IDS[:1, :1]
    found, expected = (logits(m, tmp_path / str(i), one) for i, m in enumerate((rotary, without)))
    assert np.abs(found - expected).max() < TOLERANCE
    assert np.abs(logits(rotary, tmp_path / "0") - logits(without, tmp_path / "1")).max() > 0.1
    moved = reparameterise(rotary, 3)
    assert np.abs(logits(moved, tmp_path / "2") - logits(rotary, tmp_path / "3")).max() < TOLERANCE


def test_experts_joined_side_by_side_equal_slices_that_all_work(
    models: dict[str, tuple[Model, np.ndarray]], tmp_path: Path
) -> None:
    model, expected = models["qwen3"]
    routed = apply("dense-to-moe", model, 1, experts=4, active=4, slices=4, router="zero")
    back = apply("moe-to-dense", routed, 1, kind="join")
    assert back.config["model_type"] == "qwen3"
    assert np.abs(logits(back, tmp_path / "back") - expected).max() < TOLERANCE


def test_under_layernorm_empty_channels_are_refused(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    for family in ("gpt2", "starcoder2"):
        with pytest.raises(RefusedError, match="mean"):
            apply("width-grown", models[family][0], 1, kind="zeros")
    with pytest.raises(RefusedError, match="post-norm"):
        apply("layers-inserted", models["bert"][0], 1, kind="identity")
    with pytest.raises(RefusedError, match="no shared expert"):
        apply("dense-to-moe", models["qwen3"][0], 1, shared=True)
    with pytest.raises(RefusedError, match="no biases"):
        apply("dense-to-moe", models["llama-biased"][0], 1)
    with pytest.raises(RefusedError, match="shared expert would be lost"):
        apply("moe-to-dense", models["qwen2_moe"][0], 1)
    with pytest.raises(RefusedError, match="do not divide"):
        apply("heads-added", models["llama"][0], 1, groups=1)
