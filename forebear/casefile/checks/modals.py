"""Ability, necessity, duty, support, existence, advice: said on one side and denied on the other (data/modals.toml)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from forebear.casefile.checks.cues import seen
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Pair
from forebear.casefile.data import packaged_table
from forebear.casefile.facts.fact import narrow

Span = tuple[int, int]


@dataclass(frozen=True)
class _Modal:
    name: str
    en: tuple[tuple[str, ...], ...]
    zh: tuple[tuple[str, ...], ...]
    ja: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Modals:
    modal: tuple[_Modal, ...]


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    table = packaged_table(_Modals, "modals.toml").modal
    return tuple((_join(says), _join(denies)) for says, denies in (getattr(entry, language) for entry in table))


def _join(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(narrow(w) for w in words), re.I)


def check_modals(pair: Pair) -> Iterator[Finding]:
    """A predicate that one side only says and the other only denies, where no other word of the saying side denies anything.

    Not where either side asks, has a condition turned round (unless, only if), or another translation denies it too.
    """
    if len(pair.link.left) > 2 or len(pair.link.right) > 2 or pair.left.language == pair.right.language:
        return
    a, b = narrow(pair.a), narrow(pair.b)
    if any(_ASKS.search(text) for text in (a, b)):
        return
    for left, right in zip(_patterns(pair.left.language), _patterns(pair.right.language), strict=True):
        here, there = _said(a, *left), _said(b, *right)
        if here is None or there is None or here[0] == there[0]:
            continue
        saying, language = (b, pair.right.language) if here[0] else (a, pair.left.language)
        if _denies(saying, language) or (not here[0] and _denied_elsewhere(pair)):
            continue
        denying, tongue = (a, pair.left.language) if here[0] else (b, pair.right.language)
        if _CONDITION[tongue].search(denying):
            continue
        words = {"left": pair.a[slice(*here[1])], "right": pair.b[slice(*there[1])]}
        yield pair.finding("negation/modal", here[1], there[1], **words)
        return


_ASKS = re.compile(r"[?？]|\b[Ff]ix(?:es|ed)?\b|修复|修正|不具合|\bwhether\b|是否|能否|かどうか|ないか|[吗呢]")
"""Questions, and what was repaired: it says the fault in one language and what works now in the next."""


def _said(text: str, says: re.Pattern[str], denies: re.Pattern[str]) -> tuple[bool, Span] | None:
    """(whether it is denied, where) when a text has a predicate once in one way alone; None otherwise."""
    no = [m.span() for m in denies.finditer(text)]
    rest = denies.sub(lambda m: "\x00" * len(m.group()), text)
    yes = [m.span() for m in says.finditer(rest)]
    if bool(no) == bool(yes) or len(no) > 1:
        return None
    return (True, no[0]) if no else (False, yes[0])


def _denies(text: str, language: str) -> bool:
    """Whether a side that should only say a predicate has any other word that denies, or that turns a condition round."""
    found = seen("negation", language, text)
    return found is None or bool(found.strong or found.fixed or _TURNS[language].search(text))


_TURNS = {
    "en": re.compile(
        r"\b(?:only|unless|without|except|until|hardly|rarely|seldom|fail\w*|refus\w*|instead|rather|avoid\w*|prevent\w*|before|hard|"
        r"difficult|few|little|limit\w*|stop\w*|missing|too|otherwise|lack\w*|nor|disabl\w*|off|omit\w*|exclud\w*|ignor\w*|"
        r"remov\w*|skip\w*|no|un(?!der|til|ix|it|ion|ique)\w+|less than|"
        r"more than)\b",
        re.I,
    ),
    "zh": re.compile(
        "[不没无未勿]|除了|除非|以外|只[能有要]|才|否则|避免|防止|禁止|失败|难|免|仅|禁用|关闭|忽略|排除|移除|跳过|别(?=[再去说把让用])|拒"
    ),
    "ja": re.compile(
        "ない|なか|なく|ません|ず(?=[、。に])|しか|だけ|のみ|以外|限り|避け|防[ぐい止]|禁止|失敗|無効|除外|無視|省略|オフ|"
        "不[可要能]|無[くいし]|難し|にくい|づらい|せずに|まで"
    ),
}


_CONDITION = {
    "en": re.compile(r"\b(?:unless|without|until|only|but|except|no|nothing|never|nor|too|before|if not)\b|\bnot\b.*\bnot\b", re.I),
    "zh": re.compile("没有?.*不|不.*没|不.*(?:就|便|则)|除非|否则|不仅|不光|只[能有要]|才|再|更|之?前|而是"),
    "ja": re.compile("なければ|ないと|ない限り|なくなり|なくな[るっ]|しか|だけで|のみで|以外|まで|前に|より"),
}
"""What makes a denial half of a condition (not without, unless ... not), which another language says without one."""


def _denied_elsewhere(pair: Pair) -> bool:
    """Whether another translation of the place has a negation as well: then the original is read in another way."""
    return any((found := seen("negation", language, text)) and found.strong for _, language, text, _ in pair.witnesses)
