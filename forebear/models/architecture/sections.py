"""The sections of a definition that other rooms read, parsed strictly: [norms], [presence], [gguf], [steps], [init]."""

from __future__ import annotations

from typing import TypedDict

from forebear.core.messages import message
from forebear.core.strict import Table
from forebear.models.architecture.conditions import parse_condition
from forebear.models.architecture.definition import READS, GgufRule, InitRule, NormRule, Norms, StepRule
from forebear.models.architecture.presence import Presence, parse_presence
from forebear.models.architecture.rules import PARTS

SECTIONS = ("norms", "presence", "gguf", "steps", "init")
"""Every section; a family that ships has each, or says under [without] why not."""


class Sections(TypedDict):
    """Keyword arguments of a Definition."""

    norms: Norms | None
    presence: Presence | None
    gguf: dict[str, GgufRule]
    steps: dict[str, StepRule]
    init: InitRule | None
    without: dict[str, str]


def parse_sections(table: Table) -> Sections:
    """Every section that is there.

    Raises: RefusedError for an unknown key, a wrong type, a missing source, or a reason why a section is missing that is there.
    """
    without = dict(table.texts_by_name("without"))
    for name in without:
        if name not in SECTIONS:
            table.fail(message("definition.without_none", name=repr(name)))
        if table.has(name):
            table.fail(message("definition.without_there", name=repr(name)))
    return {
        "norms": _norms(table.table("norms")) if table.has("norms") else None,
        "presence": parse_presence(table.table("presence")) if table.has("presence") else None,
        "gguf": {name: _gguf(inner) for name, inner in table.tables_by_name("gguf")},
        "steps": {name: _steps(inner) for name, inner in table.tables_by_name("steps")},
        "init": _init(table.table("init")) if table.has("init") else None,
        "without": without,
    }


def _norms(table: Table) -> Norms:
    variants = []
    for inner in table.tables("variant"):
        condition = parse_condition(inner)
        if condition is None:
            inner.fail(message("definition.when"))
        assert condition is not None
        variants.append((condition, _norm_rule(inner)))
    return Norms(_norm_rule(table), tuple(variants))


def _norm_rule(table: Table) -> NormRule:
    kind = table.text("kind", "rms")
    if kind not in ("rms", "layer"):
        table.fail(message("definition.norm", kind=repr(kind)))
    pre_norm = table.flag("pre_norm", True)
    found = NormRule(
        layer_norm=kind == "layer",
        pre_norm=pre_norm,
        turned=table.flag("turned", pre_norm),
        offset=table.number("offset", 0.0),
        decides=table.flag("decides"),
        undecided=table.text("undecided", ""),
        roles=dict(table.texts_by_name("roles")),
        reads={**READS, **table.lists("reads")},
        source=table.text("source"),
    )
    if found.turned and not pre_norm:
        table.fail(message("definition.turned"))
    if found.decides and found.undecided:
        table.fail(message("definition.undecided"))
    table.finish()
    return found


def _gguf(table: Table) -> GgufRule:
    found = GgufRule(
        model_type=table.text("model_type"),
        prefix=table.text("prefix", "") if table.has("prefix") else None,
        names=dict(table.texts_by_name("names", empty=True)),
        rotated=frozenset(table.texts("rotated", ())),
        shifted=table.flag("shifted"),
        transposed=frozenset(table.texts("transposed", ())),
        threefold=frozenset(table.texts("threefold", ())),
        keys=dict(table.texts_by_name("keys")),
        standard_keys=table.flag("standard_keys", True),
        settings=table.values("settings"),
        source=table.text("source"),
    )
    table.finish()
    return found


def _steps(table: Table) -> StepRule:
    found = StepRule(
        class_name=table.text("class"),
        defaults=table.values("defaults"),
        unset=table.texts("unset", ()),
        keys=dict(table.texts_by_name("keys")),
        biases=dict(table.texts_by_name("biases")),
        born_biased=table.flag("born_biased"),
        query_bias=table.text("query_bias", ""),
        window=table.text("window", ""),
        becomes=dict(table.texts_by_name("becomes")),
        written=table.values("written"),
        heads_divide=table.flag("heads_divide"),
        readers=table.texts("readers", ()),
        positions_after_pad=table.flag("positions_after_pad"),
        task_heads=table.texts("task_heads", ()),
        source=table.text("source"),
    )
    table.finish()
    return found


def _init(table: Table) -> InitRule:
    found = InitRule(
        key=table.text("key", ""),
        std=table.number("std"),
        by_depth=table.texts("by_depth", ()),
        cut=table.number("cut", 0.0),
        apart=table.texts("apart", ()),
        source=table.text("source"),
    )
    if {*found.by_depth, *found.apart} - PARTS:
        table.fail(message("definition.depth"))
    table.finish()
    return found
