"""Forms of one person's name, from the spellings that a case rules private: Han, kana and Latin ones, short and addressed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache

from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.naming.sound import split, ways
from forebear.casefile.naming.stock import addresses, is_english, names, titles
from forebear.casefile.privacy import japanese
from forebear.casefile.privacy.reading import cased, is_han_run, is_kana_run, plain, tight
from forebear.casefile.text.scripts import fold

FULL, GIVEN, SURNAME, ADDRESSED, ALONE, LATIN_PART, INITIALS, SOUND = (
    "the whole name",
    "the given name alone",
    "the surname alone",
    "a part of the name with a title",
    "the surname as a word of its own",
    "a part of the Latin name",
    "initials",
    "another spelling of the same sound",
)
CODES = ("Jpan", "Latn")
"""Codes of scripts (ISO 15924) that a document holds and that nobody is called by; initials may look like them."""
CALLED = "姓"
"""Stands before a surname that a text says is one."""
NO_NAME = "a phrase that is no name"


@cache
def endings() -> tuple[str, ...]:
    """Titles behind a Han name, in the characters texts are searched in, the longest first."""
    return tuple(
        sorted({tight(t) for t in (*titles().zh_after, *titles().ja_after, *addresses().after)}, key=len, reverse=True)
    )


@cache
def _compounds() -> frozenset[str]:
    """Chinese surnames of two characters."""
    return frozenset(tight(s) for s in names().surnames if len(s) > 1)


@dataclass
class Forms:
    """Forms of one person by the way they are looked for; each with what kind of form it is.

    literals: in a text without separators; alone: Han runs that count only as a word of their own; latin: letters of one
    word or several; capital: Latin words (and pairs, with a space) that count only with a capital; heard: Han names whose
    sound counts.
    """

    label: str
    literals: dict[str, str] = field(default_factory=dict)
    alone: dict[str, str] = field(default_factory=dict)
    latin: dict[str, str] = field(default_factory=dict)
    capital: dict[str, str] = field(default_factory=dict)
    heard: dict[str, str] = field(default_factory=dict)
    scripts: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    whole: bool = False
    """Whether a name of this person is known that is no mere part of somebody's."""

    def take(self, name: str, derive: bool) -> None:
        """Every form of one spelling; derive: parts and addresses of it too, not the spelling alone."""
        made = _forms_of(name, derive)
        for table in ("literals", "alone", "latin", "capital", "heard"):
            mine = getattr(self, table)
            mine.update({form: kind for form, kind in getattr(made, table).items() if mine.get(form) != FULL})
        self.scripts |= made.scripts

    def make(self, name: str, derive: bool) -> None:
        """The same, worked out."""
        bare = tight(name)
        if not bare:
            return
        if is_han_run(bare):
            self._han(bare, derive)
        elif bare.isascii() and re.search("[a-z]", bare):
            self._latin(name, derive)
        else:
            self._mixed(name, bare, derive)

    def _put(self, table: dict[str, str], form: str, kind: str) -> None:
        if form and table.get(form) != FULL:
            table[form] = kind

    def _han(self, name: str, derive: bool) -> None:
        self.scripts.add("Han")
        self._put(self.alone if len(name) == 1 else self.literals, name, FULL)
        if not derive:
            return
        before, after = addresses().before, endings()
        core = next((name[: -len(t)] for t in after if name.endswith(t) and len(name) > len(t)), name)
        if core == name and ((len(core) == 2 and core[0] in before) or (1 < len(core) < 4 and core[0] == CALLED)):
            core = core[1:]
        self._short(core)
        self._sounded(core)
        if len(core) > 1 and core == name:
            self._put(self.heard, name, SOUND)
        self._spoken(core)

    def _short(self, core: str) -> None:
        """Surname and given name alone, and with titles."""
        before, after, given_after = addresses().before, endings(), addresses().given_after
        surnames, givens = _parts(core)
        for part in surnames:
            self._put(self.alone if len(part) == 1 else self.literals, part, ALONE if len(part) == 1 else SURNAME)
        for given in givens:
            if len(given) > 1:
                self._put(self.literals, given, GIVEN)
        addressed = [(p, after) for p in surnames] + [(p, given_after) for g in givens for p in dict.fromkeys([g, *g])]
        for part, titled in addressed:
            for form in (*(part + tight(t) for t in titled), *(t + part for t in (*before, CALLED))):
                self._put(self.literals, form, ADDRESSED)

    def _sounded(self, core: str) -> None:
        """Forms of a name that may be Japanese: its surname and given name alone, and what they sound like."""
        for way in japanese.sounded(core):
            self.scripts |= {"Latin", "kana"}
            for part, kind in ((way.surname, SURNAME), (way.given, GIVEN)):
                if len(part) > 1 and part != core:
                    self._put(self.literals, part, kind)
            for reading in (*way.surnames, *way.givens):
                for form in filter(lambda f: len(f) > 2, japanese.kana(reading)):
                    self._put(self.literals, form, SOUND)
                for form in japanese.latin(reading):
                    self._part(form)
            for one, two in itertools.product(way.surnames, way.givens):
                self._whole(one, two)

    def _whole(self, surname: str, given: str) -> None:
        """A whole Japanese name by the readings of its parts."""
        for form in japanese.kana(surname + given):
            self._put(self.literals, form, FULL)
        for a, b in itertools.product(japanese.latin(surname), japanese.latin(given)):
            self._put(self.latin, a + b, FULL)
            self._put(self.latin, b + a, FULL)

    def _spoken(self, core: str) -> None:
        """Latin forms of a Han name, by its readings."""
        found = ways(core)
        if found:
            self.scripts.add("Latin")
        for syllables in found:
            for cut in {len(surname) for surname in _parts(core)[0]}:
                self._romanised("".join(syllables[:cut]), syllables[cut:])

    def _romanised(self, surname: str, given: tuple[str, ...]) -> None:
        first = "".join(given)
        if first:
            self._put(self.latin, surname + first, FULL)
            self._put(self.latin, first + surname, FULL)
            if len(given) > 1 and len(first) > 4:
                self._put(self.latin, first, GIVEN)
            letters = "".join(g[0] for g in given)
            for short in {letters, letters[0]}:
                self._initials(short, surname)
            if len(letters) > 1:
                self._put(self.capital, surname[0] + letters, INITIALS)
                self._put(self.capital, letters + surname[0], INITIALS)
        for part in {surname, first, *(given if len(given) < 3 else ())} - {""}:
            self._part(part)

    def _initials(self, letters: str, surname: str, kind: str = INITIALS) -> None:
        """Initials before and behind a surname; where they make a word with it (T. He), only with something between them."""
        for one, two in ((letters, surname), (surname, letters)):
            if len(one + two) > 3 and not is_english(one + two):
                self._put(self.latin, one + two, kind)
            else:
                self._put(self.capital, f"{one} {two}", kind)

    def _part(self, part: str) -> None:
        """One Latin word of a name: alone with a capital, or with a title in any case."""
        if part not in addresses().english and len(part) > 1:
            self._put(self.capital, part, LATIN_PART)
        before, after = addresses().latin_before, addresses().latin_after
        for form in (*(title + part for title in before), *(part + title for title in after)):
            if form not in before and form not in after:
                self._put(self.latin, form, ADDRESSED)
        for title in addresses().latin_short:
            self._put(self.capital, f"{title} {part}", ADDRESSED)

    def _latin(self, name: str, derive: bool) -> None:
        self.scripts.add("Latin")
        pieces = re.findall("[a-z]+", plain(name))
        whole = "".join(pieces)
        if len(pieces) == 2 and 1 in map(len, pieces) and (len(whole) < 4 or is_english(whole)):
            letter, surname = sorted(pieces, key=len)
            self._initials(letter, surname, FULL)
        elif len(pieces) == 1 and (len(whole) < 5 or whole in addresses().english) and cased(name) != plain(name):
            self._put(self.capital, whole, FULL)
        else:
            self._put(self.latin, whole, FULL)
        if derive:
            self._turned(pieces)

    def _turned(self, pieces: list[str]) -> None:
        """Parts of a Latin name, its words in another order, its initials, and Han characters that sound like it."""
        known = {*addresses().latin_before, *addresses().latin_after}
        pieces = [p for p in pieces if p not in known or len(pieces) == 1]
        if len(pieces) > 1:
            for turned in ([*pieces[1:], pieces[0]], [pieces[-1], *pieces[:-1]]):
                self._put(self.latin if len("".join(turned)) > 3 else self.capital, _joined(turned), FULL)
            self._initials(pieces[0][0], pieces[-1])
            for surname, given in ((pieces[0], pieces[1:]), (pieces[-1], pieces[:-1])):
                for one in split(surname):
                    for two in split("".join(given)):
                        if two and len(one) == 1 and len(one) + len(two) < 5:
                            self._put(self.heard, " ".join((*one, *two)), SOUND)
        for piece in pieces:
            self._part(piece)

    def _mixed(self, name: str, bare: str, derive: bool) -> None:
        """Kana, and names of more than one script: the whole, and its parts between points and spaces."""
        self.scripts.add("kana" if re.search("[\u3041-\u30ff]", bare) else "Han")
        self._put(self.literals, bare, FULL)
        core = next((bare[: -len(t)] for t in endings() if bare.endswith(t)), "") if derive else ""
        if is_han_run(core) and len(core) > 1:
            self._han(core, derive)
        for part in re.split(r"[\s・･=＝·.,-]+", name) if derive else ():
            piece = tight(part)
            if piece != bare and is_kana_run(piece) and len(piece) > 1:
                self._put(self.literals, piece, GIVEN)
            elif piece != bare and is_han_run(piece):
                self._han(piece, len(piece) > 1)
            elif piece != bare and piece.isascii():
                self._part(piece)


@lru_cache(maxsize=8192)
def _forms_of(name: str, derive: bool) -> Forms:
    """The forms of one spelling; a case asks for them again with every ruling."""
    made = Forms("")
    made.make(name, derive)
    return made


def _joined(pieces: list[str]) -> str:
    """Words of a Latin name as they are looked for: two short ones with a space."""
    whole = "".join(pieces)
    return whole if len(whole) > 3 or len(pieces) != 2 else " ".join(pieces)


def _parts(core: str) -> tuple[list[str], list[str]]:
    """Surnames a Han name may have, and given names: of three characters the surname may have one or two."""
    known = names().surnames_ja
    if len(core) < 3:
        both = [core] if len(core) > 1 and fold(core) in known else []
        return [*both, core[:1]], [core[1:]] if len(core) > 1 else []
    if core[:2] in _compounds():
        return [core[:2]], [core[2:]]
    longer = [core[:n] for n in range(3, len(core)) if fold(core[:n]) in known]
    givens = [core[1:]] if len(core) == 3 else [core[1:], core[2:]]
    return [core[:1], core[:2], *longer], [*givens, *(core[len(s) :] for s in longer)]


def hidden(case: CaseFile, rulings: tuple[str, ...] = ("private",)) -> list[Forms]:
    """Forms of every person whose name has one of these rulings; entries of one pseudonym are one person."""
    found: dict[str, Forms] = {}
    for number, name in enumerate(case.name, 1):
        if name.ruling not in rulings:
            continue
        label = name.pseudonym or f"name {number} of case.toml"
        forms = found.setdefault(label, Forms(label))
        derive = name.kind == "person" and (not name.of or bool(re.search("[ァ-ヺー][・＝][ァ-ヺー]", name.text)))
        forms.whole = forms.whole or not name.of
        forms.texts += [name.text, *_others(case, name)]
        forms.take(name.text, derive)
        for other in _others(case, name):
            forms.take(other, derive and _is_whole(name.text, other))
    return list(found.values())


def _others(case: CaseFile, name: Name) -> Iterator[str]:
    own = {name.text, *name.also, *name.misspelt}
    yield from (*name.also, *name.misspelt)
    for alias in case.alias:
        if own & set(alias.names):
            yield from alias.names


def _is_whole(text: str, other: str) -> bool:
    """Whether another spelling is of the whole name, so that it has parts of its own: a nickname has none."""
    one, two = tight(text), tight(other)
    if is_han_run(two):
        return not is_han_run(one) or (len(two) >= len(one) and two[0] == one[0]) or len(two) > 2
    return len(re.findall(r"[\w']+", plain(other))) > 1


def allowed(case: CaseFile) -> Forms:
    """What rulings keep: public names with their readings, words that are no names, and aliases of things."""
    found = Forms("public")
    things = [spelling for alias in case.alias if alias.kind != "person" for spelling in alias.names]
    for spelling in (*CODES, *things):
        found.take(spelling, False)
    for name in case.name:
        if name.ruling in ("public", "not-a-name"):
            _keep(found, name)
    return found


def _keep(found: Forms, name: Name) -> None:
    """Take in what a ruling keeps."""
    for spelling in (name.text, *name.also):
        found.take(spelling, False)
        if name.ruling == "not-a-name":
            # a phrase that is no name keeps itself, not a hidden name that is one of its words
            joined = "".join(re.findall("[a-z]+", plain(spelling)))
            found.latin.update({joined: NO_NAME} if joined in found.latin else {})
    if name.ruling == "public" and is_han_run(tight(name.text)):
        for syllables in ways(tight(name.text)):
            found.latin["".join(syllables)] = found.latin["".join((*syllables[1:], syllables[0]))] = FULL
