"""A sentence left out, by the lengths around it: between two links too short to hold it as well, or in one too short for all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from forebear.casefile.bitext.align import Link
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.literal import LIKELY, LONGEST, runs
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import distinctive, has_term, latin_terms
from forebear.casefile.text.length import weight

GROUND = "gap/merged"
FAIR = 0.6
"""Score of a link beside a gap at least."""
ABSORBED = 0.25
"""Log of the length by which the links around a gap have to be too short to hold what it lacks as well."""
OVERFULL = 0.35
"""Log of the length by which a link is too short for all of its sentences, when it has the usual one for all but one."""
USUAL = 0.2
"""Log of the length within which it has the usual one."""
LEAST = 10.0
"""Length (text.length) from which a sentence is no heading or label."""
MOST = 4
"""Sentences of the original in a link that may be overfull."""


def is_left_out(pair: Pair, near: Sequence[Link]) -> bool:
    """Whether the links beside a sentence that has no counterpart are likely ones, each too short to hold it as well."""
    at = next((i for i, link in enumerate(near) if link is pair.link), -1)
    beside = [*near[max(0, at - 1) : at], *near[at + 1 : at + 2]]
    own = weight(pair.a)
    if at < 1 or len(beside) < 2 or own < LEAST or len(pair.a) > LONGEST or not all(k.left and k.right for k in beside):
        return False
    if any(k.score < FAIR or len(k.left) > 3 or len(k.right) > 3 for k in beside):
        return False
    sizes = [_sizes(pair, k) for k in beside]
    around = [_sizes(pair, k) for k in near[max(0, at - 2) : at + 3] if k.left and k.right]
    if _ratio(pair, *map(sum, zip(*around, strict=True))) > USUAL / 2 or any(_ratio(pair, *s) > USUAL for s in sizes):
        return False
    return all(_ratio(pair, a + own, b) < -ABSORBED for a, b in sizes) and not _named_near(pair, pair.a, near)


def _sizes(pair: Pair, link: Link) -> tuple[float, float]:
    """Lengths of both sides of a link."""
    return weight(pair.left.joined(link.left)), weight(pair.right.joined(link.right))


def _ratio(pair: Pair, a: float, b: float) -> float:
    """Log of a translation's length over its usual one."""
    return math.log((b + 3) / (a * pair.usual + 3))


def _named_near(pair: Pair, text: str, near: Sequence[Link]) -> bool:
    """Whether more than a third of the names and figures of a sentence stand in the translation near it."""
    there = pair.right.joined(sorted(j for k in near for j in k.right))
    named = [t for t, i, _ in latin_terms(text) if distinctive(t) or (i and t[0].isupper()) or pair.left.language != "en"]
    named += [r.value for r in runs(text)]
    return sum(has_term(there, t) for t in named) * 3 > len(named)


def check_left_out(pair: Pair) -> Iterator[Finding]:
    """A link of several sentences to fewer, which has the usual length without one of them and is too short for all of them."""
    left, right = pair.link.left, pair.link.right
    if not len(right) < len(left) <= MOST or pair.link.score < LIKELY or not pair.placed or len(pair.beside) < 3:
        return
    if max(len(pair.a), len(pair.b)) > LONGEST or pair.left.language == pair.right.language:
        return
    sizes, b = [weight(pair.left.segments[i].text) for i in left], weight(pair.b)
    share = _ratio(pair, sum(sizes), b)
    fits = [abs(_ratio(pair, sum(sizes) - own, b)) for own in sizes]
    lost = pair.left.segments[left[fits.index(min(fits))]].text
    if share > -OVERFULL or min(fits) > USUAL or weight(lost) < LEAST or _named_near(pair, lost, pair.beside):
        return
    others = [k for k in pair.beside if k is not pair.link]
    if all(_ratio(pair, *_sizes(pair, k)) < USUAL for k in others):
        yield replace(pair.finding("omission/part", None, None, share=math.exp(share)), ground=GROUND)
