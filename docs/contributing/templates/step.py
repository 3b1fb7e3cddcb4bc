"""One forward step: a function from a model to a model, and what is said about it."""

from __future__ import annotations

import numpy as np

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.families import gated
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step, require


def apply_step(model: Model, rng: np.random.Generator, strength: float = 0.01) -> Model:
    """WHAT IS DONE, to the up matrix of every MLP. The source is never changed.

    strength: WHAT IT MEANS, and which values are refused.
    Source: SOURCE
    """
    require(bool(np.isfinite(strength)) and strength > 0, f"a strength of {strength} is not a size")
    draft = Draft(model)
    for layer in draft.parts.layers:
        for mlp in layer.branches:
            before = draft.weight(mlp.up)  # (f, d), not to be written to
            after = before + strength * before.std() * rng.standard_normal(before.shape)  # REPLACE: what the step does
            draft.set_weight(mlp.up, after)
    return draft.finish()


STEPS = (
    Step(
        name="STEP-NAME",
        function=apply_step,
        kind="operation",  # or "preserving": the logits stay within 1e-4 in float32 with any parameters it accepts
        needs=gated,  # which families it applies to, by what they are made of (forebear/recipes/steps/families.py)
        source="SOURCE",
        words="ONE PLAIN SENTENCE.",
    ),
)
