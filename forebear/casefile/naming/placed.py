"""Names by where they stand: what speaks before a colon, handles, surnames that a text says are such, names with a blank."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from forebear.casefile.naming.han import STOP, Known, is_word
from forebear.casefile.naming.latin import bare
from forebear.casefile.naming.sound import ways
from forebear.casefile.naming.stock import alternatives, folded, is_english, latin, names, syllables, titles
from forebear.casefile.naming.wide import Body, Span
from forebear.casefile.text.scripts import HAN, KANA, fold

LEAST_LABELS = 2
"""Lines that begin with one label for it to be somebody who speaks."""
_TIME = r"(?:[\[(（【]?[0-9][0-9:：/.年月日时分秒 -]*[\])）】]?[ \u3000]*)"
_LABEL = re.compile(
    rf"(?:^|\n)[ \u3000>#|-]*({_TIME})?[\[(（【「]?([{HAN}]{{1,4}}|[ぁ-ん]{{2,5}}|[ァ-ヺー]{{2,8}}|[A-Za-z][A-Za-z.'-]{{1,15}})"
    rf"[\])）】」]?(?:[ \u3000]*[（(][^()（）\n]{{1,12}}[)）])?[ \u3000]*({_TIME})?[:：]"
)
_ASKED = frozenset(fold("问答注按例甲乙丙丁图表曰附"))
"""What opens a line with a colon and is nobody: question, answer, note, parties and lists by the heavenly stems."""
_HANDLE = re.compile(r"(?<![A-Za-z0-9.])@([A-Za-z][\w.-]{1,38}\w)|(?<![A-Za-z0-9.@])([A-Za-z][\w.+-]{1,38}\w)(?=@[\w-]+\.\w)", re.A)
_CALLED = re.compile(f"姓([{HAN}]{{1,2}}?)(?=[的之者，。、,. ]|名|$|[^{HAN}])")
_MASK = re.compile(f"(?<![{HAN}])?([{HAN}]{{1,2}})[×✕╳〇○●＊xX]{{1,3}}(?![A-Za-z0-9])")
_APART = re.compile(f"(?<![{HAN}])([{HAN}]{{1,2}})[ \u3000]{{1,3}}([{HAN}])(?![{HAN}])")
_LIST = re.compile(f"(?<![{HAN}])[{HAN}]{{2,4}}(?:[、,，/;；][{HAN}]{{2,4}}(?![{HAN}]))+")
_OURS = f"A-Za-z\u00aa-\u024f\u1e00-\u1eff\uff21-\uff5a{KANA}{HAN}"
_STRANGE = re.compile(f"(?:(?![{_OURS}])[^\\W\\d_]){{2,}}[ˊˇˋ˙]*(?: ?[\u3105-\u312f]+[ˊˇˋ˙]*)*")
"""Words in a script of no language of a case (Zhuyin, Hangul, Cyrillic): who is named so is named nowhere else."""
_GLOSSED = re.compile(f"(?<![{HAN}])?([{HAN}]{{1,2}})[（(] ?([A-Z][a-zü]{{1,8}})[)）]")
LEAST_ITEMS = 3
"""Items of a list of names."""


def placed_spans(body: Body, language: str, known: Known) -> Iterator[Span]:
    """Spans that may name somebody because of where they stand."""
    yield from _handles(body)
    yield from _labels(body, known)
    for match in _STRANGE.finditer(body.plain):
        yield body.span(*match.span(), "strange", match.group())
    if language in ("zh", "ja"):
        yield from _lists(body, known)
        yield from _marked(body, language, known)


def _marked(body: Body, language: str, known: Known) -> Iterator[Span]:
    """Surnames that a text says are such, is silent about what follows, spells in brackets, or sets apart."""
    listed = _surnames() | known.surnames
    for match in _CALLED.finditer(body.plain):
        if match[1] in listed or not is_word("姓" + match[1][0]):
            yield body.span(*match.span(), "titled", match[1])
    for match in _MASK.finditer(body.plain):
        size = next((n for n in (2, 1) if match[1][-n:] in listed and len(match[1]) >= n), 0)
        if size:
            yield body.span(match.end(1) - size, match.end(), "titled", match[1][-size:])
    for match in _GLOSSED.finditer(body.plain):
        size = next((n for n in (1, 2) if tuple(syllables(match[2].lower())) in ways(match[1][-n:])), 0)
        if size:
            yield body.span(match.end(1) - size, match.end(), "titled", match[1][-size:])
    for match in _APART.finditer(body.plain):
        if match[1] in listed and (language == "zh" or not is_word(match[1] + match[2])):
            yield body.span(*match.span(), "whole", match[1], match[2])


def _lists(body: Body, known: Known) -> Iterator[Span]:
    """What stands in one list with names, and is no word, though no list of surnames has it."""
    for match in _LIST.finditer(body.plain):
        items = [(m.start() + match.start(), m.group()) for m in re.finditer(f"[{HAN}]+", match.group())]
        named = [w for _, w in items if not _is_usual(w) and (w in known.whole or w in _surnames() or w[:1] in names().surnames)]
        if len(items) < LEAST_ITEMS or 2 * len(named) < len(items):
            continue
        for start, word in items:
            if not is_word(word) and not set(word) & STOP and word[-1] not in folded(titles().place_kinds):
                yield body.span(start, start + len(word), "listed", word)


def _is_usual(word: str) -> bool:
    return is_word(word) and word not in names().surnames_ja


@cache
def _surnames() -> frozenset[str]:
    return frozenset(names().surnames) | frozenset(names().surnames_ja)


def _handles(body: Body) -> Iterator[Span]:
    """What somebody is called by in a network or a mail address: any but a plain English word."""
    for match in _HANDLE.finditer(body.plain):
        group = 1 if match[1] else 2
        if not all(map(is_english, filter(None, re.split("[^a-z]", match[group].lower())))):
            yield body.span(match.start(group), match.end(group), "latin", given=match[group])


def _labels(body: Body, known: Known) -> Iterator[Span]:
    """Who speaks, before a colon at the beginning of a line: somebody whose name it may be, or a label that keeps coming."""
    found = list(_LABEL.finditer(body.plain))
    seen = Counter(m[2] for m in found)
    for match in found:
        word, often = match[2], seen[match[2]] >= LEAST_LABELS
        timed = bool(match[1] or match[3])
        if _may_speak(word, often, timed, known):
            yield body.span(match.start(2), match.end(2), "label", word)


def _may_speak(word: str, often: bool, timed: bool, known: Known) -> bool:
    if word.isascii():
        return _latin_speaker(word, often, timed)
    if re.match(f"[{HAN}]", word):
        if word in _ASKED or word in titles().roles:
            return False
        if len(word) == 1:
            return (often or timed) and (word in known.surnames or word in _surnames())
        return word in known.whole or ((often or timed) and (not is_word(word) or word in _surnames()) and not _is_title(word))
    table = latin()
    return word in table.kana or ((often or timed) and word not in table.kana_word)


@cache
def _is_title(word: str) -> bool:
    return bool(re.fullmatch(alternatives((*titles().zh_after, *titles().ja_after)), word))


def _latin_speaker(word: str, often: bool, timed: bool) -> bool:
    known, plain = latin(), bare(word)
    if plain in titles().thing_latin or len(plain) < 2:
        return False
    named = plain in known.given or plain in known.japanese or plain in known.surname or 0 < len(syllables(plain)) < 4
    if is_english(plain) and plain not in known.given:
        return named and often and timed
    if word[0].isupper() and not word.isupper():
        return (named or often) and (often or timed or plain in known.given)
    return named and (often or timed)
