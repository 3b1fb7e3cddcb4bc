"""Before anything is published: forms of hidden names that would stand in it, and words that may name the same person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.naming.stock import addresses, is_english, latin, syllables, titles
from forebear.casefile.privacy.people import endings
from forebear.casefile.privacy.reading import cased, is_han_run, plain, readings, tight
from forebear.casefile.privacy.search import EITHER, Hit, Search
from forebear.casefile.text.scripts import HAN, KANA
from forebear.core.documents import Json

Links = Mapping[tuple[str, str], Sequence[Link]]
_LATIN_RUN = re.compile(r"[A-ZÀ-ÖØ-Þ][\w'’.-]*(?:[ \u3000](?:(?:de|van|von|bin|al) )?[A-ZÀ-ÖØ-Þ][\w'’-]*)*")
_KATAKANA = re.compile("[\u30a1-\u30faー・･＝]*[\u30a1-\u30fa][\u30a1-\u30faー・･＝]+")
_GLOSS = re.compile(r"[ ]?[(（\[［〔【「『]([^()（）\[\]［］〔〕【】「」『』\n]{1,40})[)）\]］〕】」』]")
_OPENED = re.compile(r"[ ]?[(（\[［〔【「『][ ]?")
_NAMED = re.compile(rf"[{HAN}{KANA}A-Za-z]")
STANDS = "stands where another text names"
"""Why a word is proposed that has nothing but its place."""
OUTSIDE = 3
"""A word counts as common, and as nobody's name, when it stands in at least so many segments that are linked to no hidden name,
and in at least twice as many as in those that are."""


@dataclass(frozen=True)
class Proposal:
    """A word that somebody has to rule on: as it stands, the pseudonym of the person it may name, and why."""

    text: str
    of: str
    why: str


def standing(search: Search, document: Json) -> list[Proposal]:
    """Forms that the document still holds after whole names were replaced."""
    found: dict[str, Proposal] = {}
    for text in _strings(document):
        for hit in search.hits(text):
            shown = " ".join(text[hit.start : hit.end].split())
            found.setdefault(tight(shown), Proposal(shown, hit.label, f"{hit.kind} of {hit.label}"))
    return list(found.values())


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def counterparts(search: Search, texts: Mapping[str, Text], links: Links) -> list[Proposal]:
    """Words of a translation that may name a hidden person in another way, where its source names that person and it does not.

    Latin words with capitals, katakana, and what stands in brackets behind a hidden name; not what rulings keep, what both
    texts have, and what is common elsewhere in the text.
    """
    found: dict[str, Proposal] = {}
    hits = {name: [search.hits(s.text) for s in text.segments] for name, text in texts.items()}
    for (left, right), pair in links.items():
        for one, other, sides in ((left, right, ("left", "right")), (right, left, ("right", "left"))):
            seen = _Seen(
                texts[one], [(getattr(k, sides[0]), getattr(k, sides[1])) for k in pair], hits[one], hits[other]
            )
            for word, label in seen.words(search, texts[other]):
                found.setdefault(tight(word), Proposal(word, label, f"{STANDS} {label}"))
    for name, text in texts.items():
        for segment, here in zip(text.segments, hits[name], strict=True):
            for word, label in _glosses(segment.text, here, search):
                found.setdefault(tight(word), Proposal(word, label, f"stands in brackets behind {label}"))
    return list(found.values())


class _Seen:
    """One text of an aligned pair: which of its segments are linked to a segment that names a hidden person."""

    def __init__(
        self,
        text: Text,
        links: Sequence[tuple[Sequence[int], Sequence[int]]],
        own: Sequence[Sequence[Hit]],
        other: Sequence[Sequence[Hit]],
    ) -> None:
        self.text, self.links, self.own, self.other = text, links, own, other
        self.named = {i for mine, theirs in links if any(other[j] for j in theirs) for i in mine}
        body = text.extract.text
        self.small = set(re.findall(r"\b[a-z]+\b", body))
        self.counts = {True: Counter[str](), False: Counter[str]()}
        for i, segment in enumerate(text.segments):
            inside = i in self.named or bool(own[i])
            self.counts[inside].update({tight(w) for w, _ in _candidates(segment.text)})

    def words(self, search: Search, other: Text) -> Iterator[tuple[str, str]]:
        """(word, person) of every segment that may name somebody in a way nobody ruled on."""
        for mine, theirs in self.links:
            there = Counter(h.label for j in theirs for h in self.other[j])
            here = Counter(h.label for i in mine for h in self.own[i])
            missing = [label for label, count in there.items() if here[label] < count]
            if not missing or not mine:
                continue
            beside = plain(other.joined(theirs))
            for i in mine:
                for word, at in _candidates(self.text.segments[i].text):
                    if not self._plain_word(word, at, beside, search, self.own[i]):
                        yield word, missing[0]

    def _plain_word(self, word: str, at: int, beside: str, search: Search, here: Sequence[Hit]) -> bool:
        """Whether a word is no name that anybody has to rule on."""
        key = tight(word)
        inside, outside = self.counts[True][key], self.counts[False][key]
        return (
            any(h.start < at + len(word) and at < h.end for h in here)
            or plain(word) in beside
            or is_kept(word, search)
            or _known_word(key)
            or (" " in word and bool({plain(word.split()[-1])} & set(titles().thing_latin)))
            or (outside >= OUTSIDE and outside >= 2 * inside)
            or (" " not in word and key in self.small)
        )


@cache
def _loanwords() -> frozenset[str]:
    """Katakana words of every day that are nobody's name, as texts are searched."""
    return frozenset(tight(word) for word in latin().kana_word - latin().kana if len(word) > 2)


def _known_word(key: str) -> bool:
    """Whether a word is a known place, an English word or a loanword of every day, and no name that people bear."""
    known = latin()
    if (
        key in known.given
        or key in known.surname
        or key in known.japanese
        or (syllables(key) and key not in known.place)
    ):
        return False
    return key in known.place or is_english(key) or key in _loanwords()


def _candidates(text: str) -> Iterator[tuple[str, int]]:
    for match in _LATIN_RUN.finditer(text):
        word = match.group().rstrip(".'’-")
        pieces = [w for w in re.split(r"[ \u3000]", word) if plain(w).strip("'’s") not in addresses().english]
        if pieces and not any(c.isdigit() for c in word) and len(cased(word)) > 1:
            yield word[word.index(pieces[0]) :].strip(), match.start() + word.index(pieces[0])
    for match in _KATAKANA.finditer(text):
        yield match.group().strip("・･＝"), match.start()


def is_kept(word: str, search: Search) -> bool:
    """Whether a ruling says of a word that it may be published."""
    kept, bare = search.kept, tight(word)
    joined = "".join(re.findall("[a-z]+", plain(word)))
    return (
        bare in kept.literals
        or bare in kept.alone
        or (bool(joined) and (joined in kept.latin or joined in kept.capital))
    )


def _glosses(text: str, here: Sequence[Hit], search: Search) -> Iterator[tuple[str, str]]:
    for hit in here:
        match = _GLOSS.match(text, hit.end)
        if match is None or not _NAMED.search(match[1]) or is_kept(match[1], search) or len(match[1].split()) > 4:
            continue
        if not any(h.start < match.end(1) and match.start(1) < h.end for h in here):
            yield match[1].strip(), hit.label


@dataclass(frozen=True)
class Short:
    """Linked sentences of which one side hides fewer names than the other: the text and its sentences, how many names are
    missing, and the pseudonyms of those who mostly are."""

    source: str
    sentences: tuple[int, ...]
    missing: int
    people: frozenset[str]


def unspelt(search: Search, texts: Mapping[str, Text], links: Links) -> list[Short]:
    """Linked sentences that may name a hidden person in a spelling that nobody ruled on.

    One side hides more spellings than the other, and names a person who mostly is not found across from there: in fewer than
    half of the linked sentences that name that person. A person whom a text names, but not in this sentence, is no reason.
    """
    hits = {name: [mentions(s.text, search.hits(s.text)) for s in text.segments] for name, text in texts.items()}
    found: list[Short] = []
    for (left, right), pair in links.items():
        for one, other, mine, theirs in ((left, right, "left", "right"), (right, left, "right", "left")):
            sides = [
                (tuple(getattr(k, mine)), [h for i in getattr(k, mine) for h in hits[one][i]],
                 [h for j in getattr(k, theirs) for h in hits[other][j]])
                for k in pair
            ]  # fmt: skip
            named, across = Counter[str](), Counter[str]()
            for _, here, there in sides:
                known = people_of(label for label, _ in here)
                for label in {label for label, _ in there}:
                    named[label] += 1
                    across[label] += bool(people_of([label]) & known)
            for at, here, there in sides:
                missing = len({text for _, text in there}) - len({text for _, text in here})
                gone = frozenset(label for label, _ in there if 2 * across[label] < named[label])
                if at and missing > 0 and gone:
                    found.append(Short(one, at, missing, gone))
    return found


def unsounded(search: Search, texts: Mapping[str, Text], links: Links) -> list[tuple[str, str]]:
    """(person, source): a text in Latin letters may name the person, whose spelling in them is not known."""
    short = [s for s in unspelt(search, texts, links) if texts[s.source].language not in ("zh", "ja")]
    unread = {p.label for p in search.people if p.whole and "Latin" not in p.scripts}
    return sorted({(label, s.source) for s in short for label in s.people & unread})


def people_of(labels: Iterable[str]) -> set[str]:
    """Pseudonyms, those of several people taken apart."""
    return {person for label in labels for person in label.split(EITHER)}


def mentions(text: str, hits: Sequence[Hit]) -> list[tuple[str, str]]:
    """(person, spelling) of each name in a text: forms of one person with nothing but a sign between them are one."""
    found: list[tuple[str, int, int]] = []
    for hit in once(text, hits):
        if found and people_of([found[-1][0]]) & people_of([hit.label]) and not tight(text[found[-1][2] : hit.start]):
            found[-1] = (found[-1][0], found[-1][1], hit.end)
        else:
            found.append((hit.label, hit.start, hit.end))
    return [(label, tight(text[start:end])) for label, start, end in found]


def once(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """Hits that spell a name of their own: none that overlaps another, or stands in brackets right behind one."""
    kept: list[Hit] = []
    end = -1
    for hit in hits:
        if hit.start >= end and not (kept and _OPENED.fullmatch(text, kept[-1].end, hit.start)):
            kept.append(hit)
        end = max(end, hit.end)
    return kept


def whole_names(case: CaseFile) -> CaseFile:
    """The case with only those private names that are whole: a pseudonym is given, or Han characters without a title."""

    def is_whole(name: Name) -> bool:
        bare = tight(name.text)
        titled = any(bare.endswith(tight(t)) for t in endings()) or bare[:1] in addresses().before
        return bool(name.pseudonym) or (is_han_run(bare) and len(bare) > 1 and not (titled and len(bare) < 4))

    return replace(case, name=tuple(n for n in case.name if n.ruling == "private" and not n.of and is_whole(n)))


def tied(case: CaseFile, search: Search) -> CaseFile:
    """The case with every name that shows a form of a hidden person said to be a form of that person: those nobody ruled on,
    and those ruled private that are nothing else (search: of the whole names alone)."""
    names = []
    for name in case.name:
        new = not name.of and (name.ruling == "undecided" or (name.ruling == "private" and not name.pseudonym))
        hits = [h for h in search.hits(name.text) if not h.sure or name.ruling == "undecided"] if new else []
        loose = name.ruling == "undecided" and not (_is_another(name.text) and not any(h.sure for h in hits))
        if hits and (loose or _covered(name.text, hits)):
            name = replace(name, of=hits[0].label, why=f"{hits[0].kind} of {hits[0].label}")
        names.append(name)
    return replace(case, name=tuple(names))


def _is_another(text: str) -> bool:
    """Whether a form is a whole Latin name, of which a part that a hidden name has too says nothing (Li Shu, Wang Shu)."""
    words = [w for w in re.findall("[a-z]+", plain(text)) if w not in titles().en_before]
    borne = [bool(syllables(w)) or w in latin().surname or w in latin().given for w in words]
    titled = re.search("[ -][a-z]+$", text)  # Wang shu
    return len(words) > 1 and tight(text).isascii() and all(borne) and not titled


def attached(case: CaseFile, found: Iterable[Proposal]) -> CaseFile:
    """The case in which a name that nobody ruled on is said to be of the person in whose place another text has it."""
    of = {tight(p.text): p for p in found}
    return replace(
        case,
        name=tuple(
            replace(n, of=of[tight(n.text)].of, why=of[tight(n.text)].why)
            if n.ruling == "undecided" and not n.of and tight(n.text) in of
            else n
            for n in case.name
        ),
    )


def _covered(text: str, hits: Sequence[Hit]) -> bool:
    """Whether a text is nothing but forms of hidden names."""
    rest = "".join(c for i, c in enumerate(text) if not any(h.start <= i < h.end for h in hits))
    return not tight(rest)


def proposed(case: CaseFile, found: Iterable[Proposal]) -> CaseFile:
    """The case with every proposal as an undecided name; a word that has a ruling already is left as it is."""
    known = {tight(n.text) for n in case.name}
    new = [Name(text=p.text, of=p.of, why=p.why) for p in found if tight(p.text) not in known]
    return replace(case, name=(*case.name, *new))


def leaks(search: Search, files: Mapping[str, bytes]) -> list[str]:
    """What of a hidden name stands in files that would be published, their names included: file, kind and person, never the name.

    Raises: RefusedError when a file is no text.
    """
    found: dict[str, None] = {}
    for name, data in files.items():
        shown = search.replaced(name)
        for view in (name, *readings(name, data)):
            for hit in search.hits(view):
                found[f"{shown}: {hit.kind} of {hit.label}"] = None
    return list(found)
