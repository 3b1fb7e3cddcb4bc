"""Errors of known kinds put into one sentence of a translation, by general means: it knows nothing of the checker's lists."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("number", "magnitude", "unit", "negation lost", "negation added", "certainty", "opposite", "name", "product", "order",
         "omission", "untranslated", "addition")  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """kind; text: language of the translation; index of the sentence; was, now: its words; left: sentences of the original."""

    kind: str
    text: str
    index: int
    was: str
    now: str
    left: tuple[int, ...]


def rules_of(kind: str) -> tuple[str, ...]:
    """Families of rules that answer for a kind."""
    figures = ("number/", "date/", "unit/")
    return {
        "number": figures, "magnitude": figures, "unit": figures, "order": ("number/", "date/"),
        "negation lost": ("negation/", "contradiction/"), "negation added": ("negation/", "contradiction/"),
        "certainty": ("certainty/",), "opposite": ("contradiction/", "negation/"), "name": ("term/", "name/"),
        "product": ("term/", "name/"), "omission": ("omission/", "number/lost", "term/lost"), "untranslated": ("untranslated/",),
        "addition": ("addition/", "number/added"),
    }[kind]  # fmt: skip


_NUMBER = re.compile(r"(?<![A-Za-z\d.\-/:_$#&%\"'<(])\d{1,6}(?:[,.]\d+)*(?![A-Za-z\d\-/:_)\"'>])")
_NAME = re.compile(r"(?<![A-Za-z\d.\-/_$\"~])(?=[A-Za-z\d]*[A-Z])[A-Za-z]{4,}[A-Za-z\d]*(?![A-Za-z\d./_\"=-])")
_WORDS = tomllib.loads((Path(__file__).parent / "kinds" / "plants.toml").read_text("utf-8"))


def spoil(kind: str, text: str, language: str, said: str, rng: Any) -> str | None:
    """The sentence with one error of a kind; None when it offers no place. said: the original of it."""
    made = _MAKERS[kind](text, language, said, rng)
    return None if made == text else made


def _pick(rng: Any, items: list[Any]) -> Any:
    return items[int(rng.integers(len(items)))]


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def _pick_and_put(text: str, places: list[tuple[int, int, str]], rng: Any) -> str | None:
    if not places:
        return None
    start, end, new = _pick(rng, places)
    return _put(text, (start, end), new)


def _number(text: str, language: str, said: str, rng: Any) -> str | None:
    """Another digit; the figure stands in the original as well, so that it is no slip of the translation already."""
    del language
    places = [m for m in _NUMBER.finditer(text) if m.group() in said]
    if not places:
        return None
    match = _pick(rng, places)
    digits = match.group()
    at = int(rng.choice([i for i, c in enumerate(digits) if c.isdigit()]))
    new = int(rng.choice([d for d in range(1 if at == 0 else 0, 10) if str(d) != digits[at]]))
    return _put(text, match.span(), digits[:at] + str(new) + digits[at + 1 :])


def _magnitude(text: str, language: str, said: str, rng: Any) -> str | None:
    del language
    body = "|".join(sorted(_WORDS["scales"], key=len, reverse=True))
    scaled = list(re.finditer(rf"(\d ?)({body})(?![A-Za-z])", text))
    if scaled:
        match = _pick(rng, scaled)
        return _put(text, match.span(2), _WORDS["scales"][match[2]])
    plain = [
        m
        for m in _NUMBER.finditer(text)
        if m.group().isdigit() and m.group()[0] != "0" and len(m.group()) > 1 and m.group() in said
    ]
    if not plain:
        return None
    match = _pick(rng, plain)
    return _put(text, match.span(), match.group() + "0")


def _unit(text: str, language: str, said: str, rng: Any) -> str | None:
    del said
    words = _WORDS["times"][language]
    body = "|".join(sorted(words, key=len, reverse=True))
    count = r"(?:\d|[一二三四五六七八九十百两几数半]|\b(?:two|three|few|several|one|five|ten) ?) ?"
    found = list(re.finditer(rf"{count}({body})(?![A-Za-z目前後后份初末])", text))
    found = [m for m in found if not (m[1] in "年日" and re.search(r"\d{2,}\s?$|月$", text[: m.start(1)]))]
    found = [m for m in found if not (m[1] == "分" and not re.search(r"\d ?$", text[: m.start(1)]))]  # 十分, 三分の一
    if not found:
        return None
    match = _pick(rng, found)
    return _put(text, match.span(1), words[match[1]])


def _negated(text: str, language: str, rng: Any, away: bool) -> str | None:
    edge = r"\b" if language == "en" else ""
    places = []
    for old, new in _WORDS["negations"][language]:
        a, b = (old, new) if away else (new, old)
        for m in re.finditer(edge + re.escape(a) + edge, text):
            other = re.search(r"[不没無无未别]$|n't$|not $", text[: m.start()]) or re.match(
                r" not\b|n't\b", text[m.end() :]
            )
            if away or (not other and len(a) > (1 if language == "zh" else 2)):
                places.append((m.start(), m.end(), b))
    return _pick_and_put(text, places, rng)


def _certainty(text: str, language: str, said: str, rng: Any) -> str | None:
    del said
    places = [
        (m.start(), m.end(), _WORDS["ends"].get(w, ""))
        for w in _WORDS["hedges"][language]
        for m in re.finditer(re.escape(w), text, re.I)
    ]
    places = [p for p in places if text[p[0] - 1 : p[0]] not in tuple("不有尽") and text[p[1] : p[1] + 1] != "性"]
    return _pick_and_put(text, places, rng)


def _opposite(text: str, language: str, said: str, rng: Any) -> str | None:
    del said
    edge = r"\b" if language == "en" else ""
    places = [(m.start(), m.end(), y) for pair in _WORDS["opposites"][language] for x, y in (pair, pair[::-1])
              for m in re.finditer(edge + re.escape(x) + edge, text)]  # fmt: skip
    return _pick_and_put(text, places, rng)


def _names(text: str, said: str) -> list[re.Match[str]]:
    found = [m for m in _NAME.finditer(text) if m.group() in said]
    return [
        m
        for m in found
        if not re.search(r"[A-Za-z] $", text[: m.start()]) and not re.match(r" [A-Za-z]", text[m.end() :])
    ]


def _name(text: str, language: str, said: str, rng: Any) -> str | None:
    """One letter of a Latin name changed, or two neighbours changed over."""
    places = _names(text, said) if language != "en" else [m for m in _NAME.finditer(text) if m.group() in said]
    if not places:
        return None
    match = _pick(rng, places)
    word = match.group()
    for _ in range(20):
        at = int(rng.integers(1, len(word) - 1))
        new = (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            if rng.random() < 0.5
            else word[:at] + "aeiournslt"[int(rng.integers(10))] + word[at + 1 :]
        )
        if new.lower() != word.lower():
            return _put(text, match.span(), new)
    return None


def _product(text: str, language: str, said: str, rng: Any) -> str | None:
    """Another name in the place of a Latin one."""
    places = _names(text, said) if language != "en" else [m for m in _NAME.finditer(text) if m.group() in said]
    return _put(text, _pick(rng, places).span(), _pick(rng, _WORDS["products"])) if places else None


def _order(text: str, language: str, said: str, rng: Any) -> str | None:
    del language
    places = [m for m in _NUMBER.finditer(text) if m.group() in said]
    if len(places) != 2 or places[0].group() == places[1].group():
        return None
    a, b = places
    return text[: a.start()] + b.group() + text[a.end() : b.start()] + a.group() + text[b.end() :]


def _omission(text: str, language: str, said: str, rng: Any) -> str | None:
    del rng
    return "" if len(text) >= (40 if language == "en" else 16) and len(said) >= 16 else None


def _untranslated(text: str, language: str, said: str, rng: Any) -> str | None:
    del rng
    return said if len(text) >= (40 if language == "en" else 16) and len(said) >= 16 and "\n" not in said else None


def _negation_lost(text: str, language: str, said: str, rng: Any) -> str | None:
    del said
    return _negated(text, language, rng, True)


def _negation_added(text: str, language: str, said: str, rng: Any) -> str | None:
    del said
    return _negated(text, language, rng, False)


def _addition(text: str, language: str, said: str, rng: Any) -> str | None:
    """Another sentence behind one that is whole."""
    del said
    if not re.search(r"[.。!！]\s*$", text) or "\n" in text or len(text) < 16:
        return None
    return text.rstrip() + (" " if language == "en" else "") + str(_pick(rng, _WORDS["additions"][language]))


_MAKERS = {
    "number": _number, "magnitude": _magnitude, "unit": _unit, "negation lost": _negation_lost, "negation added": _negation_added,
    "certainty": _certainty, "opposite": _opposite, "name": _name, "product": _product, "order": _order, "omission": _omission,
    "untranslated": _untranslated, "addition": _addition,
}  # fmt: skip
