"""A sentence that only one text has: the words of the place are not its words, and the place is too short to hold it as well."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.meant import Meant
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.literal import LONGEST
from forebear.casefile.checks.pair import Pair
from forebear.casefile.text.length import weight

LEAST = 10.0
"""Length (text.length) from which a sentence is no heading or label."""
LEAST_WORDS = 3
"""Words of a sentence that have to be known for their lack to tell."""
ABSENT = -1.5
"""Evidence (natural log) below which a sentence is not translated in a place: the place is e**1.5 times as likely without it."""
PRESENT_SHARE = 0.75
"""Share of the sentences around it that have to be translated in the place, for the place to be the right one."""
FOUND = 5.0
"""Evidence from which a sentence is translated in another place, among so many as are looked through."""
REACH = 40
"""Sentences before and behind in which it may be translated elsewhere."""
FIT = 0.35
"""Spread of the log of a place's length around the usual one."""
GROUNDS = {"omission/sentence": "gap/words", "addition/sentence": "gap/came"}
_DEFINED = re.compile(r"^\[[^\]]*\]:|\]\[\]|```|^\W*\|")
"""Links by name, whose addresses stand elsewhere in each text, programs and tables."""
_ADDRESS = re.compile(r"https?://[\w.:/?&=%#~+-]*|\w+=[\w&=]+")


def check_alone(pair: Pair, near: Sequence[Link]) -> Iterator[Finding]:
    """A sentence of either text that is translated neither in its link nor beside it; near: links around the one under test."""
    if pair.meant is None:
        return
    forth, back = pair.meant
    turned = [Link(k.right, k.left, k.score) for k in near]
    at = next(i for i, k in enumerate(near) if k is pair.link)
    for i in _alone(near, at, forth):
        yield _finding(pair, "omission/sentence", i)
    for j in _alone(turned, at, back):
        yield _finding(pair, "addition/sentence", j)


def _finding(pair: Pair, rule: str, index: int) -> Finding:
    text = pair.left if rule == "omission/sentence" else pair.right
    one = text.segments[index]
    gap = (
        replace(pair.link, left=(index,), right=())
        if text is pair.left
        else replace(pair.link, left=(), right=(index,))
    )
    own = replace(pair, link=gap)
    whole = (0, len(one.text))
    made = own.finding(rule, whole if text is pair.left else (0, 0), (0, 0) if text is pair.left else whole)
    return replace(made, ground=GROUNDS[rule])


def _alone(near: Sequence[Link], at: int, meant: Meant) -> Iterator[int]:
    """Sentences of the left side that have no place, where a link and those beside it have more of them than of the other side."""
    link, beside = near[at], near[max(0, at - 1) : at + 2]
    place = [j for k in beside for j in k.right]
    if sum(len(k.left) for k in beside) <= len(place) or not place or len(beside) < 2:
        return
    told = {i: meant.evidence(i, place) for k in beside for i in k.left}
    sizes = {i: weight(meant.left.segments[i].text) for i in told}
    there, all_of_it = sum(weight(meant.right.segments[j].text) for j in place), sum(sizes.values())
    for i in link.left:
        others = [told[k].log > 0 for k in told if k != i and told[k].words]
        if told[i].words < LEAST_WORDS or sizes[i] < LEAST or sum(others) < PRESENT_SHARE * max(1, len(others)):
            continue
        gain = _fit(there, all_of_it - sizes[i], meant.usual) - _fit(there, all_of_it, meant.usual)
        if told[i].log > 0 or gain < 0 or told[i].log - gain > ABSENT or not _is_prose(meant.left.segments[i].text):
            continue
        if not _elsewhere(meant, i, place):
            yield i


def _fit(there: float, wanted: float, usual: float) -> float:
    """Log of the likelihood of a place's length for what it should hold."""
    return -0.5 * (math.log((there + 6) / (wanted * usual + 6)) / FIT) ** 2


def _elsewhere(meant: Meant, sentence: int, place: Sequence[int]) -> bool:
    """Whether one sentence of the other text, farther away, has the words."""
    around = range(max(0, place[0] - REACH), min(len(meant.right.segments), place[-1] + REACH + 1))
    return any(meant.evidence(sentence, (j,)).log > FOUND for j in around)


def _is_prose(text: str) -> bool:
    """Whether a sentence is short enough to compare, no program, and not for the most part addresses."""
    return len(text) <= LONGEST and not _DEFINED.search(text) and 2 * sum(map(len, _ADDRESS.findall(text))) < len(text)
