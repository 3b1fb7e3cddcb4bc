"""Whether two names sound so that they may be one person's: a place in a sentence alone says nothing of that.

Known are readings of single characters in Japanese, and the consonants of foreign names in katakana and in Han characters with a
point; what Mandarin and Japanese tables read is among the forms of a name (privacy/people.py). Korean, Cantonese and Vietnamese
readings of Han characters are not known here: such names stay two until their owner rules.
"""

from __future__ import annotations

import difflib
import itertools
import re
from functools import lru_cache

from forebear.casefile.naming.crossed import consonants, consonants_of_kana, spoken
from forebear.casefile.naming.read_japanese import Readable
from forebear.casefile.naming.sound import readings_of
from forebear.casefile.naming.stock import JOINT
from forebear.casefile.privacy.reading import is_han_run, is_kana_run, plain, tight
from forebear.casefile.text.scripts import fold

LEAST_READ = 4
"""Letters of the shortest Latin word that is read in single Han characters."""
LEAST_ALIKE = 0.75
"""Least share of consonants that two names have in common, in one order (2m / n of both, Ratcliff and Metzener, 1988)."""
LEAST_CONSONANTS = 3
_POINT = re.compile(r"[・･＝=·•‧\s-]+")
_PINYIN = (("x", "sh"), ("q", "ch"), ("zh", "j"))


@lru_cache(maxsize=65536)
def sounds_alike(one: str, two: str) -> bool:
    """Whether two spellings may be of one name: in one script a part in common, in two the same sound."""
    if tight(one).isascii() and not tight(two).isascii():
        one, two = two, one
    if tight(two).isascii() and not tight(one).isascii() and _read(tight(one), plain(two)):
        return True
    mine, theirs = _parts(one), _parts(two)
    if is_han_run(tight(one)) and is_han_run(tight(two)):
        return bool({*tight(one)} & {*tight(two)})
    return bool({*mine} & {*theirs}) or any(
        a == b or difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() >= LEAST_ALIKE
        for a, b in itertools.product(_consonants(one), _consonants(two))
        if min(len(a), len(b)) >= LEAST_CONSONANTS
    )


def _parts(text: str) -> list[str]:
    return [part for part in map(tight, _POINT.split(text)) if len(part) > 1]


def _read(han: str, latin: str) -> bool:
    """Whether two Han characters or more at the beginning or the end are read as a Latin word, by single Japanese readings."""
    readable = Readable(w for w in re.findall("[a-z]+", latin) if len(w) >= LEAST_READ)
    han = fold(JOINT.sub("之", han))
    ends = [(start, end) for start in range(len(han)) for end, _ in readable.at(han, start)]
    return any(end - start > 1 and (start == 0 or end == len(han)) for start, end in ends)


@lru_cache(maxsize=8192)
def _consonants(text: str) -> frozenset[str]:
    """Consonants of a foreign name in each way of saying it; none of Han characters without a point between its parts."""
    parts = [part for part in _POINT.split(text) if part]
    if all(is_kana_run(tight(part)) for part in parts):
        return frozenset(("".join(map(consonants_of_kana, parts)),))
    if all(tight(part).isascii() for part in parts):
        listed = [consonants(plain(part)) for part in parts]
        return frozenset(map("".join, itertools.islice(itertools.product(*listed), 16))) if all(listed) else frozenset()
    bare = fold("".join(parts))
    if len(parts) > 1 and is_han_run(bare) and all(map(readings_of, bare)):
        return frozenset(("".join(spoken(_letters(readings_of(c)[0])) for c in bare),))
    return frozenset()


def _letters(reading: str) -> str:
    """A reading in pinyin with the letters that foreign names have for its sounds."""
    for pinyin, letters in _PINYIN:
        reading = re.sub(f"^{pinyin}", letters, reading)
    return re.sub("ng$", "n", reading)
