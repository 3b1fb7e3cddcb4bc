"""What several places of a case show together: surnames that no list has, by the titles they keep standing before."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence, Set

from forebear.casefile.naming.han import AGENTS, LONG_AGENTS, STOP, is_word
from forebear.casefile.naming.stock import alternatives, names, titles, words
from forebear.casefile.text.scripts import HAN

LEAST_SEEN = 2
"""Places in which a string stands before a title for it to be one."""
LEAST_TITLES = 2
"""Different titles it stands before."""
COHESION = 0.8
"""Least share of the places of its last characters in which the first stands before them: 问林 falls apart, 青岚 does not."""
LEAST_SURNAMES = 3
"""Different surnames a word stands behind for it to be a title."""
MOSTLY, OFTEN = 0.5, 0.34
"""Share of the places of a title in which it stands behind a surname; behind two that another text shows in letters. A verb stands
behind whole names, and behind much else."""
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


def offices(bodies: Sequence[str], shown: Set[str], japanese: bool) -> set[str]:
    """Words that mostly stand behind surnames: titles that no list has (谈股东, 黄股东).

    bodies: folded texts of one language; shown: surnames that the letters of another text show.
    """
    table, listed = ({**words().zh, **words().ja} if japanese else words().zh), names().surnames
    seen, sure, hits = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set), Counter[str]()
    every = "\n".join(bodies)
    for match in re.finditer(f"[{HAN}]+", every):
        run = match.group()
        for at, surname in enumerate(run):
            known = surname in shown
            if not known and (surname not in listed or surname in STOP):
                continue
            if at and run[at - 1] not in STOP:
                continue  # the end of a given name before a verb, most often
            for size in (2, 3, 4):
                word, last = run[at + 1 : at + 1 + size], run[at + 1 + size : at + 2 + size]
                if word in table and last and last in AGENTS | LONG_AGENTS and word + last not in table:
                    word += last  # 支部长
                elif word + last in table and last in AGENTS | LONG_AGENTS:
                    continue
                apart = not is_word(surname + word[:1]) and not is_word(surname + word)
                if len(word) >= size and (word in table or word[:-1] in table) and apart:
                    seen[word].add(surname)
                    hits[word] += 1
                    if known:
                        sure[word].add(surname)
    share = {word: count / every.count(word) for word, count in hits.items()}
    return {
        word
        for word, surnames in seen.items()
        if (len(surnames) >= LEAST_SURNAMES and share[word] > MOSTLY)
        or (len(sure[word]) > 1 and share[word] > OFTEN)
    }


def prefix(texts: str, right: str, longest: int) -> int:
    """The length of the longest beginning of `right` that recurs wherever its first two characters do; 0 when they stand once."""
    count = texts.count(right[:2])
    if count < 2:
        return 0
    size = 2
    while size < min(longest, len(right)) and texts.count(right[: size + 1]) == count:
        size += 1
    return size
