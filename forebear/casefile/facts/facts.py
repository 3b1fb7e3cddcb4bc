"""Numbers, dates and units of a sentence as facts that can be compared across scripts (135B, 1350億, 千三百五十亿)."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from forebear.casefile.facts.dates import date_facts
from forebear.casefile.facts.fact import Fact, mask, narrow, number_words
from forebear.casefile.facts.numerals import number_facts
from forebear.casefile.folder.intake import BIDI, INVISIBLE
from forebear.casefile.text.scripts import fold

LARGEST = 1e30
"""Figures beyond this are no figures anybody counts with: a run of digits or magnitude words without meaning."""

MAX_FACTS = 200
"""Figures of one sentence that are compared, the first ones: more are a table without line ends, and each is held against each."""


@cache
def _refused_pattern(language: str) -> re.Pattern[str]:
    words = number_words().refused["english" if language == "en" else "han"]
    ordered = sorted({fold(w) for w in words}, key=len, reverse=True)
    joined = "|".join(re.escape(w) for w in ordered)
    if language != "en":
        joined = rf"(?<!\d)(?:16|10|8|2|十六|十|八|二)\s?进(?=[制位数法])|{joined}"
    return re.compile(rf"\b(?:{joined})\b" if language == "en" else joined, re.I)


def facts(text: str, language: str) -> list[Fact]:
    """Every figure of a sentence in order; idioms and figures inside Latin names are not figures.

    language: "en" reads number words of English, every other tag Han numerals as well as digits.
    """
    marks = _UNSEEN.search(text)
    if marks:
        return _without_marks(text, language)
    plain = narrow(text)
    found = date_facts(plain, language)
    plain = mask(plain, ((f.start, f.end) for f in found))
    pattern = _refused_pattern(language)
    spans = [m.span() for m in pattern.finditer(plain) if not _inside_number(plain, m)]
    plain = mask(plain, spans)
    found += number_facts(plain, language)
    # written so that NaN fails it too
    counted = sorted((f for f in found if 0 <= f.low <= f.high <= LARGEST), key=lambda f: f.start)
    return [_place(f, text, plain, language) for f in counted[:MAX_FACTS]]


_UNSEEN = re.compile(f"(?:{BIDI.pattern})|(?:{INVISIBLE.pattern})")


def _without_marks(text: str, language: str) -> list[Fact]:
    """Figures of a text with characters nobody sees (135<mark> billion): read without them, placed where they stand."""
    kept = [i for i, c in enumerate(text) if not _UNSEEN.match(c)]
    found = facts("".join(text[i] for i in kept), language)
    ends = [(kept[f.start], kept[f.end - 1] + 1) for f in found]
    return [replace(f, start=a, end=b, surface=text[a:b]) for f, (a, b) in zip(found, ends, strict=True)]


_NUMERAL = "0-9〇零一二两三四五六七八九十百千万亿"


def _inside_number(text: str, match: re.Match[str]) -> bool:
    """Whether what looks like an idiom is cut out of a larger numeral (一百七十一万一千)."""
    if not set(match.group()) & set("一二三四五六七八九十百千万"):
        return False
    before = text[match.start() - 1 : match.start()]
    after = text[match.end() : match.end() + 1]
    first, last = match.group()[0], match.group()[-1]
    touches = re.match(f"[{_NUMERAL}]", before) and re.match(f"[{_NUMERAL}]", first)
    return bool(touches or (re.match(f"[{_NUMERAL}]", after) and re.match(f"[{_NUMERAL}]", last)))


def _place(fact: Fact, text: str, plain: str, language: str) -> Fact:
    surface = text[fact.start : fact.end]
    if fact.kind != "number":
        return replace(fact, surface=surface)
    unit, length = _unit(plain, fact.end, language)
    bound = fact.bound or _bound(plain, fact.start, fact.end + length)
    kind = "percent" if unit == "percent" and not fact.unit else fact.kind
    low, high = (fact.low / 100, fact.high / 100) if kind == "percent" else (fact.low, fact.high)
    # 24年 may count years or name one
    others = (2000 + low,) if unit == "year" and low == high and 10 <= low <= 99 else fact.others
    return replace(
        fact, kind=kind, low=low, high=high, surface=surface, unit=fact.unit or unit, bound=bound, others=others
    )


@cache
def _unit_table() -> dict[str, list[tuple[str, str]]]:
    """First letter -> (form, unit), the longest forms first."""
    pairs = [(fold(form), name) for name, forms in number_words().units.items() for form in forms]
    table: dict[str, list[tuple[str, str]]] = {}
    for form, name in sorted(pairs, key=lambda p: -len(p[0])):
        table.setdefault(form[0].lower(), []).append((form, name))
    return table


def _unit(plain: str, end: int, language: str) -> tuple[str, int]:
    space = len(plain[end : end + 2]) - len(plain[end : end + 2].lstrip(" -"))
    after = plain[end + space : end + space + 20]
    if not after:
        return "", 0
    lowered = after.lower()
    for form, name in _unit_table().get(lowered[0], ()):
        if not lowered.startswith(form.lower()):
            continue
        tail = after[len(form) : len(form) + 1]
        if form[-1].isascii() and form[-1].isalpha() and tail.isascii() and tail.isalpha():
            continue
        if language == "ja" and name == "hour" and form == "时间":
            return "hour", space + len(form)
        if form == "时间":
            continue
        return name, space + len(form)
    return "", 0


@cache
def _bound_pattern() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = [(fold(w), k) for k, ws in number_words().beside.items() for w in ws]
    ordered = sorted(words, key=lambda p: -len(p[0]))
    body = "|".join(rf"\b{re.escape(w)}\b" if w[0].isascii() else re.escape(w) for w, _ in ordered)
    before = re.compile(rf"({body})(?:\s|了|达|为|有|需要?|要|の|a|an|\$|，)*$", re.I)
    return before, re.compile(rf"^[\s个の]*({body})", re.I)


@cache
def _bound_kind(word: str) -> str:
    for kind, words in number_words().beside.items():
        if word.lower() in {fold(w).lower() for w in words}:
            return kind
    return ""


def _bound(plain: str, start: int, end: int) -> str:
    before, after = _bound_pattern()
    left = before.search(plain[max(0, start - 24) : start])
    if left:
        denied = _DENIED_BEFORE.search(plain[max(0, start - 24) : start][: left.start(1)])
        return _turned(_bound_kind(left.group(1)), denied is not None)
    right = after.match(plain[end : end + 12]) or _COUNTED.match(plain[end : end + 12])
    if right is None:
        return ""
    denied = _DENIED_AFTER.match(plain[end + right.end(1) :])
    return _turned(_bound_kind(right.group(1)), denied is not None)


_COUNTED = re.compile(
    r"(?:[\u4e00-\u9fff]{1,3}?|[\u30a1-\u30faー]{1,8})(以上|以下|以内|未满|を超え|を上回|を下回|に满たない)"
)
"""A counted thing between a figure and its bound (20分以内, 3種類以上); other bounds must stand beside the figure."""
_DENIED_BEFORE = re.compile(
    r"(?:不|未|没|没有|未曾|不会|不能|不得|不可|不应|不应该|不应当|不该|不许|不准)$"
    r"|(?:\b(?:no|not|never|neither|cannot)|n['’]t)(?: be| to| of)* $",
    re.I,
)
_DENIED_AFTER = re.compile(
    r"(?:る?(?:こと|もの)?(?:は|が|も|の)?|にす(?:る)?べきでは?|て(?:は|も)(?:なら|いけ)|では?|じゃ)(?:ない|なか|なく|(?:あり)?ません|ず|ぬ)"
)
"""を超えない, を超えることはない, 以上ではない; not 以上なら and not を超えなければ."""


def _turned(kind: str, denied: bool) -> str:
    """A bound that is denied is the other bound: not more than (不超过, を超えない) is at most."""
    return {"above": "below", "below": "above"}.get(kind, kind) if denied else kind
