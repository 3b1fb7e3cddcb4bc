"""Names in Han characters that sound like a whole name which another text of the case writes in pinyin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from forebear.casefile.naming.han import STOP, is_word, plain_cost
from forebear.casefile.naming.latin import bare
from forebear.casefile.naming.sound import split, written
from forebear.casefile.naming.stock import addresses, titles

LEAST_COST = {2: 8.5}
"""Least cost of a character as words, by the length of a name: what is cheaper is made of everyday words that sound alike."""
LEAST_COST_LONG = 6.5
LONGEST = 4


def spelt(text: str) -> tuple[str, ...]:
    """The two words of a whole name in Latin letters, small; () when it is something else."""
    drop = {*titles().en_before, *addresses().latin_before}
    words = [w for w in map(bare, re.split(r"[^\w'’ʼ‐-]+", text)) if w and w not in drop]
    return tuple(words) if len(words) == 2 and all(len(w) > 1 for w in words) else ()


def crossed(pairs: Iterable[tuple[str, ...]], bodies: Sequence[str]) -> set[str]:
    """Strings of Chinese and Japanese texts that sound like one of these names; none without pypinyin.

    pairs: two words each, in either order (`spelt`); bodies: folded texts.
    """
    ways = {way for pair in pairs for way in _ways(*pair) + _ways(*pair[::-1])}
    every = "\n".join(bodies)
    found = {m[1] for way in ways for m in re.finditer(f"(?=({''.join(map(_class, way))}))", every)}
    return {f for f in found if _is_strange(f)}


def _ways(surname: str, given: str) -> list[tuple[str, ...]]:
    ones = [s for s in split(surname) if len(s) < 3]
    return [(*one, *two) for one in ones for two in split(given) if len(one) + len(two) <= LONGEST and len(two) < 4]


def _class(syllable: str) -> str:
    return f"[{written(syllable)}]"


def _is_strange(text: str) -> bool:
    least = LEAST_COST.get(len(text), LEAST_COST_LONG) * len(text)
    return not set(text) & STOP and not is_word(text) and plain_cost(text) >= least
