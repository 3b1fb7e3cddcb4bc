"""What of a model no order, sign, scale or mixture inside a layer changes: matrices on the residual channels (METHODS §9, §12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.layout import Layer
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.norms import fold_gains
from forebear.stats.arrays import finite_or_zero

Floats = NDArray[np.float64]
MOST_WIDTH = 2048
"""Channels up to which eigenvectors of these matrices are worked out."""


@dataclass(frozen=True)
class Folded:
    """A model with every gain folded into the matrices that read through it.

    embedding, head: (tokens, d); head None where the embedding is read. neurons: per layer (n, d), rows of the gate, of the only
    inner matrix where there is no gate. forms: per layer, name -> (d, d), symmetric, of Frobenius norm `sizes[...]`.
    """

    embedding: Floats
    head: Floats | None
    neurons: tuple[Floats, ...]
    forms: tuple[Mapping[str, Floats], ...]
    wide: Mapping[str, Floats]

    @property
    def width(self) -> int:
        """Residual channels."""
        return int(self.embedding.shape[1])


def folded(model: Model) -> Folded:
    """The invariants of a model; never written to the model. Raises: RefusedError where gains cannot be folded."""
    draft = Draft(model)
    draft.untie()
    fold_gains(draft)
    parts = draft.parts
    embedding = _numbers(draft.arrays[parts.embedding])
    head = _numbers(draft.weight(parts.head)) if parts.head else None
    wide = {"embedding": embedding.T @ embedding}
    if head is not None:
        wide["head"] = head.T @ head
    small = parts.width <= MOST_WIDTH
    return Folded(
        embedding, head, tuple(_inner(draft, layer) for layer in parts.layers),
        tuple(_forms(draft, layer) if small else {} for layer in parts.layers), wide if small else {},
    )  # fmt: skip


def _numbers(values: Any) -> Floats:
    return finite_or_zero(values).astype(np.float64)


def _inner(draft: Draft, layer: Layer) -> Floats:
    return np.concatenate([_numbers(draft.weight(mlp.gate or mlp.up)) for mlp in layer.mlps])


def _forms(draft: Draft, layer: Layer) -> Mapping[str, Floats]:
    """gate: GᵀG over all neurons. mlp: DU + its transpose. values: OV; keys: QᵀK, over heads, with their transposes.

    Orders of neurons, heads and experts leave all of them as they are, and so do maps inside heads and sizes of neurons.
    """
    parts = draft.parts
    inner = _inner(draft, layer)
    products = [_numbers(draft.weight(one.down)) @ _numbers(draft.weight(one.up)) for one in layer.mlps]
    mlp: Floats = np.sum(products, axis=0)
    q, k, v = (_numbers(draft.weight(linear)) for linear in (layer.q, layer.k, layer.v))
    o, width, each = _numbers(draft.weight(layer.o)), parts.width, parts.queries_per_group
    heads = q.reshape(parts.kv_heads, each, -1, width)
    keys = np.einsum("gedc,gdf->cf", heads, k.reshape(parts.kv_heads, -1, width), optimize=True)
    out = o.reshape(width, parts.kv_heads, each, -1).sum(axis=2)
    values = np.einsum("cgd,gdf->cf", out, v.reshape(parts.kv_heads, -1, width), optimize=True)
    return {"gate": inner.T @ inner, "mlp": mlp + mlp.T, "values": values + values.T, "keys": keys + keys.T}
