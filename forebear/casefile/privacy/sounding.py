"""Han characters and kana that may be read as names in Latin letters, whatever words they make (decision 0096).

A name that reads as ordinary words in its own script (和导演, 南進) is told by the letters that another text writes it in: nothing
is asked about the words that the characters make.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from forebear.casefile.naming.crossed import foreign_sounds, sounds_foreign
from forebear.casefile.naming.han import STOP, UNKNOWN
from forebear.casefile.naming.kana import hepburn, letters_of
from forebear.casefile.naming.read_japanese import Readable
from forebear.casefile.naming.sound import readings_of, spelt, split
from forebear.casefile.naming.stock import JOINT, names
from forebear.casefile.privacy.reading import plain
from forebear.casefile.text.scripts import HAN, KANA, fold

LONGEST_PART, LONGEST_KANA = 5, 8
"""Characters of the longest Japanese surname or given name that is looked up, and kana of one."""
MOST_SYLLABLES = 4
LONG_WORD = 6
"""Letters of a Latin word from which two characters and more that can be read so are withheld in a whole case."""
_RUN = re.compile(f"[{HAN}]+|[ァ-ヺー]+|[ぁ-ゖー]+")
_CAMEL = re.compile("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def latin_parts(text: str) -> set[str]:
    """Words of Latin letters, small, those run together with capitals cut; a plural as what it is of too (the Hes)."""
    found = {part.lower() for part in _CAMEL.findall(plain(text) if text.islower() else _bare(text))}
    found |= {plain(word) for word in re.findall("[a-z]+", plain(re.sub("['’ʼ‐-]", "", text)))}
    return {f for f in found | {f[:-1] for f in found if f.endswith("s")} if len(f) > 1}


def _bare(text: str) -> str:
    return "".join(c.upper() if o.isupper() else c for o in text for c in plain(o))


class Sounding:
    """Looks in Chinese and Japanese texts for what may be read as one of some Latin words."""

    def __init__(self, words: Iterable[str], everywhere: bool = True) -> None:
        """words: small Latin words of names, or of what may be names; everywhere: they are looked for in a whole case, so that
        readings that no name is known to have count for long words alone."""
        self.words = frozenset(words)
        self.syllables: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for word in self.words:
            for way in split(word):
                if len(way) <= MOST_SYLLABLES:
                    self.syllables[way[0]].add(way)
        self.foreign = frozenset(s for s in foreign_sounds(self.words) if not everywhere or len(s) > 1)
        self.readable = Readable(w for w in self.words if not everywhere or len(w) >= LONG_WORD)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where something may be read so."""
        for match in _RUN.finditer(JOINT.sub("之", text)) if self.words else ():
            first, run = match.start(), match.group()
            found = self._kana(run) if re.match(f"[{KANA}]", run) else self._han(fold(run))
            yield from {(first + start, first + end): None for start, end in found}

    def _han(self, run: str) -> Iterator[tuple[int, int]]:
        said = [_said(c) for c in run] if self.syllables else []
        for start, here in enumerate(said):
            for way in (w for syllable in here for w in self.syllables.get(syllable, ())):
                end = start + len(way)
                if end <= len(run) and all(s in said[i] for i, s in enumerate(way, start)) and _bears(run[start:end]):
                    yield start, end
        for start in range(len(run)):
            yield from ((start, end) for end, _ in self.readable.at(run, start) if _bears(run[start:end]))
            for end in range(start + 1, min(start + LONGEST_PART, len(run)) + 1):
                if self.is_japanese(run[start:end]):
                    yield start, end

    def is_japanese(self, text: str) -> bool:
        """Whether a table of Japanese surnames or given names has a folded word with such a reading."""
        known = names()
        readings = (r for table in (known.surnames_ja, known.given_ja) if text in table for r in table[text][1])
        return any(spelling in self.words for r in readings for spelling in hepburn(r))

    def _kana(self, run: str) -> Iterator[tuple[int, int]]:
        katakana = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in run)
        if katakana == run and sounds_foreign(run, self.foreign):
            yield 0, len(run)
        for start in range(len(run)):
            for end in range(min(start + LONGEST_KANA, len(run)), start + 1, -1):
                letters = letters_of(katakana[start:end])
                if letters and not self.words.isdisjoint(hepburn(letters)):
                    yield start, end
                    break


GIVEN = 9.0
"""Cost from which a character is so rare in given names that its usual reading alone counts."""


@cache
def _said(character: str) -> frozenset[str]:
    """Spellings of a character: of every reading where names hold it (单: Dan, Shan), else of the usual one."""
    borne = character in names().surnames or names().given.get(character, UNKNOWN) <= GIVEN
    return frozenset(spelt(readings_of(character)[: None if borne else 1]))


def _bears(text: str) -> bool:
    """Whether a name may be so written: a character of a closed class alone is one where it is a surname."""
    return len(text) > 1 or text not in STOP or text in names().surnames
