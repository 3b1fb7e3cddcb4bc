"""Every step by name. A new step is one file with its `STEPS` and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.recipes.steps import (
    attention,
    conversion,
    depth,
    experts,
    heads,
    mixing,
    neurons,
    norms,
    precision,
    residual,
    routing,
    vocabulary,
    width,
)
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step

GROUPS: tuple[tuple[Step, ...], ...] = (
    residual.STEPS,
    norms.STEPS,
    neurons.STEPS,
    attention.STEPS,
    experts.STEPS,
    depth.STEPS,
    width.STEPS,
    heads.STEPS,
    routing.STEPS,
    vocabulary.STEPS,
    conversion.STEPS,
    precision.STEPS,
    mixing.STEPS,
)

STEPS: Mapping[str, Step] = {step.name: step for group in GROUPS for step in group}
"""Name -> step, in the order composition applies them."""

if len(STEPS) != sum(map(len, GROUPS)):
    raise ValueError("two steps share a name")


def step(name: str) -> Step:
    """The step of that name. Raises: RefusedError for another name."""
    if name not in STEPS:
        raise RefusedError(f"no step is called {name!r}", todo=f"Known: {', '.join(STEPS)}.")
    return STEPS[name]


def apply(
    name: str, model: Model, seed: int | str = 0, *, rng: np.random.Generator | None = None, **parameters: Any
) -> Model:
    """Apply one step; the source is never changed and shares the arrays that stay as they are.

    seed: names the generator, together with the step's name; `rng` hands one over instead (no seed in the history).
    Raises: RefusedError where the step does not apply, for an unknown parameter, wherever the step refuses, and for an
            output-preserving move when the model has a tensor of no known part.
    """
    chosen = step(name)
    chosen.check(model, parameters)
    if chosen.kind == "preserving":
        Draft(model).refuse_unknown()
    made = chosen.function(model, rng or generator(f"steps/{name}", seed), **parameters)
    told = {key: value for key, value in parameters.items() if isinstance(value, (str, int, float, bool, type(None)))}
    record = {"step": name, "parameters": told, "seed": None if rng is not None else seed}
    return replace(made, history=(*model.history, record))
