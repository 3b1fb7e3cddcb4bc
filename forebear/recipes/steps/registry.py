"""Every step by name. A new step is one file with its `STEPS` and one line here, or comes with an installed package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError
from forebear.core.plugins import installed
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


@cache
def added() -> Mapping[str, Step]:
    """Name -> step, of those that installed packages add (docs/contributing/step.md).

    Raises: PluginError for what is no list of steps, and for a name in use.
    """
    owners = dict.fromkeys(STEPS, "forebear")
    found: dict[str, Step] = {}
    for plugin in installed("forebear.steps"):
        steps = plugin.load()
        if not isinstance(steps, (list, tuple)) or not steps or not all(isinstance(item, Step) for item in steps):
            raise plugin.error("is no list of steps (forebear.recipes.steps.step.Step)")
        for item in steps:
            if item.name in owners:
                raise plugin.error(f"the step {item.name!r} is taken by {owners[item.name]}")
            owners[item.name] = plugin.distribution
            found[item.name] = item
    return found


def step(name: str) -> Step:
    """The step of that name. Raises: RefusedError for another name."""
    if name in STEPS:
        return STEPS[name]
    if name not in added():
        raise RefusedError(f"no step is called {name!r}", todo=f"Known: {', '.join([*added(), *STEPS])}.")
    return added()[name]


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
