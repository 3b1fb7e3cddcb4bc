"""Ordinary words that a name reads as too: of the names that a case hides, and of any that the tables know (decision 0089).

Whoever is hidden withholds every word that could be read as the name, in the whole case: a report would say it otherwise.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from forebear.casefile.naming.han import STOP
from forebear.casefile.naming.kana import hepburn
from forebear.casefile.naming.sound import readings_of, ways
from forebear.casefile.naming.stock import addresses, latin, names, titles
from forebear.casefile.privacy.grouping import shape
from forebear.casefile.privacy.reading import is_han_run, plain
from forebear.casefile.text.scripts import fold

LONGEST_NAME = 4
"""Han characters of the longest name whose characters are looked for one by one."""
GIVEN = 9.0
"""Cost from which a character is rare in Chinese given names, so that the word that says it twice is no nickname."""
KIN = frozenset("妈爸")
"""Kinship terms that are said twice and that no list of forms of address has."""
AGAIN = "々"
"""Stands for the character before it."""
_SMALL = re.compile(r" [a-z]")
_VOWEL = re.compile(r" (?:[aeiou]|hon|hour|heir)")
_DATED_BEHIND = re.compile(r" \d{1,4}\b| (?:is|was) the (?:\w+ )?month\b")
_DATED_AHEAD = re.compile(
    r"(?:\d(?:st|nd|rd|th)?(?: of)?|\b(?:in|since|until|early|mid|late|month (?:of|is|was)))[ -]$", re.IGNORECASE
)
MONTHS = frozenset(("march", "april", "may", "june", "august"))
"""Months that people are called by too."""


@dataclass(frozen=True)
class Borne:
    """What the hidden names of a case are made of.

    letters: Han characters; latin: words as they are spelt in Latin letters, small; spoken: surnames and given names as
    their Han characters are read.
    """

    letters: frozenset[str]
    latin: frozenset[str]
    spoken: frozenset[str]

    def is_latin(self, word: str) -> bool:
        """Whether a Latin word may be read as a hidden name; one of a closed class (an, he, may) with a capital alone."""
        capital = word[:1].isupper()
        for part in re.split("['’ʼ‐-]", plain(word)):
            closed = part in addresses().english or part in titles().en_before
            if part in self.latin and (capital or not closed):
                return True
            if capital and part in self.spoken:
                return True
        return False

    def is_han(self, word: str, wide: bool) -> bool:
        """Whether a word of folded Han characters may be read as a hidden name; wide: it stands in a Japanese text."""
        if wide and len(word) > 1 and word in names().surnames_ja:
            return True
        return bool(self.latin) and not self.latin.isdisjoint(spelt(word))

    def doubled(self, run: str, cuts: Sequence[tuple[int, int]], wide: bool) -> Iterator[tuple[int, int]]:
        """Where a run of folded Han characters says one twice that somebody is named by: a nickname, though it may be a word.

        cuts: the words of the run. Between two longer words (中国国家) only characters of hidden names count.
        """
        ends = {end for start, end in cuts if end - start > 1} & {start for start, end in cuts if end - start > 1}
        for i, (one, two) in enumerate(itertools.pairwise(run)):
            mine = one in self.letters and two in (one, AGAIN)
            if mine or (one == two and not wide and i + 1 not in ends and _is_nickname(one)):
                yield i, i + 2


def borne(texts: Iterable[str]) -> Borne:
    """What names are made of; texts: the names as they are written."""
    letters, words, spoken = set[str](), set[str](), set[str]()
    for text in texts:
        made = shape(text)
        if made.script == "Latin":
            words.update(p for p in made.parts if len(p) > 1)
        elif is_han_run(made.core) and len(made.core) <= LONGEST_NAME:
            letters.update(fold(made.core))
            for said in ways(fold(made.core)):
                spoken.update((said[0], "".join(said[1:]), "".join(said[2:])))
    return Borne(frozenset(letters), frozenset(words), frozenset(p for p in spoken if len(p) > 1))


def surnames_before(text: str, gone: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Japanese surnames of two characters or more right before what is not shown, though they are words too (大和██).

    gone: of each character, whether it is not shown.
    """
    for end in (i for i in range(2, len(text)) if gone[i] and not gone[i - 1]):
        for start in range(max(0, end - LONGEST_NAME + 1), end - 1):
            if fold(text[start:end]) in names().surnames_ja:
                yield start, end
                break


def is_plain(word: str, opens: bool, before: str, behind: str) -> bool:
    """Whether a Latin word of a closed class with a capital is no name where it stands.

    opens: it opens a sentence; before, behind: what stands beside it.

    One that people bear (He, An, So) opens a sentence before a small word, an article before a vowel; a month is beside a
    figure, or behind a preposition of time. Any other stands as it is.
    """
    small = plain(word)
    if small in MONTHS:
        return bool(_DATED_BEHIND.match(behind) or _DATED_AHEAD.search(before))
    if small in latin().given or not _closed_name(small):
        return small not in latin().given
    follows = (_VOWEL if small == "an" else _SMALL).match(behind)
    return opens and bool(follows or small not in _surnames())


@cache
def _closed_name(small: str) -> bool:
    return len(small) > 1 and (small in _surnames() or small in latin().japanese)


@cache
def _surnames() -> frozenset[str]:
    """Latin spellings of surnames and given names, and readings of Chinese surnames of one character."""
    read = {r for s in names().surnames if len(s) == 1 for r in readings_of(s)[:1]}
    return latin().given | latin().surname | read


@cache
def _is_nickname(character: str) -> bool:
    """Whether a character said twice may be a Chinese nickname: people are named by it, and it is no function word or kinship."""
    listed = KIN, addresses().after, addresses().given_after, map(fold, titles().zh_after)
    kin = any(c in those for those in map(set, listed) for c in (character, character * 2))
    return names().given.get(character, 99.0) <= GIVEN and character not in STOP and not kin


@cache
def spelt(word: str) -> frozenset[str]:
    """Latin spellings of a word of folded Han characters read as a name: a Japanese or a Chinese one."""
    known = names()
    japanese = [table[word][1] for table in (known.surnames_ja, known.given_ja) if word in table]
    found = {spelling for readings in japanese for reading in readings for spelling in hepburn(reading)}
    if 1 < len(word) <= LONGEST_NAME:
        found |= {"".join(said) for said in ways(word)}
    return frozenset(found)
