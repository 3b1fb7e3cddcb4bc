"""What is known of names and of words before a text is read: the tables of casefile/data, folded and ready to look up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from forebear.casefile.data import packaged_table, packaged_text
from forebear.casefile.naming.kana import hepburn, hiragana_of, katakana_of
from forebear.casefile.naming.latin import stems
from forebear.casefile.text.scripts import HAN, fold

UNKNOWN_WORD = 9.0
"""Cost of a word of which no more is known than that it is one: about that of the median word whose counts are known."""


JOINT = re.compile(f"(?<=[{HAN}])[ヶケノ](?=[{HAN}])")
"""Kana inside a Japanese name (霧ヶ峰); in Chinese it is written 之."""


@dataclass(frozen=True)
class Titles:
    """data/titles.toml."""

    zh_after: tuple[str, ...]
    zh_before: tuple[str, ...]
    ja_after: tuple[str, ...]
    en_before: tuple[str, ...]
    en_short: tuple[str, ...]
    en_after: tuple[str, ...]
    zh_behind: tuple[str, ...]
    zh_ahead: tuple[str, ...]
    place_after: tuple[str, ...]
    place_kinds: tuple[str, ...]
    place_latin: tuple[str, ...]
    thing_after: tuple[str, ...]
    thing_latin: tuple[str, ...]
    office_latin: tuple[str, ...]
    roles: tuple[str, ...]
    people_only: tuple[str, ...]
    relational: tuple[str, ...]
    measures: tuple[str, ...]


@cache
def titles() -> Titles:
    """Titles, and words beside names, read strictly."""
    return packaged_table(Titles, "titles.toml")


@dataclass(frozen=True)
class Addresses:
    """data/forms.toml."""

    after: tuple[str, ...]
    given_after: tuple[str, ...]
    before: tuple[str, ...]
    latin_before: tuple[str, ...]
    latin_short: tuple[str, ...]
    latin_after: tuple[str, ...]
    english: tuple[str, ...]


@cache
def addresses() -> Addresses:
    """Honorifics and English words that are no names, read strictly."""
    return packaged_table(Addresses, "forms.toml")


def _lines(name: str) -> Iterator[list[str]]:
    for line in packaged_text(name).splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


@dataclass
class Words:
    """Han words by language, with costs (natural logarithm of how rare), and places."""

    zh: dict[str, float] = field(default_factory=dict)
    ja: dict[str, float] = field(default_factory=dict)
    places: dict[str, float] = field(default_factory=dict)


@cache
def words() -> Words:
    """Ordinary words written in Han characters."""
    found = Words()
    for what, cost, listed in _lines("han_words.tsv"):
        table = {"zh": found.zh, "ja": found.ja, "place": found.places}[what]
        table.update(dict.fromkeys(listed.split(" "), float(cost) or UNKNOWN_WORD))
    for row in _lines("glossary.tsv"):  # terms of the field are words too
        for at, table in ((2, found.zh), (3, found.zh), (4, found.ja)):
            for term in filter(re.compile(f"[{HAN}]+").fullmatch, map(fold, re.split("[,=]", row[at]))):
                table.setdefault(term, UNKNOWN_WORD)
    return found


@dataclass
class Names:
    """Surnames and given names in Han characters with costs; readings of Japanese ones in letters (naming/kana.py)."""

    surnames: dict[str, float] = field(default_factory=dict)
    given: dict[str, float] = field(default_factory=dict)
    foreign: dict[str, float] = field(default_factory=dict)
    surnames_ja: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    given_ja: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)


@cache
def names() -> Names:
    """Names written in Han characters: `given` and `foreign` by character."""
    found = Names()
    for row in (*_lines("surnames.tsv"), *(["given", *row] for row in _lines("given.tsv"))):
        if row[0] == "zh":
            found.surnames.update(dict.fromkeys(row[2].split(" "), float(row[1])))
        elif row[0] == "ja":
            found.surnames_ja[JOINT.sub("之", row[1])] = float(row[2]), tuple(row[3].split(" "))
        elif row[1] == "ja":
            found.given_ja[row[2]] = float(row[3]), tuple(row[4].split(" "))
        else:
            table = found.given if row[1] == "zh" else found.foreign
            table.update(dict.fromkeys(row[3], float(row[2])))
    return found


@dataclass(frozen=True)
class Latin:
    """Words in small Latin letters, and names in katakana."""

    common: frozenset[str]
    english: frozenset[str]
    given: frozenset[str]
    surname: frozenset[str]
    place: frozenset[str]
    pinyin: frozenset[str]
    kana: frozenset[str]
    kana_word: frozenset[str]
    japanese: frozenset[str]
    """Japanese surnames and given names as they are printed in Latin letters."""


@cache
def latin() -> Latin:
    """Names and words in Latin letters."""
    table = {row[0]: frozenset(row[1].split(" ")) for row in _lines("latin_names.tsv")}
    english = {row[0]: frozenset(row[1].split(" ")) for row in _lines("english.tsv")}
    known = names()
    readings = {r for _, rs in (*known.surnames_ja.values(), *known.given_ja.values()) for r in rs}
    japanese = frozenset(spelling for r in readings for spelling in hepburn(r))
    return Latin(
        english["common"],
        english["common"] | english["word"],
        table["given"],
        table["surname"],
        table["place"],
        table["pinyin"],
        table["kana"],
        table["kana-word"],
        japanese,
    )


@cache
def japanese_readings() -> dict[str, str]:
    """Readings in letters, long vowels short, as they are and as they sound behind another part (川: kawa, gawa); each with the
    folded characters that are read so."""
    found: dict[str, set[str]] = {}
    for reading, characters in _lines("han_readings.tsv"):
        short = re.sub("ou|oo", "o", reading).replace("uu", "u")
        for spelling in {reading, short}:
            found.setdefault(spelling, set()).update(characters)
    return {reading: "".join(sorted(characters)) for reading, characters in found.items()}


@cache
def okurigana() -> dict[str, frozenset[str]]:
    """Kana -> folded characters that are verbs or adjectives when they go on with it (言い: い -> 言)."""
    return {kana: frozenset(characters) for kana, characters in _lines("okurigana.tsv")}


@cache
def hiragana_names() -> frozenset[str]:
    """Japanese given names in hiragana."""
    return frozenset(hiragana_of(katakana_of(r)) for _, readings in names().given_ja.values() for r in readings)


PREFIXES = ("counter", "inter", "under", "over", "anti", "mis", "non", "out", "pre", "sub", "re", "un")
"""What words are made with (Quirk et al., 1985, appendix I.21 to I.30)."""


def is_english(word: str) -> bool:
    """Whether a word in small letters is an ordinary English one, with or without an ending."""
    known = latin().english
    rest = next((word[len(p) :] for p in PREFIXES if word.startswith(p) and len(word) > len(p) + 3), "")
    return any(w in known or any(s in known for s in stems(w)) for w in (word, rest) if w)


@cache
def syllables(word: str) -> tuple[str, ...]:
    """The fewest syllables of pinyin that a word in small letters is made of; () when it is no pinyin."""
    known = latin().pinyin
    ways: list[tuple[str, ...] | None] = [()] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - 6), end):
            before = ways[start]
            if before is not None and word[start:end] in known:
                here = ways[end]
                if here is None or len(before) + 1 < len(here):
                    ways[end] = (*before, word[start:end])
    return ways[-1] or ()


@cache
def folded(listed: tuple[str, ...]) -> tuple[str, ...]:
    """Words in folded characters, the longest first."""
    return tuple(sorted({fold(w) for w in listed}, key=lambda w: (-len(w), w)))


@cache
def by_first(listed: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Words in folded characters by their first one."""
    found: dict[str, tuple[str, ...]] = {}
    for word in folded(listed):
        found[word[0]] = (*found.get(word[0], ()), word)
    return found


@cache
def alternatives(listed: tuple[str, ...]) -> str:
    """A pattern for any of some words, the longest first."""
    return "|".join(map(re.escape, folded(listed)))
