"""What a report shows of a text in which somebody is hidden: ordinary words, words that were ruled on, and nothing else.

A name that nobody found is shown only where it is an ordinary word of the tables; every other word stands as `MARK` until its
owner rules that it names nobody (decision 0089).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from forebear.casefile.facts.fact import narrow
from forebear.casefile.facts.numerals import number_facts
from forebear.casefile.naming.counted import is_counted
from forebear.casefile.naming.stock import addresses, names, syllables, titles
from forebear.casefile.naming.wide import NOTHING, Body, wide_spans
from forebear.casefile.privacy.bearing import borne, is_plain, surnames_before
from forebear.casefile.privacy.closed import closed_of
from forebear.casefile.privacy.reading import BARRIER, BLOCK, plain, tight, tight_origins
from forebear.casefile.privacy.search import Literals, Search
from forebear.casefile.privacy.sounding import Sounding, latin_parts
from forebear.casefile.privacy.vocabulary import (
    RUN,
    UNITS,
    hiragana,
    is_addressed,
    is_named,
    is_office,
    is_ordinary,
    is_trade,
    katakana,
    pieces,
)
from forebear.casefile.text.scripts import HAN, KANA, fold
from forebear.core.messages import Message, message

MARK = BLOCK * 2
"""Stands for a stretch that is withheld, however long it is."""
DEARER = 6.0
"""How much dearer than as words a span may read as a name and still be withheld."""
LONGEST_NAME = 4
MAX_ROUNDS = 3
_OPENS = re.compile(r"(?<!\b[A-Z])(?:^|[.!?:;。！？：；\n\"“”「」『』(（)）*#>|•·—–\]\[-])\s*$")
_JOINED = re.compile(r"[\s.,·'’‐-]{0,3}")
_OWNS = re.compile("(?<=.)['’ʼ]s?$")
"""The ending of a possessive, which names nobody (Quirk et al., 1985, 5.112)."""
_DATED = re.compile(
    "[0-9０-９]{1,4} ?[年月日号號]"
    f"|(?<![小老阿大一二三四五六七八九十])十?[一二三四五六七八九十]月(?![{HAN}](?<![一二三四初十底中份的以之前末上下]))"
)
"""What stands behind the figures of a date; a month in Han characters that goes on as one (五月的, 五月初)."""
_NUMERAL = re.compile("[〇零一二两兩三四五六七八九十百千万萬亿億兆]")
_LOCATED = re.compile(f"[在从從到往][{HAN}][里裡裏上中下内外](?![{HAN}]*[家那这這身手处處面边邊])")
"""A noun between a preposition and a word of place is a place (Chao, 1968, 5.4): of a person, 那里 stands there."""
_FIGURE = re.compile(r"[0-9０-９一二三四五六七八九十百千万亿億]\Z")


class Withheld:
    """The words of a case that are shown, and how much was not."""

    def __init__(self, search: Search, also: Mapping[str, Iterable[str]] | None = None, own: str = "") -> None:
        """also: sentence -> words of it that may name somebody though they are ordinary ones; own: words that forebear writes."""
        self.search = search
        self.own = frozenset(re.findall("[a-z]{2,}", plain(own)))
        self.borne = borne(text for person in search.people for text in person.texts)
        self.sounding = Sounding(self.borne.latin)
        self.closed = closed_of(search.people)
        self.also = {said: Literals(map(tight, listed)) for said, listed in (also or {}).items()}
        self.said = BARRIER.join(self.also)
        kept = search.kept
        self.kept = Literals([*kept.literals, *kept.alone, *kept.latin, *kept.capital])
        labels = {person.label for person in search.people}
        self.pseudonyms = re.compile("|".join(re.escape(f"[{label}]") for label in sorted(labels)) or "(?!)")
        self.known: dict[tuple[str, str], str] = {}
        self.counts: Counter[str] = Counter()
        self.size = self.lost = 0

    def shown(self, text: str, language: str = "") -> str:
        """A text as it may be published: pseudonyms for hidden names, `MARK` for what is no ordinary word."""
        key = text, language
        if key not in self.known:
            made = self._shown(text, language)
            for _ in range(MAX_ROUNDS):  # what stands beside a mark may be a form of its own
                again = self._marked(self.search.replaced(made))
                if again == made:
                    break
                made = again
            self.known[key] = made
        return self.known[key]

    def _marked(self, text: str) -> str:
        """A text with `MARK` for what became a form of a hidden name by standing alone beside what is hidden."""
        at, parts = 0, []
        for hit in (h for h in self.search.hits(text) if not h.sure):
            if hit.start >= at:
                parts += [text[at : hit.start], MARK]
            at = max(at, hit.end)
        return _one_mark("".join([*parts, text[at:]])) if parts else text

    def told(self) -> list[Message]:
        """How much was withheld, as a limit; none where all was shown."""
        share = self.lost / max(self.size, 1)
        return [message("case_withheld.words", count=self.counts.total(), share=share)] if self.lost else []

    def _shown(self, text: str, language: str) -> str:
        hits = [h for h in self.search.hits(text) if h.sure]
        hidden = [False] * len(text)
        for hit in hits:
            hidden[hit.start : hit.end] = [True] * (hit.end - hit.start)
        kept = self._kept(text)
        bad = [False] * len(text)

        def take(spans: Iterable[tuple[int, int]], free: Sequence[tuple[int, int]] = ()) -> None:
            for start, end in spans:
                if not all(kept[start:end]):
                    shown = {i for a, b in free for i in range(max(a, start), min(b, end))}
                    bad[start:end] = [bad[i] or not (kept[i] or i in shown) for i in range(start, end)]

        figures = list(_figures(text, language))
        take(self._doubtful(text, language, hidden), figures)
        read = [*self._also(text), *self._sounds(text, language, hidden)]
        take([r for r in read if r[1] - r[0] > 1])
        take([r for r in read if r[1] - r[0] == 1], figures)
        take(self.closed.spans(text))
        for hit in self.search.hits(text):
            if not hit.sure:
                bad[hit.start : hit.end] = [True] * (hit.end - hit.start)
        take(surnames_before(text, [b or h for b, h in zip(bad, hidden, strict=True)]), figures)
        return self._assembled(text, hits, bad)

    def _assembled(self, text: str, hits: Iterable[Any], bad: list[bool]) -> str:
        parts: list[str] = []
        at = 0
        for hit in [*hits, None]:
            start = hit.start if hit else len(text)
            if start < at:
                continue
            while at < start:
                end = at
                while end < start and bad[end] == bad[at]:
                    end += 1
                parts.append(MARK if bad[at] else text[at:end])
                self.counts.update([text[at:end]] if bad[at] else [])
                self.lost += bad[at] * (end - at)
                at = end
            if hit:
                parts.append(f"[{hit.label}]")
                at = hit.end
        self.size += len(text)
        return _one_mark("".join(parts))

    def _kept(self, text: str) -> list[bool]:
        """Characters that a ruling keeps: of words that name nobody, of things, of public names, and pseudonyms put in before."""
        kept = [False] * len(text)
        for match in self.pseudonyms.finditer(text):
            kept[match.start() : match.end()] = [True] * (match.end() - match.start())
        at = tight_origins(text)
        for start, end in self.kept.spans(tight(text)):
            first, last = at[start], at[end - 1] + 1
            if not _cut(text, first, last):
                kept[first:last] = [True] * (last - first)
        return kept

    def _doubtful(self, text: str, language: str, hidden: list[bool]) -> Iterator[tuple[int, int]]:
        """Stretches that are no ordinary words."""
        yield from self._read_as_names(text, language)
        latin: list[tuple[int, int, bool]] = []
        wide = language == "ja" or bool(re.search(f"[{KANA}]", text))
        for match in RUN.finditer(text):
            start, end = match.span()
            if match.lastgroup == "latin":
                owns = _OWNS.search(match.group())
                latin.append((start, start + owns.start() if owns else end, self._latin(text, start, end)))
            elif match.lastgroup == "han":
                yield from self._han(fold(match.group()), start, text[max(0, start - 1) : start], text[end : end + 8], wide)
            elif match.lastgroup == "hiragana":
                yield from ((start + a, start + b) for a, b in hiragana(match.group()))
            elif match.lastgroup != "katakana" or not katakana(match.group(), text[end : end + 4]):
                yield start, end
        yield from _handles(text, [(start, end) for start, end, _ in latin])
        yield from _beside(text, latin, hidden)

    def _also(self, text: str) -> Iterator[tuple[int, int]]:
        """Words that may name somebody because of a linked sentence."""
        body, at = tight(text), tight_origins(text)
        here = self.also.get(text)
        of = [here] if here else [w for said, w in self.also.items() if text in said] if text in self.said else []
        for start, end in (span for listed in of for span in listed.spans(body)):
            yield at[start], at[end - 1] + 1

    def _read_as_names(self, text: str, language: str) -> Iterator[tuple[int, int]]:
        wide = re.search(f"[{KANA}]", text)
        asked = [language] if language in ("zh", "ja") else ["ja"] if wide else ["zh", "ja"]
        for one in asked if not text.isascii() else ():
            for span in wide_spans(Body(text), one, NOTHING, DEARER):
                located = one == "zh" and _LOCATED.match(text[max(0, span.start - 1) : span.end + 1])
                if not (located or (span.kind == "titled" and is_trade(fold(span.surname + span.given)))):
                    yield span.start, span.end

    def _sounds(self, text: str, language: str, hidden: list[bool]) -> Iterator[tuple[int, int]]:
        """What reads as a name that is hidden in Latin letters: two characters and more, and one beside another or addressed."""
        if text.isascii():
            return
        spans = list(self.sounding.spans(text))
        wide = language == "ja" or bool(re.search(f"[{KANA}]", text))
        edges = Counter(i for start, end in spans for i in (start, end))
        for start, end in spans:
            beside = edges[start] > 1 or edges[end] > 1
            near = any(0 <= i < len(text) and hidden[i] for i in (start - 1, end))
            if (
                end - start > 1
                or near
                or (beside and self._is_joined(spans, start, end))
                or is_addressed(text[max(0, start - 1) : start], text[end : end + 6])
                or (wide and self.sounding.is_japanese(fold(text[start:end])))
            ):
                yield start, end

    @staticmethod
    def _is_joined(spans: list[tuple[int, int]], start: int, end: int) -> bool:
        """Whether another stretch ends or begins right where this one does."""
        return any(a == end or b == start for a, b in spans)

    def latin_unshown(self, text: str, language: str = "") -> set[str]:
        """Latin words of a text, small, that it does not show, and those beside them that names are made of."""
        gone = [False] * len(text)
        for hit in self.search.hits(text):
            gone[hit.start : hit.end] = [True] * (hit.end - hit.start)
        for start, end in list(self._doubtful(text, language, gone)):
            gone[start:end] = [True] * (end - start)
        listed = [(m.span(), m.group()) for m in RUN.finditer(text) if m.lastgroup == "latin"]
        away = [any(gone[start:end]) for (start, end), _ in listed]
        found: set[str] = set()
        for i, (_, word) in enumerate(listed):
            near = any(0 <= k < len(listed) and away[k] for k in (i - 1, i + 1))
            if away[i] or (near and is_named(plain(word))):
                found |= latin_parts(word)
        return found

    def _latin(self, text: str, start: int, end: int) -> bool:
        """Whether a Latin word is an ordinary one where it stands."""
        word = text[start:end]
        if len(word) < 4 and _FIGURE.search(text[:start][-1:]) and word.lower() in UNITS:
            return True
        opens = bool(_OPENS.search(text[max(0, start - 6) : start]))
        if self.borne.is_latin(word):
            return False
        if word[0].isupper() and plain(word) in addresses().english:
            return is_plain(word, opens, text[max(0, start - 16) : start], text[end : end + 32])
        return is_ordinary(word, opens, self.own)

    def _han(self, run: str, first: int, ahead: str, behind: str, wide: bool) -> Iterator[tuple[int, int]]:
        """Words of a run that are not shown, with what stands before them where the two may be one name."""
        before = (0, 0)
        found = list(pieces(run, self.borne.letters, ahead, behind))
        twice = self.borne.doubled(run, [(start, end) for start, end, _ in found], wide)
        yield from ((first + start, first + end) for start, end in twice)
        for start, end, shown in found:
            if not shown or self.borne.is_han(run[start:end], wide):
                near = before[1] == start and end - before[0] <= LONGEST_NAME and start - before[0] <= 2
                opens = near and _opens_name(run[before[0]]) and not is_counted(run[: before[0]] or ahead, run[before[0]])
                yield first + (before[0] if opens else start), first + end
            before = start, end


def _one_mark(text: str) -> str:
    return re.sub(rf"{MARK}(?:[ .,'’·-]?{MARK})+", MARK, text)


def _figures(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Dates, and figures spelt in Han characters, by the grammar of numbers: no name, unless they stand where one does (老六)."""
    for match in _DATED.finditer(text):
        if not is_addressed(text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 6]):
            yield match.span()
    if not _NUMERAL.search(text):
        return
    for fact in number_facts(narrow(text), language if language in ("zh", "ja") else "zh"):
        addressed = is_addressed(text[max(0, fact.start - 1) : fact.start], text[fact.end : fact.end + 6])
        if _NUMERAL.search(text, fact.start, fact.end) and not (addressed and fact.end - fact.start == 1):
            yield fact.start, fact.end


def _opens_name(character: str) -> bool:
    return character in names().surnames or character in addresses().before


def _cut(text: str, first: int, last: int) -> bool:
    """Whether a stretch begins or ends inside a Latin word."""
    return any(
        0 < i < len(text)
        and text[i - 1].isascii()
        and text[i - 1].isalpha()
        and text[i].isascii()
        and text[i].isalpha()
        for i in (first, last)
    )


def _handles(text: str, latin: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Latin words with low lines between them of which each is a name as well (song_long)."""
    group: list[tuple[int, int]] = []
    for one in [*latin, (len(text) + 1, len(text) + 1)]:
        if group and text[group[-1][1] : one[0]] != "_":
            if len(group) > 1 and all(is_named(plain(text[start:end])) for start, end in group):
                yield group[0][0], group[-1][1]
            group = []
        group.append(one)


def _beside(text: str, latin: list[tuple[int, int, bool]], hidden: list[bool]) -> Iterator[tuple[int, int]]:
    """Latin words that are no ordinary ones, and those beside them, or behind a title, that names are made of."""
    good = [shown and not any(hidden[start:end]) for start, end, shown in latin]

    def may_name(i: int) -> bool:
        shown = text[latin[i][0] : latin[i][1]]
        word = plain(shown)
        if shown in ("a", "A", "I") and text[latin[i][1] :][:1] != ".":
            return False
        return (
            (text[latin[i][0]].isupper() and word not in addresses().english and not is_office(word))
            or len(word) == 1
            or (is_named(word) and word not in addresses().english)
        )

    def joined(i: int, k: int) -> bool:
        return 0 <= i < len(latin) and bool(_JOINED.fullmatch(text, latin[min(i, k)][1], latin[max(i, k)][0]))

    for i in (i for i in (*range(len(latin)), *reversed(range(len(latin)))) if good[i]):
        word = plain(text[slice(*latin[i][:2])])
        capital = text[latin[i][0]].isupper()
        titled = capital and i and plain(text[slice(*latin[i - 1][:2])]) in titles().en_before and joined(i - 1, i)
        beside = any(0 <= k < len(latin) and not good[k] and joined(k, i) for k in (i - 1, i + 1))
        if titled or beside:
            may = may_name(i) or (capital and len(word) > 1 and bool(syllables(word)))  # He Wei
            good[i] = not may and not (titled and is_named(word))
    yield from ((start, end) for (start, end, _), shown in zip(latin, good, strict=True) if not shown)


def withhold(body: dict[str, Any], shown: Withheld) -> None:
    """Replace in a report what is no ordinary word of what was read in sources, claims and rulings."""
    languages = {source["id"]: source["language"] for source in body["sources"]}
    body["title"] = shown.shown(body["title"])
    for name, segments in body["segments"].items():
        for segment in segments:
            segment["text"] = shown.shown(segment["text"], languages.get(name, ""))
    for source in body["sources"]:
        if source["sha256"] and any(MARK in s["text"] for s in body["segments"].get(source["id"], ())):
            source["sha256"] = ""  # with all the other words at hand a digest lets a reader try names
            source["notes"] = [*source["notes"], message("case.withheld")]
        source["version"], source["notes"] = shown.shown(source["version"]), [_said(n, shown) for n in source["notes"]]
    for finding in body["findings"]:
        finding["quotes"] = {k: shown.shown(v, languages.get(k, "")) for k, v in finding["quotes"].items()}
        if any(MARK in quote for quote in finding["quotes"].values()):
            finding["id"] = ""
        finding["why"], finding["ruling"] = _said(finding["why"], shown), _said(finding["ruling"], shown)
        _targets(finding["targets"], shown)
    for claim in body["claims"]:
        for key in ("statement", "if_true", "if_false"):
            claim[key] = _said(claim[key], shown)
        _targets([*claim["spans"], *(r["target"] for r in claim["replies"])], shown)
        claim["replies"] = [{**r, "words": shown.shown(r["words"])} for r in claim["replies"]]


def _targets(targets: Iterable[Mapping[str, Any]], shown: Withheld) -> None:
    for target in targets:
        for selector in target["selector"]:
            selector.update({k: shown.shown(v) for k, v in selector.items() if k in ("exact", "prefix", "suffix")})


def _said(value: Any, shown: Withheld) -> Any:
    """The same of every string of a value but the keys of messages."""
    if isinstance(value, Message):
        value = value.document()
    if isinstance(value, str):
        return shown.shown(value)
    if isinstance(value, Mapping):
        return {k: v if k == "key" else _said(v, shown) for k, v in value.items()}
    return [_said(v, shown) for v in value] if isinstance(value, (list, tuple)) else value
