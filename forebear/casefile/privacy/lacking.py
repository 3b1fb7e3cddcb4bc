"""Words that may name somebody because a linked sentence names more people than theirs does: a report withholds them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.naming.wide import NOTHING, Body, wide_spans
from forebear.casefile.privacy.guard import Links, unspelt
from forebear.casefile.privacy.reading import tight, tight_origins
from forebear.casefile.privacy.search import Search
from forebear.casefile.privacy.sounding import Sounding
from forebear.casefile.privacy.withheld import Withheld

_LATIN = re.compile("[A-Z][a-z]")
NEAR = 1
"""Links before and behind one whose Latin words count for it too: a link may be off by a sentence."""
STEPS = (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0)
"""How much dearer than as words a span may read as a name where a linked sentence says that a name is missing: the best first."""


def shown_of(case: CaseFile, search: Search, texts: Mapping[str, Text], links: Links, own: str = "") -> Withheld | None:
    """What a report shows of the texts where somebody is hidden; None where nobody is. own: words that forebear writes itself."""
    if not any(n.ruling == "private" for n in case.name):
        return None
    words = " ".join([own, *case.models])
    also = lacking(case, search, texts, links)
    for sentence, read in read_across(Withheld(search, None, words), texts, links).items():
        also.setdefault(sentence, []).extend(read)
    return Withheld(search, also, words)


def read_across(shown: Withheld, texts: Mapping[str, Text], links: Links) -> dict[str, list[str]]:
    """Sentence -> what of it reads as a Latin word that a sentence linked with it, or one beside that, does not show.

    A name may read as ordinary words in Chinese and Japanese (和导演), and nobody may have proposed it: in Latin letters it is no
    ordinary word, so where those stand says where it is. No words are spared, of whatever kind they are. Two translations of one
    original are linked by its sentences; Latin words of a Chinese or Japanese text count as well.
    """
    words = {name: [_unshown(shown, s.text, text.language) for s in text.segments] for name, text in texts.items()}
    exact, near = _across(links)
    found: dict[str, list[str]] = {}
    for name, text in texts.items():
        for i, segment in enumerate(text.segments) if text.language in ("zh", "ja") else ():
            linked = {at for one in exact.get((name, i), ()) for at in near.get(one, ())} | near.get((name, i), set())
            heard = frozenset(w for other, j in linked if other != name for w in words[other][j])
            read = {segment.text[start:end] for start, end in _sounding(heard).spans(segment.text)}
            found.setdefault(segment.text, []).extend(sorted(read))
    return found


Place = tuple[str, int]
"""A text and the number of a sentence in it."""


def _across(links: Links) -> tuple[dict[Place, set[Place]], dict[Place, set[Place]]]:
    """Sentence -> those linked with it, and these with those of the links beside."""
    exact: dict[Place, set[Place]] = {}
    near: dict[Place, set[Place]] = {}
    for (left, right), pair in links.items():
        for one, other, mine, theirs in ((left, right, "left", "right"), (right, left, "right", "left")):
            for i, link in enumerate(pair):
                there = {(other, j) for j in getattr(link, theirs)}
                beside = {(other, j) for k in pair[max(0, i - NEAR) : i + NEAR + 1] for j in getattr(k, theirs)}
                for at in getattr(link, mine):
                    exact.setdefault((one, at), set()).update(there)
                    near.setdefault((one, at), set()).update(beside)
    return exact, near


def _unshown(shown: Withheld, text: str, language: str) -> set[str]:
    """See `Withheld.latin_unshown`; a Chinese or Japanese sentence without a Latin word has none."""
    return shown.latin_unshown(text, language) if language not in ("zh", "ja") or _LATIN.search(text) else set()


@lru_cache(maxsize=256)
def _sounding(words: frozenset[str]) -> Sounding:
    return Sounding(words, everywhere=False)


def lacking(case: CaseFile, search: Search, texts: Mapping[str, Text], links: Links) -> dict[str, list[str]]:
    """Sentence -> spans of it, for Chinese and Japanese sentences that hide fewer names than the sentences they are linked with.

    Those that read best as names and that nobody ruled on: as many as are missing, and all that read as well as the last of
    them; none inside words that are ruled to stay.
    """
    ruled = {tight(n.text) for n in case.name}
    found: dict[str, list[str]] = {}
    for short in unspelt(search, texts, links):
        text = texts[short.source]
        if text.language in ("zh", "ja"):
            sentences = [text.segments[i].text for i in short.sentences]
            best = _best(sentences, text.language, search, ruled, short.missing)
            for sentence in sentences:
                found.setdefault(sentence, []).extend(best)
    return found


def _best(sentences: Sequence[str], language: str, search: Search, ruled: set[str], wanted: int) -> list[str]:
    found: dict[str, None] = {}
    for margin in STEPS:
        found.update((w, None) for s in sentences for w in _spans(s, language, search, margin) if tight(w) not in ruled)
        if len(found) >= wanted:
            break
    return list(found)


def _spans(words: str, language: str, search: Search, margin: float) -> Iterator[str]:
    for hit in search.hits(words):
        words = words[: hit.start] + "，" * (hit.end - hit.start) + words[hit.end :]
    body, at = tight(words), tight_origins(words)
    kept = [(at[start], at[end - 1] + 1) for start, end in search.kept_trie.spans(body)]
    for span in wide_spans(Body(words), language, NOTHING, margin):
        if not any(start <= span.start and span.end <= end for start, end in kept):
            yield " ".join(words[span.start : span.end].split())
