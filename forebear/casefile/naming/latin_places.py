"""Places in Latin letters: what leads to them, kinds that stand before them, and pinyin that ends in a kind of place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from forebear.casefile.naming.stock import latin, syllables, titles

PREPOSITIONS = ("at", "in", "near", "inside", "within", "outside", "into", "across", "throughout")
"""Prepositions of place (Quirk et al., 1985, 9.15 to 9.31): what they lead to is no person unless it is known as one."""
PLACED = re.compile(rf"\b(?:{'|'.join(PREPOSITIONS)})\s$", re.I)
LED = re.compile(r"\b(?:from|via|towards?|around|leaving|reached|left)\s$", re.I)
_TO_A_PLACE = re.compile(r"\b(?:trip|journey|way|flight|train|road|back|moved?|went|travell?ed|flew|drove|came) to\s$", re.I)
_FEATURES = ("lake", "mount", "cape", "port", "fort")
"""Kinds of places that stand before their names."""


def is_led(before: str, run: Sequence[str], at: int, place: bool) -> bool:
    """Whether a place stands where places do: before a name and behind what leads to a place, or behind Lake and its like.

    before: the text before the word; run: the words of its run, small, the word at `at`; place: whether it is one at all.
    """
    ahead = PLACED.search(before) or LED.search(before) or _TO_A_PLACE.search(before)
    return (place and not at and len(run) > 1 and bool(ahead)) or bool(at and run[at - 1] in _FEATURES)


def of_two_words(before: str, run: Sequence[str], behind: str) -> range:
    """Where in a run a place of two words stands behind a preposition of place, or one that opens the sentence (In Hong Kong).

    What has something of its own (in He Yuan's office) is somebody, though a city is called so.
    """
    opens = len(run) > 2 and run[0] in PREPOSITIONS
    first = int(opens)
    joined = "".join(run[first : first + 2])
    owns = len(run) == first + 2 and behind[:1] in ("'", "’", "ʼ")
    if owns or not (opens or PLACED.search(before)) or len(run) < first + 2 or joined not in latin().place:
        return range(0)
    return range(first + 2)


def is_spot(word: str) -> bool:
    """Whether a word in pinyin of three syllables and more ends in a kind of place (Zhongguancun)."""
    found = syllables(word)
    return len(found) > 2 and found[-1] in titles().place_latin
