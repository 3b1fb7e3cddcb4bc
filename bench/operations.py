"""What the power table does to a model, through the registry of forward steps (forebear.recipes.steps)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import STEPS, apply

FORMS = ("plain", "permuted", "reparameterised")
MOVES = {"permuted": "permutations", "reparameterised": "all"}


@dataclass(frozen=True)
class Operation:
    """One row of the table: a step of the registry with its parameters; no step for further training alone."""

    name: str
    step: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    named: bool = True
    """One of the twelve that are tried with every amount of further training; the others only with 0 and 1."""


NAMED = (
    Operation("further training alone"),
    Operation("layers inserted, copied", "insert-layers", {"count": 2, "kind": "copied"}),
    Operation("layers dropped", "drop-layers", {"count": 1}),
    Operation("MLP widened", "widen-mlp", {}),
    Operation("residual width grown", "grow-width", {}),
    Operation("heads to groups", "share-keys", {}),
    Operation("dense to experts", "dense-to-experts", {}),
    Operation("vocabulary extended", "extend-vocabulary", {}),
    Operation("vocabulary trimmed", "trim-vocabulary", {}),
    Operation("noise added", "add-noise", {}),
    Operation("pruned", "prune", {}),
    Operation("quantised", "quantise", {}),
)
"""The twelve named operations. A step the registry lacks, or that refuses a family, is listed as not done."""


def operations() -> list[Operation]:
    """The named ones, then every other operation the registry knows and that needs no further word."""
    rest = [Operation(name, name, named=False) for name, step in STEPS.items()
            if step.kind == "operation" and name not in {o.step for o in NAMED} and not _needs_words(name)]
    return [*NAMED, *rest]


def _needs_words(name: str) -> bool:
    return any(default is inspect.Parameter.empty for default in STEPS[name].parameters.values())


def undone() -> list[dict[str, str]]:
    """Named operations the registry does not have, and steps that need parameters nobody has chosen: said, not dropped."""
    missing = [{"operation": o.name, "why": f"no step {o.step!r} in the registry"} for o in NAMED
               if o.step and o.step not in STEPS]
    wordy = [{"operation": name, "why": "its parameters have no default"} for name, step in STEPS.items()
             if step.kind == "operation" and _needs_words(name) and name not in {o.step for o in NAMED}]
    return missing + wordy


def derive(source: Path, target: Path, operation: Operation, form: str, seed: int) -> None:
    """Writes source after the operation, in one of FORMS, to target.

    Raises: RefusedError where the step does not apply.
    """
    model = Model.load(source)
    if operation.step:
        model = apply(operation.step, model, seed, **operation.parameters)
    if form in MOVES:
        model = reparameterise(model, f"table/{seed}", MOVES[form])
    model.save(target)
