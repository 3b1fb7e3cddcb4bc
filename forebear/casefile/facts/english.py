"""Numbers of English text: 135B, 100 billion, a hundred and five, hundreds of billions, two thirds, half a dozen, seventeenth.

Source: Quirk et al., A Comprehensive Grammar of the English Language, 1985, 6.63 to 6.72 (cardinals, ordinals, fractions).
"""

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
    "dozen": 12, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12,
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
_IRREGULAR = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}
_ORDINAL = {
    **{f"{w}th": n for w, n in _ONES.items() if w not in ("zero", "one", "two", "three", "five", "eight", "nine", "twelve")},
    **{f"{w[:-1]}ieth": n for w, n in _TENS.items()}, **_IRREGULAR,
}  # fmt: skip
_WORD = "|".join(sorted([*_ONES, *_TENS], key=len, reverse=True))
_BIG = "hundred|thousand|million|billion|trillion|dozen"
_TIME = "second|minute|hour|day|week|month|year"

_VAGUE = re.compile(
    rf"\b(?P<lead>tens|dozens|hundreds|thousands|millions|billions|trillions)(?: of (?P<of>thousands|millions|billions|trillions"
    rf"|B|M))?\b|\b(?P<few>several|a few|some|a couple of)[ -](?P<unit>{_BIG})"
    r"(?:[ -](?P<unit2>thousand|million|billion|trillion|B|M))?\b",
    re.I,
)
_BARE = re.compile(
    r"\b(?P<bare>million|billion|trillion)(?=[ -](?:scale|level|class|parameter|token|word|size|order))", re.I
)
_FIGURE = re.compile(
    r"(?<![\w.])(?P<currency>[$€£¥])?(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?:(?P<suffix>[KkMBTb]|bn|mn)(?![A-Za-z0-9])|[ -](?P<scale>(?i:{_BIG}))"
    r"(?:[ -](?P<scale2>(?i:thousand|million|billion|trillion)))?\b)?"
    r"(?P<fold>-?fold\b|x(?![A-Za-z0-9]))?(?P<ordinal>st\b|nd\b|rd\b|th\b)?"
)
_ORDINALS = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})-)?(?P<ordinal>{'|'.join(sorted(_ORDINAL, key=len, reverse=True))})\b(?!s\b)",
    re.I,
)
_PARTS = {"half": 2, "halves": 2, "third": 3, "quarter": 4} | {w: n for w, n in _ORDINAL.items() if 3 < n <= 20}
_SHARE = re.compile(
    rf"\b(?P<above>a|{_WORD})[ -](?P<below>half|halves|third|quarter|(?:four|fif|six|seven|eigh|nin|ten|twelf)th)s?\b"
    rf"(?! (?:of a )?(?:{_TIME}|million|billion|dozen))"
    rf"|\b(?P<x>{_WORD}|\d+) (?:in|out of)(?: every)? (?P<y>{_WORD}|\d+)\b(?! (?:{_TIME}))",
    re.I,
)
_WORDS = re.compile(
    rf"\b(?:(?:{_WORD}|an?(?=[ -](?:{_BIG})))(?:[ -](?:and[ -])?(?:{_WORD}|{_BIG}))*|half a (?:thousand|million|billion|dozen))"
    r"(?P<half> and a half)?(?P<fold>-?fold)?(?:(?<=hundred) B\b)?\b",
    re.I,
)
_LENGTH = re.compile(
    r"\b(?:(?P<few>a few|several|some|a couple of)(?: more| short| long)?|(?P<half>half an?)|(?<=within )(?:an?|one)|"
    + "|".join(rf"(?<={w} )an?" for w in ("after", "than", "about", "over", "under", "nearly", "almost", "for"))
    + rf")(?= (?:{_TIME})s?\b)|\b(?:an?|one|the) (?:entire|whole|full|single)(?= (?:{_TIME})\b)",
    re.I,
)
"""A length of time without a figure: a few days, half a year, within a week."""
_HYPHENATED = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_./+:@~][A-Za-z0-9]+)*")


def english_facts(text: str) -> list[Fact]:
    """Numbers of a narrowed English text, in no particular order."""
    text = _without_names(text)
    found = [_length(m) for m in _LENGTH.finditer(text)]
    text = mask(text, ((f.start, f.end) for f in found))
    for pattern, read in (
        (_VAGUE, _vague),
        (_SHARE, _share),
        (_ORDINALS, _ordinal),
        (_FIGURE, _figure),
        (_WORDS, _words),
        (_BARE, _bare),
    ):
        read_here = [(m, read(m)) for m in pattern.finditer(text)]
        found += [fact for _, fact in read_here if fact is not None]
        text = mask(text, (m.span() for m, fact in read_here if fact is not None))
    return found


def _without_names(text: str) -> str:
    """Blank names that hold digits (GPT-2, v3.1), but keep number words joined by hyphens (twenty-five, 80-layer)."""
    spans = []
    for match in _HYPHENATED.finditer(text):
        if any(c.isdigit() for c in match.group()) and not text[match.start() - 1 : match.start()].isdigit():
            spans.append(match.span())
    return mask(text, spans)


def _length(match: re.Match[str]) -> Fact:
    low, high = (0.5, 0.5) if match["half"] else (2.0, 9.999) if match["few"] else (1.0, 1.0)
    return Fact("number", low, high, *match.span(), match.group(), strong=False)


def _bare(match: re.Match[str]) -> Fact:
    value = float(_SCALE[match["bare"].lower()])
    return Fact("number", value, 9.999 * value, *match.span(), match.group())


def _vague(match: re.Match[str]) -> Fact | None:
    if match["lead"]:
        value = float(_PLURAL[match["lead"].lower()])
        if match["of"]:
            of = match["of"].lower()
            value *= _PLURAL.get(of, _SCALE.get(of, 1))
        if match["lead"].lower() == "dozens":
            return Fact("number", 20.0, 99.99, *match.span(), match.group())
        return Fact("number", value, 9.999 * value, *match.span(), match.group())
    value = float(_SCALE[match["unit"].lower()])
    if match["unit2"]:
        value *= _SCALE[match["unit2"].lower()]
    return Fact("number", 2 * value, 9.999 * value, *match.span(), match.group())


def _share(match: re.Match[str]) -> Fact | None:
    """Two thirds, a quarter, three in ten; not `a third` alone, which may be the third of a row."""
    if match["x"]:
        above, below = _small(match["x"]), _small(match["y"])
        if not 0 < above < below or below not in (5, 10, 20, 100, 1000):
            return None
    else:
        above, below = (
            1.0 if match["above"].lower() == "a" else _small(match["above"]),
            float(_PARTS[match["below"].lower()]),
        )
        if (match["above"].lower() == "a" and not match.string[match.end() :].startswith(" of")) or above >= below:
            return None
    return Fact("percent", above / below, above / below, *match.span(), match.group(), unit="percent", strong=below > 2)


def _small(word: str) -> float:
    return float(word) if word.isdigit() and len(word) < 12 else float({**_ONES, **_TENS}.get(word.lower(), 0))


def _ordinal(match: re.Match[str]) -> Fact:
    value = float(_ORDINAL[match["ordinal"].lower()] + (_TENS[match["tens"].lower()] if match["tens"] else 0))
    return Fact("ordinal", value, value, *match.span(), match.group(), strong=False)


def _figure(match: re.Match[str]) -> Fact:
    value = plain = float(match["digits"].replace(",", ""))
    for name in ("suffix", "scale", "scale2"):
        if match[name]:
            value *= _SCALE[match[name].lower()]
    value = float(f"{value:.12g}")
    unit = {"$": "dollar", "€": "euro", "£": "pound"}.get(match["currency"] or "", "")
    if match["fold"]:
        unit = "times"
    if match["ordinal"]:
        return Fact("ordinal", value, value, *match.span(), match.group(), strong=False)
    others = (plain,) if match["suffix"] == "b" else ()
    return Fact("number", value, value, *match.span(), match.group(), unit=unit, others=others)


def _words(match: re.Match[str]) -> Fact:
    total = section = 0.0
    for word in re.findall(r"[a-z]+", match.group().lower().replace("fold", "").replace(" and a half", "")):
        if word == "half":
            section = 0.5
        elif word in _ONES:
            section += _ONES[word]
        elif word in _TENS:
            section += _TENS[word]
        elif word in ("hundred", "dozen"):
            section = (section or 1.0) * _SCALE[word]
        elif word in _SCALE and len(word) > 2:
            total += (section or 1.0) * _SCALE[word]
            section = 0.0
    value = total + section + (0.5 if match["half"] else 0.0)
    unit = "times" if match["fold"] else ""
    return Fact("number", value, value, *match.span(), match.group(), unit=unit, strong=value > 10)
