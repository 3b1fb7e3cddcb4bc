"""Every span of the texts of a case that may name a person, as the texts write it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from forebear.casefile.naming.crossed import crossed, spelt
from forebear.casefile.naming.han import Known
from forebear.casefile.naming.latin import bare
from forebear.casefile.naming.latin_spans import Seen, latin_spans, lettered, things, tokens
from forebear.casefile.naming.placed import placed_spans
from forebear.casefile.naming.repeated import cohesive, offices
from forebear.casefile.naming.stock import names as stock
from forebear.casefile.naming.wide import PARTS, Body, Span, wide_spans

SURE = frozenset({"whole", "titled", "before"})
"""Forms whose parts are looked for elsewhere."""


@dataclass(frozen=True)
class Read:
    """A text to look for names in: its language and its words."""

    language: str
    text: str


def candidates(texts: Iterable[Read]) -> list[str]:
    """Strings that may name a person, in the order in which the texts have them: too many rather than too few."""
    return list(_candidates(tuple(texts)))


@lru_cache(maxsize=8)
def _candidates(texts: tuple[Read, ...]) -> tuple[str, ...]:
    read = [(t.language, Body(t.text)) for t in texts]
    listed = [tokens(body) for _, body in read]
    seen = Seen()
    for (_, body), words in zip(read, listed, strict=True):
        seen.small |= {t.word for t in words if not t.capital and len(t.word) > 1}
        seen.things |= set(things(words, body))
    pairs: set[tuple[str, ...]] = set()
    for (language, body), words in zip(read, listed, strict=True):
        for span in latin_spans(body, language, seen, words):
            seen.named |= {bare(w) for w in span.given.split() if len(w) > 1} if span.kind == "latin" else set()
            pairs.add(spelt(body.text[span.start : span.end]))
    known = _known(read, pairs - {()})
    found: dict[str, None] = {}
    for (language, body), words in zip(read, listed, strict=True):
        spans: list[Span] = list(latin_spans(body, language, seen, words))
        if language in ("zh", "ja"):
            spans += [*lettered(body), *wide_spans(body, language, known)]
        spans += placed_spans(body, language, known)
        for span in sorted(spans, key=lambda s: s.start):
            found[" ".join(body.text[span.start : span.end].split())] = None
    return tuple(found)


def _known(read: Sequence[tuple[str, Body]], pairs: Set[tuple[str, ...]]) -> Known:
    """Surnames and given names that the texts show beyond doubt in a first reading; pairs: whole names in pinyin."""
    surnames, given, whole = defaultdict[str, set[str]](set), Counter[str](), Counter[str]()
    wide = [(language, body) for language, body in read if language in ("zh", "ja")]
    heard = crossed(pairs, [body.plain for _, body in wide])
    shown = offices([body.plain for language, body in wide if language == "zh"])
    first = Known(cohesive([body.plain for _, body in wide]), whole=heard, offices=shown)
    # Chinese texts first: a surname they show is none of the nouns that lean on what goes before them in Japanese (方)
    for language, body in sorted(wide, key=lambda t: t[0] != "zh"):
        if language == "ja":
            first = Known(first.surnames | {s for s in surnames if s in stock().surnames}, whole=heard, offices=shown)
        for span in wide_spans(body, language, first):
            if span.kind in SURE:
                # what stands before several titles is a surname, though it is a given name of others
                alone = span.given if span.kind == "titled" else ""
                surnames[span.surname or alone].add(body.text[span.start : span.end])
                given[span.given] += 1
            if span.kind in ("whole", "kana"):
                whole[span.surname + span.given] += 1
            if span.kind == "kana":
                whole.update(part for part in PARTS.split(span.given) if len(part) > 1)
    return Known(
        first.surnames | {s for s, forms in surnames.items() if s and _is_surname(s, forms)},
        {g for g, n in given.items() if len(g) > 1 and n > 1},
        heard | {w for w, n in whole.items() if len(w) > 1 and re.search(r"\w", w)},
        {g[-1] for g in given if g},
        shown,
    )


def _is_surname(word: str, forms: Set[str]) -> bool:
    """Whether what stands before titles is a surname: a list has it, or it stands before two, of a character before long ones."""
    return word in stock().surnames or len([f for f in forms if len(word) > 1 or len(f) > 2]) > 1
