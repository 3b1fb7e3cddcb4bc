"""Definitions read strictly: an unknown key, a missing source, an atom without an axis is an error (STYLE 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from forebear.core.errors import refusal
from forebear.core.messages import Message, message
from forebear.core.strict import Table
from forebear.core.toml import load_toml
from forebear.models.architecture.conditions import parse_condition
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.expressions import Expression, parse_expression
from forebear.models.architecture.rules import (
    KINDS,
    LEVELS,
    PARTS,
    AxisRule,
    Condition,
    Dimension,
    Segment,
    SizeRule,
    TensorRule,
    Withholding,
)
from forebear.models.architecture.sections import parse_sections

MAX_DEFINITION_BYTES = 2**20
ADVICE = message("definition.see")
_PLACEHOLDERS = ("{layer}", "{expert}", "{index}")


def load_definition(path: Path) -> Definition:
    """The definition in a TOML file.

    Raises: RefusedError naming the file, the rule and what is wrong with it.
    """
    return parse_definition(load_toml(path, MAX_DEFINITION_BYTES), str(path))


def parse_definition(raw: Mapping[str, Any], where: str) -> Definition:
    """The definition in a parsed TOML document; see `docs/architectures.md` for its keys.

    Raises: RefusedError.
    """
    table = Table(raw, where, ADVICE)
    sizes = _sizes(table.table("sizes"))
    stack_sizes = {name: _sizes(inner) for name, inner in table.tables_by_name("stack_sizes")}
    stacks = {name: parse_expression(text, f"{where}: stacks.{name}") for name, text in table.texts_by_name("stacks")}
    if not stacks:
        table.fail(message("definition.no_stack"), message("definition.add_stack"))
    first = next(iter(stacks))
    rules = [rule for inner in table.tables("tensor") for rule in _tensor_rules(inner, first)]
    definition = Definition(
        family=table.text("family"),
        title=table.text("title"),
        source=table.text("source"),
        model_types=table.texts("model_types"),
        prefixes=table.texts("prefixes", ("",)),
        roots=table.texts("config_roots", ("",)),
        stacks=stacks,
        sizes=sizes,
        stack_sizes=stack_sizes,
        expert_atoms=table.texts("expert_atoms", ("expert",)),
        tensors=tuple(rules),
        axes={name: _axis(name, inner) for name, inner in table.tables_by_name("axes")},
        withholdings=tuple(_withholding(inner) for inner in table.tables("withhold")),
        marks=table.texts("marks", ()),
        absent=table.texts("absent", ()),
        tall=table.texts("tall", ()),
        wide=table.texts("wide", ()),
        called=table.texts("called", ()),
        **parse_sections(table),
    )
    table.finish()
    _agree(definition, where)
    return definition


def _sizes(table: Table) -> dict[str, SizeRule]:
    return {atom: _size(table, atom) for atom in table.names()}


def _size(table: Table, atom: str) -> SizeRule:
    value = table.take(atom, (str, list))
    if isinstance(value, str):
        return SizeRule(((None, parse_expression(value, f"{table.where}.{atom}")),))
    choices: list[tuple[Condition | None, Expression]] = []
    for at, item in enumerate(value):
        inner = table.inner(item, f"{atom} {at + 1}")
        condition = parse_condition(inner)
        choices.append((condition, parse_expression(inner.text("size"), inner.where)))
        inner.finish()
    return SizeRule(tuple(choices))


def _tensor_rules(table: Table, first_stack: str) -> Iterable[TensorRule]:
    """One rule, or two when `bias` names the dimension that a sibling `.bias` follows."""
    kind = table.text("kind", "matrix")
    dims = _dims(table) if kind != "constant" or table.has("dims") else None
    bias = int(table.take("bias", int)) if table.has("bias") else None
    rule = TensorRule(
        names=table.texts("name"),
        part=table.text("part", "other" if dims and any(d.fused for d in dims) else None),
        role=table.text("role", ""),
        kind=kind,
        stack=table.text("stack", first_stack),
        dims=dims,
        required=table.flag("required"),
        when=parse_condition(table),
        source=table.text("source"),
    )
    table.finish()
    _check_rule(rule, table)
    yield rule
    if bias is not None:
        if dims is None or not -len(dims) <= bias < len(dims) or not all(n.endswith(".weight") for n in rule.names):
            table.fail(message("definition.bias"))
        names = tuple(name.removesuffix("weight") + "bias" for name in rule.names)
        assert dims is not None
        yield TensorRule(names, rule.part, rule.role, "bias", rule.stack, (dims[bias],), False, rule.when, rule.source)


def _check_rule(rule: TensorRule, table: Table) -> None:
    if rule.kind not in KINDS:
        table.fail(message("definition.kind", kind=repr(rule.kind), kinds=", ".join(KINDS)))
    parts = {rule.part, *(s.part for d in rule.dims or () for s in d.segments if s.part is not None)}
    if parts - PARTS:
        table.fail(message("definition.part", names=", ".join(sorted(parts - PARTS))))
    for name in rule.names:
        for step in name.removeprefix("{prefix}").split("."):
            if ("{" in step or "}" in step) and step not in _PLACEHOLDERS:
                table.fail(message("definition.placeholder", word=repr(step)), message("definition.place", prefix="{prefix}"))
    if sum(d.fused for d in rule.dims or ()) > 1:
        table.fail(message("definition.fused"))


def _dims(table: Table) -> tuple[Dimension, ...]:
    return tuple(_dimension(item, table) for item in table.take("dims", list))


def _dimension(item: object, table: Table) -> Dimension:
    if isinstance(item, list):
        if not item or not all(isinstance(atom, str) for atom in item):
            table.fail(message("definition.atoms"))
        return Dimension((), (Segment(None, tuple(item)),))
    inner = Table(item, f"{table.where}: dims")
    segments = []
    for piece in inner.tables("pieces"):
        segments.append(Segment(piece.text("part"), piece.texts("atoms"), piece.text("role", "")))
        piece.finish()
    prefix = inner.texts("prefix", ())
    inner.finish()
    return Dimension(prefix, tuple(segments)) if len(segments) > 1 else inner.fail(message("definition.one_piece"))


def _axis(name: str, table: Table) -> AxisRule:
    never = table.text("never", "")
    axis = AxisRule(
        name=name,
        scope=table.texts("scope"),
        permutation=table.flag("permutation"),
        sign=table.flag("sign"),
        sign_parts=table.texts("sign_parts", ()),
        withheld=_reason(never) if never else None,
        source=table.text("source"),
    )
    table.finish()
    if bool(never) == (axis.permutation or axis.sign):
        table.fail(message("definition.symmetry"))
    if set(axis.sign_parts) - PARTS or (axis.sign_parts and not axis.sign):
        table.fail(message("definition.sign_parts"))
    return axis


def _reason(words: str) -> Message:
    """Why an axis is withheld, as a message. The key is made of the words of the definition; a reason of somebody's own
    definition, for which no report has words, is shown as they wrote it."""
    return message("withheld." + "-".join(re.findall(r"[a-z0-9]+", words.lower())), words=words)


def _withholding(table: Table) -> Withholding:
    condition = parse_condition(table)
    if condition is None:
        table.fail(message("definition.when"))
    assert condition is not None
    found = Withholding(
        table.texts("axes"), condition, _reason(table.text("reason")), table.flag("signs_only"), table.text("source")
    )
    table.finish()
    return found


def _agree(definition: Definition, where: str) -> None:
    """Refuse a definition whose pieces do not fit each other: every atom has an axis, every name a meaning."""
    used = {atom for rule in definition.tensors for d in rule.dims or () for atom in d.atoms()}
    stacks = set(definition.stacks)
    problems = [message("definition.no_axis", atom=repr(atom), name=atom) for atom in sorted(used - set(definition.axes))]
    problems += [message("definition.no_atom", axis=repr(name)) for name in sorted(set(definition.axes) - used)
                 if name not in definition.expert_atoms]  # fmt: skip
    problems += [message("definition.stack", name=rule.names[0], stack=repr(rule.stack)) for rule in definition.tensors
                 if rule.stack not in stacks]  # fmt: skip
    for axis in definition.axes.values():
        problems += [message("definition.scope", axis=repr(axis.name), word=repr(word)) for word in axis.scope
                     if word not in LEVELS and word not in definition.axes]  # fmt: skip
    problems += [message("definition.size", atom=repr(atom)) for atom in definition.sizes
                 if atom not in used and not _mentioned(definition, atom)]  # fmt: skip
    problems += [message("definition.stack_sizes", stack=repr(name)) for name in set(definition.stack_sizes) - stacks]
    problems += [message("definition.withholds", axis=repr(name)) for held in definition.withholdings for name in held.axes
                 if name not in definition.axes]  # fmt: skip
    if problems:
        said = reduce(lambda first, then: message("definition.also", first=first, then=then), problems[:5])
        raise refusal(said, where=where, todo=ADVICE)


def _mentioned(definition: Definition, name: str) -> bool:
    tables = [definition.sizes, *definition.stack_sizes.values()]
    return any(
        name in expression.names() for table in tables for rule in table.values() for _, expression in rule.choices
    )
