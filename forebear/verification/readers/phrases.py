"""How sentences of cards write sizes, number types, tokenizers and licences, as phrases.toml has it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PHRASES = Path(__file__).parent / "phrases.toml"
_NUMERALS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_WORDS = {word: str(number) for number, word in enumerate(_NUMERALS, 1)} | {
    "twenty-four": "24", "twenty-eight": "28", "thirty": "30", "thirty-two": "32", "thirty-six": "36", "forty": "40",
}  # fmt: skip


@dataclass(frozen=True)
class Phrase:
    """How one kind is stated. patterns: one group that is not empty holds the value; never: words that make it another matter."""

    kind: str
    patterns: tuple[re.Pattern[str], ...]
    never: re.Pattern[str]

    def said(self, stated: str) -> str:
        """A stated value, a number in words as digits."""
        return _WORDS.get(stated.lower(), stated.strip(" ,.-"))


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

    def never(kind: str) -> str:
        return str({"tokenizer": "(?!)"}.get(kind, table["never"].get(kind, table["never"]["size"])))

    return tuple(
        Phrase(kind, tuple(re.compile(one, re.IGNORECASE) for one in patterns), re.compile(never(kind), re.IGNORECASE))
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


def compares(text: str) -> bool:
    """Whether a sentence compares or speaks of another model: its figures may be of either."""
    return bool(_one("about", "compares").search(text) or _one("about", "other").search(text))


def is_of_this(text: str) -> bool:
    """Whether a sentence says that it is about the model of the card.

    >>> is_of_this("This small model has 4 layers."), is_of_this("A 4-layer model.")
    (True, False)
    """
    return bool(_one("about", "this").search(text))


def names_a_tokenizer(stated: str) -> bool:
    """Whether words before or after "tokenizer" are a name.

    >>> names_a_tokenizer("GPT-2"), names_a_tokenizer("custom BPE")
    (True, False)
    """
    return not _one("alone", "tokenizer").fullmatch(stated) and any(c.isupper() or c.isdigit() for c in stated)
