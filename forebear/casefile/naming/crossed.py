"""Names in Han characters that sound like a whole name which another text of the case writes in Latin letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from forebear.casefile.naming.han import STOP, is_city, is_word, plain_cost
from forebear.casefile.naming.kana import hepburn, letters_of
from forebear.casefile.naming.latin import bare
from forebear.casefile.naming.read_japanese import Readable
from forebear.casefile.naming.sound import readings_of, split, ways, written
from forebear.casefile.naming.stock import addresses, latin, names, syllables, titles

LEAST_COST = {2: 8.5}
"""Least cost of a character as words, by the length of a name: what is cheaper is made of everyday words that sound alike."""
LEAST_COST_LONG = 5.5
LONGEST = 4
LEAST_LETTERS = 5
"""Letters of the shortest Latin word by which a Japanese surname is known that no list has."""


@dataclass
class Crossed:
    """What the letters of another text show: whole names, and the surnames and given names that they are made of."""

    whole: set[str] = field(default_factory=set)
    surnames: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)


def spelt(text: str) -> tuple[str, ...]:
    """The two words of a whole name in Latin letters, small; () when it is something else."""
    drop = {*titles().en_before, *addresses().latin_before}
    found = [w for w in map(bare, re.split(r"[^\w'’ʼ‐-]+", text)) if w and w not in drop]
    return tuple(found) if len(found) == 2 and all(len(w) > 1 for w in found) else ()


def crossed(pairs: Iterable[tuple[str, ...]], bodies: Sequence[str], alone: Iterable[str] = ()) -> Crossed:
    """Strings of Chinese and Japanese texts that sound like one of these names; Chinese ones need pypinyin.

    pairs: two words each, in either order (`spelt`); bodies: folded texts; alone: words of names that stand by themselves.
    """
    found, every = Crossed(), "\n".join(bodies)
    listed = sorted(set(pairs))
    for size, way in sorted({w for pair in listed for w in (*_ways(*pair), *_ways(*pair[::-1]))}):
        read = {m[1] for m in re.finditer(f"(?=({''.join(map(_class, way))}))", every)}
        strange = {r for r in read if _is_strange(r, size)}
        for text in strange or {r for r in read if len(way) > 2 and _is_strange(r, size, closed=True)}:
            found.whole.add(text)
            found.surnames.add(text[:size])
            found.given.add(text[size:])
    _japanese(listed, every, found, alone)
    _foreign(listed, every, found)
    return found


def _japanese(pairs: Sequence[tuple[str, ...]], every: str, found: Crossed, alone: Iterable[str]) -> None:
    """Surnames of two characters and more, with the given names behind them; of one, where a given name is."""
    beside: dict[str, set[str]] = {w: set() for w in alone if len(w) > LEAST_LETTERS}
    for one, two in pairs:
        beside.setdefault(one, set()).add(two)
        beside.setdefault(two, set()).add(one)
    known = names()
    sure = {w for w in beside if len(w) >= LEAST_LETTERS and w not in latin().given}
    readable, given = Readable(sure), Readable(beside)
    for start in range(len(every)):
        for end, word in readable.at(every, start):
            text = every[start:end]
            listed, spot, short = text in known.surnames_ja, is_city(text), len(text) < 2  # Kawasaki is a city too
            usual = (is_word(text) and not spot) or bool(set(text) & STOP - {"之"})
            if (not listed and (short or usual or text in known.given_ja)) or (short and text in STOP):
                continue
            found.surnames.update(() if short else (text,))
            behind = end + (every[end : end + 1] in (" ", "\u3000"))
            for last, second in given.at(every, behind):
                if second in beside[word] and last - behind < 4:
                    found.given.add(every[behind:last])
                    found.whole.add(text + every[behind:last])


LEAST_CONSONANTS = 3
"""Consonants of both parts by which a foreign name is known."""
_POINTED = re.compile("([ァ-ヺー]{2,})[・＝]([ァ-ヺー]{2,})")


def _foreign(pairs: Sequence[tuple[str, ...]], every: str, found: Crossed) -> None:
    """Foreign names in katakana whose two parts are words (マーク・リッチ): both have the consonants of one name in letters."""
    listed = {frozenset((one, two)) for pair in pairs for one in consonants(pair[0]) for two in consonants(pair[1])}
    for match in _POINTED.finditer(every) if listed else ():
        heard = frozenset(map(consonants_of_kana, match.groups()))
        if heard in listed and sum(map(len, heard)) >= LEAST_CONSONANTS:
            found.whole.update((match.group(), *match.groups()))


_SAID = (
    ("sch|tch|[cst]h|ts|c(?=[eiy])|j|z", "s"), ("ph", "f"), ("x", "ks"), ("[cqg]", "k"), ("l", "r"), ("[vp]", "b"), ("d", "t"),
    ("m", "n"), ("[^bfknrst]", ""), (r"(.)\1+", r"\1"),
)  # fmt: skip
"""Like sounds of letters as one consonant; vowels, h, w and y are none."""


def spoken(letters: str) -> str:
    """The consonants of a word in small letters, like ones as one."""
    for pattern, sound in _SAID:
        letters = re.sub(pattern, sound, letters)
    return letters


def consonants(word: str) -> set[str]:
    """The consonants of a foreign word, r before another or at the end said or not."""
    return {spoken(word), spoken(re.sub("r(?=[^aeiou]|e?$)", "", word))} - {""}


def consonants_of_kana(katakana: str) -> str:
    """The same of a word in katakana."""
    return spoken(hepburn(letters_of(katakana))[0]) if letters_of(katakana) else ""


def foreign_sounds(words: Iterable[str]) -> frozenset[str]:
    """The consonants of those of some small Latin words that are foreign names: given names, and what is no pinyin."""
    return frozenset(s for w in words if w in latin().given or not syllables(w) for s in consonants(w))


def sounds_foreign(katakana: str, heard: Set[str]) -> bool:
    """Whether a word in katakana has the consonants of one of these names."""
    return len(katakana) > 1 and consonants_of_kana(katakana) in heard


class Heard:
    """The Latin words of a case, by which a form that reads nearly as well as ordinary words is borne out or not."""

    def __init__(self, words: Iterable[str]) -> None:
        """words: those with a capital, and those of handles; small. surnames: Chinese ones that are read as one of them."""
        self.words = frozenset(words)
        self.surnames = frozenset(
            s for s in names().surnames if len(s) == 1 and not self.words.isdisjoint(readings_of(s)[:1])
        )
        self.syllables = {s for w in self.words for way in split(w) if len(way) < 4 for s in way}

    def bears_out(self, surname: str, given: str) -> bool:
        """Whether some word is what a surname, a given name, or the two together are read as."""
        for part in filter(None, (surname, given, surname + given)):
            said = ["".join(way) for way in ways(part)]
            if len(part) == 1 and part == given and not surname:
                if not self.syllables.isdisjoint(said):
                    return True
            elif not self.words.isdisjoint(said):
                return True
            known = names()
            readings = [r for table in (known.surnames_ja, known.given_ja) if part in table for r in table[part][1]]
            if any(spelling in self.words for r in readings for spelling in hepburn(r)):
                return True
        return False


def _ways(surname: str, given: str) -> list[tuple[int, tuple[str, ...]]]:
    """Syllables of a Chinese name and how many of them are its surname."""
    ones = [s for s in split(surname) if len(s) < 3]
    return [
        (len(one), (*one, *two))
        for one in ones
        for two in split(given)
        if len(one) + len(two) <= LONGEST and len(two) < 4
    ]


def _class(syllable: str) -> str:
    return f"[{written(syllable)}]"


def _is_strange(text: str, size: int, closed: bool = False) -> bool:
    """Whether a string is made of no everyday words.

    size: characters of its surname, which may be one of a closed class that people bear (和); closed: or any of one (与), where
    nothing else in the texts is read as the name.
    """
    shut = set(text[size:]) & STOP or (set(text[:size]) & STOP and text[:size] not in names().surnames and not closed)
    least = LEAST_COST.get(len(text), LEAST_COST_LONG) * len(text)
    return not shut and not is_word(text) and plain_cost(text) >= least
