"""A seeded mutator: plants one error of a known kind in a paragraph of a translation. It knows nothing of the checker's lists."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

KINDS = ("number", "magnitude", "name", "negation", "omission")

_NUMBER = re.compile(r"(?<![A-Za-z\d.\-/:_$#&%\"'<(])\d{1,6}(?:,\d{3})*(?![A-Za-z\d.\-/:_)\"'>])")
_SIZE = re.compile(r"(?<![A-Za-z\d.\-/:_])(\d{1,5})( ?)(KB|MB|GB|TB|KiB|MiB|GiB|TiB|万|萬|億|亿|千|百)")
_NAME = re.compile(r"(?<![A-Za-z\d.\-/_$\"~])(?=[A-Za-z\d]*[A-Z])[A-Za-z]{4,}[A-Za-z\d]*(?![A-Za-z\d./_\"=-])")
_SWAP = {"KB": "MB", "MB": "GB", "GB": "MB", "TB": "GB", "KiB": "MiB", "MiB": "GiB", "GiB": "MiB", "TiB": "GiB",
         "万": "亿", "萬": "億", "億": "万", "亿": "万", "千": "百", "百": "千"}  # fmt: skip
_NEGATE = {
    "ja": [("できません", "できます"), ("しません", "します"), ("ありません", "あります"), ("できない", "できる"), ("しない", "する"),
           ("ではない", "である"), ("れません", "れます"), ("れない", "れる"), ("なりません", "なります"), ("いません", "います")],
    "zh-cn": [("不能", "能"), ("没有", "有"), ("不会", "会"), ("不是", "是"), ("无法", "可以"), ("不要", "要"), ("不需要", "需要"),
              ("不应该", "应该"), ("不可以", "可以"), ("不应", "应"), ("不得", "得"), ("不支持", "支持"), ("不存在", "存在")],
    "zh-tw": [("不能", "能"), ("沒有", "有"), ("不會", "會"), ("不是", "是"), ("無法", "可以"), ("不要", "要"), ("不需要", "需要"),
              ("不應該", "應該"), ("不可以", "可以"), ("不應", "應"), ("不得", "得"), ("不支援", "支援"), ("不存在", "存在")],
}  # fmt: skip


def mutate(kind: str, text: str, language: str, rng: np.random.Generator) -> tuple[str, str, str] | None:
    """The paragraph with one error: (new text, what was there, what is there now); None when it offers no place.

    kind: one of KINDS; negation is taken away or put in, half and half where both can be.
    """
    return {"number": _number, "magnitude": _magnitude, "name": _name, "negation": _negation, "omission": _omission}[
        kind
    ](text, language, rng)


def _pick(rng: np.random.Generator, items: list) -> object:  # type: ignore[type-arg]
    return items[int(rng.integers(len(items)))]


def _replace(text: str, start: int, end: int, new: str) -> tuple[str, str, str]:
    return text[:start] + new + text[end:], text[start:end], new


def _number(text: str, language: str, rng: np.random.Generator) -> tuple[str, str, str] | None:
    del language
    places = list(_NUMBER.finditer(text))
    if not places:
        return None
    match = _pick(rng, places)
    digits = match.group()  # type: ignore[attr-defined]
    at = int(rng.choice([i for i, c in enumerate(digits) if c.isdigit()]))
    low = 1 if at == 0 else 0
    new = int(rng.choice([d for d in range(low, 10) if str(d) != digits[at]]))
    return _replace(text, *match.span(), digits[:at] + str(new) + digits[at + 1 :])  # type: ignore[attr-defined]


def _magnitude(text: str, language: str, rng: np.random.Generator) -> tuple[str, str, str] | None:
    del language
    sizes = list(_SIZE.finditer(text))
    if sizes and rng.random() < 0.7:
        match = _pick(rng, sizes)
        new = match[1] + match[2] + _SWAP[match[3]]  # type: ignore[index]
        return _replace(text, *match.span(), new)  # type: ignore[attr-defined]
    numbers = [m for m in _NUMBER.finditer(text) if "," not in m.group() and m.group()[0] != "0"]
    if not numbers:
        return None
    match = _pick(rng, numbers)
    return _replace(text, *match.span(), match.group() + "0")  # type: ignore[attr-defined]


def _name(text: str, language: str, rng: np.random.Generator) -> tuple[str, str, str] | None:
    del language
    # a word inside a run of English prose is no name
    places = [
        m
        for m in _NAME.finditer(text)
        if not re.search(r"[A-Za-z] $", text[: m.start()]) and not re.match(r" [A-Za-z]", text[m.end() :])
    ]
    if not places:
        return None
    match = _pick(rng, places)
    word = match.group()  # type: ignore[attr-defined]
    for _ in range(20):
        at = int(rng.integers(1, len(word) - 1))
        if rng.random() < 0.5:
            new = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        else:
            new = word[:at] + "aeiournslt"[int(rng.integers(10))] + word[at + 1 :]
        if new.lower() != word.lower():
            return _replace(text, *match.span(), new)  # type: ignore[attr-defined]
    return None


def _negation(text: str, language: str, rng: np.random.Generator) -> tuple[str, str, str] | None:
    pairs = _NEGATE[language]
    away = [(m.start(), m.end(), new) for old, new in pairs for m in re.finditer(old, text)]
    negative = {a for a, _, _ in away}
    put = [(m.start(), m.end(), old) for old, new in pairs if len(new) > 1 for m in re.finditer(new, text)]
    put = [p for p in put if not any(abs(p[0] - a) < 4 for a in negative) and text[p[0] - 1 : p[0]] not in "不没沒無无"]
    choice = away if away and (not put or rng.random() < 0.5) else put
    if not choice:
        return None
    start, end, new = _pick(rng, choice)  # type: ignore[misc]
    return _replace(text, start, end, new)


def _omission(text: str, language: str, rng: np.random.Generator) -> tuple[str, str, str] | None:
    del language
    cuts = [0, *(m.end() for m in re.finditer(r"[。！？]", text))]
    if cuts[-1] < len(text):
        cuts.append(len(text))
    spans = [(a, b) for a, b in pairwise(cuts) if b - a >= 12]
    if len(cuts) < 3 or not spans:
        return None
    start, end = _pick(rng, spans)  # type: ignore[misc]
    return _replace(text, start, end, "")
