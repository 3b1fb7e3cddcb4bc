"""Where a denial that only the translation has is told: in a tight link, where nothing in the original stands for one."""

from __future__ import annotations

import re
from functools import cache

from forebear.casefile.checks.cues import NONE, seen
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.literal import LIKELY, tight
from forebear.casefile.checks.pair import Pair
from forebear.casefile.facts.fact import narrow
from forebear.casefile.text.length import weight
from forebear.core.messages import Message

LONG = 120.0
"""Length (text.length) of a sentence whose polarity can be compared."""


def is_denied(pair: Pair, finding: Finding) -> bool:
    """Whether a denial came that the original, its set phrases included, shows nothing of, and the sentences beside neither."""
    if not isinstance(finding.why, Message) or finding.why.values.get("left") != NONE or not tight(pair) or not pair.placed:
        return False
    if any(k.score < LIKELY for k in pair.beside) or len(pair.link.left) + len(pair.link.right) > 2:
        return False
    if max(weight(pair.a), weight(pair.b) / max(0.1, pair.usual)) > LONG or _ASKS.search(pair.a) or _ASKS.search(pair.b):
        return False
    came, there = seen("negation", pair.right.language, pair.b), seen("negation", pair.left.language, pair.a)
    if came is None or there is None or len(came.strong) != 1 or there.strong or there.fixed or there.soft or there.weak:
        return False
    form = _form(pair.right.language).match(narrow(pair.b), came.strong[0][0])
    return bool(form) and not _moved(pair)


def _moved(pair: Pair) -> bool:
    """Whether the original has a denial more in a sentence beside, so that the one in question may have come from there."""
    for link in pair.beside:
        if link is not pair.link:
            a = _denials(pair.left.language, pair.left.joined(link.left))
            if a > _denials(pair.right.language, pair.right.joined(link.right)):
                return True
    return False


def _denials(language: str, text: str) -> int:
    found = seen("negation", language, text)
    return len(found.strong) + found.fixed if found else 0


@cache
def _form(language: str) -> re.Pattern[str]:
    return re.compile(narrow(_FORMS[language]), re.I)


_ASKS = re.compile(r"[?？]|\b(?:forget|hesitate|more than|isn['’]t it|fix(?:es|ed)?)\b|忘|修[复復正]|不具合", re.I)
"""Questions, what was repaired, and words that are said with a negation in one language and without one in the next."""
_FORMS = {
    "en": r"cannot|(?:(?<=(?:is|do|re) )|(?<=can )|(?<=(?:does|must) )|(?<=should ))not|(?:(?<=do)|(?<=does)|(?<=ca))n['’]t",
    "zh": "不(?:可以|必(?!须)|应|建议|推荐|允许|支持|存在)",
    "ja": (
        "(?<!だけではあり)(?<!話ではあり)(?<!問題はあり)(?<!問題あり)(?<!とどまり)(?<!すぎ)(?<!過ぎ)(?<!ほとんどあり)"
        r"(?<![か限要])(?<!いり)ません(?=[。！!]|\s*$)"
    ),
}
"""Denials that nothing but a denial is translated by: of leave, duty, advice, support and existence in Chinese, of the
last verb in Japanese. 没有 and 無く stand for too many other words."""
