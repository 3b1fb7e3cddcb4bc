"""Numbers written in digits, Han numerals or a mixture, as facts: one grammar for Chinese and one for Japanese.

A run of Han numerals is a number when it is well formed (places descend, 零 stands for a place left out) and, where it is one
digit or one bare place, when a counter follows. So 万一, 统一, 千帆, 一起 hold none, without a list of such words.
Source: Chao, A Grammar of Spoken Chinese, 1968, 7.3 (numerals) and 7.9 (measures); Martin, A Reference Grammar of Japanese,
1975, 13.5 and 13.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from forebear.casefile.facts.english import english_facts
from forebear.casefile.facts.fact import Fact, mask, number_words
from forebear.casefile.text.scripts import fold

DIGIT = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
SMALL = {"十": 10, "百": 100, "千": 1000}
LARGE = {"万": 10**4, "亿": 10**8, "兆": 10**12}
LATIN_SCALE = {"K": 10**3, "k": 10**3, "M": 10**6, "B": 10**9, "b": 10**9, "T": 10**12}

_DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_HAN = "〇零一二两三四五六七八九十百千万亿"
LATIN_TERM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_./+:@~][A-Za-z0-9]+)*")
_VAGUE = r"(?:数以|[数几]|(?<![如为任])何)(?=[十百千万亿])|上"
"""Some (数百, 几十, 何百) before a place of ten or more only; 如何, 为何, 任何 are no figures, nor is what follows them vague."""
_BYTES = re.compile(r".{0,5}(?:字节|字组|バイト)")
"""Behind 1K or 1K到8K: kilobytes, where another text may have the unit as a word."""
_GLUED = r"[KMBT](?=[-_ ]|[A-Z]?[a-z]{2,})(?!B|[Bb](?:it|yte|ps)|in\b|ins?\b|bps|bit|elvin|i?[Bb]\b|onth)"
"""A magnitude with a word glued to it (52Bmoe, 7BChat), as against a unit (30Min, 5MByte)."""
LETTER = rf"(?:[KkMBTb](?![A-Za-z0-9])|{_GLUED})"
_WIDE = re.compile(
    rf"(?P<vague>{_VAGUE})?(?P<body>(?:{_DIGITS})\s?(?=[{_HAN[10:]}兆])(?:[{_HAN}兆]|(?<!\d)\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d)*|(?:{_DIGITS})|[{_HAN}兆]+)"
    rf"(?P<point>点[{_HAN[:11]}]+)?(?P<more>[多余几来数](?=[万亿\u4e00-\u9fffBbMm个]|$|\s))?(?P<large>[万亿]{{0,2}})"
    rf"(?:\s?(?P<latin>{LETTER}))?"
)
_SOME = ("数", "数以", "几", "何")
"""数百, 几百, 何百: some hundreds; 数以百万 and 何百万: millions."""
_CODES = re.compile(r"https?://\S+|\b\d+(?:\.\d+){2,}\b|\b0x[0-9a-fA-F]+\b|\b\d{1,2}:\d{2}(?::\d{2})?\b")
"""Addresses, versions, hexadecimal numbers and times of day."""
_N = rf"\d{{1,12}}(?:\.\d{{1,12}})?|[{_HAN}]{{1,12}}"
_SHARE = re.compile(rf"(?P<below>{_N})\s?分(?:之|の)\s?(?P<body>{_N})(?P<point>点[{_HAN[:11]}]+)?|百分百")
_TENTHS = re.compile(
    r"(?P<body>[一二三四五六七八九]|\d(?:\.\d)?)(?P<unit>成|割)(?P<half>半)?(?![功为立员年长分了熟语果本就绩])"
)
_FEW = re.compile(
    r"(?:好几|若干|[几数]|何)(?=\s?(?:个月|个?星期|个?小时|天|日|周|年|か月|ヶ月|カ月|ヵ月|时间|分钟|分间|秒))"
)
"""An unnamed small number of a length of time: 几天, 数か月."""
_FIRST = re.compile("最初|初めて|首次|首个|首先|最先|最早")
_HALF = re.compile(r"半(?=\s?(?:个月|个?小时|天|日|年|か月|ヶ月|时间|周))")
_PLUS_HALF = re.compile(r"个?(?:多)?半(?=月|小时|星期|钟头)|(?:个月|小时|天|年|周|か月|ヶ月|时间|日|周间|分钟|倍)半")


def number_facts(plain: str, language: str) -> list[Fact]:
    """Numbers of a narrowed text; Latin names and addresses are left out, with the figures inside them."""
    found: list[Fact] = []
    codes = list(_CODES.finditer(plain))
    text = mask(plain, (m.span() for m in codes))
    for match in codes:
        if re.fullmatch(r"\d{1,2}:\d{2}", match.group()):
            hour, minute = match.group().split(":")
            value = float(int(hour) * 60 + int(minute))
            found.append(Fact("time", value, value, *match.span(), match.group()))
    if language == "en":
        return found + english_facts(text)
    text = mask(text, _latin_spans(text))
    found += [Fact("number", 2.0, 9.999, *m.span(), m.group(), strong=False) for m in _FEW.finditer(text)]
    found += [
        Fact("number", 0.5, 0.5, *m.span(), m.group(), strong=False)
        for m in _HALF.finditer(text)
        if not _numeral_before(text, m.start())
    ]
    found += [Fact("ordinal", 1.0, 1.0, *m.span(), m.group(), strong=False) for m in _FIRST.finditer(text)]
    shares = list(_shares(text))
    return found + shares + list(_wide_numbers(mask(text, ((f.start, f.end) for f in shares)), language))


def _numeral_before(text: str, at: int) -> bool:
    return text[at - 1 : at] != "" and text[at - 1] in f"{_HAN}0123456789个"


def _latin_spans(text: str) -> Iterator[tuple[int, int]]:
    """Latin terms, but for a magnitude letter behind a figure (52Bmoe keeps its B)."""
    for match in LATIN_TERM.finditer(text):
        before = text[match.start() - 1 : match.start()]
        figure = before == "" or before.isdigit() or before in "数几百千万亿十"
        if figure and re.match(LETTER, match.group()):
            if match.end() - match.start() > 1:
                yield match.start() + 1, match.end()
        else:
            yield match.span()


def _shares(text: str) -> Iterator[Fact]:
    """Parts of a whole: 百分之三十, 3分の1, 三成, 3割5分 without its last place."""
    for match in _SHARE.finditer(text):
        below = 1.0 if match["below"] is None else han_value(match["below"])
        above = 1.0 if match["body"] is None else han_value(match["body"]) + _point(match["point"])
        if (below >= 2 and 0 < above <= 100 * below) or match["below"] is None:
            yield Fact("percent", above / below, above / below, *match.span(), match.group(), unit="percent")
    for match in _TENTHS.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if before and before in _HAN + "0123456789.分":
            continue
        value = (han_value(match["body"]) + (0.5 if match["half"] else 0)) / 10
        yield Fact("percent", value, value, *match.span(), match.group(), unit="percent")


def _wide_numbers(text: str, language: str) -> Iterator[Fact]:
    for match in _WIDE.finditer(text):
        fact = _wide(match, text, language)
        if fact is not None:
            yield fact


def _wide(match: re.Match[str], text: str, language: str) -> Fact | None:
    body = match["body"].strip()
    if match["vague"] == "上" and body[0] not in "十百千万亿":
        return _read(body, match.start("body"), match.start("body") + len(body), text, language)
    scale = float(LATIN_SCALE.get(match["latin"] or "", 1))
    for character in match["large"] or "":
        scale *= LARGE[character]
    span, surface = match.span(), match.group()
    if match["vague"] in _SOME:
        value = han_value(body) * scale
        return Fact("number", 2 * value, 9.999 * value, *span, surface)
    if scale == 1 and not match["point"] and not match["more"] and not body[0].isdigit() and not match["vague"]:
        return _read(body, *span, text, language)
    if body in ("万", "亿", "兆", "零", "〇") and not match["vague"] and scale == 1:
        return None
    value = (han_value(body) + _point(match["point"])) * scale
    if match["vague"] or (body[0] in "百千万亿" and len(body) <= 3):
        return Fact("number", value, 1.999 * value, *span, surface)
    if match["more"] and not match["latin"]:
        step = _step(body) * scale
        return Fact("number", value, value + 0.999 * step, *span, surface, bound="above")
    bytes_follow = match["latin"] and _BYTES.match(text, match.end())
    others = (han_value(body),) if match["latin"] == "b" or bytes_follow else ()
    return _placed(value, span, text, surface, others)


def _placed(value: float, span: tuple[int, int], text: str, surface: str, others: tuple[float, ...] = ()) -> Fact:
    """A figure with what its neighbours make of it: an ordinal behind 第 or before 番目, half a unit more before 半."""
    start, end = span
    if text[start - 1 : start] == "第" or re.match(
        r"\s?(?:番|つ|个|回|代|行|列|人|文字|本|年|日|章)目", text[end : end + 6]
    ):
        return Fact("ordinal", value, value, start, end, surface, strong=False)
    half = _PLUS_HALF.match(text, end)
    strong = surface[:1].isdigit() or value > 10
    value += 0.5 if half else 0.0
    return Fact("number", value, value, start, end, surface, strong=strong, others=others)


def _read(body: str, start: int, end: int, text: str, language: str) -> Fact | None:
    """A run of Han numerals as a number, or None where it is none."""
    surface, span, after = text[start:end], (start, end), text[end : end + 6]
    if body[0].isdigit():
        return _placed(han_value(body), span, text, surface)
    ordinal = text[start - 1 : start] == "第"
    counted, level = _counter().match(after) is not None, _level().match(after) is not None
    if body == "千百万":
        return Fact("number", 10.0**6, 9.999 * 10**7, *span, surface)
    if _BARE.fullmatch(body):
        sure = len(body) > 1 and body != "千万"
        if not (counted or level or ordinal or sure) or (body in LARGE and not level):
            return None
        value = han_value(body)
        if level:
            return Fact("number", value, 9.999 * value, *span, surface)
        if body == "十" or ordinal or body.startswith("十"):
            return _placed(value, span, text, surface)
        return Fact("number", value, 1.999 * value, *span, surface)
    few = _APPROXIMATE.search(body)
    if (
        few
        and (counted or len(body) > 2)
        and (low := _well_formed(body.replace(few.group(), few.group()[0], 1), language))
    ):
        high = _well_formed(body.replace(few.group(), few.group()[1], 1), language)
        return Fact("number", low, max(low, high), *span, surface, strong=low > 10)
    if len(body) == 1 and not counted and not ordinal:
        return None
    value = _well_formed(body, language)
    return _placed(value, span, text, surface) if value or (body in "零〇" and value == 0 and counted) else None


_BARE = re.compile("[十百千]?(?:万亿|[万亿兆])|[十百千]")
"""Places without a digit: 百, 千万, 万亿; they stand for one of them or more."""
_APPROXIMATE = re.compile("一二|[二两]三|三四|四五|五六|六七|七八|八九")
"""Two digits in a row, for one of the two: 两三天, 七八百."""
_D = "[一二两三四五六七八九]"
_SECTION = {
    "zh": f"(?:{_D}千)?(?:零?{_D}百)?(?:零?{_D}?十)?(?:零?{_D})?",
    "ja": f"(?:{_D}?千)?(?:{_D}?百)?(?:{_D}?十)?{_D}?",
}
_NUMERAL = {
    language: re.compile(f"(?:{s}兆)?(?:{s}(?:万亿|亿))?(?:零?{s}万)?(?:零?{s})?") for language, s in _SECTION.items()
}
_POSITIONAL = re.compile("[〇零一二三四五六七八九]{3,}")


def _well_formed(body: str, language: str) -> float:
    """The value of a well-formed numeral, 0 for any other run."""
    if _POSITIONAL.fullmatch(body):
        return han_value(body) if len(body) > 3 or set(body) & set("〇零") else 0.0
    if not _NUMERAL["ja" if language == "ja" else "zh"].fullmatch(body) or (body[0] in "万亿兆" or body[0] == "零"):
        return 0.0
    short = re.search(f"({_D})([百千万亿])({_D})$", body)
    value = han_value(body)
    if short and language != "ja":  # 三万五: a digit behind a place is of the next place
        place = {**SMALL, **LARGE}[short[2]]
        value += DIGIT[short[3]] * (place / 10 - 1)
    return value


@cache
def _counter() -> re.Pattern[str]:
    words = number_words()
    forms = {
        fold(f) for f in (*words.counters, *(f for forms in words.units.values() for f in forms)) if not f.isascii()
    }
    return re.compile(r"\s?(?:" + "|".join(re.escape(f) for f in sorted(forms, key=len, reverse=True)) + ")")


@cache
def _level() -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(re.escape(fold(w)) for w in number_words().levels) + ")")


def _point(part: str | None) -> float:
    digits = [DIGIT[c] for c in (part or "")[1:40] if c in DIGIT]  # a double has 17 digits
    return float(sum(d / 10 ** (i + 1) for i, d in enumerate(digits)))


def _step(body: str) -> float:
    """The size of the last place written: 10 for 一百二十, 100 for 300."""
    if body[0].isdigit() and body.replace(",", "").isdigit():
        digits = body.replace(",", "")
        return float(f"1e{len(digits) - len(digits.rstrip('0'))}")  # infinite past 308; 10 ** n would overflow
    last = body[-1]
    return float({**SMALL, **LARGE}.get(last, 1))


def han_value(body: str) -> float:
    """3万5千, 1,350亿, 一千三百五十亿, 二〇二四, 千亿."""
    body = body.replace(",", "").replace(" ", "")
    if body and all(c in DIGIT for c in body) and len(body) > 1:
        return float("".join(str(DIGIT[c]) for c in body))
    total = section = 0.0
    number: float | None = None
    for part in re.findall(r"\d+(?:\.\d+)?|.", body):
        if part[0].isdigit():
            number = float(part)
        elif part in DIGIT:
            number = float(DIGIT[part])
        elif part in SMALL:
            section += (number or 1.0) * SMALL[part]  # 零十: no ten is counted nought times
            number = None
        elif part in LARGE:
            section += number or 0.0
            if section:
                total += section * LARGE[part]
            else:
                total = max(total, 1.0) * LARGE[part]
            section, number = 0.0, None
    return total + section + (number or 0.0)
