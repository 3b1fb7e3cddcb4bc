"""Where a negation on one side alone is told: in a tight link, with nothing on the other side that stands for one."""

from __future__ import annotations

import re
from functools import cache

from forebear.casefile.checks.cues import NONE, Seen, seen
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.literal import LIKELY, tight
from forebear.casefile.checks.pair import Pair
from forebear.casefile.facts.fact import narrow
from forebear.casefile.text.length import weight
from forebear.core.messages import Message

LONG = 120.0
"""Length (text.length) of a sentence whose polarity can be compared."""


def polarity_ground(pair: Pair, finding: Finding) -> str:
    """negation/lost or negation/added where the finding meets the condition, else ""."""
    if not isinstance(finding.why, Message) or not tight(pair) or len(pair.link.left) + len(pair.link.right) > 2:
        return ""
    if max(weight(pair.a), weight(pair.b) / max(0.1, pair.usual)) > LONG or _ASKS.search(pair.a) or _ASKS.search(pair.b):
        return ""
    lost = finding.why.values.get("right") == NONE
    if not lost and not (pair.placed and pair.link.score >= LIKELY):
        return ""
    own, other = (pair.right, pair.b), (pair.left, pair.a)
    if lost:
        own, other = other, own
    denied = seen("negation", own[0].language, own[1])
    if denied is None or len(denied.strong) != 1 or not _silent(seen("negation", other[0].language, other[1])):
        return ""
    form = _form(own[0].language, lost).match(narrow(own[1]), denied.strong[0][0])
    return ("negation/lost" if lost else "negation/added") if form else ""


def _silent(found: Seen | None) -> bool:
    """Whether a text has nothing that stands for a negation, not even inside a set phrase."""
    return found is not None and not (found.strong or found.fixed or found.soft or found.weak)


@cache
def _form(language: str, lost: bool) -> re.Pattern[str]:
    return re.compile(narrow((_LOST if lost else _ADDED)[language]), re.I)


_ASKS = re.compile(r"[?？]|\b(?:forget|more than|isn['’]t it)\b|忘")
"""Questions, and words that are said with a negation in one language and without one in the next."""
_LOST = {
    "en": r"(?:not|n['’]t|never|cannot|no|none|nobody|no one|neither|nothing)(?!\w)",
    "zh": "不(?:能|会|可以|可能|需要?|必|应|要|允许|支持|存在|建议|推荐)|没有?|无(?:法|需|须)|未|勿|从未|从来没|绝非|并非",
    "ja": "ません|ない(?=[。、でとかわけこ])|なかっ",
}
"""Denials of a verb or a thing: those of a quality (不高, 大きくない) are said by another word as well."""
_ADDED = {
    "en": r"cannot|(?:(?<=(?:is|do|re) )|(?<=can )|(?<=(?:does|must) )|(?<=should ))not|(?:(?<=do)|(?<=does)|(?<=ca))n['’]t",
    "zh": "不(?:可以|需要|必(?!须)|应|建议|推荐|允许|支持|存在)|(?<!而)不要",
    "ja": (
        "(?<!だけではあり)(?<!話ではあり)(?<!問題はあり)(?<!問題あり)(?<!とどまり)(?<!すぎ)(?<!過ぎ)(?<!ほとんどあり)"
        r"(?<![か限要])(?<!いり)ません(?=[。！!]|\s*$)"
    ),
}
"""Denials that nothing but a denial is translated by: of leave, need, duty, advice, support and existence in Chinese, of the
last verb in Japanese. 没有 and 無く stand for too many other words."""
