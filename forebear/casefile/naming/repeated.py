"""What several places of a case show together: surnames that no list has, by the titles they keep standing before."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from forebear.casefile.naming.han import STOP
from forebear.casefile.naming.stock import alternatives, names, titles, words
from forebear.casefile.text.scripts import HAN

LEAST_SEEN = 3
"""Places in which a string stands before a title for it to be one."""
LEAST_TITLES = 2
"""Different titles it stands before."""
COHESION = 0.8
"""Least share of the places of its last characters in which the first stands before them: 问林 falls apart, 青岚 does not."""
LEAST_SURNAMES = 3
"""Different surnames a word stands behind for it to be a title."""
LONGEST = 3
INSIDE = "之"
"""What a Japanese surname may have inside, though it is a word of its own."""


def cohesive(bodies: Sequence[str]) -> set[str]:
    """Strings of two and three Han characters, no words, that stand before several titles and do not fall apart.

    bodies: folded texts of one case.
    """
    listed = alternatives((*titles().zh_after, *titles().ja_after))
    before = re.compile(f"(?<=([{HAN}]{{{LONGEST}}}))(?:{listed})|(?<=([{HAN}]{{2}}))(?:{listed})")
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for body in bodies:
        for match in before.finditer(body):
            run = match[1] or match[2]
            for size in range(2, len(run) + 1):
                seen[run[-size:]][match.group()] += 1
    found = {text for text, by in seen.items() if _is_one(text, by, "\n".join(b for b in bodies if text in b))}
    return {text for text in found if not any(text != other and other.endswith(text) for other in found)}


def _is_one(text: str, by: Counter[str], every: str) -> bool:
    if (
        len(by) < LEAST_TITLES
        or sum(by.values()) < LEAST_SEEN
        or set(text) & STOP - {INSIDE}
        or INSIDE in (text[0], text[-1])
    ):
        return False
    known, listed = words(), names()
    if text in known.zh or text in known.ja or text in known.places or text in titles().roles:
        return False
    whole, tail = every.count(text), every.count(text[1:])
    if any(text[i:] in listed.surnames or text[i:] in listed.surnames_ja for i in range(1, len(text) - 1)):
        return whole == tail > LEAST_SEEN
    return whole >= COHESION * tail


def offices(bodies: Sequence[str]) -> set[str]:
    """Words that stand behind several surnames at the beginning of a run: titles that no list has (谈股东, 黄股东).

    bodies: folded Chinese texts of one case.
    """
    table, seen = words().zh, defaultdict[str, set[str]](set)
    for body in bodies:
        for match in re.finditer(f"(?<![{HAN}])([{HAN}])([{HAN}]{{2}})", body):
            if match[1] in names().surnames and match[2] in table and match.group() not in table:
                seen[match[2]].add(match[1])
    return {word for word, surnames in seen.items() if len(surnames) >= LEAST_SURNAMES}


def prefix(texts: str, right: str, longest: int) -> int:
    """The length of the longest beginning of `right` that recurs wherever its first two characters do; 0 when they stand once."""
    count = texts.count(right[:2])
    if count < 2:
        return 0
    size = 2
    while size < min(longest, len(right)) and texts.count(right[: size + 1]) == count:
        size += 1
    return size
