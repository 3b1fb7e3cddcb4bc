"""When models were there, by a file of the caller's: the one reader of dates, for recipes and for the tree of a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from forebear.core.errors import printable, refusal
from forebear.core.messages import Message, message
from forebear.core.strict import Table
from forebear.core.toml import load_toml

LEAST_OF_ID = 8
"""Digits of an id that name a model."""


@dataclass(frozen=True)
class Dated:
    """When a model was there, by a source of the caller's that neither side controls. there_by: at the latest; not_before: at
    the earliest."""

    there_by: date | None = None
    not_before: date | None = None


@dataclass(frozen=True)
class Named:
    """What a file of dates may call a model: any of its names, or the beginning of its id ("" for none)."""

    names: Sequence[str]
    id: str = ""

    def is_meant(self, name: str) -> bool:
        """Whether a name in a file of dates means this model."""
        return name in self.names or (len(name) >= LEAST_OF_ID and self.id.startswith(name))


def read_dates(path: Path, models: Sequence[Named], todo: Message) -> dict[int, Dated]:
    """The dates of a TOML file by place in `models`: tables `[[model]]` with `name`, `there_by`, `not_before`.

    todo: what to do about a name that none or several of the models have.
    Raises: RefusedError for such a name, for a model dated twice, or for dates the wrong way round.
    """
    table = Table(load_toml(path), str(path), message("strict.dates"))
    found: dict[int, Dated] = {}
    for one in table.tables("model"):
        name = one.text("name")
        dated = Dated(*(_day(one.optional(key, (date, datetime))) for key in ("there_by", "not_before")))
        one.finish()
        meant = [at for at, model in enumerate(models) if model.is_meant(name)]
        shown = printable(name, 80)
        if len(meant) != 1:
            raise refusal(message("dates.names", count=len(meant), name=shown), where=str(path), todo=todo)
        if meant[0] in found:
            raise refusal(message("dates.twice", name=shown), where=str(path), todo=message("dates.once"))
        if dated.there_by and dated.not_before and dated.there_by < dated.not_before:
            raise refusal(message("dates.wrong_way", name=shown), where=str(path), todo=message("dates.correct"))
        found[meant[0]] = dated
    table.finish()
    return found


def _day(value: date | datetime | None) -> date | None:
    return value.date() if isinstance(value, datetime) else value


def earlier(one: Dated, other: Dated) -> bool:
    """Whether a model was there before another could be."""
    return one.there_by is not None and other.not_before is not None and one.there_by < other.not_before
