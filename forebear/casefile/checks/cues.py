"""Negation and certainty: word lists of three languages, with the other translations as witnesses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from forebear.casefile.checks.findings import Finding, ours
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import is_prose, mostly_latin
from forebear.casefile.data import packaged_table
from forebear.casefile.facts.dates import date_facts
from forebear.casefile.facts.fact import mask, narrow

NONE = ours("none")
RULE = {"negation": "negation/polarity", "hedge": "certainty/hedge", "booster": "certainty/booster"}


@dataclass(frozen=True)
class _Cue:
    family: str
    language: str
    strong: tuple[str, ...]
    soft: tuple[str, ...]
    refused: tuple[str, ...]
    weak: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cues:
    cue: tuple[_Cue, ...]


@dataclass(frozen=True)
class Seen:
    """Cues of one family in one text: spans of the strong ones, and whether any soft one, any weak one stands there."""

    strong: tuple[tuple[int, int], ...]
    soft: bool
    weak: bool
    fixed: bool = False
    """Whether one stands in a set phrase that another language may well put with one (last but not least)."""


@cache
def _lists(family: str, language: str) -> tuple[re.Pattern[str], ...] | None:
    for cue in packaged_table(_Cues, "cues.toml").cue:
        if (cue.family, cue.language) == (family, language):
            refused = sorted(cue.refused, key=len, reverse=True)
            return _join(cue.strong), _join(cue.soft), _join(refused), _join(cue.weak), _join(cue.broken)
    return None


def _join(patterns: tuple[str, ...] | list[str]) -> re.Pattern[str]:
    return re.compile("|".join(narrow(p) for p in patterns) if patterns else r"(?!)", re.I)


@cache
def seen(family: str, language: str, text: str) -> Seen | None:
    """Cues of a family in a text; None when there is no list for the language."""
    lists = _lists(family, language)
    if lists is None:
        return None
    strong, soft, refused, weak, _ = lists
    plain = narrow(text)
    if language == "en":
        plain = _without_may(plain)
    masked = refused.sub(lambda m: "\x00" * len(m.group()), plain)
    spans = tuple(m.span() for m in strong.finditer(masked))
    fixed = any(strong.search(m.group()) for m in refused.finditer(plain))
    return Seen(spans, bool(soft.search(plain)), bool(weak.search(plain)), fixed)


_NO_MODAL = re.compile(r"(?<=[a-z] )May\b|(?<=[a-z], )May\b")
"""May behind a small word: a month or somebody's name."""


def _without_may(plain: str) -> str:
    """An English text in which the month and the name May are blanked: neither expresses doubt."""
    if "May" not in plain:
        return plain
    dates = [(f.start, f.end) for f in date_facts(plain, "en") if f.kind == "month-of-year"]
    names = [m.span() for m in _NO_MODAL.finditer(plain) if _behind_small(plain, m.start())]
    return mask(plain, [*dates, *names])


def _behind_small(plain: str, at: int) -> bool:
    return re.search(r"[A-Za-z'’-]+,? $", plain[max(0, at - 40) : at])[0][0].islower()  # type: ignore[index]


def check_cues(pair: Pair) -> Iterator[Finding]:
    """A strong cue on one side that nothing on the other side answers, not even weakly; and set phrases cut in two."""
    if pair.right.language != "en" and (is_prose(pair.b) or mostly_latin(pair.b)):
        return
    yield from _broken(pair)
    for family, rule in RULE.items():
        a, b = seen(family, pair.left.language, pair.a), seen(family, pair.right.language, pair.b)
        if a is None or b is None or (family == "negation" and _rhetorical(pair)):
            continue
        if pair.left.language == pair.right.language:
            yield from _counted(pair, family, rule, a, b)
            continue
        if len(pair.a) > 600:
            continue
        lost = bool(a.strong)
        if not _fewest(pair, family, a, b):
            if bool(a.strong) == bool(b.strong) or _answered(pair, family, lost, b if lost else a):
                continue
            if not _witnesses_agree(pair, family, lost):
                continue
        span = (a if lost else b).strong[0]
        words = (pair.a if lost else pair.b)[span[0] : span[1]]
        if words.isascii() and re.search(
            rf"(?<![A-Za-z]){re.escape(words)}(?![A-Za-z])", pair.b if lost else pair.a, re.I
        ):
            continue  # the word itself was kept: a value of a setting, a quoted title
        shown: dict[str, Any] = {"left": words if lost else NONE, "right": NONE if lost else words}
        yield pair.finding(rule, span if lost else None, None if lost else span, **shown)


def _rhetorical(pair: Pair) -> bool:
    """Whether either side asks a question that means its contrary."""
    sides = ((pair.left.language, pair.a), (pair.right.language, pair.b))
    return any((found := seen("rhetorical", language, text)) and found.strong for language, text in sides)


def _answered(pair: Pair, family: str, lost: bool, other: Seen) -> bool:
    """Whether the side without a strong cue says it in other words, so far as one can tell.

    A free Japanese translation turns sentences round: what it puts without a negation tells nothing. A word for the like of a
    negation answers one that was added, unless neither of two other translations shows any trace of one.
    """
    if family != "negation":
        return other.soft or other.weak
    if lost and pair.right.language == "ja":
        return pair.free or other.soft or other.weak
    if not (other.soft or other.weak):
        return False
    if not lost and other.fixed and pair.left.language == "en":
        return True
    if not lost and _traceless(pair):
        return False
    return other.soft or pair.free or not _outvoted(pair, lost)


def _traceless(pair: Pair) -> bool:
    """Whether two or more other translations show nothing of a negation, not even weakly."""
    others = [s for _, language, text, _ in pair.witnesses if (s := seen("negation", language, text)) is not None]
    return len(others) >= 2 and not any(s.strong or s.soft or s.weak for s in others)


def _fewest(pair: Pair, family: str, a: Seen, b: Seen) -> bool:
    """Whether a Chinese text has fewer negations than the original and each of two other translations, who say the same.

    Counts tell between these languages only in this direction: Japanese leaves negations out and every translation adds some.
    """
    if family != "negation" or pair.right.language != "zh" or len(pair.witnesses) < 2:
        return False
    if b.soft and not b.strong:
        return False
    counts = [
        len(s.strong) for _, language, text, _ in pair.witnesses if (s := seen(family, language, text)) is not None
    ]
    return len(counts) >= 2 and len(b.strong) < min(len(a.strong), *counts)


def _broken(pair: Pair) -> Iterator[Finding]:
    """A set phrase of the right text without the negation it cannot do without."""
    lists = _lists("negation", pair.right.language)
    match = lists[4].search(narrow(pair.b)) if lists else None
    if match:
        words = pair.b[match.start() : match.end()]
        yield pair.finding(RULE["negation"], None, match.span(), left=ours("its negation"), right=words)


def _counted(pair: Pair, family: str, rule: str, a: Seen, b: Seen) -> Iterator[Finding]:
    """In one language the same sentence has the same number of cues; the odd one is where the two texts part."""
    if len(a.strong) == len(b.strong):
        return
    lost = len(a.strong) > len(b.strong)
    spans, text = (a.strong, pair.a) if lost else (b.strong, pair.b)
    other = narrow(pair.b if lost else pair.a)
    odd = next((s for s in spans if narrow(text)[max(0, s[0] - 1) : s[1] + 1] not in other), spans[-1])
    words = text[odd[0] : odd[1]]
    shown: dict[str, Any] = {"left": words if lost else NONE, "right": NONE if lost else words}
    yield pair.finding(rule, odd if lost else None, None if lost else odd, **shown)


def _witnesses_agree(pair: Pair, family: str, lost: bool) -> bool:
    """Every other translation keeps what the original has: a cue the original has, or none when it has none."""
    for _, language, text, _ in pair.witnesses:
        other = seen(family, language, text)
        if other is None:
            continue
        # a weaker word is enough for a witness to side with a cue, none at all is needed to side against it
        agrees = bool(other.strong or other.soft or other.weak) if lost else not other.strong
        if not agrees:
            return False
    return True


def _outvoted(pair: Pair, lost: bool) -> bool:
    """Two or more witnesses that all side with the original outweigh a weak cue of negation."""
    strong = [bool(s.strong) for _, lang, text, _ in pair.witnesses if (s := seen("negation", lang, text)) is not None]
    return len(strong) >= 2 and all(x == lost for x in strong)
