"""Candidates built from a subject so that a conversion of the candidate gives the subject (METHODS §11)."""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np

from forebear.core.seeds import generator
from forebear.recipes.rederive.gguf_types import through
from forebear.recipes.rederive.grids import asymmetric, from_lowest, scaled_small, symmetric
from forebear.recipes.steps.model import Model
from tests.recipes.arrays import llama

Change = Callable[[np.ndarray], np.ndarray]
CONVERSIONS: dict[str, Change] = {
    "resaved": lambda a: a.astype(ml_dtypes.bfloat16).astype(np.float32),
    "resaved F16": lambda a: a.astype(np.float16).astype(np.float32),
    "quantised-int8": lambda a: symmetric(a, "row", 8),
    "quantised-int8 per tensor": lambda a: symmetric(a, "tensor", 8),
    "quantised-int8 per column": lambda a: symmetric(a, "column", 8),
    "quantised-int8 with zero point": lambda a: asymmetric(a, "row", 8, zero=True),
    "quantised-int4": lambda a: from_lowest(a, 32, 4),
    "quantised-int4 with zero point": lambda a: asymmetric(a, 32, 4, zero=True),
    "quantised-fp8": lambda a: scaled_small(a, "tensor", "F8_E4M3"),
    "quantised-fp8 per row": lambda a: scaled_small(a, "row", "F8_E5M2"),
    "quantised-gguf": lambda a: through(a, "Q4_0"),
    "quantised-gguf Q4_1": lambda a: through(a, "Q4_1"),
    "quantised-gguf Q5_0": lambda a: through(a, "Q5_0"),
    "quantised-gguf Q5_1": lambda a: through(a, "Q5_1"),
    "quantised-gguf Q8_0": lambda a: through(a, "Q8_0"),
    "quantised-gguf MXFP4": lambda a: through(a, "MXFP4"),
}
"""Conversions that can be undone in more than one way."""


def preimage(op: str, seed: int) -> tuple[Model, Model]:
    """(subject, candidate): the subject converted from a random model, the candidate built from the subject alone."""
    change = CONVERSIONS[op]
    first = llama(seed, layers=1, width=64, neurons=64, tokens=40)
    arrays = {name: settled(array, change) if array.ndim == 2 else array for name, array in first.arrays.items()}
    rng = generator("tests/preimages", op, seed)
    built = {name: before(array, change, rng) if array.ndim == 2 else array for name, array in arrays.items()}
    assert any(not np.array_equal(built[name], arrays[name]) for name in arrays)
    return Model(arrays, first.config), Model(built, first.config)


def settled(values: np.ndarray, change: Change) -> np.ndarray:
    """Values that a conversion leaves as they are."""
    for _ in range(6):
        again = change(values)
        if np.array_equal(again, values):
            break
        values = again
    return np.asarray(values)


def before(values: np.ndarray, change: Change, rng: np.random.Generator) -> np.ndarray:
    """Other values with the same conversion: moved a little where no extreme of a row, column or group lies."""
    cells = values.reshape(values.shape[0], -1, 32)
    free = (cells < cells.max(axis=2, keepdims=True)) & (cells > cells.min(axis=2, keepdims=True))
    free &= np.abs(cells) < np.abs(cells).max(axis=2, keepdims=True)
    mask = free.reshape(values.shape)
    size = np.where(mask, 0.2 * np.abs(values).max() / 127, 0.0)
    drawn = rng.uniform(-1, 1, values.shape)
    for _ in range(30):
        moved = (values + size * drawn).astype(np.float32)
        bad = change(moved) != values
        if not bad.any():
            break
        size = np.where(bad, size / 4, size)
    return moved
