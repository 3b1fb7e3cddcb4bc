"""Sizes of atoms: from shapes where a dimension counts one thing, from the configuration where it counts several."""

from __future__ import annotations

from collections.abc import Iterable

from forebear.core.messages import Message, message
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.rules import Dimension
from forebear.models.architecture.settings import Settings

Place = tuple[str, int | None, int | None]
"""Stack, layer, expert."""


class Sizing:
    """Sizes of atoms in every place of a checkpoint. 0 stands for unknown throughout."""

    def __init__(self, definition: Definition, settings: Settings) -> None:
        self.definition = definition
        self._settings = settings
        self._stated: dict[tuple[str, str], int] = {}
        self._bound: dict[tuple[str | int | None, ...], int] = {}
        self._reach = {name: _reach(axis.scope) for name, axis in definition.axes.items()}
        self._running: set[tuple[str, str]] = set()
        self.disagreements: dict[str, Message] = {}
        """One message per atom whose size in the tensors is not what the configuration says."""

    def bind(self, dims: Iterable[Dimension], shape: Iterable[int], place: Place) -> None:
        """Learn from a tensor: a dimension that counts one atom states its size (the first to say so is believed)."""
        for dimension, size in zip(dims, shape, strict=False):
            atom = dimension.alone
            if not atom:
                continue
            if self._bound.setdefault(self._key(atom, place), size) != size:
                continue
            stated = self.stated(atom, place[0])
            if stated not in (0, size) and atom not in self.disagreements:
                values = {"axis": atom, "stated": stated, "shown": size}
                if place[1] is None:
                    self.disagreements[atom] = message("placing.size_stated", **values)
                else:
                    self.disagreements[atom] = message("placing.size_stated_layer", **values, layer=place[1])

    def size(self, atom: str, place: Place) -> int:
        """The size of an atom in a place."""
        return self._bound.get(self._key(atom, place), 0) or self.stated(atom, place[0])

    def stated(self, atom: str, stack: str) -> int:
        """The size that the configuration leads to."""
        known = self._stated.get((atom, stack))
        if known is None:
            known = self._stated[atom, stack] = self._from_settings(atom, stack)
        return known

    def _key(self, atom: str, place: Place) -> tuple[str | int | None, ...]:
        reach = self._reach.get(atom, 2)
        return (atom, *place[:reach])

    def _from_settings(self, atom: str, stack: str) -> int:
        rule = self.definition.stack_sizes.get(stack, {}).get(atom) or self.definition.sizes.get(atom)
        if rule is None or (atom, stack) in self._running:
            return 0
        self._running.add((atom, stack))  # a size defined by itself is unknown, not a hang
        try:
            for condition, expression in rule.choices:
                if condition is None or condition.holds(self._settings):
                    return expression.value(lambda name: self._number(name, stack)) or 0
            return 0
        finally:
            self._running.discard((atom, stack))

    def _number(self, name: str, stack: str) -> int | float | None:
        """A name in an expression: an atom with a size of its own, a configuration key, or an atom seen in a shape."""
        if name in self.definition.sizes or name in self.definition.stack_sizes.get(stack, {}):
            if name not in self.definition.axes:
                return self._from_settings(name, stack) or None
            known = self.stated(name, stack) or self._bound.get((name,), 0) or self._bound.get((name, stack), 0)
            return known or None
        return self._settings.number(name)


def _reach(scope: tuple[str, ...]) -> int:
    """How much of a place tells sizes apart: nothing for a whole model, else stack, layer, expert."""
    if "model" in scope:
        return 0
    if "stack" in scope:
        return 1
    return 3 if "expert" in scope else 2
