"""Moves made by name and the symmetries of the architecture definitions are the same action (METHODS §2, §5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from forebear.models import axes
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from
from forebear.recipes.steps import neurons, residual
from forebear.recipes.steps.attention import permute_groups, permute_queries
from forebear.recipes.steps.experts import permute_experts
from forebear.recipes.steps.layout import layout
from forebear.recipes.steps.model import Model
from tests.memory import MemoryContainer
from tests.recipes.tiny import MASKED

FAMILIES = ["llama", "llama-biased", "mistral", "qwen2", "qwen3", "gpt2", *MASKED, "mixtral", "qwen2_moe", "qwen3_moe"]
Arrays = dict[str, np.ndarray]


def opened(model: Model) -> Checkpoint:
    """The model through its architecture definition; skips a family nobody has defined yet."""
    found = open_checkpoint_from(MemoryContainer(model.arrays), model.config)
    if found.layout is None:
        pytest.skip(f"no definition of {model.config['model_type']} yet")
    return found


def equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Every tensor bit for bit."""
    return all(np.array_equal(left[name], right[name]) for name in left)


class Recorder:
    """Hands out numbers like a generator and keeps the orders it gave."""

    def __init__(self, seed: int) -> None:
        self.inner, self.orders = np.random.default_rng(seed), []

    def permutation(self, size: int) -> np.ndarray:
        self.orders.append(self.inner.permutation(size))
        return self.orders[-1]


@pytest.mark.parametrize("family", FAMILIES)
def test_residual_and_neuron_permutations_agree(
    family: str, models: dict[str, tuple[Model, np.ndarray]], seed: int
) -> None:
    model = models[family][0]
    checkpoint, recorder = opened(model), Recorder(seed)
    moved = residual.permute_residual(model, recorder)  # type: ignore[arg-type]
    expected = axes.permute(model.arrays, checkpoint, "channel", recorder.orders[0])
    assert equal(moved.arrays, expected)
    assert not equal(moved.arrays, model.arrays)
    recorder = Recorder(seed)
    moved = neurons.permute_neurons(model, recorder)  # type: ignore[arg-type]
    if len(layout(model).layers[0].branches) == 1:
        arrays: Mapping[str, Any] = model.arrays
        for index, order in enumerate(recorder.orders):
            arrays = axes.permute(arrays, checkpoint, "neuron", order, layer=index)
        assert equal(moved.arrays, arrays)


@pytest.mark.parametrize("family", ["llama", "llama-biased", "mistral", "qwen2", "qwen3"])
def test_group_and_query_permutations_agree(
    family: str, models: dict[str, tuple[Model, np.ndarray]], seed: int
) -> None:
    model = models[family][0]
    checkpoint, recorder = opened(model), Recorder(seed)
    moved, arrays = permute_groups(model, recorder), model.arrays  # type: ignore[arg-type]
    for index, order in enumerate(recorder.orders):
        arrays = axes.permute(arrays, checkpoint, "kv_head", order, layer=index)
    assert equal(moved.arrays, arrays)
    recorder = Recorder(seed)
    moved, arrays = permute_queries(model, recorder), model.arrays  # type: ignore[arg-type]
    for number, order in enumerate(recorder.orders):
        arrays = axes.permute(arrays, checkpoint, "group", order, layer=number // 2, block=number % 2)
    assert equal(moved.arrays, arrays)


@pytest.mark.parametrize("family", ["mixtral", "qwen3_moe"])
def test_expert_permutations_agree(family: str, models: dict[str, tuple[Model, np.ndarray]], seed: int) -> None:
    model = models[family][0]
    checkpoint, recorder = opened(model), Recorder(seed)
    moved, arrays = permute_experts(model, recorder), model.arrays  # type: ignore[arg-type]
    for index, order in enumerate(recorder.orders):
        arrays = axes.permute(arrays, checkpoint, "expert", order, layer=index)
    assert equal(moved.arrays, arrays)


def test_residual_signs_agree_and_a_wrong_order_does_not(models: dict[str, tuple[Model, np.ndarray]]) -> None:
    model = models["qwen2"][0]
    checkpoint = opened(model)
    moved = residual.flip_residual(model, np.random.default_rng(3))
    ratio = moved.arrays["model.embed_tokens.weight"][0] / model.arrays["model.embed_tokens.weight"][0]
    expected = axes.negate(model.arrays, checkpoint, "channel", np.sign(ratio).astype(int))
    assert equal(moved.arrays, expected)
    other = axes.negate(model.arrays, checkpoint, "channel", -np.sign(ratio).astype(int))
    assert not equal(moved.arrays, other)
