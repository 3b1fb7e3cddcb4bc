"""Moves of MLP neurons that leave every output as it was: order, sign, scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.families import every, gated
from forebear.recipes.steps.layout import Mlp
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.orthogonal import scales, signs
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array


def neurons_of(draft: Draft, mlp: Mlp) -> int:
    """Number of neurons f of one MLP."""
    return int(draft.weight(mlp.up).shape[0])


def take_neurons(draft: Draft, mlp: Mlp, order: Sequence[int] | Array) -> None:
    """Keep the named neurons in the given order (repeats allowed: the caller mends `down`).

    Shapes: gate, up (f, d) → (len(order), d) with their biases; down (d, f) → (d, len(order)).
    """
    index = np.asarray(order, dtype=np.intp)
    for linear in mlp.inward:
        draft.set_weight(linear, draft.weight(linear)[index])
        bias = draft.bias(linear)
        if bias is not None:
            draft.set_bias(linear, bias[index])
    draft.set_weight(mlp.down, draft.weight(mlp.down)[:, index])


def permute_neurons(model: Model, rng: np.random.Generator) -> Model:
    """Put the neurons of every MLP in another order, one order per MLP. Values are kept bit for bit.

    Source: METHODS §2 (private axis); Zhu et al. 2025, T2.
    """
    draft = Draft(model)
    for layer in draft.parts.layers:
        for mlp in layer.branches:
            take_neurons(draft, mlp, rng.permutation(neurons_of(draft, mlp)))
    return draft.finish()


def rescale_neurons(draft: Draft, mlp: Mlp, factors: Array) -> None:
    """Multiply up rows (and up bias) and divide down columns; gated MLPs only.

    Shapes: factors (f,), none zero.
    """
    draft.set_weight(mlp.up, draft.weight(mlp.up) * factors[:, None])
    bias = draft.bias(mlp.up)
    if bias is not None:
        draft.set_bias(mlp.up, bias * factors)
    draft.set_weight(mlp.down, draft.weight(mlp.down) / factors)


def flip_neurons(model: Model, rng: np.random.Generator) -> Model:
    """Negate the up row and the down column of a random half of the gated neurons.

    Source: METHODS §5.
    """
    draft = Draft(model)
    for layer in draft.parts.layers:
        for mlp in layer.branches:
            rescale_neurons(draft, mlp, signs(rng, neurons_of(draft, mlp)))
    return draft.finish()


def scale_neurons(model: Model, rng: np.random.Generator, spread: float = 0.7, common: bool = False) -> Model:
    """Multiply up rows by factors exp(u), u uniform within ±spread, and divide the down columns by them.

    common: one factor for a whole layer (as published) instead of one per neuron.
    Source: METHODS §9; Zhu et al. 2025, T6.
    """
    require(bool(np.isfinite(spread)) and spread >= 0, f"a spread of {spread} is not a size")
    draft = Draft(model)
    for layer in draft.parts.layers:
        for mlp in layer.branches:
            size = neurons_of(draft, mlp)
            rescale_neurons(
                draft, mlp, np.full(size, scales(rng, 1, spread)[0]) if common else scales(rng, size, spread)
            )
    return draft.finish()


STEPS = (
    Step(
        "neuron-permutation", permute_neurons, "preserving", every, "METHODS §2, §9",
        "The neurons of every MLP stand in another order.",
    ),
    Step(
        "neuron-signs", flip_neurons, "preserving", gated, "METHODS §5",
        "About half of the gated neurons have their up row and down column negated.",
    ),
    Step(
        "neuron-scaling", scale_neurons, "preserving", gated, "METHODS §9",
        "Up rows are multiplied by factors that the down columns take back.",
    ),
)  # fmt: skip
