"""The sections of a definition that other rooms read, parsed strictly: [norms], [presence], [gguf], [steps], [init]."""

from __future__ import annotations

from typing import TypedDict

from forebear.core.strict import Table
from forebear.models.architecture.conditions import parse_condition
from forebear.models.architecture.definition import READS, GgufRule, InitRule, NormRule, Norms, StepRule
from forebear.models.architecture.presence import Presence, parse_presence


class Sections(TypedDict):
    """Keyword arguments of a Definition."""

    norms: Norms | None
    presence: Presence | None
    gguf: dict[str, GgufRule]
    steps: dict[str, StepRule]
    init: InitRule | None


def parse_sections(table: Table) -> Sections:
    """Every section that is there.

    Raises: RefusedError for an unknown key, a wrong type or a missing source.
    """
    return {
        "norms": _norms(table.table("norms")) if table.has("norms") else None,
        "presence": parse_presence(table.table("presence")) if table.has("presence") else None,
        "gguf": {name: _gguf(inner) for name, inner in table.tables_by_name("gguf")},
        "steps": {name: _steps(inner) for name, inner in table.tables_by_name("steps")},
        "init": _init(table.table("init")) if table.has("init") else None,
    }


def _norms(table: Table) -> Norms:
    variants = []
    for inner in table.tables("variant"):
        condition = parse_condition(inner)
        if condition is None:
            inner.fail("does not say when")
        assert condition is not None
        variants.append((condition, _norm_rule(inner)))
    return Norms(_norm_rule(table), tuple(variants))


def _norm_rule(table: Table) -> NormRule:
    kind = table.text("kind", "rms")
    if kind not in ("rms", "layer"):
        table.fail(f"the kind {kind!r} is neither rms nor layer")
    pre_norm = table.flag("pre_norm", True)
    found = NormRule(
        layer_norm=kind == "layer",
        pre_norm=pre_norm,
        turned=table.flag("turned", pre_norm),
        offset=table.number("offset", 0.0),
        decides=table.flag("decides"),
        roles=dict(table.texts_by_name("roles")),
        reads={**READS, **table.lists("reads")},
        source=table.text("source"),
    )
    if found.turned and not pre_norm:
        table.fail("a residual that is normalised itself cannot be turned")
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
        transform=table.text("transform", ""),
        readers=table.texts("readers", ()),
        task_heads=table.texts("task_heads", ()),
        source=table.text("source"),
    )
    table.finish()
    return found


def _init(table: Table) -> InitRule:
    found = InitRule(table.text("key"), table.number("std"), table.text("source"))
    table.finish()
    return found
