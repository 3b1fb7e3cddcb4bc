"""Reads a run of Han characters two ways, as words and as names, and keeps the names that no better reading contradicts.

The cost of a reading is the sum of costs of its pieces, each the natural logarithm of how rare it is; a name costs what its
surname, its given characters and being a name at all cost. A span is a candidate when the cheapest reading through it is not
dearer than the cheapest reading of all by more than `MARGIN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from forebear.casefile.naming.counted import is_counted
from forebear.casefile.naming.stock import by_first, folded, names, titles, words
from forebear.casefile.text.scripts import fold

NAME = 4.5
"""Cost of a name: about one word of a hundred in a testimony."""
UNKNOWN = 14.0
"""Cost of a character that no table has, as a word of its own."""
UNKNOWN_SURNAME, COMMON_AS_SURNAME = 9.0, 14.0
"""Cost of a surname that no table has; of one that is written with an everyday character."""
EVERYDAY = 11.0
"""A character is everyday when it stands as a word of its own with less than this cost."""
EVERYDAY_AHEAD = 9.0
"""The same before a given name that stands without a surname (灯志国): what opens the run there is mostly the surname."""
UNKNOWN_GIVEN = 10.0
RARE_GIVEN = 8.0
"""Cost of a given character that no table has; of one that is hardly ever a word."""
TITLE, AGENT, BEFORE, ALONE = 2.5, 4.0, 3.0, 3.5
NICKNAMES = {fold("阿"): 0.0, fold("小"): 2.0}
"""Cost of a word before a surname or a given name that hardly stands before anything else."""
SMALL = frozenset(fold("儿子"))
"""What makes a nickname of the last character of a given name, as its being said twice does (Chao, 1968, 4.2)."""
"""Cost of a title behind a name, of another word for what somebody does, of a word before a surname, of a given name that
stands alone."""
KNOWN = 5.0
"""Cost of a name, a surname or a given name that the same texts show elsewhere beyond doubt."""
CUE = 1.5
"""What a name is cheaper by where the words beside it speak of a person."""
RARE_ALONE = 8.0
"""Rarity from which a Japanese surname alone in a Chinese text needs to be shown elsewhere."""
AS_A_WORD = 3.0
"""What a name costs besides when it is a word as well, so that words beside it cannot make a name of it alone."""
EITHER = 15.0
"""Cost in the table of what may be a word or a name (scripts/make_name_data.py)."""
AS_A_PLACE = 6.0
"""The same when it is a place."""
MARGIN = 1.0
PARTICLES = frozenset("はがのをにとでもへや")
"""Japanese particles, behind which a run of Han characters begins a word."""
AGENTS, LONG_AGENTS = frozenset(fold("师員士官佬")), frozenset(fold("长工管監理授任佐生家者手"))
"""Last parts of words for what somebody does (Chao, 1968, 4.4; Martin, 1975, section 5.3), in any word and in long ones."""
PEOPLE = frozenset("人")
"""What besides these ends a word for a person that stands before a name (被告人, 证人)."""
LISTED = 5.0
"""What a name may be dearer by when it is all that stands between two marks of a list or behind a label."""
_MARKS = frozenset("、：:；;|/\n\t，,。")
_LIST_MARKS = frozenset("、：:；;|")
STOP = frozenset(
    fold(
        "的了是在有不这那我你他她它们个也就都而及与或到说要会能可以为之者所把被给对从向很最更没还又再只和跟问让叫由于但如此其每各该当才却吗呢吧啊着过些什么位"
    )
)
"""Characters of closed classes (Chao, 1968, chapters 7 and 8), which are no part of a name."""
AT_A_PLACE = ("在", "从", "去", "到", "往", "至", "于", "赴", "离", "回", "途经", "住")
"""Prepositions and verbs of place (Chao, 1968, 8.2)."""
IN_NAMES = frozenset(fold("之为以如可会能而其又当才还于上大"))
"""Those that given names, or surnames, hold too: read as such where a name stands by itself or behind an office."""


@dataclass(frozen=True)
class Found:
    """A span that may name a person: where in the run, and what kind of form; surname, given: its parts where it has them."""

    start: int
    end: int
    kind: str
    surname: str = ""
    given: str = ""
    dearer: float = 0.0
    """How much dearer the cheapest reading of the run with it is than the cheapest one as words alone: mostly below 0."""


@dataclass
class Known:
    """Surnames, given names and whole names that the texts show beyond doubt."""

    surnames: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)
    """Last characters of given names that the texts show: what nicknames are made of."""
    offices: set[str] = field(default_factory=set)
    """Words that the texts show behind several surnames."""


@dataclass(frozen=True)
class _Piece:
    start: int
    end: int
    cost: float
    found: Found | None = None


@cache
def _surname_characters() -> frozenset[str]:
    return frozenset(c for surname in names().surnames_ja for c in surname)


def plain_cost(text: str) -> float:
    """The cost of the cheapest reading of a run as Chinese words alone."""
    table, cost = words(), [0.0]
    for end in range(1, len(text) + 1):
        one = cost[end - 1] + min(table.zh.get(text[end - 1], UNKNOWN), UNKNOWN)
        more = [
            cost[start] + min(table.zh.get(text[start:end], 99.0), table.places.get(text[start:end], 99.0))
            for start in range(max(0, end - 4), end - 1)
        ]
        cost.append(min([one, *more]))
    return cost[-1]


@cache
def is_agent(word: str, size: int, japanese: bool) -> bool:
    """Whether a word says by its last part what somebody does (工程师, 研究员, 本部長): a title that no list has to name."""
    table = words()
    if len(word) != size:
        return False
    if word in table.zh or (japanese and word in table.ja):
        return word[-1] in AGENTS or (size > 2 and word[-1] in LONG_AGENTS)
    return size == 3 and word[-1] in AGENTS and word[:2] in table.zh  # any word makes one: 架构, 架构师


@cache
def _is_office(word: str, japanese: bool) -> bool:
    """Whether a word says who somebody is, so that a name may stand behind it (书记员于洋, 被告人赵某)."""
    listed = folded(titles().ja_after if japanese else titles().zh_after)
    return (len(word) > 1 and word in listed) or (
        is_word(word) and (word[-1] in PEOPLE or is_agent(word, len(word), japanese))
    ) or (len(word) == 3 and word[-1] in PEOPLE and is_word(word[:2]))


def is_word(text: str) -> bool:
    """Whether a run is an ordinary word or a place."""
    table = words()
    return text in table.zh or text in table.ja or text in table.places


def foreign_cost(text: str) -> float:
    """The cost of a run as a foreign name written for its sound; a character that no such name has costs as much as any."""
    table = names().foreign
    return sum(99.0 if c in STOP else table.get(c, UNKNOWN) for c in text)


@cache
def is_city(text: str) -> bool:
    """Whether a run of two characters and more is the name of a place, and no ordinary word."""
    table = words()
    return len(text) > 1 and text in table.places and text not in table.zh and text not in table.ja


class Lattice:
    """All pieces of one run and the cheapest way through each."""

    def __init__(self, run: str, language: str, known: Known, ahead: str, behind: str) -> None:
        self.run, self.japanese, self.known = run, language == "ja", known
        self.ahead, self.behind = ahead, behind
        pieces = [*self._words(), *self._named()]
        self.pieces = [p for p in pieces if p.found]
        size = len(run)
        forward, backward = [0.0] + [1e9] * size, [1e9] * size + [0.0]
        for p in sorted(pieces, key=lambda p: p.end):
            forward[p.end] = min(forward[p.end], forward[p.start] + p.cost)
        for p in sorted(pieces, key=lambda p: -p.start):
            backward[p.start] = min(backward[p.start], p.cost + backward[p.end])
        self.best = forward[size]
        words_ = [0.0] + [1e9] * size
        for p in sorted((p for p in pieces if not p.found), key=lambda p: p.end):
            words_[p.end] = min(words_[p.end], words_[p.start] + p.cost)
        self.words = words_[size]
        self.through = {p: forward[p.start] + p.cost + backward[p.end] for p in self.pieces}
        before, after = ahead or "\n", behind[:1] or "\n"
        self.listed = size < 5 and before in _MARKS and after in _MARKS and bool({before, after} & _LIST_MARKS)

    def names(self, margin: float = MARGIN) -> list[Found]:
        """Names in order, none inside another; margin: how much dearer than the cheapest reading theirs may be."""
        taken: list[Found] = []
        for piece, cost in sorted(self.through.items(), key=lambda i: (i[1], i[0].start - i[0].end)):
            found = piece.found
            whole = self.listed and found and found.end - found.start == len(self.run) and not is_word(self.run)
            if cost > self.best + margin + (LISTED if whole else 0):
                continue
            if found and not any(t.start < found.end and found.start < t.end for t in taken):
                taken.append(replace(found, dearer=cost - self.words))
        return sorted(taken, key=lambda f: f.start)

    def _words(self) -> Iterator[_Piece]:
        table, run = words(), self.run
        for start in range(len(run)):
            yield _Piece(start, start + 1, min(table.zh.get(run[start], UNKNOWN), UNKNOWN))
            for end in range(start + 2, min(start + 4, len(run)) + 1):
                word = run[start:end]
                cost = min(
                    table.zh.get(word, 99.0),
                    table.places.get(word, 99.0),
                    table.ja.get(word, 99.0) if self.japanese else 99.0,
                )
                if cost < 99:
                    yield _Piece(start, end, cost)

    def _named(self) -> Iterator[_Piece]:
        run = self.run
        for start in (i for i, c in enumerate(run) if not is_counted(run[:i] or self.ahead, c)):
            for found, cost in self._at(start):
                text = run[found.start : found.end]
                if text in self.known.whole:
                    cost = min(cost, KNOWN)
                elif text in words().places and (found.kind != "before" or (run[: found.start] or self.ahead).endswith(AT_A_PLACE)):
                    cost += AS_A_PLACE
                elif words().zh.get(text, EITHER) < EITHER:
                    cost += AS_A_WORD
                yield _Piece(found.start, found.end, cost - self._cue(found), found)

    def _cue(self, found: Found) -> float:
        run, words_ = self.run, titles()
        before, after = run[: found.start] or self.ahead, run[found.end :] or self.behind
        seen = 0.0
        apart = self.japanese and self.ahead in PARTICLES and found.end == len(run)
        if (not found.start and (not self.ahead or apart)) or before.endswith(folded(words_.zh_ahead)):
            seen += CUE
        if any(_is_office(before[-size:], self.japanese) for size in (2, 3, 4)):
            seen += 2 * CUE
        if after.startswith(folded(words_.zh_behind)) or (
            found.end == len(run) and self.behind in ("", *"はがもとにのを、，。！？”」：")
        ):
            seen += CUE
        for at in (found.start, found.end):
            if 0 < at < len(run) and words().zh.get(run[at - 1 : at + 1], 99.0) < EVERYDAY:
                seen -= CUE
        if found.kind in ("whole", "given") and run[found.end - 1] in folded(words_.zh_behind):
            seen -= 2 * CUE
        return seen

    def _none(self, start: int) -> frozenset[str]:
        """Characters that are no part of a name that begins here."""
        whole = not start and (len(self.run) < 5 or self.ahead in _LIST_MARKS)
        office = any(_is_office(self.run[max(0, start - size) : start], self.japanese) for size in (2, 3, 4))
        return STOP - IN_NAMES if whole or office else STOP

    def _at(self, start: int) -> Iterator[tuple[Found, float]]:
        run, rest = self.run, len(self.run) - start
        none = self._none(start)
        for surname, cost in self._surnames(start):
            after = start + len(surname)
            yield from self._titled(start, after, NAME + cost, surname=surname)
            for size in (1, 2):
                given = run[after : after + size]
                if len(given) == size and not set(given) & none:
                    whole = NAME + cost + self._given(given)
                    yield Found(start, after + size, "whole", surname, given), whole
                    yield from self._titled(start, after + size, whole, surname=surname, given=given)
            if surname[0] in self.known.surnames or cost < UNKNOWN_SURNAME:
                for before in folded(titles().zh_before):
                    if start and run[start - 1] == before and len(surname) < 3:
                        yield Found(start - 1, after, "before", surname), NAME + NICKNAMES.get(before, BEFORE) + cost
            elif start and run[start - 1] in folded(titles().zh_before) and len(surname) == 1:
                yield Found(start - 1, after, "before", surname), NAME + BEFORE + cost
        if rest > 1:
            yield from self._alone(start)
        yield from self._japanese(start)
        yield from self._foreign(start)

    def _surnames(self, start: int) -> Iterator[tuple[str, float]]:
        table, everyday = names().surnames, words().zh
        for size in (1, 2):
            surname = self.run[start : start + size]
            known = surname in self.known.surnames
            relational = self.japanese and not known and surname in folded(titles().relational)
            if len(surname) < size or set(surname) & self._none(start) or relational:
                continue
            if known:
                yield surname, min(KNOWN - 1, table.get(surname, 99.0))
            elif surname in table:
                yield surname, table[surname]
            elif size == 1:
                yield surname, UNKNOWN_SURNAME if everyday.get(surname, UNKNOWN) >= EVERYDAY else COMMON_AS_SURNAME

    def _given(self, given: str) -> float:
        if given in self.known.given:
            return KNOWN - 1
        table, everyday = names().given, words().zh
        found = 0.0
        for c in given:
            unknown = RARE_GIVEN if everyday.get(c, UNKNOWN) >= EVERYDAY else UNKNOWN_GIVEN
            found += min(table.get(c, unknown), unknown)
        return found

    def _titled(
        self, start: int, end: int, cost: float, surname: str = "", given: str = ""
    ) -> Iterator[tuple[Found, float]]:
        listed = titles().ja_after if self.japanese else titles().zh_after
        for title in by_first(listed).get(self.run[end : end + 1], ()):
            if self.run.startswith(title, end):
                yield Found(start, end + len(title), "titled", surname, given), cost + TITLE
        for size in (4, 3, 2):
            word = self.run[end : end + size]
            whom = surname in self.known.surnames and word[-1:] == "人" and len(word) == size > 2 and is_word(word)
            if whom or (word in self.known.offices and len(word) == size) or is_agent(word, size, self.japanese):
                yield Found(start, end + size, "titled", surname, given), cost + AGENT
        if self.japanese and end == len(self.run) and self.behind.startswith(folded(listed)):
            address = re.match("[ぁ-ん]", self.behind)  # さん and its like: nothing but a person goes before them
            alone = address and not start and end < 4 and not given and (end == 1 or not is_word(self.run))
            price = min(cost, NAME + KNOWN) if alone and surname not in folded(titles().roles) else cost
            yield Found(start, end, "titled", surname, given), price - (2 * CUE if address else CUE)

    def _alone(self, start: int) -> Iterator[tuple[Found, float]]:
        """A given name alone, with a title or with a word before it."""
        for size in (1, 2):
            given = self.run[start : start + size]
            if len(given) < size or set(given) & STOP:
                continue
            known = given in self.known.letters and size == 1
            cost = 1.0 if known else self._given(given)
            if size == 2 and (given in self.known.given or all(c in names().given for c in given)):
                yield Found(start, start + 2, "given", "", given), NAME + ALONE + cost
            alone = 0.0 if known else ALONE
            yield from self._titled(start, start + size, NAME + alone + cost, given=given)
            if start and size == 1 and self.run[start - 1] in folded(titles().zh_before):
                before = NICKNAMES.get(self.run[start - 1], BEFORE)
                yield Found(start - 1, start + 1, "before", "", given), NAME + alone + before + cost
            behind = self.run[start + 1 : start + 2]
            if known and behind in (given, *SMALL) and words().zh.get(given + behind, EITHER) >= EITHER:
                yield Found(start, start + 2, "given", "", given), NAME + BEFORE + cost

    def _japanese(self, start: int) -> Iterator[tuple[Found, float]]:
        known = names()
        for size in range(1, min(5, len(self.run) - start) + 1):
            name = self.run[start : start + size]
            if name in known.surnames_ja or name in self.known.surnames:
                yield from self._japanese_surname(start, name)
            elif self.japanese and size > 1 and not is_word(name) and set(name) <= _surname_characters():
                # a surname no list has, of characters that surnames are made of, before a title or a given name
                yield from self._titled(start, start + size, NAME + 4 * size + 4, surname=name)
                for given, cost in self._listed_given(start + size):
                    yield Found(start, start + size + len(given), "whole", name, given), NAME + 4 * size + 8 + cost
            elif is_city(name):  # nobody calls a place so
                for cost, found in ((c, f) for f, c in self._titled(start, start + size, NAME + 4.0, surname=name)):
                    address = self.run[start + size : found.end] or self.behind
                    if address.startswith(folded(titles().people_only)):
                        yield found, cost - AS_A_PLACE
            if name in known.given_ja and (size > 1 or name in self.known.given):
                cost = known.given_ja[name][0]
                yield Found(start, start + size, "given", "", name), NAME + ALONE + cost
                yield from self._titled(start, start + size, NAME + cost, given=name)

    def _japanese_surname(self, start: int, surname: str) -> Iterator[tuple[Found, float]]:
        """A surname that a list or the texts have: alone, with a title, with a given name."""
        end, listed = start + len(surname), names().surnames_ja
        cost = 2.0 if surname in self.known.surnames else max(2.0, listed[surname][0] - 1)
        cost += 0 if self.japanese or len(surname) > 1 else 4
        cost += AS_A_PLACE if not self.japanese and words().zh.get(surname, EITHER) < EITHER else 0
        shown = surname in self.known.surnames
        if len(surname) > 1 and (self.japanese or shown or listed[surname][0] < RARE_ALONE):
            yield Found(start, end, "surname", surname), NAME + ALONE + cost
        yield from self._titled(start, end, NAME + cost, surname=surname)
        for given, price in self._listed_given(end):
            yield Found(start, end + len(given), "whole", surname, given), NAME + cost + price
            yield from self._titled(start, end + len(given), NAME + cost + price, surname=surname, given=given)
        if len(surname) > 1 and not is_word(surname):
            for more in (1, 2):
                given = self.run[end : end + more]
                if len(given) == more and not set(given) & STOP:
                    yield Found(start, end + more, "whole", surname, given), NAME + cost + self._given(given)

    def _listed_given(self, start: int) -> Iterator[tuple[str, float]]:
        """Japanese given names from here on that a list or the texts have, with costs."""
        known = names().given_ja
        for size in range(1, 4):
            given = self.run[start : start + size]
            if len(given) == size and (given in known or given in self.known.given):
                yield given, 3.0 if given in self.known.given else known[given][0] - 2

    def _foreign(self, start: int) -> Iterator[tuple[Found, float]]:
        """A foreign name in Chinese characters for its sounds, before a title."""
        if self.japanese:
            return
        table, cost = names().foreign, 0.0
        for end in range(start + 1, min(start + 6, len(self.run)) + 1):
            sound = table.get(self.run[end - 1])
            if sound is None:
                return
            cost += sound
            if end - start > 1:
                yield from self._titled(start, end, NAME + cost, surname=self.run[start:end])
            if end - start > 2:
                yield Found(start, end, "foreign", self.run[start:end]), NAME + ALONE + cost
