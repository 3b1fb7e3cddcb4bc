"""Questions to a configuration as definitions write them (`when = { key = ..., is = [...] }`), parsed strictly."""

from __future__ import annotations

from forebear.core.messages import message
from forebear.core.strict import Table
from forebear.models.architecture.rules import Condition, Scalar


def parse_condition(table: Table) -> Condition | None:
    """The condition under `when`; None without it.

    Raises: RefusedError.
    """
    if not table.has("when"):
        return None
    inner = table.table("when")
    key = inner.text("key")
    if inner.has("present"):
        condition = Condition(key, negated=not inner.flag("present"))
    elif inner.has("same_as") or inner.has("not_same_as"):
        negated = inner.has("not_same_as")
        condition = Condition(key, negated=negated, other=inner.text("not_same_as" if negated else "same_as"))
    else:
        negated = inner.has("is_not")
        values: list[Scalar] = inner.take("is_not" if negated else "is", list)
        if not values or not all(isinstance(value, str | int | float | bool) for value in values):
            inner.fail(message("definition.plain"))
        default = inner.take("default", (str, int, float, bool)) if inner.has("default") else None
        condition = Condition(key, tuple(values), default, negated)
    inner.finish()
    return condition
