"""The registry: every step has words, a source, families that exist, and parameters whose defaults work."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.recipes.steps.families import model_types
from forebear.recipes.steps.registry import STEPS, apply
from tests.recipes.arrays import llama


@pytest.mark.parametrize("name", list(STEPS))
def test_every_step_says_what_it_is(name: str) -> None:
    step = STEPS[name]
    assert step.name == name
    assert step.words.endswith(".")
    assert "METHODS §" in step.source
    assert set(step.families) <= set(model_types())
    assert step.kind in ("preserving", "operation")
    assert not (step.kind == "preserving" and step.keeps)
    doc = inspect.getdoc(step.function) or ""
    assert "Source:" in doc
    assert all(parameter in doc for parameter in step.parameters), name


def test_every_step_that_needs_no_word_runs_on_a_model_with_its_defaults_or_says_why() -> None:
    model = llama(width=64, neurons=64)
    refused = {}
    for name, step in STEPS.items():
        if "llama" not in step.families or inspect.Parameter.empty in step.parameters.values():
            continue
        try:
            made = apply(name, model, 1)
        except RefusedError as error:
            refused[name] = str(error)
            continue
        assert made.history[-1]["step"] == name
        assert all(np.isfinite(array).all() for array in made.arrays.values())
    assert set(refused) == {"bias-exchange", "biases-dropped", "heads-added"}


def test_seeds_name_the_randomness_and_a_generator_may_be_handed_over() -> None:
    model = llama()
    named = apply("neuron-permutation", model, 4)
    handed = apply("neuron-permutation", model, rng=generator("steps/neuron-permutation", 4))
    other = apply("neuron-permutation", model, 5)
    key = "model.layers.0.mlp.up_proj.weight"
    assert np.array_equal(named.arrays[key], handed.arrays[key])
    assert not np.array_equal(named.arrays[key], other.arrays[key])
    assert (named.history[-1]["seed"], handed.history[-1]["seed"]) == (4, None)


def test_a_configuration_the_tensors_contradict_is_refused() -> None:
    model = llama()
    for change in ({"num_hidden_layers": 2}, {"num_hidden_layers": 4}, {"num_attention_heads": 5}, {"head_dim": 4}):
        with pytest.raises(RefusedError):
            apply("neuron-permutation", type(model)(model.arrays, {**model.config, **change}), 1)
