"""A recorded machine conversion, run again: what it explains is said, what it does not is a finding."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.glossary import glossary
from forebear.casefile.checks.pair import Pair
from forebear.casefile.naming.stock import UNKNOWN_WORD, words
from forebear.casefile.text.scripts import fold
from forebear.core.errors import refusal
from forebear.core.messages import message

CONFIGURATIONS = (
    "s2t",
    "s2tw",
    "s2twp",
    "s2hk",
    "s2hkp",
    "t2s",
    "tw2s",
    "tw2sp",
    "hk2s",
    "t2tw",
    "tw2t",
    "jp2t",
    "t2jp",
)


@cache
def _opencc() -> Any:
    try:
        return importlib.import_module("opencc")
    except ImportError:
        return None


def can_convert() -> bool:
    """Whether OpenCC is at hand (extra `cases`)."""
    return _opencc() is not None


@cache
def _converter(name: str) -> Any:
    if name not in CONFIGURATIONS:
        raise refusal(
            message("case_refused.unknown_conversion", name=repr(name)),
            todo=message("case_advice.one_of", known=", ".join(CONFIGURATIONS)),
        )
    module = _opencc()
    own = Path(module.__file__).with_name("clib") / "share" / "opencc" / f"{name}.json"
    if not own.is_file() and Path(f"{name}.json").exists():
        raise refusal(
            message("case_refused.conversion_here"),
            where=f"{name}.json",
            todo=message("case_advice.other_folder"),
        )  # fmt: skip
    # by its whole path: a name alone is looked for in the current folder first
    return module.OpenCC(str(own) if own.is_file() else name)


def convert(text: str, configuration: str) -> str:
    """The text converted.

    Raises: RefusedError for an unknown configuration, or when OpenCC is not installed.
    """
    if not can_convert():
        raise refusal(message("case_refused.no_opencc"), todo=message("case_advice.install_cases"))
    return str(_converter(configuration).convert(text))


def version() -> str:
    """The version of OpenCC at hand, or ""."""
    module = _opencc()
    return str(getattr(module, "__version__", "unknown")) if module else ""


def check_conversion(pair: Pair) -> Iterator[Finding]:
    """Where the text departs from the recorded conversion of its original, cuts across words, or has not the field's term.

    Right are the conversion as recorded, the same word by word, and the field's own term; signs are not compared.
    """
    configuration = pair.right.source.conversion
    if not configuration or not can_convert() or not pair.link.left or not pair.link.right:
        return
    whole, parts = convert(pair.a, configuration), by_words(pair.a, configuration)
    yield from _wrong_terms(pair, configuration)
    cuts = list(_cut(pair, whole, parts, configuration))
    yield from cuts
    taken = [range(*f) for f in (c.right_span for c in cuts)]
    start = pair.right.segments[pair.link.right[0]].start
    given = pair.b.translate(_SIGNS)
    best = min((whole.translate(_SIGNS), parts.translate(_SIGNS)), key=lambda wanted: _apart(wanted, given))
    for _, wrong, term in _field_terms(configuration):
        if term in given:
            best = best.replace(wrong, term)
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, best, given, autojunk=False).get_opcodes():
        if tag == "equal" or any(start + i in cut for i in range(b0, max(b1, b0 + 1)) for cut in taken):
            continue
        if best[a0:a1].strip() == given[b0:b1].strip():
            continue  # a space behind a comma
        if b0 == b1:
            b0, b1 = max(0, b0 - 1), min(len(pair.b), b1 + 1)
        left, right = best[max(0, a0 - 1) : a1 + 1], pair.b[max(0, b0 - 1) : b1 + 1]
        yield pair.finding("conversion/differs", None, (b0, b1), left=left, right=right)


_SIGNS = str.maketrans(
    {**dict.fromkeys("，、；：。！？.;:!?", ","), **dict.fromkeys('“”‘’「」『』"', "'"), "（": "(", "）": ")"}
)
"""Marks of punctuation are compared by their kind."""


def _apart(wanted: str, given: str) -> float:
    return 1 - SequenceMatcher(None, wanted, given, autojunk=False).ratio()


def _field_terms(configuration: str) -> list[tuple[tuple[str, ...], str, str]]:
    """(forms of the mainland, a form that is not Taiwan's term, the term), for conversions to Taiwan."""
    if configuration != "s2twp":  # the one that puts Taiwan's words for the mainland's
        return []
    return [
        (tuple(f for forms in t.forms["zh"] for f in forms), wrong, t.taiwan()) for t in glossary() for wrong in t.wrong
    ]


@cache
def _vocabulary() -> dict[str, float]:
    terms = [fold(f) for t in glossary() for forms in t.forms["zh"] for f in forms]
    return {**dict.fromkeys(terms, UNKNOWN_WORD), **words().zh}


def _wrong_terms(pair: Pair, configuration: str) -> Iterator[Finding]:
    """引數 for 参数: the conversion's word where the field has another."""
    said_words = {w for run in _RUNS.findall(pair.a) for w in _segmented(run)}
    for forms, wrong, term in _field_terms(configuration):
        at, said = pair.b.find(wrong), next((f for f in forms if f in said_words), None)
        if said is not None and at >= 0 and term not in pair.b and not _OF_CODE.search(pair.a):
            yield pair.finding("conversion/term", None, (at, at + len(wrong)), left=said, right=wrong, term=term)


_OF_CODE = re.compile("函数|方法|命令|调用|传入|接口")
"""Beside these a 参数 is an argument, 引數 in Taiwan."""


def _cut(pair: Pair, whole: str, parts: str, configuration: str) -> Iterator[Finding]:
    """What the text has as the conversion made it across a border of two words."""
    apart = "".join(convert(c, configuration) for c in pair.a) if parts != whole else ""
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, parts, whole, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        made, right = whole[max(0, b0 - 1) : b1 + 1], parts[max(0, a0 - 1) : a1 + 1]
        if made in apart:
            continue  # no phrase was taken for one
        at = pair.b.find(made)
        if at >= 0 and right not in pair.b:
            yield pair.finding("conversion/cut", None, (at, at + len(made)), left=right, right=made)


def by_words(text: str, configuration: str) -> str:
    """The text converted word by word, so that no phrase is taken across the border of two words."""
    pieces = [w for run in _RUNS.findall(text) for w in _segmented(run)]
    return "".join(convert(w, configuration) for w in pieces)


_HAN_RUN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_RUNS = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+|[^\u3400-\u4dbf\u4e00-\u9fff]+")
_LONGEST = 6
"""Characters of the longest word looked up."""
_RARE = 19.0
"""Cost of a character that is no word of the list: rarer than any word in it."""


def _segmented(run: str) -> list[str]:
    """A run of Han characters as its likeliest words (least sum of their costs)."""
    if not _HAN_RUN.fullmatch(run):
        return [run]
    known = _vocabulary()
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(run) + 1):
        ways = []
        for start in range(max(0, end - _LONGEST), end):
            cost = known.get(fold(run[start:end]), _RARE if end - start == 1 else math.inf)
            ways.append((best[start][0] + cost, start))
        best.append(min(ways))
    pieces: list[str] = []
    end, loose = len(run), 0
    while end:
        start = best[end][1]
        # single characters in a row are no words: they stay together
        if pieces and end - start == 1 == len(pieces[-1]) - loose:
            pieces[-1], loose = run[start] + pieces[-1], loose + 1
        else:
            pieces.append(run[start:end])
            loose = 0
        end = start
    return pieces[::-1]
