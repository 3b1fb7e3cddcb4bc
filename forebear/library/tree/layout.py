"""In which order and how deep the models of a family are listed: below each the models next to it, from one at the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def top_of(names: Sequence[str], edges: Sequence[Mapping[str, Any]], root: str | None) -> str:
    """The model that is listed first: the root where one is shown, else one that is nobody's child and leaves the rest in the
    smallest parts; that says nothing of who came first."""
    if root is not None:
        return root
    children = {edge["child"] for edge in edges if edge["child"]}
    children |= {edge["ends"][0] for edge in edges if edge["kind"] == "merge"}
    near = _near(edges)
    able = [name for name in names if name not in children] or list(names)
    return min(able, key=lambda name: (_largest_part(name, near), -len(near.get(name, ())), names.index(name)))


def rows_of(top: str, edges: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows from the top down: id, the id above (None at the top), how deep. Larger branches come last, so that lines stay short."""
    near = _near(edges)
    above: dict[str, str | None] = {top: None}
    order = [top]
    for name in order:  # breadth first: every model below the one nearest to the top
        for other in near.get(name, ()):
            if other not in above:
                above[other] = name
                order.append(other)
    below: dict[str, list[str]] = {}
    size = dict.fromkeys(order, 1)
    for name in reversed(order):
        if (over := above[name]) is not None:
            below.setdefault(over, []).append(name)
            size[over] += size[name]
    rows: list[dict[str, Any]] = []
    work: list[tuple[str, int]] = [(top, 0)]
    while work:
        name, depth = work.pop()
        rows.append({"id": name, "above": above[name], "depth": depth})
        work += [(one, depth + 1) for one in sorted(below.get(name, ()), key=lambda one: (-size[one], one))]
    return rows


def _near(edges: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Who is next to whom; a merge comes below its parents, so that its parents are reached without it where they can be."""
    found: dict[str, list[str]] = {}
    for edge in sorted(edges, key=lambda one: one["kind"] == "merge"):
        one, other = edge["ends"]
        found.setdefault(other, []).append(one)
        found.setdefault(one, []).append(other)
    return found


def _largest_part(name: str, near: Mapping[str, Sequence[str]]) -> int:
    """How many models the largest branch has that hangs on a model."""
    seen, largest = {name}, 0
    for start in near.get(name, ()):
        if start in seen:
            continue
        part = [start]
        seen.add(start)
        for one in part:
            fresh = [other for other in near.get(one, ()) if other not in seen]
            seen.update(fresh)
            part += fresh
        largest = max(largest, len(part))
    return largest


__all__ = ["rows_of", "top_of"]
