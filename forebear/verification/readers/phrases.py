"""How sentences of cards write number types and licences, as phrases.toml has it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_PARTS = re.compile(r"[;；,，、。]\s*")
"""Between parts of a sentence on several matters."""
PHRASES = Path(__file__).parent / "phrases.toml"


@dataclass(frozen=True)
class Phrase:
    """How one kind is stated. patterns: one group that is not empty holds the value; never: words that make it another matter."""

    kind: str
    patterns: tuple[re.Pattern[str], ...]
    never: re.Pattern[str]


@cache
def _table() -> Any:
    """The file, each <piece> put in."""
    text = tomllib.loads(PHRASES.read_text("utf-8"))
    pieces = text["pieces"]

    def whole(one: Any) -> Any:
        if isinstance(one, str):
            return re.sub(r"<([a-z]+)>", lambda found: whole(pieces[found[1]]), one)
        return [whole(part) for part in one] if isinstance(one, list) else {key: whole(part) for key, part in one.items()}

    return whole({key: part for key, part in text.items() if key != "pieces"})


@cache
def _compiled() -> tuple[Phrase, ...]:
    table = _table()

    return tuple(
        Phrase(kind, tuple(re.compile(one, re.IGNORECASE) for one in patterns), re.compile(table["never"][kind], re.IGNORECASE))
        for kind, patterns in table["patterns"].items()
    )


@cache
def _one(part: str, name: str) -> re.Pattern[str]:
    return re.compile(_table()[part][name], re.IGNORECASE)


def phrases(head: str) -> Iterator[Phrase]:
    """Each kind with how it is stated; below a heading about licences one that stands alone is one too."""
    yield from _compiled()
    if _one("alone", "licence_head").search(head):
        yield Phrase("licence", (_one("alone", "licence"),), re.compile("(?!)"))


def loose_type(text: str) -> str:
    """The one number type of a sentence about weights that speaks of nothing else; "" where there is none or several.

    >>> loose_type("A model with 4 million parameters in float32 precision."), loose_type("Trained in bf16 precision.")
    ('float32', '')
    """
    parts = (part for part in _PARTS.split(text) if _one("loose", "holds").search(part) and not _one("never", "dtype").search(part))
    found = {one[0].lower(): one[0] for part in parts for one in _one("loose", "dtype").finditer(part)}
    if not found and _one("loose", "holds").search(text) and not _one("never", "dtype").search(text):
        found = {one[0].lower(): one[0] for one in _one("loose", "dtype").finditer(text)}
    return next(iter(found.values())) if len(found) == 1 else ""


def compares(text: str) -> bool:
    """Whether a sentence compares or speaks of another model: its figures may be of either."""
    return bool(_one("about", "compares").search(text) or _one("about", "other").search(text))


def is_of_this(text: str) -> bool:
    """Whether a sentence says that it is about the model of the card.

    >>> is_of_this("This small model has 4 layers."), is_of_this("A 4-layer model.")
    (True, False)
    """
    return bool(_one("about", "this").search(text))
