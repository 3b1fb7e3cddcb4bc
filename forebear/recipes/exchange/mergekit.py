"""mergekit configurations as merge plans, and back.

Source: mergekit's published configuration (arcee-ai/mergekit at a6e4028, config.py): exactly one of models, slices, modules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.core.yaml_values import read_yaml
from forebear.recipes.merge_plan import MergePlan, Slice, Source

KNOWN = ("merge_method", "models", "slices", "modules", "base_model", "parameters", "dtype", "out_dtype")
NOT_WEIGHTS = ("tokenizer_source", "tokenizer", "chat_template", "name")
"""Keys that say nothing of weights by themselves: named among what cannot be seen."""
DTYPES = ("float32", "bfloat16", "float16")
MOST_SLICES = 1000
MOST_SOURCES = 64


def read_mergekit(text: bytes, where: str = "merge.yaml") -> tuple[MergePlan, list[str]]:
    """A configuration as a plan, and its keys that no weights show.

    Raises: RefusedError for YAML that is refused (`read_yaml`), a key nobody knows, or a value of another kind.
    """
    data, _ = read_yaml(text, where, typed=True)
    if not isinstance(data, Mapping):
        raise refusal(message("recipe_refused.no_merge"), where=where)
    unknown = [str(key)[:60] for key in data if key not in (*KNOWN, *NOT_WEIGHTS)]
    if unknown:
        raise refusal(message("recipe_refused.merge_key", key=unknown[0]), where=where)
    method, base = _text(data.get("merge_method"), "merge_method", where), _model(data.get("base_model", ""), where)
    slices = _slices(data, where)
    types = [_dtype(data.get(key), key, where) for key in ("dtype", "out_dtype")]
    plan = MergePlan(method, slices, base, _parameters(data.get("parameters"), where), *types)
    return plan, [key for key in NOT_WEIGHTS if key in data]


def _slices(data: Mapping[str, Any], where: str) -> tuple[Slice, ...]:
    given = [key for key in ("models", "slices", "modules") if data.get(key)]
    if len(given) != 1:
        raise refusal(message("recipe_refused.merge_one_of"), where=where)
    if given[0] == "modules":
        inner = data["modules"]
        if not isinstance(inner, Mapping) or len(inner) != 1:
            raise refusal(message("recipe_refused.modules"), where=where, todo=message("recipe_refused.one_each"))
        (only,) = inner.values()
        return _slices(_mapping(only, "modules", where), where)
    listed = data[given[0]]
    if given[0] == "models":
        return (Slice(tuple(_source(one, where) for one in _list(listed, "models", where, MOST_SOURCES))),)
    found = []
    for one in _list(listed, "slices", where, MOST_SLICES):
        part = _mapping(one, "slices", where)
        sources = tuple(_source(each, where) for each in _list(part.get("sources"), "sources", where, MOST_SOURCES))
        found.append(Slice(sources, _parameters(part.get("parameters"), where), _model(part.get("base_model", ""), where)))
    return tuple(found)


def _source(value: Any, where: str) -> Source:
    given = _mapping(value, "sources", where)
    unknown = [key for key in given if key not in ("model", "layer_range", "parameters")]
    if unknown:
        raise refusal(message("recipe_refused.source_key", key=str(unknown[0])[:60]), where=where)
    layers = given.get("layer_range")
    if layers is not None:
        whole = isinstance(layers, Sequence) and len(layers) == 2 and all(type(one) is int for one in layers)
        if not whole or not 0 <= layers[0] < layers[1] <= 100_000:
            raise refusal(message("recipe_refused.layer_range"), where=where)
    return Source(
        _model(given.get("model"), where), (layers[0], layers[1]) if layers else None, _parameters(given.get("parameters"), where)
    )


def _model(value: Any, where: str) -> str:
    """A model's name; mergekit also takes a mapping with the path inside."""
    if isinstance(value, Mapping):
        value = value.get("model", value)
        value = value.get("path") if isinstance(value, Mapping) else value
    return _text(value, "model", where)


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or len(value) > 1000:
        raise refusal(message("recipe_refused.no_text", key=key), where=where)
    return value


def _list(value: Any, key: str, where: str, most: int) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise refusal(message("recipe_refused.no_list", key=key, most=most), where=where)
    return value


def _mapping(value: Any, key: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise refusal(message("recipe_refused.no_mapping", key=key), where=where)
    return value


def _dtype(value: Any, key: str, where: str) -> str:
    if value in (None, ""):
        return ""
    if value not in DTYPES:
        raise refusal(message("recipe_refused.none_of", key=key, known=", ".join(DTYPES)), where=where)
    return str(value)


def _parameters(value: Any, where: str) -> dict[str, Any]:
    """Parameters, each a number, a list of numbers, or a list of values with filters. Raises: RefusedError for anything else."""
    if value is None:
        return {}
    given = _mapping(value, "parameters", where)
    for name, setting in given.items():
        if not _is_setting(setting):
            raise refusal(message("recipe_refused.parameter", key=str(name)[:60]), where=where)
    return {str(name): setting if not isinstance(setting, Mapping) else [setting] for name, setting in given.items()}


def _is_setting(value: Any) -> bool:
    if isinstance(value, (bool, int, float)):
        return True
    if isinstance(value, Mapping):
        return _is_filter(value)
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(one, (int, float)) for one in value) or all(_is_filter(one) for one in value)


def _is_filter(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) - {"value", "filter"} or "value" not in value:
        return False
    inner = value["value"]
    numbers = isinstance(inner, list) and bool(inner) and all(isinstance(one, (int, float)) for one in inner)
    return (isinstance(inner, (bool, int, float)) or numbers) and isinstance(value.get("filter", "*"), (str, type(None)))


def write_mergekit(plan: MergePlan) -> bytes:
    """A plan as a mergekit configuration: YAML whose texts are quoted as JSON quotes them."""
    lines = [f"merge_method: {json.dumps(plan.method)}"]
    if plan.base:
        lines.append(f"base_model: {json.dumps(plan.base)}")
    single = len(plan.slices) == 1 and all(source.layers is None for source in plan.slices[0].sources)
    if single:
        lines.append("models:")
        for source in plan.slices[0].sources:
            lines += _source_lines(source, "  ")
    else:
        lines.append("slices:")
        for part in plan.slices:
            lines.append("  - sources:")
            for source in part.sources:
                lines += _source_lines(source, "      ")
            if part.parameters:
                lines.append(f"    parameters: {json.dumps(dict(part.parameters))}")
    if plan.parameters:
        lines.append(f"parameters: {json.dumps(dict(plan.parameters))}")
    lines += [f"{key}: {value}" for key, value in (("dtype", plan.dtype), ("out_dtype", plan.out_dtype)) if value]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _source_lines(source: Source, indent: str) -> list[str]:
    lines = [f"{indent}- model: {json.dumps(source.model)}"]
    if source.layers is not None:
        lines.append(f"{indent}  layer_range: [{source.layers[0]}, {source.layers[1]}]")
    if source.parameters:
        lines.append(f"{indent}  parameters: {json.dumps(dict(source.parameters))}")
    return lines
