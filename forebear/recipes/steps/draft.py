"""A model being rewritten: values are shared with the source until replaced, never changed in place."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError
from forebear.recipes.steps.families import known
from forebear.recipes.steps.layout import Layout, Linear, completed, layout, spread, tied
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.storage import Array

Float64 = NDArray[Any]

BUFFERS = ("inv_freq", "position_ids", ".attn.bias", ".attn.masked_bias")
"""Ends of names that hold no learnt values and stand on no axis a step moves."""


class Draft:
    """Working copy of a model. Matrices are seen as (out, in) whatever way they are stored."""

    def __init__(self, model: Model) -> None:
        self.arrays: dict[str, Array] = dict(model.arrays)
        self.config: dict[str, Any] = copy.deepcopy(dict(model.config))
        self.tokenizer = model.tokenizer
        self.dtypes: dict[str, str] = dict(model.dtypes)
        self._source = model
        self.parts: Layout = layout(model)
        if self.parts.head is None:  # a head tied to E may be stored as well; nothing reads it
            self.arrays.pop(f"{self.parts.family.head}.weight", None)

    def finish(self) -> Model:
        """The model as it now stands; new tensors are stored as all of the source's were, when these agreed."""
        before = {self.dtypes.get(name) for name in self._source.arrays}
        if len(before) == 1 and None not in before:
            fresh = [name for name, array in self.arrays.items() if array.dtype == np.float32]
            self.dtypes.update(dict.fromkeys(fresh, before.pop() or ""))
        dtypes = {name: tag for name, tag in self.dtypes.items() if name in self.arrays}
        return Model(self.arrays, self.config, self.tokenizer, dtypes, self._source.history)

    def become(self, kind: str, **settings: Any) -> None:
        """Make the configuration that of another family, some settings changed (None removes one).

        What the old family means by keys left out is written down first: the new one may mean something else.
        """
        self.config = completed(self.config)
        self.config["model_type"] = kind
        self.config["architectures"] = [known(kind).rule.class_name]
        for key, value in settings.items():
            if value is None:
                self.config.pop(key, None)
            else:
                self.config[key] = value

    def reread(self) -> Layout:
        """Read the parts again after names or counts changed."""
        self.parts = layout(Model(self.arrays, self.config))
        return self.parts

    def weight(self, linear: Linear) -> Array:
        """W of shape (out, in), not to be written to."""
        stored = self.arrays[linear.weight]
        whole = stored.T if linear.transposed else stored
        index, shares = linear.share
        size = whole.shape[0] // shares
        return whole[index * size : (index + 1) * size]

    def set_weight(self, linear: Linear, values: Array) -> None:
        """Replace W (out, in); a fused part must keep its shape, rounding to the stored dtype."""
        stored = self.arrays[linear.weight]
        values = values.astype(stored.dtype, copy=False)
        if linear.share[1] > 1:
            whole = np.array(stored.T if linear.transposed else stored)
            index, shares = linear.share
            size = whole.shape[0] // shares
            whole[index * size : (index + 1) * size] = values
            values = whole
        self.arrays[linear.weight] = np.ascontiguousarray(values.T if linear.transposed else values)

    def bias(self, linear: Linear) -> Array | None:
        """b of shape (out,), or None."""
        if not linear.bias:
            return None
        stored = self.arrays[linear.bias]
        index, shares = linear.share
        size = stored.shape[0] // shares
        return stored[index * size : (index + 1) * size]

    def set_bias(self, linear: Linear, values: Array) -> None:
        """Replace b (out,). Raises: RefusedError when the map has no bias."""
        if not linear.bias:
            raise RefusedError("this map has no bias", where=linear.weight)
        stored = self.arrays[linear.bias]
        values = values.astype(stored.dtype, copy=False)
        if linear.share[1] > 1:
            whole = np.array(stored)
            index, shares = linear.share
            size = whole.shape[0] // shares
            whole[index * size : (index + 1) * size] = values
            values = whole
        self.arrays[linear.bias] = np.ascontiguousarray(values)

    def set_vector(self, name: str, values: Array) -> None:
        """Replace a stored array, keeping its dtype."""
        self.arrays[name] = np.ascontiguousarray(values.astype(self.arrays[name].dtype, copy=False))

    def untie(self) -> None:
        """Give the head its own tensor, equal to the embedding; nothing when it has one. Outputs stay bitwise equal."""
        if self.parts.head is not None:
            return
        if self.parts.family.transform:
            raise RefusedError(f"a head of {self.parts.kind} has a transform of its own and cannot be untied here")
        if not self.tied:
            raise RefusedError("the model has no head, so the final gain has nowhere to go")
        name = f"{self.parts.family.head}.weight"
        self.arrays[name] = self.arrays[self.parts.embedding]
        self.config["tie_word_embeddings"] = False
        self.reread()

    def refuse_unknown(self) -> None:
        """Raises: RefusedError when a tensor has no known part, since rewriting round it would change the outputs."""
        known = self.parts.names()
        unknown = [n for n in self.arrays if n not in known and not n.endswith(BUFFERS)]
        unknown = [name for name in unknown if not name.startswith(self.parts.family.rule.task_heads)]
        if unknown:
            raise RefusedError(f"{len(unknown)} tensors have no known part", where=unknown[0])

    @property
    def tied(self) -> bool:
        """The head is the embedding."""
        return tied(self.config)


def times(values: Array, matrix: Float64) -> Array:
    """values @ matrix, summed in float64 block by block, in the dtype of values.

    Shapes: (rows, n), (n, m) -> (rows, m).
    """
    out = np.empty((values.shape[0], matrix.shape[1]), dtype=values.dtype)
    for start in range(0, values.shape[0], 4096):
        block = values[start : start + 4096].astype(np.float64)
        out[start : start + 4096] = block @ matrix
    return out


def draw_like(config: Mapping[str, Any], rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fresh initial values N(0, std²) in float32, std as the configuration says or means."""
    return (rng.standard_normal(shape) * spread(config)).astype(np.float32)
