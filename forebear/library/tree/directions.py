"""Which end of an edge came first: by dates that the caller gives, and what they show together with the weights (METHODS §11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.library.tree.candidates import Member
from forebear.library.tree.distances import coarser
from forebear.library.tree.families import Family
from forebear.library.tree.merges import Merge
from forebear.library.tree.shape import Edge
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.direction import Dated, Named, Third, directed, earlier, read_dates
from forebear.recipes.rederive import rederived

MOST_THIRDS = 3
MOST_REDERIVED = 2**26
"""Parameters of the larger side up to which conversions are recomputed."""
NEAR_CONVERSION = 0.1
"""Energy of the difference, share of the weights', above which nothing is recomputed: rounding to two bits leaves less."""
GRADES = ("re-derived", "replayed")


@dataclass(frozen=True)
class Pointed:
    """What is known of an edge's direction. parent, child: None where nothing shows it; hints decide nothing."""

    parent: int | None = None
    child: int | None = None
    said: tuple[Message, ...] = ()
    hints: tuple[Message, ...] = ()


def dates_of(path: Path, members: Sequence[Member]) -> dict[int, Dated]:
    """The dates of a TOML file (`forebear.recipes.direction.read_dates`) for the models of a library, by name or id."""
    return read_dates(path, [Named(one.names, one.id) for one in members], message("dates.by_library"))


def before(one: int, other: int, dates: Mapping[int, Dated]) -> bool:
    """Whether a model was there before another could be."""
    return earlier(dates.get(one, Dated()), dates.get(other, Dated()))


def pointed(edge: Edge, family: Family, members: Sequence[Member], dates: Mapping[int, Dated]) -> Pointed:
    """The direction of a proven edge: by a dated conversion, or by dated thirds; conversions alone are hints."""
    hints: list[Message] = []
    try:
        with ExitStack() as opened:
            sides = {end: opened.enter_context(closing(open_checkpoint(members[end].where))) for end in edge}
            if _near(edge, family, members):
                for child, parent in (edge, edge[::-1]):
                    steps = rederived(sides[child], sides[parent]) if _coarser(child, parent, family) else []
                    if not steps:
                        continue
                    hints.append(message("tree.converts", child=members[child].name, parent=members[parent].name,
                                         ops=list(dict.fromkeys(step.op for step in steps))))  # fmt: skip
                    if all(step.grade == "re-derived" for step in steps) and before(parent, child, dates):
                        said = message("tree.conversion_dated", child=members[child].name, parent=members[parent].name)
                        return Pointed(parent, child, (said,), tuple(hints))
            found = _by_thirds(edge, family, members, dates, sides)
            return Pointed(found.parent, found.child, found.said, tuple(hints))
    except RefusedError as error:
        return Pointed(
            said=(message("tree.not_read", name=members[edge[0]].name, why=error.message()),), hints=tuple(hints)
        )


def _near(edge: Edge, family: Family, members: Sequence[Member]) -> bool:
    small = all(int(members[end].about["parameters"]) <= MOST_REDERIVED for end in edge)
    return small and (family.measured is None or family.measured.way(*edge).whole <= NEAR_CONVERSION)


def _coarser(child: int, parent: int, family: Family) -> bool:
    """Whether a conversion of the parent may have left the child: recomputing one costs much more than a look at its values."""
    samples = family.measured.samples if family.measured is not None else {}
    return child in samples and parent in samples and coarser(samples[child], samples[parent])


def _by_thirds(
    edge: Edge, family: Family, members: Sequence[Member], dates: Mapping[int, Dated], sides: Mapping[int, object]
) -> Pointed:
    """By older members of the family between which and one end the other end lies (decision 0038)."""
    thirds = [
        one
        for one in family.members
        if one not in edge and members[one].where and all(before(one, end, dates) for end in edge)
    ]
    measured = family.measured
    if not thirds or measured is None or not measured.weighed:
        return Pointed()
    thirds = sorted(thirds, key=lambda one: min(measured.way(one, end).length for end in edge))[:MOST_THIRDS]
    child, parent = edge
    with ExitStack() as opened:
        asked = [Third(members[one].name, opened.enter_context(closing(open_checkpoint(members[one].where))), dates[one].there_by)
                 for one in thirds]  # fmt: skip
        answer = directed(sides[child], sides[parent], thirds=asked, dates=(dates[child], dates[parent]))  # type: ignore[arg-type]
    if answer.answer == "not-shown":
        return Pointed(said=answer.said)
    if answer.answer == "candidate-from-subject":
        child, parent = parent, child
    if not all(measured.ways(parent, third, child).between for third in thirds):
        return Pointed(said=(message("tree.ways_disagree"),))
    return Pointed(parent, child, answer.said)


def pointed_merge(merge: Merge, grade: str, dates: Mapping[int, Dated]) -> tuple[bool, Message]:
    """Whether a merge was made from its parents: only where each was there before it could be."""
    dated = grade in GRADES and all(before(parent, merge.child, dates) for parent in merge.parents)
    return dated, message("tree.merge_dated" if dated else "came_first.combination")


def oldest(family: Family, dates: Mapping[int, Dated]) -> int | None:
    """The member that was there before any other could be, and between whose neighbours it lies; None where dates show none.

    All that was made from others of the family was then made from it, but for at most one branch: its own ancestor, not dated
    here, may lie on one way (METHODS §11: the third-checkpoint rule with the older one between).
    """
    for one in family.members:
        if all(other == one or before(one, other, dates) for other in family.members):
            near = [edge for edge in family.edges if one in edge]
            met = any(one in edge for junction in family.junctions for edge in junction)
            return one if len(near) > 1 and not met else None
    return None


__all__ = ["Dated", "Pointed", "before", "dates_of", "oldest", "pointed", "pointed_merge"]
