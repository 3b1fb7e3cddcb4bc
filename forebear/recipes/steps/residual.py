"""Moves of the residual stream x → x R that leave every output as it was: permutation, signs, rotation, scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forebear.recipes.steps.draft import Draft, Float64, times
from forebear.recipes.steps.families import every, rms, scalable, turned
from forebear.recipes.steps.layout import Linear, Norm, setting, setting_key
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.norms import fold_gains
from forebear.recipes.steps.orthogonal import rotation, rotation_keeping_ones, signs
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array

Move = Callable[[Array], Array]
"""values (..., d) -> values R, along the last axis."""


def move_residual(draft: Draft, move: Move) -> None:
    """Rewrite every map that reads or writes the residual for x → x R; norms are the caller's.

    Shapes: E (V, d) → E R; a reader W (out, d) → W R; a writer W (d, in) → Rᵀ W with b → b R.
    Source: METHODS §9; Zhu et al. 2025, appendix G, T1 and T3.
    """
    parts = draft.parts
    draft.refuse_unknown()
    for name in (parts.embedding, *parts.tables):
        draft.set_vector(name, move(draft.arrays[name]))
    readers, writers = residual_maps(draft)
    for reader in readers:
        draft.set_weight(reader, move(draft.weight(reader)))
    for writer in writers:
        draft.set_weight(writer, move(draft.weight(writer).T).T)
        bias = draft.bias(writer)
        if bias is not None:
            draft.set_bias(writer, move(bias[None])[0])


def residual_maps(draft: Draft) -> tuple[list[Linear], list[Linear]]:
    """(readers, writers) of the residual; a pooler and a head's transform included when they are there."""
    parts = draft.parts
    readers = [linear for layer in parts.layers for linear in (*layer.attention_readers, *layer.mlp_readers)]
    writers = [linear for layer in parts.layers for linear in layer.writers]
    if parts.head:
        readers.append(parts.head)
    rule = parts.family.rule
    more = [name.replace("{prefix}", parts.prefix) for name in rule.readers]
    readers += [Linear(f"{name}.weight", f"{name}.bias") for name in more if f"{name}.weight" in draft.arrays]
    transform = parts.family.transform
    if transform and f"{transform}.weight" in draft.arrays:
        readers.append(Linear(f"{transform}.weight", f"{transform}.bias"))
        if draft.tied:  # its output is read by E's own columns
            writers.append(readers[-1])
    return readers, writers


def residual_norms(draft: Draft) -> list[Norm]:
    """Every norm over residual channels."""
    parts = draft.parts
    norms = [norm for layer in parts.layers for norm in (layer.attention_norm, layer.mlp_norm)]
    norms += [norm for norm in (parts.final_norm, parts.embedding_norm) if norm]
    transform = parts.family.transform_norm
    if transform and draft.tied and f"{transform}.weight" in draft.arrays:
        norms.append(Norm(f"{transform}.weight", f"{transform}.bias"))
    return norms


def permute_residual(model: Model, rng: np.random.Generator) -> Model:
    """Put the residual channels in another order, one order for the whole model. Values are kept bit for bit.

    Source: METHODS §2 (shared axis); Zhu et al. 2025, T1.
    """
    draft = Draft(model)
    order = rng.permutation(draft.parts.width)
    move_residual(draft, lambda values: np.take(values, order, axis=-1))
    for norm in residual_norms(draft):
        for name in (norm.gain, norm.bias):
            if name:
                draft.set_vector(name, draft.arrays[name][order])
    return draft.finish()


def flip_residual(model: Model, rng: np.random.Generator) -> Model:
    """Negate a random half of the residual channels; gains stay as they are. RMSNorm only.

    Raises: RefusedError under LayerNorm, whose mean the signs would change.
    Source: METHODS §5.
    """
    draft = Draft(model)
    flips = signs(rng, draft.parts.width).astype(np.float32)
    move_residual(draft, lambda values: values * flips.astype(values.dtype))
    return draft.finish()


def rotate_residual(model: Model, rng: np.random.Generator) -> Model:
    """Fold the gains into the maps that follow, then turn the residual by a random orthogonal R.

    A tied head is untied (the final gain has nowhere else to go). LayerNorm: R keeps the all-ones vector; biases
    of norms are folded where every reader has a bias and carried along otherwise.
    Raises: RefusedError for post-norm families, whose gains stand in the residual itself.
    Source: METHODS §9 (1, 2); Zhu et al. 2025, T3 and T5.
    """
    draft = Draft(model)
    draft.untie()
    fold_gains(draft)
    make = rotation_keeping_ones if draft.parts.mean_subtracted else rotation
    turn: Float64 = make(rng, draft.parts.width)
    move_residual(draft, lambda values: times(values, turn))
    for norm in residual_norms(draft):
        if norm.bias:
            draft.set_vector(norm.bias, times(draft.arrays[norm.bias][None], turn)[0])
    return draft.finish()


def scale_residual(model: Model, rng: np.random.Generator, factor: float = 1.5) -> Model:
    """Multiply the residual by a factor, and the norms' epsilon by its square. A tied head is untied.

    factor: positive and finite. Raises: RefusedError otherwise.
    Source: the factor c in AWM's admissible c·P·D (arXiv 2510.06738).
    """
    require(np.isfinite(factor) and factor > 0, f"a residual cannot be scaled by {factor}")
    draft = Draft(model)
    draft.untie()
    draft.refuse_unknown()
    parts = draft.parts
    for name in (parts.embedding, *parts.tables):
        draft.set_vector(name, draft.arrays[name] * np.float32(factor))
    for layer in parts.layers:
        for writer in layer.writers:
            draft.set_weight(writer, draft.weight(writer) * np.float32(factor))
            bias = draft.bias(writer)
            if bias is not None:
                draft.set_bias(writer, bias * np.float32(factor))
    draft.config[setting_key(draft.config, "eps")] = float(setting(draft.config, "eps")) * factor**2
    return draft.finish()


STEPS = (
    Step(
        "residual-permutation", permute_residual, "preserving", every, "METHODS §2, §9",
        "The residual channels stand in another order.",
    ),
    Step(
        "residual-signs", flip_residual, "preserving", rms, "METHODS §5",
        "About half of the residual channels are negated.",
    ),
    Step(
        "residual-rotation", rotate_residual, "preserving", turned, "METHODS §9",
        "The gains are folded away and the residual stream is turned by a random orthogonal matrix.",
    ),
    Step(
        "residual-scale", scale_residual, "preserving", scalable, "METHODS §9",
        "The residual stream is multiplied by one factor, the norms' epsilon by its square.",
    ),
)  # fmt: skip
