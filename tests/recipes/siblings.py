"""Siblings without training: a random base and random changes of it, for what is a property of numbers."""

from __future__ import annotations

import numpy as np

from forebear.core.seeds import generator
from forebear.recipes.steps.model import Model
from tests.recipes.arrays import llama


def sibling(base: Model, name: str, size: float = 0.3) -> Model:
    """A base with changes of `size` times the spread of every tensor."""
    rng = generator("tests/siblings", name)
    arrays = {
        key: (array + size * array.std() * rng.standard_normal(array.shape)).astype(np.float32)
        for key, array in base.arrays.items()
    }
    return Model(arrays, base.config)


def siblings(seed: int, count: int = 3, **sizes: int) -> tuple[Model, list[Model]]:
    """A base and some siblings of it."""
    base = llama(seed, **{"layers": 3, "width": 64, "neurons": 96, **sizes})
    return base, [sibling(base, f"{seed}/{place}") for place in range(count)]


def weighted(models: list[Model], weights: list[float]) -> Model:
    """A plain sum in float32."""
    names = models[0].arrays
    arrays = {
        name: sum(np.float32(weight) * model.arrays[name] for weight, model in zip(weights, models, strict=True)).astype(np.float32)
        for name in names
    }
    return Model(arrays, models[0].config)
