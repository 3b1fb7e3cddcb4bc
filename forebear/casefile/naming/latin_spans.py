"""Names in Latin letters: pinyin, Hepburn and others, in either order, with titles and initials."""

from __future__ import annotations

import calendar
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from forebear.casefile.naming.han import UNKNOWN
from forebear.casefile.naming.latin import bare
from forebear.casefile.naming.latin_places import LED, PLACED, is_led, is_spot, of_two_words
from forebear.casefile.naming.stock import addresses, alternatives, is_english, latin, syllables, titles, words
from forebear.casefile.naming.wide import Body, Span

_LETTER = "A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a"
_TOKEN = re.compile(rf"[{_LETTER}]+(?:['’ʼ.‐-]?[{_LETTER}]+|[0-9][\w.-]*)*(?:[-.]?[0-9][\w.-]*)?")
_PARTICLES = frozenset(
    ("de", "del", "der", "den", "di", "da", "dos", "du", "van", "von", "bin", "ibn", "al", "el", "la", "le", "ter", "ten")
)
_CALENDAR = frozenset((*map(str.lower, calendar.month_name[1:]), *map(str.lower, calendar.day_name)))
_ENDS = re.compile(r"(?:^|[.!?:;。！？：；\n\"“”「」『』(（)）\]*#>|•·-])\s*$")
_ADJECTIVES = ("old", "young", "little", "big", "general", "major", "chief", "late")
"""Titles that stand before places and things too."""
_COUNTED = re.compile(r"\b[0-9]+ $")
USUAL = 12.0
"""Cost below which a word that begins with a title is read before a letter (A总共)."""
LONGEST = 4
"""Most words of one name."""


@dataclass
class Token:
    """One word: where, its letters, and what it may be."""

    start: int
    end: int
    text: str
    word: str
    first: bool
    """Whether it opens a sentence, so that its capital says nothing."""
    point: bool = False
    """Whether a point stands behind it."""
    kinds: set[str] = field(default_factory=set)

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital."""
        return self.text[0].isupper()


@dataclass
class Seen:
    """What the words of a whole case show: words that stand in small letters too, and words that name things."""

    small: set[str] = field(default_factory=set)
    things: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    """Words of names of two words and more, and of names with a title."""


def tokens(body: Body) -> list[Token]:
    """Every Latin word of a text, with what it may be."""
    found = []
    for match in _TOKEN.finditer(body.plain):
        text = re.sub("['’ʼ]s?$", "", match.group())
        first = bool(_ENDS.search(body.plain[max(0, match.start() - 6) : match.start()])) or not match.start()
        token = Token(match.start(), match.start() + len(text), text, bare(text), first)
        token.point = body.plain[token.end : token.end + 1] == "."
        token.kinds = _kinds(token)
        found.append(token)
    return found


def _kinds(token: Token) -> set[str]:
    word, known = token.word, latin()
    inner = [part for part in re.split("[-'’ʼ‐.]", token.text) if part]
    if len(inner) > 1 and all(len(part) == 1 and part.isupper() for part in inner) and "." in token.text:
        return {"initial"}
    if _is_thing(token, inner):
        return {"thing"}
    if len(word) == 1:
        ordinary = {"english"} if word in "ai" or not token.capital else set()
        return ordinary | ({"initial"} if token.capital else set())
    clan = len(inner) == 2 and len(inner[0]) == 1 and inner[1][0].isupper() and "-" not in token.text  # O'Connor
    if len(inner) > 1 and not clan and not _is_pinyin(inner) and all(is_english(bare(part)) for part in inner):
        return {"english"}
    asked = {
        "calendar": word in _CALENDAR,
        "title": word in titles().en_before,
        "english": word in known.common
        if word in known.given
        else is_english(word),  # many a given name is a rare word besides
        "given": word in known.given,
        "surname": word in known.surname,
        "place": word in known.place,
        "japanese": word in known.japanese,
        "pinyin": 0 < len(syllables(word)) <= 3,
        "noun": word in titles().thing_latin,
        "capitals": token.text.isupper(),
    }
    return {kind for kind, is_so in asked.items() if is_so}


def _is_pinyin(inner: Sequence[str]) -> bool:
    return all(syllables(bare(part)) for part in inner)


def _is_thing(token: Token, inner: Sequence[str]) -> bool:
    """Whether a word is written as no name of a person is: with figures, capitals inside, several of an abbreviation."""
    if any(c.isdigit() for c in token.text) or re.fullmatch("[A-Z]{2,}s", token.text):
        return True
    if any(re.search("[a-z][A-Z]", part) and not part.startswith(("Mc", "Mac", "O")) for part in inner):
        return True
    if len(inner) < 2 or _is_pinyin(inner):
        return False
    compound = any(part[0].islower() and is_english(part) for part in inner[1:]) or any(
        p.isupper() for p in inner if len(p) > 1
    )
    return compound and not all(is_english(bare(part)) for part in inner)


def things(listed: Sequence[Token], body: Body) -> Iterator[str]:
    """Words that name a thing somewhere: with figures, before a noun of things, or the first half of a compound."""
    for i, token in enumerate(listed):
        after = body.plain[token.end : token.end + 2]
        if "thing" in token.kinds:
            yield bare(re.split("[-0-9.]", token.text)[0])
        elif token.capital and not token.kinds & {"given", "title", "initial"}:
            follower = _follower(listed, i)
            if re.match(r"[ -]?\d", after) or (follower and "noun" in follower.kinds and not follower.kinds & {"title"}):
                yield token.word


def _follower(listed: Sequence[Token], i: int) -> Token | None:
    """The word right behind another, past ordinary ones with a capital (Boya Education Group)."""
    while i + 1 < len(listed) and listed[i + 1].start == listed[i].end + 1:
        i += 1
        if not listed[i].capital or listed[i].kinds != {"english"}:
            return listed[i]
    return None


def latin_spans(body: Body, language: str, seen: Seen, listed: Sequence[Token]) -> Iterator[Span]:
    """Names in Latin letters. Outside English a word alone counts only where something says that it is a name."""
    i = 0
    while i < len(listed):
        size = _run(listed, i, body.plain)
        run = listed[i : i + size]
        yield from _names(body, run, language, seen)
        i += size


def _run(listed: Sequence[Token], first: int, text: str) -> int:
    """How many words from here on are one run of words with capitals, between which nothing but a space or a point stands."""
    size = 1
    if not (listed[first].capital or listed[first].word in titles().en_before):
        return 1
    while first + size < len(listed):
        before, token = listed[first + size - 1], listed[first + size]
        gap = text[before.end : token.start]
        after = listed[first + size + 1] if first + size + 1 < len(listed) else None
        particle = (
            token.word in _PARTICLES
            and after is not None
            and (after.capital or after.word in _PARTICLES)
            and text[token.end : after.start] == " "
        )
        if not (token.capital or particle) or not re.fullmatch(r"\.?[ \u3000]|\.", gap):
            break
        if gap == ". " and "initial" not in before.kinds and before.word not in titles().en_short:
            break  # a title that is written out ends a sentence
        size += 1
    return size


def _names(body: Body, run: Sequence[Token], language: str, seen: Seen) -> Iterator[Span]:
    """Names of one run: words that cannot be part of a name part it."""
    pieces: list[list[Token]] = [[]]
    if _in_pinyin(run, seen) and not _led(body, run[0], run, 0):
        yield body.span(run[0].start, run[1].end, "latin", given=f"{run[0].text} {run[1].text}")
        return
    for one, two in (pair for pair in itertools.pairwise(run) if _is_surname_ahead(*pair)):
        yield body.span(one.start, two.end, "latin", given=f"{one.text} {two.text}")
        return
    before, behind = body.plain[max(0, run[0].start - 24) : run[0].start], body.plain[run[-1].end : run[-1].end + 1]
    spot = of_two_words(before, [t.word for t in run], behind)
    for n, token in enumerate(run):
        inverted = n == len(run) - 1 and bool(_inverted(body, token))
        if n in spot or (not inverted and (_apart(token, run, n, seen) or _led(body, token, run, n))):
            pieces.append([])
        else:
            pieces[-1].append(token)
    for piece in pieces:
        yield from _judged(body, piece, language, seen)


def _in_pinyin(run: Sequence[Token], seen: Seen) -> bool:
    """Whether a run is two words in pinyin that are no place together: with a capital in the middle of a sentence a name,
    though each is an English word or a city as well (Fang Song)."""
    if len(run) != 2 or any("pinyin" not in t.kinds or t.kinds & {"title", "thing", "noun", "calendar"} for t in run):
        return False
    if "".join(t.word for t in run) in latin().place or all(t.word in seen.things for t in run):
        return False
    return not (run[0].first and run[0].kinds & {"english"})


def _is_surname_ahead(one: Token, two: Token) -> bool:
    """Whether a pronoun is a surname: no pronoun stands before a word with a capital (He Huiguo: pinyin of two syllables)."""
    longer = "pinyin" in two.kinds and len(syllables(two.word)) == 2 and not two.kinds & {"english", "thing", "noun"}
    return one.word in ("he", "she") and longer and two.capital


def _led(body: Body, token: Token, run: Sequence[Token], at: int) -> bool:
    """Whether a place stands where places do."""
    before = body.plain[max(0, token.start - 24) : token.start]
    return is_led(before, [t.word for t in run], at, "place" in token.kinds)


def _no_word(token: Token) -> bool:
    """Whether a word with a capital is none that names a thing, a place or a title."""
    return token.capital and not token.kinds & {"english", "place", "thing", "noun", "calendar", "title", "capitals"}


def _apart(token: Token, run: Sequence[Token], at: int, seen: Seen) -> bool:
    """Whether a word is none of a name: an ordinary word, a place, a thing."""
    if at and token.word in _PARTICLES and not token.capital:
        return False
    if token.kinds & {"title", "initial"}:
        return "initial" in token.kinds and not token.point
    if token.kinds & {"thing", "noun", "calendar"}:
        borne = at and token.kinds & {"given", "surname"} and run[at - 1].kinds & {"given", "initial", "title"}
        return not borne or "thing" in token.kinds
    named = token.kinds & {"given", "surname", "pinyin", "japanese"}
    beside = [t for t in (run[at - 1] if at else None, run[at + 1] if at + 1 < len(run) else None) if t is not None]
    strange = at + 1 < len(run) and "given" in token.kinds and _no_word(run[at + 1])
    firm = strange or any(
        t.kinds & {"given", "initial", "pinyin", "japanese"} and not t.kinds & {"english", "place"} for t in beside
    )
    titled = bool(at and "title" in run[at - 1].kinds)
    if "place" in token.kinds and not token.kinds & {"english", "noun"}:
        whole = any("japanese" in t.kinds and not t.kinds & {"pinyin", "place", "english"} for t in beside)
        named = {"place"} if whole or (titled and run[at - 1].word not in _ADJECTIVES) else named  # nobody calls a place Mrs.
    if _between(token, run, at) or _census(run):
        return False
    if token.kinds & {"english"} or token.word in seen.small:
        return not (named and (firm or titled))
    return "place" in token.kinds and not (named and (firm or titled))


def _between(token: Token, run: Sequence[Token], at: int) -> bool:
    """Whether a word that is not of every day stands between two that are none (Lim Boon Keng)."""
    return 0 < at < len(run) - 1 and token.word not in latin().common and _no_word(run[at - 1]) and _no_word(run[at + 1])


def _census(run: Sequence[Token]) -> bool:
    """Whether a run in the middle of a sentence is a given name and a surname, though each is a word (Mark Rich)."""
    return (
        len(run) == 2
        and not run[1].first
        and {"given"} <= run[0].kinds
        and {"surname"} <= run[1].kinds
        and not any(t.kinds & {"thing", "noun", "calendar"} for t in run)
        and "title" not in run[0].kinds
    )


def _judged(body: Body, piece: Sequence[Token], language: str, seen: Seen) -> Iterator[Span]:
    """What of a piece is a name."""
    while piece and "title" in piece[-1].kinds and not piece[-1].kinds & {"given", "surname", "pinyin", "japanese"}:
        piece = piece[:-1]
    names = [t for t in piece if not t.kinds & {"title", "initial"} or ("title" in t.kinds and t is piece[-1])]
    if not names:
        return
    title = piece[0] is not names[0]
    last = piece[-1]
    behind = body.plain[last.end : last.end + 12]
    suffix = re.match(rf"[ -]?({'|'.join(titles().en_after)})\b", behind, re.I) if len(names) < 3 else None
    end = last.end
    if len(names) == 1 and not title and not _initialled(piece, names[0]):
        joined = _inverted(body, names[0])
        if joined:
            end = joined
        elif not (suffix or _says(body, names[0], language, seen)):
            return
    elif len(names) > 1 and not title and not _pair(names, language, seen):
        return
    if len(names) > LONGEST or (not title and _of_things(body, names)):
        return
    end += suffix.end() if suffix else 0
    first = next(t for t in piece if t.capital or not is_english(t.word))  # colleague Qu: a common noun is no part of the name
    yield body.span(first.start, end, "latin", given=" ".join(t.text for t in names))


def _of_things(body: Body, names: Sequence[Token]) -> bool:
    """Whether words with capitals name a firm or a place of work by their grammar: behind an article, the last an ordinary word;
    or two ordinary words and more, none of which people bear."""
    ordinary = [t for t in names if t.kinds & {"english", "noun"} and not t.kinds & {"given", "surname", "japanese"}]
    article = re.search(r"\b[Tt]he $", body.plain[max(0, names[0].start - 4) : names[0].start])
    return bool(names[-1] in ordinary and len(names) > 1 and (article or len(ordinary) > 1))


def _initialled(piece: Sequence[Token], name: Token) -> bool:
    """Whether initials stand beside a word that people are called by (Cao J.X., though Cao is a place too)."""
    return bool(name.kinds & {"given", "surname", "pinyin", "japanese"}) and any("initial" in t.kinds for t in piece)


def _inverted(body: Body, token: Token) -> int:
    """Where a given name ends that stands behind a surname and a comma; 0 when none does."""
    match = re.match(rf", ?([{_LETTER}]+(?:[-'’ʼ][{_LETTER}]+)*)", body.plain[token.end :])
    spot = is_spot(token.word) or ("place" in token.kinds and len(syllables(token.word)) != 1)
    if match is None or not token.capital or not match[1][0].isupper() or spot:
        return 0
    other = Token(0, 0, match[1], bare(match[1]), False)
    other.kinds = _kinds(other)
    both = {"pinyin"} <= token.kinds & other.kinds and (not token.kinds & {"english"} or _is_surname_ahead(token, other))
    doubtful = {"thing", "noun"} if both else {"english", "place", "thing", "noun"}
    if other.kinds & doubtful or not other.kinds & {"pinyin", "given", "japanese"}:
        return 0
    return token.end + match.end() if token.kinds & {"pinyin", "surname", "japanese"} else 0


def _says(body: Body, token: Token, language: str, seen: Seen) -> bool:
    """Whether one word alone may be somebody's name."""
    kinds = token.kinds
    if kinds & {"thing", "noun", "calendar", "capitals"} or token.word in seen.things or len(token.word) < 2:
        return False
    after = body.plain[token.end : token.end + 5].lstrip()
    titled = bool(re.match(_wide_titles(), after)) and language != "en"
    if token.word in seen.named and token.word not in seen.small and token.word not in _closed():
        return True
    if kinds & {"english", "place"} or token.word in seen.small | _closed() or is_spot(token.word):
        return False
    if kinds & {"given", "japanese"}:
        return True
    before = body.plain[max(0, token.start - 12) : token.start]
    if PLACED.search(before) or LED.search(before) or _COUNTED.search(before) or _compound(token.word):
        return False
    return titled or language == "en"


@cache
def _compound(word: str) -> bool:
    """Whether a word is two English ones run together (Starbridge): a thing's name, unless something says that it is a person's."""
    return any(is_english(word[:i]) and is_english(word[i:]) for i in range(3, len(word) - 2))


@cache
def _closed() -> frozenset[str]:
    """English words of closed classes: with a capital they only open a sentence."""
    return frozenset(addresses().english)


@cache
def _wide_titles() -> str:
    return alternatives((*titles().zh_after, *titles().ja_after))


def _is_usual(word: str) -> bool:
    """Whether a Chinese word is one of every day."""
    return words().zh.get(word, UNKNOWN) < USUAL


def lettered(body: Body) -> Iterator[Span]:
    """A letter, or a word that may be a name, beside a Chinese or Japanese title (L总, 小W, Fang老师), where no longer word
    than the title begins there (A总共)."""
    before, word = alternatives(titles().zh_before), rf"[A-Z](?![{_LETTER}0-9])|[A-Z][a-z]+"
    pattern = rf"(?<![{_LETTER}0-9])(?:(?:{before})([A-Z])(?![{_LETTER}0-9])|({word}) ?({_wide_titles()}))"
    for match in re.finditer(pattern, body.plain):
        title, name = match[3] or "", bare(match[1] or match[2])
        behind = body.plain[match.start(3) : match.end() + 2] if title else ""
        longer = any(_is_usual(behind[:n]) for n in range(len(title) + 1, len(behind) + 1))
        known = latin()
        if not longer and (len(name) == 1 or syllables(name) or name in known.given | known.surname | known.japanese):
            yield body.span(*match.span(), "latin", given=match[1] or match[2])


def _pair(names: Sequence[Token], language: str, seen: Seen) -> bool:
    """Whether two words or more may be a whole name."""
    if any(t.word in seen.things and not t.kinds & {"given"} for t in names):
        return False
    if all("capitals" in t.kinds for t in names):
        return all(t.kinds & {"given", "surname", "pinyin", "japanese"} for t in names)
    firm = [t for t in names if t.kinds & {"given", "surname", "pinyin", "japanese"}]
    if language == "en":
        return bool(firm) or not all(t.first for t in names)
    if len(names) == 2 and firm == names[:1] and re.fullmatch("[A-Z]{1,3}", names[1].text):
        return True  # Wang XM
    strange = not any(t.kinds & {"english", "place", "thing", "noun", "calendar", "capitals"} for t in names)
    return len(firm) == len(names) or strange or any("given" in t.kinds for t in names)
