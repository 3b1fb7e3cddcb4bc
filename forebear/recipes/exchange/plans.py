"""A found merge as a plan that can be run again."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.recipes.found import Found
from forebear.recipes.merge_plan import MergePlan, Slice, Source

DECIMALS = 4
"""Weights are written with so many decimals: beyond what their intervals bear."""
METHODS = {"linear": "linear", "slerp": "slerp", "ties": "ties", "dare": "dare_linear"}


def plan_of(found: Sequence[Found], dtype: str = "") -> MergePlan | None:
    """The plan of the first merge or layer stack among found operations; None where there is none that mergekit can run.

    dtype: number type of the arithmetic, "" as the models.
    """
    for one in found:
        if one.op == "layers-stacked":
            return _stack(one, dtype)
        if one.op == "merged" and one.parameters.get("method") in METHODS and not one.parameters.get("weights_vary"):
            return _merge(one, dtype)
    return None


def _stack(one: Found, dtype: str) -> MergePlan:
    """Runs of neighbouring layers of one model as one slice each."""
    runs: list[tuple[str, int, int]] = []
    for row in one.parameters["map"]:
        name, layer = str(row["from"]), int(row["source"])
        if runs and runs[-1][0] == name and runs[-1][2] == layer:
            runs[-1] = (name, runs[-1][1], layer + 1)
        else:
            runs.append((name, layer, layer + 1))
    return MergePlan("passthrough", tuple(Slice((Source(name, (first, last)),)) for name, first, last in runs), dtype=dtype)


def _merge(one: Found, dtype: str) -> MergePlan:
    method = str(one.parameters["method"])
    weights = {str(name): round(_value(weight), DECIMALS) for name, weight in one.parameters["weights"].items()}
    if method == "slerp":
        first, second = str(one.parameters["from"]), str(one.parameters["to"])
        part = Slice((Source(first), Source(second)))
        return MergePlan("slerp", (part,), first, {"t": round(float(one.parameters["t"]), DECIMALS)}, dtype)
    densities = one.parameters.get("densities", {})
    kept = {name: {"density": round(float(density), DECIMALS)} for name, density in densities.items()}
    sources = tuple(Source(name, None, {"weight": weight, **kept.get(name, {})}) for name, weight in weights.items())
    base = str(one.parameters.get("base", ""))
    settings = {"normalize": method == "ties"} if method != "linear" else {"normalize": abs(sum(weights.values()) - 1) < 0.01}
    return MergePlan(METHODS[method], (Slice(sources),), base, settings, dtype)


def _value(weight: object) -> float:
    return float(weight["value"]) if isinstance(weight, dict) else float(weight)  # type: ignore[arg-type]
