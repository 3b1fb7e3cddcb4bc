"""Finds forms of hidden names in any text, and replaces those that are certain."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.folder.model import Alias, CaseFile, Name
from forebear.casefile.naming.han import plain_cost
from forebear.casefile.naming.sound import alike, readings_of, written
from forebear.casefile.naming.stock import is_english
from forebear.casefile.privacy.people import FULL, SOUND, Forms, allowed, hidden
from forebear.casefile.privacy.reading import BARRIER, cased, origins, plain, tight, tight_origins
from forebear.casefile.text.scripts import HAN
from forebear.core.messages import Message

_KATAKANA, _HIRAGANA = re.compile("[\u30a1-\u30faー\uff66-\uff9f]+"), re.compile("[\u3041-\u3096]+")
_PARTICLES = "はがをにでともへのや"
_WORD = re.compile("[a-z]+")
_GAP = re.compile(rf"[^a-z{BARRIER}]{{0,4}}")
MAX_WORDS = 6
"""Most Latin words that one form of a name takes (a title, and a name cut into syllables)."""
LEAST_MISSPELT = 7
"""Letters from which a whole Latin name is recognised with one letter wrong, lost, added or two changed over."""
LEAST_INSIDE = 8
"""Letters from which a whole Latin name is recognised inside a longer word (an address, a code name)."""
LEAST_STRANGE = 6.5
"""Least cost of a character (naming/han.py) in what only sounds like a name: below it the run is made of everyday words."""
MAX_ROUNDS = 4
"""Rounds of replacing in one text."""
MOST_KNOWN = 20_000
"""Texts whose forms are kept."""
EITHER = " or "
"""Between the pseudonyms of people who share a form."""
GUARDED = ("总", "工", "大", "老", "公", "导")
GUARD = frozenset("程作具业人结体共计数是会有要能算之")
"""A title of one character before these is part of another word (总结, 工作)."""


@dataclass(frozen=True)
class Hit:
    """A form of a hidden name: where in the text, whose, what kind; sure: replaced without a question."""

    start: int
    end: int
    label: str
    kind: str

    @property
    def sure(self) -> bool:
        """Whether this is a whole name, which no ruling on another word keeps."""
        return self.kind == FULL


class Search:
    """All forms of all hidden names of a case, ready to look for."""

    def __init__(self, people: Sequence[Forms], kept: Forms) -> None:
        self.people = people
        self.literals = _joined(people, "literals")
        self.latin, self.capital = _joined(people, "latin"), _joined(people, "capital")
        self.alone = _joined(people, "alone")
        self.kept = kept
        self.trie = Literals(self.literals)
        self.kept_trie = Literals(kept.literals)
        self.inside = Literals([f for f, (_, kind) in self.latin.items() if kind == FULL and len(f) >= LEAST_INSIDE])
        self.known: dict[str, list[Hit]] = {}
        self.apart = _alternatives(self.alone, rf"(?<![{HAN}])", rf"(?![{HAN}])(?![ぁ-ん](?<![{_PARTICLES}]))")
        self.heard = Heard(people)
        self.near = {
            d: f for f, (_, kind) in self.latin.items() if kind == FULL and len(f) >= LEAST_MISSPELT for d in _less(f)
        }

    def hits(self, text: str) -> list[Hit]:
        """Every form in a text, none inside a whole name or another form of the same person; what a ruling keeps is left out."""
        if not self.people or not text:
            return []
        if text not in self.known:
            if len(self.known) > MOST_KNOWN:
                self.known.clear()
            self.known[text] = self._found(text)
        return self.known[text]

    def _found(self, text: str) -> list[Hit]:
        found = sorted({*self._wide(text), *self._latin(text)}, key=lambda h: (h.start, -h.end, not h.sure))
        outer: dict[str, int] = {}  # "" for a whole name of anybody, else a label -> where its last form ends
        kept = []
        for hit in found:
            if hit.end > max(outer.get(hit.label, 0), outer.get("", 0)):
                kept.append(hit)
                outer["" if hit.sure else hit.label] = hit.end
        return kept

    def _wide(self, text: str) -> Iterator[Hit]:
        body = tight(text)
        spans = list(self._runs(body))
        if spans:
            kept = list(self.kept_trie.spans(body))
            at = tight_origins(text)
            for start, end, label, kind in spans:
                hit = Hit(at[start], at[end - 1] + 1, label, kind)
                if (kind == FULL or not any(a <= start and end <= b for a, b in kept)) and _apart(text, hit):
                    yield hit
        loose = plain(text) if self.alone else ""
        for match in self.apart.finditer(loose):
            label, kind = self.alone[match[1]]
            if kind == FULL or match[1] not in self.kept.alone:
                at = origins(text)
                yield Hit(at[match.start(1)], at[match.end(1) - 1] + 1, label, kind)

    def _runs(self, body: str) -> Iterator[tuple[int, int, str, str]]:
        """Places in a text without separators: literal forms, names of the same sound, Latin names inside longer words."""
        for start, end in self.inside.spans(body):
            yield start, end, *self.latin[body[start:end]]
        if body.isascii():
            return
        for start, end in self.trie.spans(body):
            label, kind = self.literals[body[start:end]]
            if kind == FULL or not (body[end - 1] in GUARDED and body[end : end + 1] in GUARD):
                yield start, end, label, kind
        for start, end, label, kind in self.heard.spans(body):
            if body[start:end] not in self.literals and plain_cost(body[start:end]) >= LEAST_STRANGE * (end - start):
                yield start, end, label, kind

    def _latin(self, text: str) -> Iterator[Hit]:
        loose, shown = plain(text), cased(text)
        tokens = [m.span() for m in _WORD.finditer(loose)]
        at: list[int] = []
        kept: list[tuple[int, int, bool]] = []
        found: list[tuple[int, int, str, str]] = []
        for first, (start, _) in enumerate(tokens):
            joined, whole = "", False
            for k in range(first, min(first + MAX_WORDS, len(tokens))):
                if k > first and not _GAP.fullmatch(loose, tokens[k - 1][1], tokens[k][0]):
                    break
                joined += loose[tokens[k][0] : tokens[k][1]]
                end = tokens[k][1]
                ruling = self.kept.latin.get(joined) or self.kept.capital.get(joined)
                if ruling is not None:
                    kept.append((start, end, ruling == FULL or k == first))
                who = self.latin.get(joined) or self._capital(joined, shown[start:end])
                if who is None and k == first + 1 and shown[start].isupper():
                    who = self.capital.get(f"{loose[start : tokens[first][1]]} {loose[tokens[k][0] : end]}")
                word = shown[tokens[k][0] : end]
                if who is None and shown[start].isupper() and not (whole and word.islower() and is_english(word)):
                    who = self._misspelt(joined)  # but not a name with the word behind it: Wenxi is
                if who is not None:
                    found.append((start, end, *who))
                whole = who is not None
        for start, end, label, kind in found:
            if kind == FULL or not any(
                a <= start and end <= b and (all_of or (a, b) == (start, end)) for a, b, all_of in kept
            ):
                at = at or origins(text)
                yield Hit(at[start], at[end - 1] + 1, label, kind)

    def _capital(self, joined: str, shown: str) -> tuple[str, str] | None:
        """A short word of a name, which counts only with a capital: a name inside camel case is one too."""
        who = self.capital.get(joined)
        return (
            who
            if who is not None and shown[0].isupper() and (shown.isupper() or shown[1:].islower() or "." in shown)
            else None
        )

    def _misspelt(self, joined: str) -> tuple[str, str] | None:
        if not LEAST_MISSPELT - 1 <= len(joined) <= 30 or not self.near:
            return None
        if joined in self.near:
            return self.latin[self.near[joined]][0], SOUND
        form = next((self.near[d] for d in _less(joined) if d in self.near), None)
        return None if form is None else (self.latin[form][0], SOUND)

    def replaced(self, text: str) -> str:
        """A text with every certain form replaced by the pseudonym in brackets."""
        for _ in range(
            MAX_ROUNDS
        ):  # what a replacement leaves beside it may be a form of its own (the first half of a surname)
            sure = [h for h in self.hits(text) if h.sure]
            if not sure:
                return text
            parts, at = [], 0
            for hit in sure:
                if hit.start >= at:
                    parts += [text[at : hit.start], f"[{hit.label}]"]
                    at = hit.end
            text = "".join([*parts, text[at:]])
        return text

    def masked(self, value: Any) -> Any:
        """The same of every string of a document, keys and values of messages included."""
        if isinstance(value, str):
            return self.replaced(value)
        if isinstance(value, Message):
            return self.masked(value.document())
        if isinstance(value, Mapping):
            return {self.masked(k): self.masked(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.masked(v) for v in value]
        return value


def search_of(case: CaseFile, rulings: tuple[str, ...] = ("private",)) -> Search:
    """The search for every name with one of these rulings."""
    return _search(case.name, case.alias, rulings)


@lru_cache(maxsize=4)
def _search(names: tuple[Name, ...], aliases: tuple[Alias, ...], rulings: tuple[str, ...]) -> Search:
    case = CaseFile("", "", name=names, alias=aliases)
    return Search(hidden(case, rulings), allowed(case))


def _joined(people: Sequence[Forms], table: str) -> dict[str, tuple[str, str]]:
    """Form -> (whose, kind): the one person whose whole name it is, else everybody it may mean."""
    labels: dict[str, dict[str, None]] = {}
    kinds: dict[str, str] = {}
    for person in people:
        for form, kind in getattr(person, table).items():
            if kinds.get(form) != FULL:
                if kind == FULL:
                    labels[form] = {}
                labels.setdefault(form, {})[person.label] = None
                kinds[form] = kind
    return {form: (EITHER.join(list(who)[:4]), kinds[form]) for form, who in labels.items()}


class Literals:
    """Finds at every place of a text the longest of many literals."""

    def __init__(self, forms: Iterable[str]) -> None:
        self.ends: dict[str, set[int]] = {}
        self.forms = frozenset(filter(None, forms))
        for form in self.forms:
            self.ends.setdefault(form[:2], set()).add(len(form))
        self.sizes = {head: tuple(sorted(sizes, reverse=True)) for head, sizes in self.ends.items()}
        self.heads = re.compile(f"[{re.escape(''.join(sorted({form[0] for form in self.forms})))}]" if self.forms else "(?!)")

    def spans(self, body: str) -> Iterator[tuple[int, int]]:
        """Where they stand, in order."""
        sizes, forms = self.sizes, self.forms
        for start in (m.start() for m in self.heads.finditer(body)):
            for size in (*sizes.get(body[start : start + 2], ()), *sizes.get(body[start], ())):
                if start + size <= len(body) and body[start : start + size] in forms:
                    yield start, start + size
                    break


def _alternatives(forms: Iterable[str], before: str, after: str) -> re.Pattern[str]:
    body = "|".join(map(re.escape, forms))
    return re.compile(f"{before}({body}){after}") if body else re.compile("(?!)")


def _apart(text: str, hit: Hit) -> bool:
    """Whether short kana stand by themselves: katakana in no longer run of it, hiragana behind no other but a particle."""
    form, before, after = (
        text[hit.start : hit.end],
        text[max(0, hit.start - 1) : hit.start],
        text[hit.end : hit.end + 1],
    )
    if _KATAKANA.fullmatch(form) and len(form) < 4:
        return not _KATAKANA.match(before) and not _KATAKANA.match(after)
    if _HIRAGANA.fullmatch(form) and len(form) < 4:
        return not _HIRAGANA.match(before) or before in _PARTICLES
    return True


@cache
def _class(character: str) -> str:
    return f"[{alike(character)}]"


class Heard:
    """Finds Han names of the same sound: of three characters or more any, of two with one character right.

    Patterns are looked up by the readings of their first two characters. Without pypinyin any other character counts as one of
    the same sound, in one place of the name: that refuses more.
    """

    def __init__(self, people: Sequence[Forms]) -> None:
        self.by: dict[tuple[str, str], list[tuple[re.Pattern[str], str, str]]] = {}
        self.rest: list[tuple[re.Pattern[str], str, str]] = []
        for person in people:
            for name, kind in person.heard.items():
                self._take(name, person.label, kind)

    def _take(self, name: str, label: str, kind: str) -> None:
        if " " in name:
            syllables = name.split(" ")
            ways = ["".join(f"[{written(s)}]" for s in syllables)] if all(map(written, syllables)) else []
            keys = [(syllables[0], syllables[1])]
        elif can_sound():
            long = len(name) > 2
            ways = ["".join(map(_class, name))] if long else [_class(name[0]) + name[1], name[0] + _class(name[1])]
            keys = list(itertools.product(readings_of(name[0]), readings_of(name[1])))
        else:
            ways, keys = [f"{name[:i]}[{HAN}]{name[i + 1 :]}" for i in range(len(name))], []
        found = [(_looking(way), label, kind) for way in ways]
        for key in keys:
            self.by.setdefault(key, []).extend(found)
        if not keys:
            self.rest += found

    def spans(self, body: str) -> Iterator[tuple[int, int, str, str]]:
        """Where names stand that sound so, whose, and what kind of form."""
        said = [readings_of(c) for c in body] if self.by else []
        for start, pair in enumerate(itertools.pairwise(said)):
            for key in itertools.product(*pair):
                for pattern, label, kind in self.by.get(key, ()):
                    match = pattern.match(body, start)
                    if match:
                        yield *match.span(), label, kind
        for pattern, label, kind in self.rest:
            for match in re.finditer(f"(?=({pattern.pattern}))", body):
                yield *match.span(1), label, kind


@lru_cache(maxsize=8192)
def _looking(way: str) -> re.Pattern[str]:
    return re.compile(way)


def _less(word: str) -> list[str]:
    """A word with each of its letters left out: two words that share one differ in one letter or in two changed over."""
    return [word[:i] + word[i + 1 :] for i in range(len(word))]
