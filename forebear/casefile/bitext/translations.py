"""Words and what translators put for them (data/translations.tsv), measured on public texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from forebear.casefile.data import packaged_text
from forebear.casefile.facts.fact import narrow

Known = dict[str, tuple[float, tuple[str, ...]]]
"""word -> (share of sentences with it that had a translation of it, its translations, the usual ones first)."""
USUAL = 3
"""Translations of a word, the most usual ones, that serve as anchors and as what calls for a word."""
WHOLE, WHOLE_WIDE = 60, 25
"""Segments shorter than this (characters of Latin script, of Han or kana) are learned whole as well."""

_ENGLISH = re.compile(r"[A-Za-z][A-Za-z']{2,}")
_ENDING = re.compile(r"(?:ing|ed|es|s|ly)$")
_WIDE = re.compile(r"[\u4e00-\u9fff]+|[\u30a1-\u30faー]{2,}")


def words(text: str, language: str) -> set[str]:
    """What may be learned from one segment: English stems, or Han pairs and katakana words; and a short segment as a whole."""
    plain = narrow(text)
    # a short segment that recurs word for word (Table of Contents, Note) is learned as one word
    whole = {f"={plain}"} if len(plain) < (WHOLE if language == "en" else WHOLE_WIDE) else set()
    if language == "en":
        return whole | {_ENDING.sub("", w.lower()) for w in _ENGLISH.findall(plain)}
    found: set[str] = whole
    for run in _WIDE.findall(plain):
        if run[0] >= "\u4e00":
            found.update(run[i : i + 2] for i in range(len(run) - 1))
            if len(run) == 1:
                found.add(run)
        else:
            found.add(run)
    return found


@cache
def table() -> dict[tuple[str, str], Known]:
    """(language, into) -> the words known."""
    found: dict[tuple[str, str], Known] = {}
    own: Known = {}
    for line in packaged_text("translations.tsv").splitlines():
        if line.startswith("["):
            left, right = line.strip("[]").split(">")
            own = found.setdefault((left, right), {})
        elif line and not line.startswith("#"):
            word, share, others = line.split("\t")
            own[word] = int(share) / 100, tuple(others.split(","))
    return found


def usual(language: str, into: str, words: Iterable[str]) -> dict[str, list[str]]:
    """The usual translations of those of the words that are known."""
    known = table().get((language, into), {})
    return {word: list(known[word][1][:USUAL]) for word in sorted(words) if word in known}


def meanings_of(words: Iterable[str], language: str, into: str) -> set[str]:
    """Words of the other language that usually translate these, or that these usually translate."""
    forth, back = table().get((language, into), {}), _turned(into, language)
    return {y for w in words for y in (*forth.get(w, (0.0, ()))[1][:USUAL], *back.get(w, ()))}


def surely_of(words: Iterable[str], language: str, into: str) -> set[str]:
    """Words of the other language of which these are usual translations, and that are usual ones of these."""
    forth, back = table().get((language, into), {}), _turned(into, language)
    return {y for w in words for y in forth.get(w, (0.0, ()))[1][:USUAL] if y in back.get(w, ())}


@cache
def _turned(language: str, into: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word, (_, others) in table().get((language, into), {}).items():
        for other in others[:USUAL]:
            found.setdefault(other, []).append(word)
    return found


def touching(text: str, start: int, end: int, language: str) -> set[str]:
    """The `words` of a text that hold or cut a span."""
    plain = narrow(text)
    if language == "en":
        begin, stop = start, end
        while begin and plain[begin - 1].isalpha():
            begin -= 1
        while stop < len(plain) and plain[stop].isalpha():
            stop += 1
        return words(plain[begin:stop], language)
    found = set()
    for at in range(max(0, start - 1), min(end, len(plain) - 1)):
        found |= words(plain[at : at + 2], language)
    return found
