"""Moves and operations of norm gains and of biases: replaced, folded, LayerNorm → RMSNorm, dropped, added."""

from __future__ import annotations

import numpy as np

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.families import pre_norm
from forebear.recipes.steps.layout import Linear, Norm
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.orthogonal import scales, signs
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array


def rescale_norm(draft: Draft, norm: Norm, readers: tuple[Linear, ...], gain: Array) -> None:
    """Give a norm another gain and put the ratio into the maps that read it, so that no output changes.

    Shapes: gain (d,), zero only where the old gain is; readers W (out, d) → W diag(old/new); bias → bias·new/old.
    Channels whose old gain is zero keep it (their column only ever met the norm's bias).
    Source: METHODS §9; Zhu et al. 2025, T5.
    """
    old = draft.arrays[norm.gain].astype(np.float64)
    new = np.where(old == 0, 0.0, gain)
    ratio = np.divide(old, new, out=np.ones_like(old), where=new != 0)
    draft.set_vector(norm.gain, new)
    if norm.bias:
        draft.set_vector(norm.bias, draft.arrays[norm.bias] / ratio)
    for linear in readers:
        draft.set_weight(linear, draft.weight(linear) * ratio)


def fold_gains(draft: Draft) -> None:
    """Set every gain to one, its values put into the maps that follow; biases of norms likewise where these have one.

    A zero gain is folded too: its column becomes zero, and the norm's bias there must be foldable or zero.
    Raises: RefusedError when the head is the embedding (untie first) or a zero gain's bias has nowhere to go.
    Source: METHODS §9 (1).
    """
    for norm, readers in draft.parts.read_through():
        require(bool(readers), "the final gain has no map of its own to go into", todo="Untie the head first.")
        gain = draft.arrays[norm.gain].astype(np.float64)
        if norm.bias:
            _fold_bias(draft, norm, readers, gain)
        for linear in readers:
            draft.set_weight(linear, draft.weight(linear) * gain)
        draft.set_vector(norm.gain, np.ones_like(gain))


def _fold_bias(draft: Draft, norm: Norm, readers: tuple[Linear, ...], gain: Array) -> None:
    """W (γ x̂ + β) + b: β goes into b where there is one; otherwise it is kept as β/γ."""
    shift = draft.arrays[norm.bias].astype(np.float64)
    if all(linear.bias for linear in readers):
        for linear in readers:
            bias = draft.bias(linear)
            assert bias is not None
            draft.set_bias(linear, bias + draft.weight(linear).astype(np.float64) @ shift)
        draft.set_vector(norm.bias, np.zeros_like(shift))
        return
    require(not np.any((gain == 0) & (shift != 0)), "a bias behind a zero gain cannot be carried", where=norm.bias)
    draft.set_vector(norm.bias, np.divide(shift, gain, out=np.zeros_like(shift), where=gain != 0))


def replace_gains(model: Model, rng: np.random.Generator, spread: float = 0.5, flip: bool = True) -> Model:
    """Multiply every gain by a random factor and take it back in the maps that follow. A tied head is untied.

    spread: factors are exp(u), u uniform within ±spread, and with `flip` of either sign.
    Raises: RefusedError for post-norm families.
    Source: METHODS §9; Zhu et al. 2025, T5.
    """
    draft = Draft(model)
    draft.untie()
    draft.refuse_unknown()
    for norm, readers in draft.parts.read_through():
        old = draft.arrays[norm.gain]
        factor = scales(rng, old.size, spread) * (signs(rng, old.size) if flip else 1.0)
        rescale_norm(draft, norm, readers, old * factor)
    return draft.finish()


def fold_all_gains(model: Model, rng: np.random.Generator) -> Model:
    """Set every gain to one, its values in the maps that follow. A tied head is untied.

    Source: METHODS §9 (1).
    """
    draft = Draft(model)
    draft.untie()
    draft.refuse_unknown()
    fold_gains(draft)
    return draft.finish()


STEPS = (
    Step(
        "gain-folding", fold_all_gains, "preserving", pre_norm, "METHODS §9",
        "Every norm gain becomes one; its values move into the matrices that follow.",
    ),
    Step(
        "gain-replacement", replace_gains, "preserving", pre_norm, "METHODS §9",
        "Every norm gain is replaced and the change is taken back in the matrices that follow.",
    ),
)  # fmt: skip
