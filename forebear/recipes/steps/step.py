"""What one step is: a forward function, its parameters, where it applies, where it comes from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from forebear.core.errors import RefusedError
from forebear.recipes.steps.families import Needs, family_of, known, model_types
from forebear.recipes.steps.model import Model

Kind = Literal["preserving", "operation"]


@dataclass(frozen=True, slots=True)
class Step:
    """One forward step.

    name:     kebab-case, the registry's key.
    function: (model, rng, **parameters) -> model; never changes its input.
    kind:     "preserving" leaves the logits within 1e-4 in float32 with any parameters it accepts; "operation" may not.
    needs:    which families it applies to, by what they are made of.
    source:   where it is defined (METHODS §n).
    words:    one plain sentence.
    keeps:    for operations: when the outputs are nevertheless kept; empty when they never are.
    obstacle: model -> why it does not apply to this one of its families, "" when it does.
    """

    name: str
    function: Callable[..., Model]
    kind: Kind
    needs: Needs
    source: str
    words: str
    keeps: str = ""
    obstacle: Callable[[Model], str] | None = None

    @property
    def families(self) -> tuple[str, ...]:
        """The `model_type`s it applies to."""
        return tuple(kind for kind in model_types() if self.needs(known(kind)))

    def serves(self, kind: str) -> bool:
        """Whether it applies to a `model_type`."""
        family = family_of(kind)
        return family is not None and self.needs(family)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameter name -> default; `inspect.Parameter.empty` where one must be given."""
        accepted = list(inspect.signature(self.function).parameters.values())[2:]
        return {parameter.name: parameter.default for parameter in accepted}

    def applies_to(self, model: Model) -> bool:
        """The model's family is one this step is defined for, and nothing stands in the way."""
        return self.serves(str(model.config.get("model_type"))) and not (self.obstacle and self.obstacle(model))

    def check(self, model: Model, given: Mapping[str, Any]) -> None:
        """Raises: RefusedError for another family, an unknown parameter or a missing one."""
        kind = str(model.config.get("model_type", "(none)"))
        if not self.serves(kind):
            raise RefusedError(
                f"{self.name} does not apply to the family {kind!r}", todo=f"It applies to: {', '.join(self.families)}."
            )
        why = self.obstacle(model) if self.obstacle else ""
        if why:
            raise RefusedError(f"{self.name} does not apply here: {why}")
        known = self.parameters
        unknown = [name for name in given if name not in known]
        missing = [name for name, default in known.items() if default is inspect.Parameter.empty and name not in given]
        if unknown or missing:
            raise RefusedError(
                f"{self.name}: unknown parameters {unknown}, missing parameters {missing}",
                todo=f"It takes: {', '.join(known) or 'none'}.",
            )


def require(condition: bool, what: str, *, where: str = "", todo: str = "") -> None:
    """Refuse loudly when a step's condition does not hold."""
    if not condition:
        raise RefusedError(what, where=where, todo=todo)
