"""Numbers of English text: 135B, 100 billion, a hundred and five, hundreds of billions, twofold."""

from __future__ import annotations

import re

from forebear.casefile.facts.fact import Fact, mask

_ONES = {
    w: i
    for i, w in enumerate(
        re.findall(
            r"\w+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
            "eighteen nineteen",
        )
    )
}
_TENS = {
    w: 10 * (i + 2)
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
_SCALE = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "bn": 10**9, "mn": 10**6,
    "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12,
}  # fmt: skip
_PLURAL = {
    "tens": 10,
    "dozens": 12,
    "hundreds": 100,
    "thousands": 1000,
    "millions": 10**6,
    "billions": 10**9,
    "trillions": 10**12,
}
_WORD = "|".join(sorted([*_ONES, *_TENS], key=len, reverse=True))
_BIG = "hundred|thousand|million|billion|trillion"

_VAGUE = re.compile(
    rf"\b(?P<lead>tens|dozens|hundreds|thousands|millions|billions|trillions)(?: of (?P<of>thousands|millions|billions|trillions"
    rf"|B|M))?\b|\b(?P<few>several|a few|some)[ -](?P<unit>{_BIG})(?:[ -](?P<unit2>thousand|million|billion|trillion|B|M))?\b",
    re.I,
)
_FIGURE = re.compile(
    r"(?<![\w.])(?P<currency>[$€£¥])?(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?:(?P<suffix>[KkMBT]|bn|mn)(?![A-Za-z0-9])|[ -](?P<scale>{_BIG})(?:[ -](?P<scale2>thousand|million|billion|trillion))?\b)?"
    r"(?P<fold>-?fold\b|x(?![A-Za-z0-9]))?(?P<ordinal>st\b|nd\b|rd\b|th\b)?"
)
_WORDS = re.compile(
    rf"\b(?:(?:{_WORD}|a(?=[ -](?:{_BIG})))(?:[ -](?:and[ -])?(?:{_WORD}|{_BIG}))*|half a (?:thousand|million|billion))"
    r"(?P<fold>-?fold)?(?:(?<=hundred) B\b)?\b",
    re.I,
)
_HYPHENATED = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_./+:@~][A-Za-z0-9]+)*")


def english_facts(text: str) -> list[Fact]:
    """Numbers of a narrowed English text, in no particular order."""
    found: list[Fact] = []
    text = _without_names(text)
    vague = [m for m in _VAGUE.finditer(text) if m["lead"] or m["unit"]]
    found += [Fact("number", *_vague(m), *m.span(), m.group()) for m in vague]
    text = mask(text, (m.span() for m in vague))
    figures = list(_FIGURE.finditer(text))
    found += [_figure(m) for m in figures]
    text = mask(text, (m.span() for m in figures))
    for match in _WORDS.finditer(text):
        value = _words(match.group().replace("fold", ""))
        strong = value > 10
        unit = "times" if match["fold"] else ""
        found.append(Fact("number", value, value, *match.span(), match.group(), unit=unit, strong=strong))
    return found


def _without_names(text: str) -> str:
    """Blank names that hold digits (GPT-2, v3.1), but keep number words joined by hyphens (twenty-five, 80-layer)."""
    spans = []
    for match in _HYPHENATED.finditer(text):
        if any(c.isdigit() for c in match.group()) and not text[match.start() - 1 : match.start()].isdigit():
            spans.append(match.span())
    return mask(text, spans)


def _vague(match: re.Match[str]) -> tuple[float, float]:
    if match["lead"]:
        value = float(_PLURAL[match["lead"].lower()])
        if match["of"]:
            of = match["of"].lower()
            value *= _PLURAL.get(of, _SCALE.get(of, 1))
        if match["lead"].lower() == "dozens":
            return 20.0, 99.99
        return (2.0 if value > 10 else 1.0) * value, 9.999 * value
    value = float(_SCALE[match["unit"].lower()])
    if match["unit2"]:
        value *= _SCALE[match["unit2"].lower()]
    return 2 * value, 9.999 * value


def _figure(match: re.Match[str]) -> Fact:
    value = float(match["digits"].replace(",", ""))
    for name in ("suffix", "scale", "scale2"):
        if match[name]:
            value *= _SCALE[match[name].lower()]
    value = float(f"{value:.12g}")
    unit = {"$": "dollar", "€": "euro", "£": "pound"}.get(match["currency"] or "", "")
    if match["fold"]:
        unit = "times"
    return Fact("number", value, value, *match.span(), match.group(), unit=unit)


def _words(text: str) -> float:
    total = section = 0.0
    for word in re.findall(r"[a-z]+", text.lower()):
        if word == "half":
            section = 0.5
        elif word in _ONES:
            section += _ONES[word]
        elif word in _TENS:
            section += _TENS[word]
        elif word == "a":
            section = section or 0.0
        elif word == "hundred":
            section = (section or 1.0) * 100
        elif word in _SCALE and len(word) > 2:
            total += (section or 1.0) * _SCALE[word]
            section = 0.0
    return total + section
