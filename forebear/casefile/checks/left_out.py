"""A sentence left out, by the lengths around it: between two links that are too short to hold it as well."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from forebear.casefile.bitext.align import Link
from forebear.casefile.checks.literal import LONGEST, runs
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import distinctive, has_term, latin_terms
from forebear.casefile.text.length import weight

FAIR = 0.6
"""Score of a link beside a gap at least."""
ABSORBED = 0.25
"""Log of the length by which the links around a gap have to be too short to hold what it lacks as well."""
USUAL = 0.2
"""Log of the length up to which a link is no longer than usual; half of it for all around a gap together."""
LEAST = 10.0
"""Length (text.length) from which a sentence is no heading or label."""
_DEFINED = re.compile(r"^\[[^\]]*\]:|\]\[\]")
"""Links by name: their addresses stand elsewhere in each text."""


def is_left_out(pair: Pair, near: Sequence[Link]) -> bool:
    """Whether the links beside a sentence that has no counterpart are likely ones, each too short to hold it as well."""
    at = next((i for i, link in enumerate(near) if link is pair.link), -1)
    beside = [*near[max(0, at - 1) : at], *near[at + 1 : at + 2]]
    own = weight(pair.a)
    if at < 1 or len(beside) < 2 or own < LEAST or len(pair.a) > LONGEST or not all(k.left and k.right for k in beside):
        return False
    if _DEFINED.search(pair.a):
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
