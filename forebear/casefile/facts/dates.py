"""Dates as facts: a year, a month and a day each, so that 24年3月 and March 2024 agree."""

from __future__ import annotations

import re

from forebear.casefile.facts.fact import Fact

_HAN_DIGIT = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | {"零": "0"}
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = "|".join(m.capitalize() + (f"|{m[:3].capitalize()}\\.?" if m != "may" else "") for m in _MONTHS) + r"|Sept\.?"
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民国": 1911}

_N = r"\d{1,2}|十[一二]|[一二三四五六七八九十]"
_D = r"\d{1,2}|[一二三]?十[一二三四五六七八九]?|[一二三四五六七八九]"
_WIDE_YEAR = re.compile(
    rf"(?:(?P<era>令和|平成|昭和|民国)\s?(?P<n>\d{{1,3}}|元)|(?<!\d)(?P<y>(?:19|20)\d{{2}}(?!\d)|[一二][〇零九][〇零一二三四五六七八九]{{2}})"
    rf"|(?<!\d)(?P<yy>\d{{2}})(?=\s?年\s?(?:(?:{_N})\s?月|初|底|末|春|夏|秋|冬|上半|下半|年初|年底)))\s?年度?"
)
_WIDE_MONTH = re.compile(rf"(?<![\d个一二三四五六七八九十])(?P<m>{_N})\s?月(?:\s?(?P<d>{_D})\s?(?:日|号))?(?!间)")
_ISO = re.compile(r"(?<![\d-])(?P<y>(?:19|20)\d{2})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\d-])")
_YEAR_MONTH = re.compile(r"(?<![\d/])(?P<y>(?:19|20)\d{2})/(?P<m>0?[1-9]|1[0-2])(?![\d/])")
_Y = r"(?P<y>(?:19|20)\d{2})"
_WHEN = (
    "in", "In", "of", "since", "Since", "until", "Until", "by", "By", "early", "late", "mid", "this", "last", "next", "from",
    "From",
    "through", "before", "after", "during", "every", "each",
)  # fmt: skip
_AFTER_WHEN = "(?:" + "|".join(rf"(?<=\b{w} )" for w in _WHEN) + ")"
_LONG = "|".join(m.capitalize() for m in _MONTHS if m not in ("march", "april", "may", "june", "august"))
"""Months that are no given names; the others, and months cut short, need a day, a year or a word of time beside them."""
_ENGLISH = (
    re.compile(rf"\b(?P<mon>{_MONTH})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[.,]\d{{1,2}}\b)(?:,?\s+{_Y})?\b"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<mon>{_MONTH})(?:,?\s+{_Y})?\b"),
    re.compile(rf"\b(?P<mon>{_MONTH})\s+(?:of\s+)?{_Y}\b"),
    re.compile(rf"\b(?P<mon>{_LONG})(?![A-Za-z])"),
    re.compile(rf"{_AFTER_WHEN}(?P<mon>{_MONTH})(?![A-Za-z])"),
    re.compile(r"(?<!\w)['’](?P<yy>\d{2})\b"),
    re.compile(rf"{_AFTER_WHEN}{_Y}\b(?![.,]?\d)"),
)


def date_facts(plain: str, language: str) -> list[Fact]:
    """Years, months and days of a narrowed text. A two-digit year is read as written and as 20xx."""
    found: list[Fact] = []
    for match in (*_ISO.finditer(plain), *_YEAR_MONTH.finditer(plain)):
        found += _parts(match)
    taken = bytearray(len(plain))
    for fact in found:
        taken[fact.start : fact.end] = b"\1" * (fact.end - fact.start)
    patterns = _ENGLISH if language == "en" else (_WIDE_YEAR, _WIDE_MONTH)
    for pattern in patterns:
        for match in pattern.finditer(plain):
            if not any(taken[match.start() : match.end()]):
                found += _parts(match)
                taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    return found


def _parts(match: re.Match[str]) -> list[Fact]:
    groups = match.groupdict()
    found: list[Fact] = []
    span, surface = match.span(), match.group()
    if groups.get("era"):
        year = _ERAS[groups["era"]] + (1 if groups["n"] == "元" else int(groups["n"]))
        found.append(Fact("year", year, year, *span, surface))
    if groups.get("y"):
        year = int("".join(_HAN_DIGIT.get(c, c) for c in groups["y"]))
        found.append(Fact("year", year, year, *span, surface))
    if groups.get("yy"):
        year = int(groups["yy"])
        found.append(Fact("year", 2000 + year, 2000 + year, *span, surface, others=(float(year),)))
    month = groups.get("m")
    if groups.get("mon"):
        month = str(next(i + 1 for i, m in enumerate(_MONTHS) if m.startswith(groups["mon"].lower().rstrip(".")[:3])))
    if month:
        value = _small(month)
        if 1 <= value <= 12:
            found.append(Fact("month-of-year", value, value, *span, surface))
    if groups.get("d"):
        value = _small(groups["d"])
        if 1 <= value <= 31:
            found.append(Fact("day-of-month", value, value, *span, surface))
    return found


def _small(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, _, ones = text.partition("十")
    digits = {c: i for i, c in enumerate("〇一二三四五六七八九")}
    if "十" in text:
        return 10 * digits.get(tens, 1) + digits.get(ones, 0)
    return digits.get(text, 0)
