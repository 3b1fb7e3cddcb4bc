"""What is left out, added, left untranslated, or written in characters of another script."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache

from forebear.casefile.checks.findings import Finding, ours
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import mostly_latin
from forebear.casefile.data import packaged_text
from forebear.casefile.folder.intake import BIDI, INVISIBLE
from forebear.casefile.text.length import weight
from forebear.casefile.text.scripts import fold, is_han, is_japanese_form, is_kana, standard_of
from forebear.casefile.text.segments import sentences

SHORT = 2.6
"""Spreads below the usual length of this pair of texts from which a part counts as left out."""
ONE_WITNESS = 2.1
"""The same when one other translation of the place keeps its usual length."""
WITNESSED = 1.7
"""The same when two or more do."""
FEWER = 0.2
"""Log of the length below which a text that has fewer sentences than the original and every witness left one out."""
LEAST_SHORT, LEAST_LONG = 0.36, 0.6
"""Log of the length within which nothing is said, whatever the spread."""
LEAST = 24
"""A left text shorter than this (characters) says nothing by its length."""


def check_gaps(pair: Pair) -> Iterator[Finding]:
    """Sentences without a counterpart."""
    if pair.link.left and not pair.link.right:
        if len(pair.a.strip()) > 1:
            yield pair.finding("omission/sentence", None, (0, 0))
    elif pair.link.right and not pair.link.left and len(pair.b.strip()) > 1:
        yield pair.finding("addition/sentence", (0, 0), None)


def check_length(pair: Pair) -> Iterator[Finding]:
    """A side far shorter than the ratio of this pair of texts, while the witnesses keep their length."""
    if not pair.link.left or not pair.link.right or (pair.right.language != "en" and mostly_latin(pair.b)):
        return  # what was left untranslated is check_residue's
    a, b = weight(pair.a), weight(pair.b)
    if max(a, b * pair.usual) < LEAST:
        return
    usual = math.log((b + 3) / (a * pair.usual + 3))
    spread = max(0.16 if pair.left.language != pair.right.language else 0.08, pair.spread) * (1 + 12 / (a + 6))
    if _fewer_sentences(pair, usual):
        yield pair.finding("omission/part", None, None, share=math.exp(usual))
        return
    bar = (SHORT, ONE_WITNESS, WITNESSED)[min(2, len(pair.witnesses))]
    if abs(usual) < bar * spread or -LEAST_SHORT < usual < LEAST_LONG or not _witness_length(pair, usual):
        return
    if usual < 0:
        yield pair.finding("omission/part", None, None, share=math.exp(usual))
    elif not pair.free:  # a free translation explains
        yield pair.finding("addition/part", None, None, share=math.exp(usual))


def _fewer_sentences(pair: Pair, usual: float) -> bool:
    """Whether only this text says in fewer sentences, and more shortly, what the original and two witnesses say in more."""
    mine = len(pair.link.right)
    if usual > -FEWER or len(pair.link.left) <= mine or len(pair.witnesses) < 2:
        return False
    counts = [sum(1 for _ in sentences(text, language)) for _, language, text, _ in pair.witnesses]
    return min(counts) > mine and _witness_length(pair, usual)


def _witness_length(pair: Pair, usual: float) -> bool:
    """Whether the other translations do not share most of the deviation."""
    for source, _, text, _ in pair.witnesses:
        ratio = pair.witness_ratio(source, text)
        if ratio is not None and ratio * usual > 0 and abs(ratio) > 0.45 * abs(usual):
            return False
    return True


_ENGLISH_RUN = re.compile(r"(?<![A-Za-z])[A-Za-z][A-Za-z'’,]{0,60}(?: {1,9}[A-Za-z'’,]{1,60}){3,}")
_FUNCTION = re.compile(
    r"\b(?:the|is|are|was|were|of|to|and|that|in|for|with|this|it|we|they|he|she|have|has|had|be)\b", re.I
)
_WIDE_RUN = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]+")


def check_residue(pair: Pair) -> Iterator[Finding]:
    """Words of the other language left standing."""
    if pair.left.language == pair.right.language or not pair.link.right:
        return
    if pair.right.language == "en":
        spans = [m.span() for m in _WIDE_RUN.finditer(pair.b) if not _glossed(pair.b, m.start(), m.end())]
        spans = [(s, e) for s, e in spans if e - s > 1 or is_kana(pair.b[s])]
    elif pair.left.language == "en":
        spans = [m.span() for m in _ENGLISH_RUN.finditer(pair.b) if _is_prose(pair, m)] or list(_copied_sentences(pair))
    else:
        spans = list(_copied_runs(pair))
    for start, end in spans[:1]:
        yield pair.finding("untranslated/residue", None, (start, end), right=pair.b[start:end][:60])


def _glossed(text: str, start: int, end: int) -> bool:
    """Inside brackets or quotation marks beside a translation, foreign words are a gloss."""
    return bool(re.search(r"[(（\[“\"'‘「『][^)）\]”\"'’」』]*$", text[:start])) and bool(
        re.match(r"[^(（\[“「『]*[)）\]”\"'’」』]", text[end:])
    )


def _is_prose(pair: Pair, match: re.Match[str]) -> bool:
    words = _FUNCTION.findall(match.group())
    quoted = _glossed(pair.b, match.start(), match.end()) and len(words) < 6
    if all(w[0].isupper() or _FUNCTION.fullmatch(w) for w in re.findall(r"[A-Za-z]+", match.group())):
        return False  # the name of an organisation or a book
    copied = match.group()[:40].lower() in pair.a.lower()
    if _TRANSLATED_BEHIND.match(pair.b[match.end() :]) or _CITED.search(pair.b[: match.start()]):
        return False  # the words themselves matter and their meaning follows; or a source is named
    return len(words) >= 2 and not quoted and copied and not _is_cited_title(pair.b, match.start())


_TRANSLATED_BEHIND = re.compile(r"[.!?'\"`*_]*\s*[(（：:]\s*[^()（）]*[\u3041-\u30ff\u4e00-\u9fff]{3}")
_CITED = re.compile(r"(?:—|--)\s*(?:@?\w+,?\s*)?$|(?:Source|出典|来源|来源)[:：]\s*$")
LEAST_WORDS = 5
"""Words of a sentence from which it is no name or label."""


def _copied_sentences(pair: Pair) -> Iterator[tuple[int, int]]:
    """Whole sentences of the right text that stand so in the left one, with lower-case words among theirs."""
    at = 0
    for i in pair.link.right:
        text = pair.right.segments[i].text
        start = pair.b.find(text, at)
        at = max(at, start)
        words = re.findall(r"[A-Za-z]+(?:['’][a-z]+)?", text)
        plain = [w for w in words if w.islower() and len(w) > 1]
        if start < 0 or len(words) < LEAST_WORDS or len(plain) < 3 or _WIDE_RUN.search(text) or _CODE.search(text):
            continue
        if _FUNCTION.search(text) and text in pair.a and not _NAMED.match(text):
            yield start, start + len(text)


_NAMED = re.compile(r"\W*(?:—|--|–|@|Source|出典|来源)")
_CODE = re.compile(r"[{}<>;=|`$\\]|https?:|\w\(|^[-#/]")


def _is_cited_title(text: str, start: int) -> bool:
    """Whether a run follows the number of a section (6.2.1 Which ...) in a sentence that is otherwise translated."""
    return bool(re.search(r"\d+(?:\.\d+)+\.?\s*$", text[:start])) and bool(_WIDE_RUN.search(text[:start]))


def _copied_runs(pair: Pair) -> Iterator[tuple[int, int]]:
    """A Japanese sentence that keeps ten Han characters or more of the Chinese one in a row; or the other way kana in Chinese."""
    if pair.right.language == "ja":
        folded = fold(pair.a)
        for match in re.finditer(r"[\u4e00-\u9fff，、]{8,}", fold(pair.b)):
            if match.group() in folded and not is_title(pair.b, match.start(), match.end()):
                yield match.span()


def is_title(text: str, start: int, end: int) -> bool:
    """Whether a run stands in quotation marks or title marks."""
    return text[start - 1 : start] in "「『《“" and text[end : end + 1] in "」』》”"


_OWN_NAMES = re.compile("(?:简体|簡體|繁体|繁體)中文|中文(?:简体|簡體|繁体|繁體)|日本語|粵語|粤语")
"""What languages call themselves, the same in every list of them (Unicode CLDR)."""


def check_script(pair: Pair) -> Iterator[Finding]:
    """Characters that the declared script of the right text does not have."""
    script = pair.right.source.script
    if pair.b.isascii():
        return
    plain = _OWN_NAMES.sub(lambda m: " " * len(m.group()), pair.b)
    odd = [i for i, c in enumerate(plain) if _foreign(c, script) or (script == "Jpan" and _left_standing(c, pair.a))]
    if not odd:
        return
    shown = "".join(dict.fromkeys(pair.b[i] for i in odd))
    yield pair.finding("script/foreign", None, (odd[0], odd[0] + 1), right=shown[:20], script=ours(SCRIPTS[script]))


SCRIPTS = {"Hans": "simplified Chinese", "Hant": "traditional Chinese", "Jpan": "Japanese"}
"""Scripts whose characters are told apart, by the word of ours for each."""


@cache
def _foreign(character: str, script: str) -> bool:
    if script == "Jpan":
        return is_han(character) and not is_japanese_form(character)
    if script in ("Hans", "Hant"):
        if is_kana(character):
            return character not in "の・ー"
        standard = standard_of(character)
        if script == "Hant":
            return (standard == "Hans" and not _in_hong_kong(character)) or (
                is_han(character) and not standard and _only_japanese(character)
            )
        return standard == "Hant" and fold(character) != character
    return False


def _left_standing(character: str, left: str) -> bool:
    """Whether a character of a Chinese source stands unchanged in a Japanese text although Japan writes it otherwise (壳, 关)."""
    return character in left and character not in _japanese() and fold(character) in _japanese_folded()


@cache
def _japanese() -> frozenset[str]:
    lines = packaged_text("japanese_han.txt").splitlines()
    return frozenset("".join(line for line in lines if not line.startswith("#")))


@cache
def _japanese_folded() -> frozenset[str]:
    return frozenset(fold("".join(_japanese())))


def _in_hong_kong(character: str) -> bool:
    try:
        character.encode("big5hkscs")
    except UnicodeEncodeError:
        return False
    return True


@cache
def _only_japanese(character: str) -> bool:
    """A form of Japan's first level that Taiwan's and Hong Kong's standards lack, and that has a traditional twin."""
    try:
        character.encode("big5hkscs")
    except UnicodeEncodeError:
        code = character.encode("cp932", "replace")
        return len(code) == 2 and code[0] < 0x98 and fold(character) != character
    return False


def _joins_pictures(text: str, at: int) -> bool:
    """Whether a joiner or selector stands behind a picture, where it is part of how the picture is written."""
    before = text[at - 1] if at else ""
    return text[at] in "\u200d\ufe0e\ufe0f" and (before > "\U0001f000" or "\u2190" <= before < "\u2c00" or before == "\ufe0f")


_SIGNS = re.compile(f"(?:{BIDI.pattern})|(?:{INVISIBLE.pattern})")


def check_controls(pair: Pair) -> Iterator[Finding]:
    """Bidirectional and invisible characters, which can make a text read otherwise than it is."""
    signs = [m for m in _SIGNS.finditer(pair.b) if not _joins_pictures(pair.b, m.start())]
    if signs:
        match = signs[0]
        codes = list(dict.fromkeys(f"U+{ord(m.group()):04X}" for m in signs))
        yield pair.finding("control/characters", None, match.span(), codes=codes)
