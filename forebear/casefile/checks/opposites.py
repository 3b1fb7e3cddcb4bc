"""Closed opposites: a sentence that says only the same against one that says only different (data/opposites.toml)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Pair
from forebear.casefile.data import packaged_table
from forebear.casefile.facts.fact import narrow


@dataclass(frozen=True)
class _Opposite:
    name: str
    en: tuple[tuple[str, ...], ...]
    zh: tuple[tuple[str, ...], ...]
    ja: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Opposites:
    pair: tuple[_Opposite, ...]


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    table = packaged_table(_Opposites, "opposites.toml").pair
    sides = [getattr(entry, language) for entry in table]
    return tuple((_join(a), _join(b)) for a, b in sides)


def _join(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(narrow(w) for w in words), re.I)


def check_opposites(pair: Pair) -> Iterator[Finding]:
    """One side of a pair alone on the left, the other side alone on the right, and no other translation that has it so."""
    if len(pair.a) > 400 or len(pair.link.left) > 2 or len(pair.link.right) > 2:
        return
    a, b = (_BOTH.sub("\x00\x00", narrow(text)) for text in (pair.a, pair.b))
    for left, right in zip(_patterns(pair.left.language), _patterns(pair.right.language), strict=True):
        here, there = [p.search(a) for p in left], [p.search(b) for p in right]
        if sum(m is not None for m in here) != 1 or sum(m is not None for m in there) != 1:
            continue
        side = 0 if here[0] else 1
        one, other = here[side], there[1 - side]
        if one is None or other is None or _denied(a, pair.left.language) != _denied(b, pair.right.language):
            continue
        words = {"left": pair.a[slice(*one.span())], "right": pair.b[slice(*other.span())]}
        yield pair.finding("contradiction/opposite", one.span(), other.span(), **words)
        return


_BOTH = re.compile(narrow("快慢|大小|高低|多少|长短|强弱|远近|深浅|轻重|好坏|优劣|左右|上下|前后|先后|难易|公私"))
"""Two opposites that together name what is measured, and say neither."""


def of_order(word: str, language: str) -> bool:
    """Whether a word says before or after: an order that another language may well turn round."""
    return any(p.fullmatch(narrow(word)) for p in dict(zip(_names(), _patterns(language), strict=True))["before"])


@cache
def _names() -> tuple[str, ...]:
    return tuple(entry.name for entry in packaged_table(_Opposites, "opposites.toml").pair)


def _denied(text: str, language: str) -> bool:
    """Whether a text has a word of negation: then an opposite may be the other way of saying it."""
    return bool(_NOT[language].search(text))


_NOT = {
    "en": re.compile(r"\b(?:not|no|never|none|without|cannot|nor)\b|n['’]t\b", re.I),
    "zh": re.compile("并非|(?<![一])不(?![同一等])|没|无(?!论)|未(?!来)|别(?=[再去说把让用])"),
    "ja": re.compile("ない|なかっ|ません|ずに|なく|ぬ(?=[、。])"),
}
