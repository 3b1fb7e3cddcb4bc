"""Numbers written in digits, Han numerals, English words, or a mixture, as facts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forebear.casefile.facts.english import english_facts
from forebear.casefile.facts.fact import Fact, mask

DIGIT = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
SMALL = {"十": 10, "百": 100, "千": 1000}
LARGE = {"万": 10**4, "亿": 10**8, "兆": 10**12}
LATIN_SCALE = {"K": 10**3, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}

_DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_HAN = "〇零一二两三四五六七八九十百千万亿"
LATIN_TERM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_./+:@~][A-Za-z0-9]+)*")
_VAGUE = r"(?:数以|[数几]|(?<![如为任])何)(?=[十百千万亿])|上"
"""Some (数百, 几十, 何百) before a place of ten or more only; 如何, 为何, 任何 are no figures, nor is what follows them vague."""
_WIDE = re.compile(
    rf"(?P<vague>{_VAGUE})?(?P<body>(?:{_DIGITS})\s?(?=[{_HAN[10:]}兆])(?:[{_HAN}兆]|\d)*|(?:{_DIGITS})|[{_HAN}]+兆?)"
    rf"(?P<point>点[{_HAN[:11]}]+)?(?P<more>[多余几来数](?=[万亿\u4e00-\u9fffBbMm个]|$|\s))?(?P<large>[万亿]{{0,2}})"
    r"(?:\s?(?P<latin>[KkMBT])(?![A-Za-z0-9]))?"
)
_SOME = ("数", "数以", "几", "何")
"""数百, 几百, 何百: some hundreds; 数以百万 and 何百万: millions."""
_CODES = re.compile(r"https?://\S+|\b\d+(?:\.\d+){2,}\b|\b0x[0-9a-fA-F]+\b|\b\d{1,2}:\d{2}(?::\d{2})?\b")
"""Addresses, versions, hexadecimal numbers and times of day."""
_PERCENT = re.compile(rf"百分之(?P<body>(?:{_DIGITS})|[{_HAN}]+)(?P<point>点[{_HAN[:11]}]+)?")
_TENTHS = re.compile(
    r"(?P<body>[一二三四五六七八九]|\d(?:\.\d)?)(?P<unit>成|割)(?P<half>半)?(?![功为立员年长分了熟语果本就绩])"
)


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
    terms = []
    for match in LATIN_TERM.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if not (before.isdigit() or before in "数几百千万亿十" or before == "") or not re.fullmatch(
            "[KkMBT]", match.group()
        ):
            terms.append(match.span())
    text = mask(text, terms)
    shares = list(_percents(text))
    return found + shares + list(_wide_numbers(mask(text, ((f.start, f.end) for f in shares))))


def _percents(text: str) -> Iterator[Fact]:
    for match in _PERCENT.finditer(text):
        value = (han_value(match["body"]) + _point(match["point"])) / 100
        yield Fact("percent", value, value, *match.span(), match.group(), unit="percent")
    for match in _TENTHS.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if before and before in _HAN + "0123456789.分":
            continue
        value = (han_value(match["body"]) + (0.5 if match["half"] else 0)) / 10
        yield Fact("percent", value, value, *match.span(), match.group(), unit="percent")


def _wide_numbers(text: str) -> Iterator[Fact]:
    for match in _WIDE.finditer(text):
        fact = _wide(match, text)
        if fact is not None:
            yield fact


def _wide(match: re.Match[str], text: str) -> Fact | None:
    body = match["body"].strip()
    if match["vague"] == "上" and body[0] not in "十百千万亿":
        return _plain_fact(match, body, text)
    scale = float(LATIN_SCALE.get(match["latin"] or "", 1))
    for character in match["large"] or "":
        scale *= LARGE[character]
    if body in ("万", "亿", "兆", "零", "〇") and not match["vague"] and scale == 1:
        return None
    value = (han_value(body) + _point(match["point"])) * scale
    span = match.span()
    if match["vague"] in _SOME:
        return Fact("number", 2 * value, 9.999 * value, *span, match.group())
    if body == "千百万":
        return Fact("number", 10.0**6, 9.999 * 10**7, *span, match.group())
    if body[0] in "百千万亿" and len(body) <= 3:
        return Fact("number", value, 1.999 * value, *span, match.group())
    if match["more"] and not match["latin"]:
        step = _step(body) * scale
        return Fact("number", value, value + 0.999 * step, *span, match.group(), bound="above")
    strong = body[0].isdigit() or value > 10
    return Fact("number", value, value, *span, match.group(), strong=strong)


def _plain_fact(match: re.Match[str], body: str, text: str) -> Fact:
    value = han_value(body)
    start = match.start() + len(match["vague"])
    strong = body[0].isdigit() or value > 10
    return Fact(
        "number", value, value, start, match.start("body") + len(body), text[start : match.end("body")], strong=strong
    )


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
            section += (1.0 if number is None else number) * SMALL[part]
            number = None
        elif part in LARGE:
            section += number or 0.0
            if section:
                total += section * LARGE[part]
            else:
                total = max(total, 1.0) * LARGE[part]
            section, number = 0.0, None
    return total + section + (number or 0.0)
