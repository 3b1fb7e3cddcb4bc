"""What a report shows of a text in which somebody is hidden: ordinary words, words that were ruled on, and nothing else.

A name that nobody found is shown only where it is an ordinary word of the tables; every other word stands as `MARK` until its
owner rules that it names nobody (decision 0089).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from forebear.casefile.naming.stock import addresses, names, syllables, titles
from forebear.casefile.naming.wide import NOTHING, Body, wide_spans
from forebear.casefile.privacy.bearing import borne, is_plain, surnames_before
from forebear.casefile.privacy.reading import BARRIER, BLOCK, plain, tight, tight_origins
from forebear.casefile.privacy.search import Literals, Search
from forebear.casefile.privacy.vocabulary import (
    RUN,
    UNITS,
    hiragana,
    is_named,
    is_ordinary,
    katakana,
    pieces,
)
from forebear.casefile.text.scripts import KANA, fold
from forebear.core.messages import Message, message

MARK = BLOCK * 2
"""Stands for a stretch that is withheld, however long it is."""
DEARER = 6.0
"""How much dearer than as words a span may read as a name and still be withheld."""
LONGEST_NAME = 4
MAX_ROUNDS = 3
_OPENS = re.compile(r"(?<!\b[A-Z])(?:^|[.!?:;。！？：；\n\"“”「」『』(（)）*#>|•·—–\]\[-])\s*$")
_JOINED = re.compile(r"[\s.,·'’‐-]{0,3}")
_FIGURE = re.compile(r"[0-9０-９]\Z")


class Withheld:
    """The words of a case that are shown, and how much was not."""

    def __init__(self, search: Search, also: Mapping[str, Iterable[str]] | None = None, own: str = "") -> None:
        """also: sentence -> words of it that may name somebody though they are ordinary ones; own: words that forebear writes."""
        self.search = search
        self.own = frozenset(re.findall("[a-z]{2,}", plain(own)))
        self.borne = borne(text for person in search.people for text in person.texts)
        self.also = {said: Literals(map(tight, listed)) for said, listed in (also or {}).items()}
        self.said = BARRIER.join(self.also)
        kept = search.kept
        self.kept = Literals([*kept.literals, *kept.alone, *kept.latin, *kept.capital])
        self.known: dict[tuple[str, str], str] = {}
        self.counts: Counter[str] = Counter()
        self.size = self.lost = 0

    def shown(self, text: str, language: str = "") -> str:
        """A text as it may be published: pseudonyms for hidden names, `MARK` for what is no ordinary word."""
        key = text, language
        if key not in self.known:
            made = self._shown(text, language)
            for _ in range(MAX_ROUNDS):  # what stands beside a mark may be a form of its own
                again = self.search.replaced(made)
                if again == made:
                    break
                made = again
            self.known[key] = made
        return self.known[key]

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
        for start, end in self._doubtful(text, language, hidden):
            if not all(kept[start:end]):
                bad[start:end] = [not k for k in kept[start:end]]
        for hit in self.search.hits(text):
            if not hit.sure:
                bad[hit.start : hit.end] = [True] * (hit.end - hit.start)
        for start, end in surnames_before(text, [b or h for b, h in zip(bad, hidden, strict=True)]):
            bad[start:end] = [not k for k in kept[start:end]]
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
        return re.sub(rf"{MARK}(?:[ .,'’·-]?{MARK})+", MARK, "".join(parts))

    def _kept(self, text: str) -> list[bool]:
        """Characters that a ruling keeps: of words that name nobody, of things, and of public names."""
        kept = [False] * len(text)
        at = tight_origins(text)
        for start, end in self.kept.spans(tight(text)):
            first, last = at[start], at[end - 1] + 1
            if not _cut(text, first, last):
                kept[first:last] = [True] * (last - first)
        return kept

    def _doubtful(self, text: str, language: str, hidden: list[bool]) -> Iterator[tuple[int, int]]:
        """Stretches that are no ordinary words."""
        body, at = tight(text), tight_origins(text)
        of = [w for said, w in self.also.items() if text in said] if text in self.said else []
        for start, end in (span for listed in of for span in listed.spans(body)):
            yield at[start], at[end - 1] + 1
        yield from self._read_as_names(text, language)
        latin: list[tuple[int, int, bool]] = []
        wide = language == "ja" or bool(re.search(f"[{KANA}]", text))
        for match in RUN.finditer(text):
            start, end = match.span()
            if match.lastgroup == "latin":
                latin.append((start, end, self._latin(text, start, end)))
            elif match.lastgroup == "han":
                yield from self._han(fold(match.group()), start, text[max(0, start - 1) : start], text[end : end + 3], wide)
            elif match.lastgroup == "hiragana":
                yield from ((start + a, start + b) for a, b in hiragana(match.group()))
            elif match.lastgroup != "katakana" or not katakana(match.group(), text[end : end + 4]):
                yield start, end
        yield from _handles(text, [(start, end) for start, end, _ in latin])
        yield from _beside(text, latin, hidden)

    def _read_as_names(self, text: str, language: str) -> Iterator[tuple[int, int]]:
        wide = re.search(f"[{KANA}]", text)
        asked = [language] if language in ("zh", "ja") else ["ja"] if wide else ["zh", "ja"]
        for one in asked if not text.isascii() else ():
            for span in wide_spans(Body(text), one, NOTHING, DEARER):
                yield span.start, span.end

    def _latin(self, text: str, start: int, end: int) -> bool:
        """Whether a Latin word is an ordinary one where it stands."""
        word = text[start:end]
        if len(word) < 4 and _FIGURE.search(text[:start][-1:]) and word.lower() in UNITS:
            return True
        opens = bool(_OPENS.search(text[max(0, start - 6) : start]))
        if self.borne.is_latin(word):
            return False
        if word[0].isupper() and plain(word) in addresses().english:
            return is_plain(word, opens, text[max(0, start - 12) : start], text[end : end + 6])
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
                yield first + (before[0] if near and _opens_name(run[before[0]]) else start), first + end
            before = start, end


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
            (text[latin[i][0]].isupper() and word not in addresses().english)
            or len(word) == 1
            or (is_named(word) and word not in addresses().english)
        )

    def joined(i: int, k: int) -> bool:
        return 0 <= i < len(latin) and bool(_JOINED.fullmatch(text, latin[min(i, k)][1], latin[max(i, k)][0]))

    for i in [*range(len(latin)), *reversed(range(len(latin)))]:
        word, before = (plain(text[slice(*latin[k][:2])]) for k in (i, i - 1))
        titled = i and joined(i - 1, i) and before in titles().en_before and text[latin[i][0]].isupper()
        beside = any(joined(k, i) and not good[k] for k in (i - 1, i + 1))
        may = may_name(i) or (text[latin[i][0]].isupper() and len(word) > 1 and bool(syllables(word)))  # He Wei
        good[i] = good[i] and not ((titled and (may or is_named(word))) or (beside and may))
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
