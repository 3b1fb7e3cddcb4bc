"""Whether a text says a Han name by its sound in Latin letters, or a Latin name in Han characters that are read so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from forebear.casefile.facts.fact import narrow
from forebear.casefile.naming.sound import split, ways, written

_HAN_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}")
_LATIN_NAME = re.compile(r"[A-Z][a-z'’-]+(?: [A-Z][a-z'’-]+){0,2}")
_WORD = re.compile("[A-Za-z]+")
_BETWEEN = re.compile(r"[ \u00a0'’.,·-]{0,2}")


def is_said(name: str, text: str) -> bool:
    """Whether a text says a name of somebody in the other script, in either order; without pypinyin nothing is."""
    if _HAN_NAME.fullmatch(narrow(name)):
        return not _spelt(narrow(name)).isdisjoint(_letters(text))
    bare = _plain(name)
    return bool(_LATIN_NAME.fullmatch(bare)) and any(re.search(p, narrow(text)) for p in _written(bare))


@lru_cache(maxsize=4096)
def _spelt(name: str) -> frozenset[str]:
    """Letters of a Han name as it is read, whole in both orders, and of its given name where that has two syllables."""
    found: set[str] = set()
    for way in ways(name):
        found.add("".join(way))
        for cut in range(1, len(way)):
            found.add("".join((*way[cut:], *way[:cut])))
            found |= {"".join(way[cut:])} if len(way) - cut > 1 else set()
    return frozenset(found)


@lru_cache(maxsize=4096)
def _letters(text: str) -> frozenset[str]:
    """Every run of one to four neighbouring Latin words that opens with a capital, in small letters without marks."""
    plain = _plain(text)
    return frozenset(_runs(plain, [m.span() for m in _WORD.finditer(plain)]))


def _runs(plain: str, words: list[tuple[int, int]]) -> Iterator[str]:
    for first, (start, _) in enumerate(words):
        joined = ""
        for k in range(first, min(first + 4, len(words)) if plain[start].isupper() else first):
            if k > first and not _BETWEEN.fullmatch(plain, words[k - 1][1], words[k][0]):
                break
            joined += plain[slice(*words[k])].lower()
            yield joined


@lru_cache(maxsize=4096)
def _written(name: str) -> tuple[re.Pattern[str], ...]:
    """Han characters that a Latin name of two syllables or more may be read from, in both orders of its words."""
    parts = [_split(w) for w in re.findall("[a-z]+(?:['’-][a-z]+)*", name.lower())]
    if not all(parts):
        return ()
    orders = {tuple(parts), (*parts[1:], parts[0]), (parts[-1], *parts[:-1])}
    found = {tuple(s for part in order for s in part) for order in orders}
    return tuple(re.compile("".join(f"[{written(s)}]" for s in said)) for said in sorted(found) if 1 < len(said) < 5)


def _split(word: str) -> tuple[str, ...]:
    """The syllables of a word of pinyin, as few as can be."""
    cut = split(re.sub("['’-]", "", word))
    return cut[0] if cut else ()


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
