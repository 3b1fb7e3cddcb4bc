"""Han characters that may be read as a Japanese name in Latin letters, by the readings of each character.

A surname that no list has is found so (琥珀川, Kohakugawa). Readings: Unihan and mecab-ipadic (data/han_readings.tsv); the first
sound of a part may be voiced behind another, and no or ga may stand between two (Martin, 1975, sections 2.3 and 3.1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from forebear.casefile.naming.kana import in_hepburn
from forebear.casefile.naming.stock import japanese_readings

VOICED = {
    "ch": ("j",),
    "sh": ("j",),
    "ts": ("z",),
    "k": ("g",),
    "s": ("z",),
    "t": ("d",),
    "h": ("b", "p"),
    "f": ("b", "p"),
}
"""What the first sound of a part is behind another."""
LINKS = ("", "no", "ga")
"""What is said between two parts, written or not."""
JOINT = "之"
"""ヶ and ノ between two parts, folded."""
LONGEST_READING, MOST_CHARACTERS = 9, 5


@cache
def _behind() -> dict[str, str]:
    """The same as the table, of a part that stands behind another."""
    found = dict(japanese_readings())
    for reading, characters in japanese_readings().items():
        head = next((h for h in VOICED if reading.startswith(h)), "")
        for sound in VOICED.get(head, ()):
            voiced = sound + reading[len(head) :]
            found[voiced] = found.get(voiced, "") + characters
    return found


class Readable:
    """Looks in folded texts for strings of Han characters that may be read as one of some words."""

    def __init__(self, words: Iterable[str]) -> None:
        """words: small Latin letters."""
        self.first: dict[str, set[tuple[str, int]]] = defaultdict(set)
        listed = list(words)
        self.words = {in_hepburn(w): w for w in listed} | {w: w for w in listed}
        for said in self.words:
            for size in range(1, min(LONGEST_READING, len(said)) + 1):
                for character in japanese_readings().get(said[:size], ""):
                    self.first[character].add((said, size))

    def at(self, text: str, start: int) -> Iterator[tuple[int, str]]:
        """(end, word) of strings that begin here."""
        for word, size in self.first.get(text[start : start + 1], ()):
            for end in sorted(_ends(text, start + 1, word, size, MOST_CHARACTERS - 1)):
                yield end, self.words[word]


def _ends(text: str, at: int, word: str, said: int, left: int) -> set[int]:
    """Where the rest of a word, from its letter `said` on, may end when it is read from `at` on."""
    if said == len(word):
        return {at}
    found: set[int] = set()
    if not left or at >= len(text):
        return found
    for link in LINKS:
        if word.startswith(link, said):
            head = said + len(link)
            next_at = at + 1 if link and text[at] == JOINT else at
            character = text[next_at : next_at + 1]
            for size in range(1, min(LONGEST_READING, len(word) - head) + 1) if character else ():
                if character in _behind().get(word[head : head + size], ""):
                    found |= _ends(text, next_at + 1, word, head + size, left - 1)
    return found
