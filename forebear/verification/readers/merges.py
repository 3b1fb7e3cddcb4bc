"""Claims of a mergekit configuration: which models were merged, by what method."""

from __future__ import annotations

import re
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.yaml_values import read_yaml
from forebear.verification.claim import Claim, Source

NAMES = ("mergekit_config.yml", "mergekit_config.yaml", "merge_config.yml", "mergekit.yml")
MOST_MODELS = 64
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,12})?|\.\d{1,12}")
MOST_WEIGHT = 1e6
"""A weight of a model from which none is read."""


def claims_of_merge(text: str, name: str) -> tuple[list[Claim], list[Message]]:
    """One claim for each distinct model of a merge, the base included."""
    try:
        values, _ = read_yaml(text, name)
    except RefusedError as error:
        return [], [message("unverified.file", why=error.message())]
    if not isinstance(values, dict):
        return [], []
    method = values.get("merge_method")
    named = list(dict.fromkeys([*_models(values), *([values["base_model"]] if isinstance(values.get("base_model"), str) else [])]))
    about = method if isinstance(method, str) else ""
    found = [Claim("kind_merge", one, Source(name, "models"), about=about) for one in named[:MOST_MODELS]]
    return found + (_weights(values, name) if about == "linear" else []), []


def _weights(values: dict[str, Any], name: str) -> list[Claim]:
    """The weights of a linear merge where each model below `models` has one number above zero, in all layers alike."""
    models, given = values.get("models"), values.get("parameters")
    whole = given.get("normalize", True) if isinstance(given, dict) else True
    if not isinstance(models, list) or values.get("slices") or str(whole).lower() != "true":
        return []
    found = {}
    for one in models[:MOST_MODELS]:
        inner = one.get("parameters") if isinstance(one, dict) else None
        weight = inner.get("weight") if isinstance(inner, dict) else None
        number = _NUMBER.fullmatch(str(weight))
        if number is None or not 0 < float(number[0]) < MOST_WEIGHT:
            return []
        found[str(one.get("model"))] = number[0]
    return [Claim("merge_weight", weight, Source(name, "weight"), about=model.split("+")[0]) for model, weight in found.items()]


def _models(values: dict[str, Any]) -> list[str]:
    """Every `model` below `models` and `slices`."""
    found: list[str] = []
    waiting: list[Any] = [values.get("models"), values.get("slices")]
    while waiting and len(found) < 4 * MOST_MODELS:
        one = waiting.pop(0)
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += [one.get("sources"), one.get("models")]
            model = one.get("model")
            model = model.get("path") or model.get("model") if isinstance(model, dict) else model
            if isinstance(model, str) and model:
                found.append(model.split("+")[0])
    return found
