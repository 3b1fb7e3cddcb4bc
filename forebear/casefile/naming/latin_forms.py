"""Names in Latin letters by how they are put together: handles, two words run together or in small letters, initials on either side
of a surname, and what says that a word with a capital is somebody (the late X, the Xs, X's daughter)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from forebear.casefile.naming.latin import bare
from forebear.casefile.naming.latin_places import PLACED
from forebear.casefile.naming.latin_spans import Seen
from forebear.casefile.naming.stock import addresses, is_english, latin, syllables, titles
from forebear.casefile.naming.wide import Body, Span

_W = "A-Za-z\u00c0-\u024f"
_CAPITAL = rf"[A-Z\u00c0-\u00de][{_W}]+(?:['’ʼ‐-][{_W}]+)*"
_LETTERS = rf"[A-Z](?![{_W}])(?:\. ?[A-Z](?![{_W}]))+\.?|[A-Z]\.|[A-Z](?![{_W}0-9.])"
_NO = rf"(?<![{_W}0-9_.@/-])"
"""No letter, figure or sign of an address before a form."""
_END = rf"(?![{_W}0-9_(@/-]|['’][{_W}]{{2}}|\.[{_W}0-9])"
_HANDLE = re.compile(rf"{_NO}([A-Za-z][a-z]+)[._]([a-z]{{2,}}){_END}")
_CAMEL = re.compile(rf"{_NO}([A-Z][a-z]+)([A-Z][a-z]+){_END}")
_SMALL = re.compile(rf"{_NO}([a-z]{{2,}}) (?=([a-z]{{2,}}){_END})")
_BEHIND = re.compile(rf"{_NO}({_CAPITAL})(?:,? )({_LETTERS})")
_AHEAD = re.compile(rf"{_NO}((?:[A-Z]\. ?){{1,3}}|(?:[A-Z]\.)+[A-Z]|[A-Z]) ?({_CAPITAL})")
_LATE = re.compile(rf"\b(?:the|a|an) late ({_CAPITAL})")
_CLAN = re.compile(
    rf"\b[Tt]he ({_CAPITAL}?)(s)?(?= (?:family|household|brothers|sisters|couple|twins|residence)\b)|\b[Tt]he ({_CAPITAL}?)s\b"
)
_KIN = (
    "daughter|son|wife|husband|mother|father|sister|brother|cousin|aunt|uncle|niece|nephew|parents?|child|children|"
    "grandson|granddaughter|grandmother|grandfather|widow|widower|fianc[eé]e?|boyfriend|girlfriend|friend|neighbou?r"
)
"""Kin and those near, who are somebody's (Quirk et al., 1985, 5.113 to 5.126)."""
_TWO = re.compile(rf"{_NO}({_CAPITAL}) (?=({_CAPITAL}))")
_OF = re.compile(
    rf"{_NO}({_CAPITAL}?)['’]s (?:(?:elder|younger|eldest|youngest|late|little|big|older) )?(?:{_KIN})s?\b"
)
_ALONE = re.compile(rf"{_NO}({_CAPITAL}?)(?:['’]s)?{_END}")
_OPENS = re.compile(r"(?:^|[.!?:;。！？：；\n\"“”「」『』(（)）\]*#>|•·-])\s*$")
_CAPITAL_AHEAD, _CAPITAL_BEHIND = re.compile(rf"[A-Z][{_W}]*[.,]? $"), re.compile(r"^ [A-Z]")
SYLLABLES = 3


@cache
def is_named(word: str) -> bool:
    """Whether people bear a word in small letters, or it is spelt as names are."""
    known = latin()
    return (
        word in known.given or word in known.surname or word in known.japanese or 0 < len(syllables(word)) <= SYLLABLES
    )


@cache
def is_strange(word: str) -> bool:
    """Whether a word in small letters is no English one, no place and no thing."""
    return not is_english(word) and word not in latin().place and word not in titles().thing_latin


@cache
def _is_pinyin_pair(one: str, two: str) -> bool:
    """Whether two words are a Chinese surname of one syllable and a given name of two, in either order."""
    sizes = sorted(len(syllables(w)) for w in (one, two))
    longer = max((one, two), key=lambda w: len(syllables(w)))
    return sizes == [1, 2] and not is_english(longer)


def _is_pair(first: str, second: str, seen: Seen, sure: bool) -> bool:
    """Whether two words may be a whole name; sure: they are joined by more than a space."""
    one, two = first.lower(), second.lower()
    if one in seen.named and two in seen.named and (sure or not (is_english(one) and is_english(two))):
        return True
    if _is_pinyin_pair(one, two):
        return True
    firm = [w for w in (one, two) if is_named(w) and is_strange(w)]
    return len(firm) == 2 or bool(
        firm and all(w in seen.named or is_strange(w) for w in (one, two)) and firm[0] in latin().japanese
    )


def small_names(body: Body) -> Iterator[str]:
    """Words in small letters that make a name together, in a handle or with a space: they are no ordinary ones."""
    for pattern, text in ((_HANDLE, body.text), (_SMALL, body.plain)):
        for match in pattern.finditer(text):
            if _is_pair(match[1], match[2], Seen(), True):
                yield from (match[1].lower(), match[2].lower())


def formed_spans(body: Body, seen: Seen) -> Iterator[Span]:
    """Names that are put together so. seen: what the words of all texts of the case show."""
    text = body.plain
    for match in _HANDLE.finditer(body.text):
        if _is_pair(match[1], match[2], seen, True):
            yield Span(*match.span(), "latin", given=f"{match[1]} {match[2]}")
    spots = {at for match in _TWO.finditer(text) if _is_spot_of_two(match, text) for at in (match.start(1), match.start(2))}
    for pattern, sure in ((_CAMEL, True), (_SMALL, False), (_TWO, True)):
        for match in pattern.finditer(text):
            known = {match[1].lower(), match[2].lower()} <= seen.named and match.start(1) not in spots
            if known if pattern is _TWO else _is_pair(match[1], match[2], seen, sure):
                yield body.span(match.start(1), match.end(2), "latin", given=f"{match[1]} {match[2]}")
    yield from _initials(body, seen)
    for pattern in (_LATE, _OF, _CLAN):
        for match in pattern.finditer(text):
            group = next(g for g in (1, 3) if g <= (match.lastindex or 1) and match[g])
            if _may_name(match[group], seen, firm=pattern is not _CLAN):
                end = match.end() if pattern is _CLAN else match.end(group)
                yield body.span(match.start(group), end, "latin", given=match[group])
    yield from (span for span in _alone(body, seen) if span.start not in {body.at[at] for at in spots})


def _is_spot_of_two(match: re.Match[str], text: str) -> bool:
    """Whether two words are a place behind a preposition of place (in Hong Kong), and own nothing behind them."""
    place = bare(match[1]) + bare(match[2]) in latin().place
    led = PLACED.search(text[max(0, match.start() - 24) : match.start()])
    return place and bool(led) and not text.startswith(("'", "’", "ʼ"), match.end(2))


def _initials(body: Body, seen: Seen) -> Iterator[Span]:
    """A surname with initials before or behind it: two of them, or one with a point, or behind a comma."""
    for match in _BEHIND.finditer(body.plain):
        if _is_behind(bare(match[1]), match[2], ", " in match.group(), seen):
            yield body.span(*match.span(), "latin", given=match[1])
    for match in _AHEAD.finditer(body.plain):
        if _is_ahead(match[1], bare(match[2]), seen):
            yield body.span(*match.span(), "latin", given=match[2])


def _is_behind(word: str, letters: str, comma: bool, seen: Seen) -> bool:
    """Whether initials stand behind a surname (Lu, X.L.); comma: with a comma between them."""
    several = len(re.findall("[A-Z]", letters)) > 1
    if word in seen.things or (word in addresses().english and not (word in seen.named and comma)):
        return word in ("he", "she") and several  # no pronoun stands before initials
    if word in latin().place and not (word in seen.named or (several and len(syllables(word)) == 1)):
        return False
    firm = is_named(word) and is_strange(word)
    if several and (is_named(word) or is_strange(word)):
        return True
    if word in seen.named and comma:
        return True
    return (firm or word in seen.named) and (comma or letters.endswith(".")) and not is_english(word)


def _is_ahead(letters: str, word: str, seen: Seen) -> bool:
    """Whether initials stand before a surname (J.G She)."""
    several, point = len(re.findall("[A-Z]", letters)) > 1, "." in letters
    if word in seen.named:
        return point or letters not in "AI"
    firm = is_named(word) and (several or is_strange(word))
    return firm and point and word not in addresses().english


def _may_name(word: str, seen: Seen, firm: bool) -> bool:
    """Whether a word with a capital may be somebody's name; firm: what stands beside it says so."""
    small = bare(word)
    if small in seen.things or small in titles().thing_latin or small in titles().en_before or len(small) < 2:
        return False
    if small in seen.named:
        return True
    return firm and (is_strange(small) or small in latin().given) and small not in addresses().english


def _alone(body: Body, seen: Seen) -> Iterator[Span]:
    """One word whose capital nothing but a name explains: of a name that the case shows elsewhere, or a given name."""
    for match in _ALONE.finditer(body.plain):
        small, before = bare(match[1]), body.plain[max(0, match.start() - 24) : match.start()]
        if len(small) < 2 or small in seen.things or match[1].isupper():
            continue
        opens = bool(_OPENS.search(before))
        beside = _CAPITAL_AHEAD.search(before) or _CAPITAL_BEHIND.match(body.plain[match.end() : match.end() + 2])
        spot = small in latin().place and PLACED.search(before)
        if (
            small in seen.named
            and small not in addresses().english
            and not spot
            and (not opens or not is_english(small) or small in latin().given)
        ) or (
            small in latin().given
            and not opens
            and not beside
            and small not in addresses().english
            and small not in latin().place
        ):
            yield body.span(match.start(1), match.end(1), "alone", given=match[1])
