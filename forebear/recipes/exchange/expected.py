"""The weights of a plain sum that a merge states: what least squares over the named models should find."""

from __future__ import annotations

from forebear.recipes.merge_plan import MergePlan


def expected_weights(plan: MergePlan) -> dict[str, float] | None:
    """Model -> weight, adding the base's; None where weights vary by tensor, or the method is no sum of fixed weights.

    linear: as stated, over their sum unless normalize is false. task_arithmetic: lambda · weight, the base has what is left to one.
    """
    if plan.method not in ("linear", "task_arithmetic") or len(plan.slices) != 1:
        return None
    part = plan.slices[0]
    given: dict[str, float] = {}
    settings = {**plan.parameters, **part.parameters}
    for source in part.sources:
        weight = source.parameters.get("weight", settings.get("weight"))
        if isinstance(weight, bool) or not isinstance(weight, (int, float)):
            if source.model == plan.base and plan.method == "task_arithmetic":
                continue
            return None
        given[source.model] = given.get(source.model, 0.0) + float(weight)
    total = sum(given.values())
    if plan.method == "linear":
        normal = settings.get("normalize", True)
        return {name: weight / total for name, weight in given.items()} if normal and total else given
    given.pop(plan.base, None)
    factor = settings.get("lambda", 1.0)
    if not isinstance(factor, (int, float)) or not plan.base:
        return None
    total = sum(given.values())
    factor = factor / total if settings.get("normalize") and abs(total) > 1e-8 else factor
    return {**{name: factor * weight for name, weight in given.items()}, plan.base: 1 - factor * sum(given.values())}
