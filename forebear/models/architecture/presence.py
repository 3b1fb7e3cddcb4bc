"""[presence]: which tensors a configuration asks for, so that parameters are counted without weights (METHODS §16)."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from forebear.core.messages import message
from forebear.core.strict import Table
from forebear.models.architecture.expressions import Expression, parse_expression
from forebear.models.architecture.rules import TensorRule
from forebear.models.architecture.settings import Settings


class Question(NamedTuple):
    """One question to a configuration: kind "true", "there", "among" or "differs"; negated asks the opposite."""

    kind: str
    key: str
    values: tuple[str, ...] = ()
    default: bool = False
    negated: bool = False

    def holds(self, settings: Settings) -> bool:
        """The answer."""
        found = settings.raw(self.key)
        if self.kind == "true":
            answer = self.default if found is None else found is True
        elif self.kind == "there":
            answer = found is not None
        elif self.kind == "among":
            answer = str(found) in self.values
        else:
            answer = found is not None and found != settings.raw(self.values[0])
        return answer is not self.negated


Alternatives = tuple[tuple[Question, ...], ...] | None
"""Joined questions of which one row must hold; None: always."""


def _holds(alternatives: Alternatives, settings: Settings) -> bool:
    return alternatives is None or any(all(q.holds(settings) for q in joined) for joined in alternatives)


class Presence(NamedTuple):
    """Rules of one family.

    rules: (patterns, alternatives of joined questions); None for always. sizes: (patterns, atom → size).
    layers: keys `first`, `step`, `except` and the patterns of tensors that only dense or sparse layers have.
    counts: pattern → in how many layers such tensors are; further: constant → how many numbers it holds, where a class counts it.
    listed: pattern → (key of a list with one word a layer, the word).
    """

    source: str
    biases: bool
    head: str
    tied: bool
    tied_types: tuple[str, ...]
    rules: tuple[tuple[tuple[str, ...], Alternatives], ...]
    sizes: tuple[tuple[tuple[str, ...], Alternatives, Mapping[str, Expression]], ...]
    times: Mapping[str, Expression]
    once: tuple[str, ...]
    layers: Mapping[str, tuple[str, ...]]
    counts: Mapping[str, Expression]
    further: Mapping[str, Expression]
    listed: Mapping[str, tuple[str, str]]

    def there(self, rule: TensorRule, settings: Settings) -> bool:
        """Whether a checkpoint with this configuration has the tensors of a rule."""
        name = rule.names[0]
        if name == self.head:
            return not self.is_tied(settings)
        present = rule.required or rule.kind in ("matrix", "gain") or (rule.kind == "bias" and self.biases)
        if any("label" in dimension.atoms() for dimension in rule.dims or ()):
            return False
        for patterns, alternatives in self.rules:
            if fits(name, patterns):
                present = _holds(alternatives, settings)
        return present

    def is_tied(self, settings: Settings) -> bool:
        """Whether the output head is the embedding."""
        stated = settings.raw("tie_word_embeddings")
        if isinstance(stated, bool):
            return stated
        return self.tied or settings.text("model_type") in self.tied_types

    def size(self, name: str, atom: str, settings: Settings) -> int | None:
        """A size that the family's definition does not give, for a tensor; None when this does not give it either."""
        found = None
        for patterns, when, sizes in self.sizes:
            if atom in sizes and (not patterns or fits(name, patterns)) and _holds(when, settings):
                found = sizes[atom].value(settings.number)
        return found

    def layers_with(self, name: str, total: int, settings: Settings) -> int | None:
        """How many of `total` layers have a tensor; None when the configuration leaves out what would say so."""
        if fits(name, self.once):
            return min(1, total)
        for pattern, expression in self.counts.items():
            if fits(name, (pattern,)):
                found = expression.value(settings.number)
                return None if found is None else min(total, found)
        for pattern, (key, word) in self.listed.items():
            if fits(name, (pattern,)):
                words = settings.raw(key)
                return words[:total].count(word) if isinstance(words, list) else None
        sparse = fits(name, self.layers.get("sparse", ()))
        if not sparse and not fits(name, self.layers.get("dense", ())):
            return total
        first, step = (settings.number(key) for key in (self.layers["first"][0], self.layers["step"][0]))
        listed = settings.raw(self.layers["except"][0])
        dense = set(listed) if isinstance(listed, list) else set()
        every = max(1, int(step or 1))
        offset = (
            1 if self.layers["except"][0] else 0
        )  # families that list dense layers count from one, others from nought
        many = sum(1 for i in range(total) if i >= (first or 0) and (i + offset) % every == 0 and i not in dense)
        return many if sparse else total - many


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def parse_presence(table: Table) -> Presence:
    """The rules in a table [presence].

    Raises: RefusedError.
    """
    layers = table.table("layers")
    found = Presence(
        source=table.text("source"),
        biases=table.flag("biases"),
        head=table.text("head", ""),
        tied=table.flag("tied"),
        tied_types=table.texts("tied_types", ()),
        rules=tuple(_rule(inner) for inner in table.tables("rules")),
        sizes=tuple(_sizes(inner) for inner in table.tables("sizes")),
        times=_expressions(table, "times"),
        counts=_expressions(table, "counts"),
        further=_expressions(table, "further"),
        listed={pattern: _listed(words, table) for pattern, words in table.lists("listed").items()},
        once=table.texts("once", ()),
        layers={k: layers.texts(k, ("",)) for k in ("first", "step", "except", "dense", "sparse")}
        if layers.names()
        else {},
    )
    layers.finish()
    table.finish()
    return found


def _expressions(table: Table, name: str) -> dict[str, Expression]:
    return {pattern: parse_expression(text, f"{table.where}.{name}") for pattern, text in table.texts_by_name(name)}


def _listed(words: tuple[str, ...], table: Table) -> tuple[str, str]:
    if len(words) != 2:
        table.fail(message("definition.listed"))
    return words[0], words[1]


def _rule(table: Table) -> tuple[tuple[str, ...], Alternatives]:
    patterns, when = table.texts("tensors"), table.texts("when")
    table.finish()
    return patterns, _alternatives(when, table)


def _alternatives(when: tuple[str, ...], table: Table) -> Alternatives:
    if when == ("always",):
        return None
    return tuple(tuple(_question(question, table) for question in joined.split(" & ")) for joined in when)


def _question(text: str, table: Table) -> Question:
    words = text.split()
    negated = words[:1] == ["not"]
    match words[negated:]:
        case ["has", key]:
            return Question("there", key, negated=negated)
        case [key, "in", values]:
            return Question("among", key, tuple(values.split("|")), negated=negated)
        case [key, "differs", other]:
            return Question("differs", key, (other,), negated=negated)
        case [key, "??", "true"]:
            return Question("true", key, default=True, negated=negated)
        case [key]:
            return Question("true", key, negated=negated)
    table.fail(message("definition.question", text=repr(text)))
    raise AssertionError


def _sizes(table: Table) -> tuple[tuple[str, ...], Alternatives, Mapping[str, Expression]]:
    patterns, when = table.texts("tensors", ()), _alternatives(table.texts("when", ("always",)), table)
    return patterns, when, {atom: parse_expression(table.text(atom), table.where) for atom in table.names()}
