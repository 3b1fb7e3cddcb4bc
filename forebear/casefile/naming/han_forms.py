"""Forms in Han characters and kana that follow from names which the texts show elsewhere: a surname before a title or kin, behind
老 and its like, a given name's last character said twice, and any form of address in kana."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from functools import cache

from forebear.casefile.naming.han import STOP, Known, is_agent, is_word
from forebear.casefile.naming.stock import alternatives, folded, hiragana_names, names, titles, words
from forebear.casefile.naming.wide import Body, Span
from forebear.casefile.text.scripts import HAN, fold

ADDRESS = "さん|ちゃん|くん|さま"
KIN = (
    "奥さん|旦那|夫|妻|嫁|婿|父|母|父親|母親|お父さん|お母さん|息子|娘|子|孫|"
    "兄|姉|弟|妹|祖父|祖母|叔父|叔母|伯父|伯母|おじ|おば|両親|家族|甥|姪"
)
"""Kin of somebody (Martin, 1975, section 19)."""
COMMON_WORD = 12.0
"""Cost below which a word is so common that a nickname which is one is read as the word."""
_PARTICLE = frozenset("はがをにのとでもへやかよね、。，！？「」『』（）()：; ;\n \u3000")
_HAN_ADDRESSED = re.compile(f"(?<![{HAN}])([{HAN}]{{1,4}})(?:{ADDRESS})")
_KANA_ADDRESSED = re.compile(f"([ぁ-ん]{{2,5}}?)(?:{ADDRESS})(?![ぁ-ん](?<![はがをにのとでもへやかよね]))")
_KIN = re.compile(f"(?<![{HAN}])([{HAN}]{{1,4}})(?:家の|の)(?:{fold(KIN)})")
_HOUSE = re.compile(f"(?<![{HAN}])([{HAN}]{{1,4}}?)家の([{HAN}]{{1,3}}|[ぁ-んァ-ヺー]{{2,5}})")
_IN_BRACKETS = re.compile(f"(?:{alternatives((*titles().zh_after, *titles().ja_after))})[（(]([{HAN}]{{2,3}})[）)]")
_OF_FAMILY = re.compile(f"([{HAN}]{{1,3}})[（(]([{HAN}]{{1,2}})家的?[）)]")
_TABLE = frozenset(fold("老小大阿"))


@cache
def _listed() -> frozenset[str]:
    known = names()
    return frozenset(known.surnames) | frozenset(known.surnames_ja) | frozenset(known.given_ja)


def derived_spans(body: Body, language: str, known: Known, heard: Set[str] = frozenset()) -> Iterator[Span]:
    """Spans that name somebody whom the texts name elsewhere, or who is addressed.

    heard: surnames of one character that another text may have in letters.
    """
    yield from _whole(body, known)
    yield from _bracketed(body, known)
    for match in re.finditer(f"[{HAN}]+", body.plain):
        yield from _run(body, match.start(), match.group(), language, known, heard)
    if language == "ja":
        yield from _addressed(body, known)


def _whole(body: Body, known: Known) -> Iterator[Span]:
    """Whole names wherever they stand."""
    forms = sorted((w for w in known.whole if len(w) > 2 or not is_word(w)), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, forms))) if forms else None
    for match in pattern.finditer(body.plain) if pattern else ():
        yield body.span(*match.span(), "whole", match.group())


def _bracketed(body: Body, known: Known) -> Iterator[Span]:
    """A given name in brackets behind a title (丁同学（根楠）), or before brackets that name the family (根楠（丁家的）)."""
    for match in _IN_BRACKETS.finditer(body.plain):
        if not is_word(match[1]) and not set(match[1]) & STOP:
            yield body.span(match.start(1), match.end(1), "given", "", match[1])
    for match in _OF_FAMILY.finditer(body.plain):
        if match[2] in names().surnames or match[2] in known.surnames:
            yield body.span(match.start(1), match.end(), "given", match[2], match[1])


def _run(body: Body, first: int, run: str, language: str, known: Known, heard: Set[str]) -> Iterator[Span]:
    behind = body.plain[first + len(run) : first + len(run) + 6]
    for at in range(len(run)):
        for size in (3, 2, 1):
            surname = run[at : at + size]
            if len(surname) == size and (surname in known.surnames or surname in heard):
                if size == 1 and at and run[at - 1] in _TABLE and _begins(run, at - 1) and _nickname(run, at - 1, at + 1):
                    yield body.span(first + at - 1, first + at + 1, "before", surname)
                    continue
                if not _begins(run, at):
                    continue
                end = at + size + _title(run[at + size :] or behind, language, known)
                if end > at + size and not is_word(run[at + size - 1 : at + size + 1]):
                    yield body.span(first + at, min(first + end, len(body.plain)), "titled", surname)
                elif (
                    language == "zh"
                    and run.startswith("家", at + size)
                    and not is_word(run[at + size - 1 : at + size + 1])
                ):
                    yield body.span(first + at, first + at + size + 1, "titled", surname)
        if run[at] in known.letters and run[at] not in STOP:
            yield from ((body.span(first + a, first + b, "given", "", run[at])) for a, b in _nicknames(run, at))


def _begins(run: str, at: int) -> bool:
    """Whether a name may begin there: not inside a word of the characters on both sides."""
    return not at or run[at - 1] in STOP or not is_word(run[at - 1 : at + 1])


def _title(rest: str, language: str, known: Known) -> int:
    """The length of a title, an office or another word for a person that a text goes on with."""
    listed = titles().ja_after if language == "ja" else titles().zh_after
    title = next((t for t in folded(listed) if len(t) > 1 and rest.startswith(t)), "")
    if title:
        return len(title)
    office = next(
        (rest[:n] for n in (4, 3, 2) if rest[:n] in known.offices or is_agent(rest[:n], n, language == "ja")), ""
    )
    return len(office)


def _nickname(run: str, start: int, end: int) -> bool:
    """Whether a short form stands by itself: no common word, and in none with the character behind it."""
    table = words()
    cost = min(table.zh.get(run[start:end], 99.0), table.places.get(run[start:end], 99.0))
    longer = any(is_word(run[a : end + 1]) for a in range(start, end) if end < len(run))
    return cost >= COMMON_WORD and not longer


def _nicknames(run: str, at: int) -> Iterator[tuple[int, int]]:
    """Where the last character of a given name makes a nickname with what stands beside it."""
    twice = run[at + 1 : at + 2] == run[at]
    if twice and (not is_word(run[at : at + 2]) or _speaks(run, at, at + 2)):
        yield at - (at > 0 and run[at - 1] in _TABLE), at + 2
    elif at and run[at - 1] in _TABLE and _begins(run, at - 1) and _nickname(run, at - 1, at + 1):
        yield at - 1, at + 1
    elif run[at + 1 : at + 2] in ("儿", "子", "仔") and _nickname(run, at, at + 2) and _begins(run, at):
        yield at, at + 2


def _speaks(run: str, start: int, end: int) -> bool:
    """Whether what stands around a word says that it is somebody."""
    before, after = run[:start], run[end:]
    ahead = not before or before.endswith(folded(titles().zh_ahead)) or before[-1] in _TABLE
    return ahead and (not after or after.startswith(folded((*titles().zh_behind, "他", "她"))))


def _addressed(body: Body, known: Known) -> Iterator[Span]:
    """Who is addressed in a Japanese text, and whose kin or house it is."""
    roles = folded(titles().roles)
    for match in _HAN_ADDRESSED.finditer(body.plain):
        run = match[1]
        strange = run in _listed() or run in known.surnames or len(run) == 1 or not is_word(run)
        if strange and run not in roles and not is_agent(run, len(run), True):
            yield body.span(*match.span(), "titled", run)
    for match in _KANA_ADDRESSED.finditer(body.plain):
        start, word = match.start(), match[1]
        while len(word) > 2 and word[0] in _PARTICLE and word not in hiragana_names():
            start, word = start + 1, word[1:]
        before = body.plain[start - 1 : start] if start else "\n"
        if (
            (before in _PARTICLE or re.match(f"[{HAN}]", before))
            and word not in roles
            and not word.startswith(("お", "み"))
        ):
            yield body.span(start, match.end(), "kana", given=word)
    for pattern in (_KIN, _HOUSE):
        for match in pattern.finditer(body.plain):
            run = match[1]
            if (run in names().surnames or run in names().surnames_ja or run in known.surnames) and run not in roles:
                yield body.span(*match.span(), "titled", run)
