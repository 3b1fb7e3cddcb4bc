"""Moves and operations of experts: order, router shift, dense → MoE and back, collapse into copies."""

from __future__ import annotations

import numpy as np

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.families import mixture
from forebear.recipes.steps.layout import Layer, Mlp
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step
from forebear.recipes.steps.storage import Array


def mlp_names(mlp: Mlp) -> tuple[str, ...]:
    """The tensors of one MLP: up, down, gate, without biases that are not there."""
    linears = (mlp.up, mlp.down, *((mlp.gate,) if mlp.gate else ()))
    return tuple(name for linear in linears for name in (linear.weight, linear.bias) if name)


def order_experts(draft: Draft, layer: Layer, order: Array) -> None:
    """Expert i of the result is expert order[i] of the source, router rows with it (no copies of values)."""
    before = {name: draft.arrays[name] for mlp in layer.mlps for name in mlp_names(mlp)}
    for mlp, source in zip(layer.mlps, (layer.mlps[i] for i in order), strict=True):
        for name, old in zip(mlp_names(mlp), mlp_names(source), strict=True):
            draft.arrays[name] = before[old]
    if layer.router:
        draft.set_weight(layer.router, draft.weight(layer.router)[np.asarray(order)])


def permute_experts(model: Model, rng: np.random.Generator) -> Model:
    """Put the experts of every layer in another order, the router's rows with them. Values are kept bit for bit.

    Source: METHODS §2 (experts within one routing group).
    """
    draft = Draft(model)
    for layer in draft.parts.layers:
        if layer.router:
            order_experts(draft, layer, rng.permutation(len(layer.mlps)))
    return draft.finish()


def shift_router(model: Model, rng: np.random.Generator, size: float = 0.1) -> Model:
    """Add one random vector to every router row: all scores move together, which softmax and top-k ignore.

    size: standard deviation of the vector's values.
    Source: derived here from the algebra of METHODS §9.
    """
    draft = Draft(model)
    for layer in draft.parts.layers:
        if layer.router:
            weight = draft.weight(layer.router)
            draft.set_weight(layer.router, weight + rng.standard_normal(weight.shape[1]) * size)
    return draft.finish()


STEPS = (
    Step(
        "expert-permutation", permute_experts, "preserving", mixture, "METHODS §2, §9",
        "The experts of every layer stand in another order, the router's rows with them.",
    ),
    Step(
        "router-shift", shift_router, "preserving", mixture, "METHODS §9",
        "One vector is added to every router row, which softmax ignores.",
    ),
)  # fmt: skip
