"""Which of subject and candidate came first, by the dates of a file and what the weights show with them (decision 0065)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint, Place, open_checkpoint
from forebear.recipes.direction import COMBINED, Dated, Direction, Named, Third, directed, read_dates
from forebear.recipes.found import Found
from forebear.recipes.several import Several
from forebear.recipes.told import short

HELD_OUT = {"answered": 28, "of": 36}
"""Chains of three of moe-64 that the rule of decision 0038 answered, all rightly: bench/results/direction-moe-64.json."""


@dataclass(frozen=True)
class CameFirst:
    """The answer, and the dates it was given: by place, the subject first, then the candidates."""

    direction: Direction
    dates: Mapping[int, Dated]
    names: Sequence[str]

    def document(self) -> dict[str, Any]:
        """As a `forebear/recipe/1` document holds it."""
        rows = [
            {"id": self.names[at], "there_by": _iso(one.there_by), "not_before": _iso(one.not_before)}
            for at, one in sorted(self.dates.items())
        ]
        return {**self.direction.document(), "dates": rows}

    def words(self, candidate: str) -> Message | None:
        """The answer in one sentence; None where none is shown."""
        names = {"subject": short(self.names[0]), "candidate": short(candidate)}
        if self.direction.answer == "subject-from-candidate":
            return message("direction_dates.subject_from_candidate", **names)
        if self.direction.answer == "candidate-from-subject":
            return message("direction_dates.candidate_from_subject", **names)
        return None

    def limits(self) -> list[Message]:
        """What the answer supposes, and how often it was held against the truth."""
        return [message("direction_dates.limit", **HELD_OUT)] if self.direction.by == "third" else []


def dates_of(path: Path, subject: str, candidates: Sequence[str]) -> dict[int, Dated]:
    """The dates of a TOML file, by place: the subject first. A model is named as it was given, or by the last part of that.

    Raises: RefusedError (see `forebear.recipes.direction.read_dates`).
    """
    named = [Named((name, PurePath(name).name)) for name in (subject, *candidates)]
    return read_dates(path, named, message("dates.by_recipe"))


def came_first(
    subject: Checkpoint, places: Sequence[Place], relations: Mapping[str, str], candidate: str | None, *,
    dates: Mapping[int, Dated], steps: Sequence[Found], besides: Several, own: Path | None,
) -> CameFirst:  # fmt: skip
    """places: where each lies, the subject first; relations: what `compare` says of each candidate; candidate: the one that steps
    are told from.

    Nothing is asked of a pair that is not related as a whole, of equal values (both may be copies of a third), nor of a merge.
    """
    names, relation = [str(place) for place in places], relations.get(candidate or "")
    if relation not in ("identical", "related"):
        return CameFirst(Direction(said=(message("direction_dates.unrelated"),)), dates, names)
    if relation == "identical":
        return CameFirst(Direction(said=(message("direction_dates.equal"),)), dates, names)
    if besides.steps and not besides.candidate:
        return CameFirst(Direction(hints=(COMBINED,), said=(message("came_first.nothing"),)), dates, names)
    at = names.index(str(candidate), 1)
    # an order or layers left out can be undone, so that steps of detectors date nothing, even replayed bit for bit
    found = besides.steps or tuple(replace(one, grade="hint") for one in steps)
    sides = (dates.get(0, Dated()), dates.get(at, Dated()))
    with ExitStack() as opened:
        other = opened.enter_context(closing(open_checkpoint(places[at], architecture=own)))
        thirds = [
            Third(short(names[one]), opened.enter_context(closing(open_checkpoint(place, architecture=own))), dates[one].there_by)
            for one, place in enumerate(places)
            if one not in (0, at) and one in dates and relations[names[one]] == "related"
        ]  # fmt: skip
        return CameFirst(directed(subject, other, thirds=thirds, found=found, dates=sides), dates, names)


def _iso(day: Any) -> str | None:
    return None if day is None else day.isoformat()
