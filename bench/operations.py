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
    models: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are models: "donor" (an independent of the same shape), "donors" (a list of that one) or "base"."""


NAMED = (
    Operation("further training alone"),
    Operation("two layers inserted, copied", "layers-inserted", {"count": 2}),
    Operation("one layer dropped", "layers-dropped", {"count": 1}),
    Operation("MLP widened by half", "mlp-widened", {"factor": 1.5}),
    Operation("residual width doubled", "width-grown", {"factor": 2.0}),
    Operation("keys and values shared", "keys-shared"),
    Operation("dense to four experts", "dense-to-moe", {"experts": 4, "noise": 0.01}),
    Operation("vocabulary extended", "vocabulary-extended", {"count": 64}),
    Operation("vocabulary replaced", "vocabulary-replaced"),
    Operation("half pruned by size", "pruned-by-size", {"share": 0.5}),
    Operation("quantised to 4 bits", "quantised-int4", {"group": 16}),
    Operation("noise of a tenth added", "noise-added", {"size": 0.1}),
)
"""The twelve named operations. A step the registry lacks, or that refuses a family, is listed as not done."""


WORDED = (
    Operation("heads-added", "heads-added", {"groups": 2}, named=False),
    Operation("half the rows from another model", "rows-from-donor", {"share": 0.5}, False, {"donor": "donor"}),
    Operation("merged, six parts to four", "merged", {"weights": (0.6, 0.4)}, False, {"others": "donors"}),
    Operation("embedding put back", "frozen-restored", {"tensors": "*embed*"}, False, {"base": "base"}),
    Operation("embedding put back (wte)", "frozen-restored", {"tensors": "*wte*"}, False, {"base": "base"}),
)
"""Others whose step must be told something: numbers, or further models."""


def operations() -> list[Operation]:
    """The named ones, then every other operation the registry knows and that needs no further word."""
    known = {o.step for o in (*NAMED, *WORDED)}
    rest = [
        Operation(name, name, named=False)
        for name, step in STEPS.items()
        if step.kind == "operation" and name not in known and not _needs_words(name)
    ]
    return [*NAMED, *rest, *WORDED]


def named(name: str) -> Operation:
    """The operation of that name. Raises: StopIteration for another name."""
    return next(o for o in operations() if o.name == name)


def _needs_words(name: str) -> bool:
    return any(default is inspect.Parameter.empty for default in STEPS[name].parameters.values())


def undone() -> list[dict[str, str]]:
    """Named operations the registry does not have, and steps that need parameters nobody has chosen: said, not dropped."""
    missing = [
        {"operation": o.name, "why": f"no step {o.step!r} in the registry"}
        for o in NAMED
        if o.step and o.step not in STEPS
    ]
    wordy = [
        {"operation": name, "why": "its parameters have no default"}
        for name, step in STEPS.items()
        if step.kind == "operation" and _needs_words(name) and name not in {o.step for o in (*NAMED, *WORDED)}
    ]
    return missing + wordy


def derive(
    source: Path, target: Path, operation: Operation, form: str, seed: int, models: Mapping[str, Path] | None = None
) -> None:
    """Writes source after the operation, in one of FORMS, to target.

    models: folders of "donor" and "base", for operations that need them.
    Raises: RefusedError where the step does not apply; KeyError where a model it needs was not given.
    """
    model = Model.load(source)
    if operation.step:
        more: dict[str, Any] = {name: further(word, models or {}) for name, word in operation.models.items()}
        model = apply(operation.step, model, seed, **operation.parameters, **more)
    if form in MOVES:
        model = reparameterise(model, f"table/{seed}", MOVES[form])
    model.save(target)


def further(word: str, models: Mapping[str, Path]) -> Model | list[Model]:
    """The further model a word of `Operation.models` stands for. Raises: KeyError where it was not given."""
    return [Model.load(models["donor"])] if word == "donors" else Model.load(models[word])
