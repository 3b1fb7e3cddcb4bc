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
    """One figure: kind is number, ordinal, year, month-of-year, day-of-month, percent or time; the value lies in [low, high].

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
    counters: tuple[str, ...]
    levels: tuple[str, ...]
    beside: dict[str, tuple[str, ...]]
    units: dict[str, tuple[str, ...]]


@cache
def number_words() -> NumberWords:
    """The words beside numbers, read strictly from data/numbers.toml."""
    return packaged_table(NumberWords, "numbers.toml")


def agree(a: Fact, b: Fact) -> bool:
    """Whether two facts may state the same figure: a shared reading, or ranges that overlap."""
    kinds = {a.kind, b.kind}
    if len(kinds) > 1 and not any(kinds <= mixed for mixed in _MIXED):
        return False
    if same_length(a, b):
        return True
    if a.low <= b.high * (1 + 1e-9) and b.low <= a.high * (1 + 1e-9):
        return True
    return a.low in b.others or b.low in a.others


_MIXED = ({"number", "year"}, {"number", "day-of-month"}, {"number", "ordinal"}, {"day-of-month", "ordinal"})
"""Kinds that may state one figure: 第7章 and Chapter 7."""
_SECONDS = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
    "week": 604800.0,
    "month": 2629746.0,
    "year": 31556952.0,
}


def lasts(fact: Fact) -> bool:
    """Whether a figure counts a length of time."""
    return fact.unit in _SECONDS


def same_length(a: Fact, b: Fact) -> bool:
    """Whether two figures state one length of time in different units: a week and 7 days, 半年 and six months."""
    if not lasts(a) or not lasts(b) or a.unit == b.unit or a.high > 1.5 * a.low or b.high > 1.5 * b.low:
        return False
    x, y = _SECONDS[a.unit], _SECONDS[b.unit]
    return a.low * x <= b.high * y * 1.03 and b.low * y <= a.high * x * 1.03


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
