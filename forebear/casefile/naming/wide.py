"""Spans of a Chinese or Japanese text that may name a person: in Han characters, in kana, and foreign names with a point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from forebear.casefile.naming.han import (
    AT_A_PLACE,
    EITHER,
    MARGIN,
    PARTICLES,
    STOP,
    Found,
    Known,
    Lattice,
    foreign_cost,
    is_word,
    plain_cost,
)
from forebear.casefile.naming.kana import hiragana_of
from forebear.casefile.naming.lengthened import lengthened
from forebear.casefile.naming.repeated import prefix
from forebear.casefile.naming.stock import JOINT, alternatives, folded, hiragana_names, latin, names, titles, words
from forebear.casefile.text.scripts import HAN, fold

_RUN = re.compile(f"[{HAN}]+")
_POINT = "·・•‧∙●⋅"
_POINTED_HAN = re.compile(f"(?=([{HAN}]+)[{_POINT}]([{HAN}]+)(?:[{_POINT}]([{HAN}]+))?)")
_TWO_NAMES = re.compile(f"([{HAN}]{{2,}}?)[和与及跟同或]([{HAN}]{{2,}})")
"""What stands between two points that belong to two names: 安娜·施耐德和索菲娅·科斯塔 (conjunctions: Chao, 1968, 8.5)."""
PARTS = re.compile(f"[{_POINT}＝=]")
"""Between the parts of a name in katakana."""
_KANA_RUN = re.compile(f"[ァ-ヺー]+(?:[{_POINT}＝=][ァ-ヺー]+)*")
_WHITE = re.compile(r"[\s*_\u200b-\u200f\u2060\ufeff]")
_HIRAGANA = re.compile("([ぁ-ん]{2,4})(?:さん|ちゃん|くん)")
_SPACED = re.compile(
    f"([{HAN}]{{1,5}})(?:[ \u3000]([{HAN}]{{1,3}}(?![{HAN}])|[ぁ-んァ-ヺー]{{2,5}})"
    f"|([ぁ-ん]{{2,5}}|[ァ-ヺー]{{2,5}}(?![{HAN}ァ-ヺー])))"
)
PLACE_PARTICLES = ("で", "に", "へ", "から", "まで", "より", "行", "発", "着", "在住", "出身", "駅", "产", "支部", "分部")
"""What stands behind places in Japanese (Martin, 1975, section 3.11)."""
WATERS = frozenset(fold("湖江河溪湾岛港山峡峰"))
"""Waters and heights that end the name of a place (GeoNames, classes H and T)."""
NOTHING = Known()
"""Nothing that the texts show beyond doubt."""
LONGEST_FOREIGN = 7
FOREIGN = 0.85
"""What a foreign name behind a point is cheaper by: one is there for certain, only its end is not."""


@dataclass(frozen=True)
class Span:
    """A span that may name a person: where, what kind of form, and the parts of the name that are known."""

    start: int
    end: int
    kind: str
    surname: str = ""
    given: str = ""
    dearer: float = -99.0
    """See `Found`; far below 0 of spans that no lattice found."""


class Body:
    """A text in folded characters with what is invisible or markup left out, and where each character came from."""

    def __init__(self, text: str) -> None:
        self.text = text
        kept = [(c, i) for i, c in enumerate(text) if not _WHITE.match(c) or c in " \n\u3000"]
        self.plain = JOINT.sub("之", fold("".join(c for c, _ in kept)))
        self.at = [i for _, i in kept]

    def span(
        self, start: int, end: int, kind: str, surname: str = "", given: str = "", dearer: float = -99.0
    ) -> Span:
        """A span of the folded text as one of the text."""
        return Span(self.at[start], self.at[end - 1] + 1, kind, surname, given, dearer)


@lru_cache(maxsize=4096)
def _alone(run: str, language: str, ahead: str, behind: str) -> Lattice:
    """A run read without what the other texts of the case show: the same sentences are read so again and again."""
    return Lattice(run, language, NOTHING, ahead, behind)


def wide_spans(body: Body, language: str, known: Known, margin: float = MARGIN) -> Iterator[Span]:
    """Spans in Han characters and kana, by the readings of `Lattice`; margin: see there."""
    plain = body.plain
    pointed = list(_pointed(body))
    yield from pointed
    for match in _RUN.finditer(plain):
        start, end = match.span()
        leans = language == "ja" and end - start > 1 and plain[start] in folded(titles().relational)
        if leans and not any(plain[start : start + n] in known.surnames for n in (1, 2, 3)):
            start += bool(re.match("[ぁ-ん]", plain[max(0, start - 1) : start]))  # その後林が: the run begins behind it
        run = plain[start:end]
        office = _KANA_RUN.match(plain, end)
        if language == "ja" and office and run in known.surnames:
            yield body.span(start, office.end(), "titled", run)
            continue
        beside = plain[max(0, start - 1) : start].strip(), plain[end : end + 6]
        lattice = _alone(run, language, *beside) if known is NOTHING else Lattice(run, language, known, *beside)
        for found in lengthened(lattice, lattice.names(margin)):
            where = plain[max(0, start - 3) : start] + run[: found.start], run[found.end :] or plain[end : end + 3]
            if _is_spot(run[found.start : found.end], found, where, known):
                continue
            if _is_brand(plain, start + found.start, start + found.end):
                continue
            if not _is_place(run, found, plain[end : end + 3], known) and not _is_role(found):
                more = (
                    re.match(alternatives(titles().ja_after), plain[end : end + 6])
                    if start + found.end == end
                    else None
                )
                last = start + found.end + (more.end() if more and language == "ja" else 0)
                span = body.span(start + found.start, last, found.kind, found.surname, found.given, found.dearer)
                if last - start - found.start > 1 and not any(
                    p.start < span.end and span.start < p.end for p in pointed
                ):
                    yield span
    if language == "ja":
        yield from _kana(body, known)
    yield from _spaced(body, known)


def _spaced(body: Body, known: Known) -> Iterator[Span]:
    """Japanese names with a space between surname and given name, and those whose given name is in hiragana."""
    surnames, given = names().surnames_ja, names().given_ja
    for match in _SPACED.finditer(body.plain):
        left, right = match[1], _given_part(match[2] or match[3])
        end = match.end(2 if match[2] else 3) - len(match[2] or match[3]) + len(right)
        size = next((n for n in range(len(left), 0, -1) if left[-n:] in known.surnames or left[-n:] in surnames), 0)
        if re.match(alternatives(titles().ja_after), right):
            continue
        said = right in given or right in known.given or hiragana_of(right) in hiragana_names()
        strange = not size and len(left) in (2, 3) and len(right) > 2 and right in hiragana_names() and not is_word(left)
        if strange and not any(is_word(left[i:]) for i in range(len(left) - 1)):
            yield body.span(match.start(), end, "whole", left, right)
            continue
        if not size or not (
            said or (match[0][len(left)] in " \u3000" and size == len(left) and (len(right) == 1 or not is_word(right)))
        ):
            continue
        yield body.span(match.end(1) - size, end, "whole", left[-size:], right)


def _given_part(words: str) -> str:
    """The longest beginning of words in hiragana that is a given name, before a particle or at their end; else all of them."""
    sizes = (n for n in range(len(words), 1, -1) if words[n : n + 1] in ("", *PARTICLES))
    return next((words[:n] for n in sizes if words[:n] in hiragana_names()), words)


def _is_place(run: str, found: Found, behind: str, known: Known) -> bool:
    """Whether the word behind a bare surname, or its own last character, makes a place or a thing of it."""
    after = run[found.end :] or behind
    text = run[found.start : found.end]
    if found.kind in ("whole", "given") and found.given[-1] in folded(titles().place_kinds):
        return True
    strange = found.kind in ("whole", "given") and found.surname not in known.surnames and text not in known.whole
    if strange and after[:1] in WATERS and not is_word(text[-1] + after[:1]) and after[:2] not in words().places:
        return True
    of_place = found.kind == "surname" or text in names().surnames_ja or text in words().places
    if of_place and found.kind != "titled" and after.startswith(folded(titles().place_after)):
        return True
    return found.kind in ("surname", "whole", "given", "foreign") and after.startswith(folded(titles().thing_after))


def _is_spot(text: str, found: Found, where: tuple[str, str], known: Known) -> bool:
    """Whether a place stands where a place does: behind a preposition of place, or before a Japanese particle of place."""
    before, after = where
    if found.kind not in ("whole", "given", "surname", "foreign") or text in known.whole:
        return False
    if before.endswith(AT_A_PLACE):
        return found.kind == "foreign" or any(text[:n] in words().places or _is_city(text[:n]) for n in range(2, len(text) + 1))
    return found.surname not in known.surnames and text in words().places and after.startswith(PLACE_PARTICLES)


def _is_city(text: str) -> bool:
    """Whether jieba calls a word a name and a place both: in the table of places, or hardly ever a word."""
    return words().zh.get(text, 0.0) >= EITHER


def _is_brand(plain: str, start: int, end: int) -> bool:
    """Whether what stands between quotation marks is the name of a thing: of a brand, a ship, a train."""
    opened = plain[max(0, start - 1) : start] in tuple("“「『\"‘")
    return opened and bool(re.match(r"[”」』\"’]\s?[牌号印型款级丸制]", plain[end : end + 3]))


def _is_role(found: Found) -> bool:
    """Whether what stands before a title is kin or a role, and nobody's name."""
    return found.kind == "titled" and found.surname + found.given in folded(titles().roles)


def _pointed(body: Body) -> Iterator[Span]:
    """Foreign names in Chinese characters with a point between their parts."""
    last, backwards = 0, body.plain[::-1]
    for match in _POINTED_HAN.finditer(body.plain):
        if match.start() < last:
            continue
        left, right, behind = match[1], match[3] or match[2], match.start(3) if match[3] else match.start(2)
        both = _TWO_NAMES.fullmatch(match[2]) if match[3] else None
        right, behind = (both[1], match.start(2)) if both else (right, behind)
        bare = re.split(f"[{''.join(STOP - set(names().foreign))}]", left)[-1]
        whole = len(bare) if 0 < len(bare) < 4 else 0
        first = prefix(backwards, left[::-1], LONGEST_FOREIGN) or whole or min(
            range(min(2, len(left)), min(len(left), LONGEST_FOREIGN) + 1),
            key=lambda k: plain_cost(left[:-k]) + FOREIGN * foreign_cost(left[-k:]),
        )
        size = prefix(body.plain, right, LONGEST_FOREIGN) or min(
            range(min(2, len(right)), min(len(right), LONGEST_FOREIGN) + 1),
            key=lambda k: FOREIGN * foreign_cost(right[:k]) + plain_cost(right[k:]),
        )
        start = match.end(1) - first
        end = behind + size
        last = end
        yield body.span(start, end, "pointed")


def _kana(body: Body, known: Known) -> Iterator[Span]:
    """Names in katakana: with a point, with a title, or known as names; and hiragana before a form of address."""
    plain, listed = body.plain, alternatives(titles().ja_after)
    table = latin()
    for match in _KANA_RUN.finditer(plain):
        word = match.group()
        parts = PARTS.split(word)
        title = re.match(listed, plain[match.end() : match.end() + 6])
        strange = [p for p in parts if p not in table.kana_word]
        known_here = any(p in known.whole for p in parts)
        if len(word) < 2 or (not title and not strange and not known_here and not any(p in table.kana for p in parts)):
            continue
        if known_here or (len(parts) > 1 and len(strange) >= len(parts) - 1) or title or word in table.kana:
            end = match.end() + (title.end() if title else 0)
            yield body.span(match.start(), end, "kana", given=word)
    for match in _HIRAGANA.finditer(plain):
        lead = match[1][0] in PARTICLES and match[1][1:] in hiragana_names()
        if lead and match[1] not in hiragana_names():
            yield body.span(match.start() + 1, match.end(), "kana", given=match[1][1:])
            continue
        before = re.search(f"[{HAN}]{{0,3}}$", plain[: match.start()])
        run = before.group() if before else ""
        behind_surname = any(run[i:] in names().surnames_ja for i in range(len(run)))
        alone = match[1] in hiragana_names() and match[1] not in titles().roles
        if behind_surname or (alone and not re.match("[ぁ-ん]", plain[: match.start()][-1:])):
            yield body.span(match.start(), match.end(), "kana", given=match[1])
