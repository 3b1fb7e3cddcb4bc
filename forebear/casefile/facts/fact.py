"""One figure as a fact, whether two may state the same, and what all readers of figures share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from forebear.casefile.data import packaged_table
from forebear.casefile.text.scripts import fold


@dataclass(frozen=True)
class Fact:
    """One figure: kind is number, year, month-of-year, day-of-month, percent or time; the value lies in [low, high].

    others: further readings (24 as 2024); unit: a class of numbers.toml or ""; bound: "", about, above or below;
    strong: False for small number words, which languages often leave out; start, end: its place in the text.
    """

    kind: str
    low: float
    high: float
    start: int
    end: int
    surface: str
    unit: str = ""
    bound: str = ""
    strong: bool = True
    others: tuple[float, ...] = ()


@dataclass(frozen=True)
class NumberWords:
    """numbers.toml."""

    refused: dict[str, tuple[str, ...]]
    beside: dict[str, tuple[str, ...]]
    units: dict[str, tuple[str, ...]]


@cache
def number_words() -> NumberWords:
    """The words beside numbers, read strictly from data/numbers.toml."""
    return packaged_table(NumberWords, "numbers.toml")


def agree(a: Fact, b: Fact) -> bool:
    """Whether two facts may state the same figure: a shared reading, or ranges that overlap."""
    kinds = {a.kind, b.kind}
    if len(kinds) > 1 and not kinds <= {"number", "year"} and not kinds <= {"number", "day-of-month"}:
        return False
    if a.low <= b.high * (1 + 1e-9) and b.low <= a.high * (1 + 1e-9):
        return True
    return bool({a.low, *a.others} & {b.low, *b.others})


@lru_cache(maxsize=50_000)
def narrow(text: str) -> str:
    """Full-width letters, digits and signs made narrow, Han forms folded; the length is kept."""
    return text if text.isascii() else fold(text.translate(_widths()))


@cache
def _widths() -> dict[int, str]:
    wide = [*range(0xFF01, 0xFF5F), 0x3000]
    return {c: unicodedata.normalize("NFKC", chr(c)) for c in wide}


def mask(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with spans blanked by a character that belongs to no pattern; the length is kept."""
    parts, at = [], 0
    for a, b in sorted(spans):
        parts += [text[at : max(a, at)], "\x00" * (b - max(a, at))]
        at = max(at, b)
    return "".join([*parts, text[at:]])
