"""Every span of the texts of a case that may name a person, as the texts write it."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from forebear.casefile.naming.crossed import Heard, crossed, spelt
from forebear.casefile.naming.han import Known
from forebear.casefile.naming.han_forms import derived_spans
from forebear.casefile.naming.latin import bare
from forebear.casefile.naming.latin_forms import formed_spans, small_names
from forebear.casefile.naming.latin_spans import Seen, Token, latin_spans, lettered, things, tokens
from forebear.casefile.naming.placed import placed_spans
from forebear.casefile.naming.repeated import cohesive, offices
from forebear.casefile.naming.stock import is_english
from forebear.casefile.naming.stock import names as stock
from forebear.casefile.naming.wide import PARTS, Body, Span, wide_spans

WEAK = frozenset({"whole", "given", "before", "surname", "foreign"})
"""Forms that nothing beside them says are somebody's."""
FIRM = -6.0
"""How much dearer than as words a name may read without a Latin word that bears it out: it has to be cheaper by so much."""
LEAST_NAMED = 10
"""Words of Latin names from which a case has its people in Latin letters too."""
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
    seen, pairs = _seen(read, listed)
    known = _known(read, pairs - {()}, seen.named)
    heard = _heard(read, listed, seen)
    surnames = heard.surnames if heard else frozenset()
    found: dict[str, None] = {}
    for (language, body), words in zip(read, listed, strict=True):
        spans: list[Span] = [*latin_spans(body, language, seen, words), *formed_spans(body, seen)]
        if language in ("zh", "ja"):
            spans += [*lettered(body), *wide_spans(body, language, known), *derived_spans(body, language, known, surnames)]
        spans += placed_spans(body, language, known)
        spans = [s for s in spans if heard is None or _is_borne_out(s, known, heard)]
        whole = {i for s in spans if s.kind == "latin" for i in range(s.start, s.end)}
        spans = [s for s in spans if s.kind != "alone" or s.start not in whole]
        for span in sorted(spans, key=lambda s: s.start):
            found[" ".join(body.text[span.start : span.end].split())] = None
    return tuple(found)


def _seen(
    read: Sequence[tuple[str, Body]], listed: Sequence[Sequence[Token]]
) -> tuple[Seen, set[tuple[str, ...]]]:
    """What the Latin words of all texts show together, and the whole names among them."""
    seen = Seen()
    for (_, body), words in zip(read, listed, strict=True):
        seen.small |= {t.word for t in words if not t.capital and len(t.word) > 1}
        seen.things |= set(things(words, body))
    for _, body in read:
        seen.small -= {w for w in small_names(body) if not is_english(w)}
    for words in listed:
        titled = {b.word for a, b in itertools.pairwise(words) if "title" in a.kinds and b.capital and b.start - a.end < 3}
        seen.small -= {w for w in titled if not is_english(w)}
    pairs: set[tuple[str, ...]] = set()
    for (language, body), words in zip(read, listed, strict=True):
        for span in latin_spans(body, language, seen, words):
            seen.named |= {bare(w) for w in span.given.split() if len(w) > 1} if span.kind == "latin" else set()
            pairs.add(spelt(body.text[span.start : span.end]))
    for _, body in read:
        for span in formed_spans(body, seen):
            seen.named |= {bare(w) for w in span.given.split() if len(w) > 1}
            pairs.add(spelt(span.given))
    return seen, pairs


def _heard(read: Sequence[tuple[str, Body]], listed: Sequence[Sequence[Token]], seen: Seen) -> Heard | None:
    """Latin words that may be names, of texts in Latin letters; None where there are too few to say what is missing."""
    if len(seen.named) < LEAST_NAMED:
        return None
    found: set[str] = set()
    for (language, body), words in zip(read, listed, strict=True):
        if language not in ("zh", "ja"):
            for token in (t for t in words if t.capital):
                found |= {token.word, *map(bare, re.split("[-‐]|(?<=[a-z])(?=[A-Z])", token.text))}
            found |= set(small_names(body))
    return Heard(found) if found else None


def _is_borne_out(span: Span, known: Known, heard: Heard) -> bool:
    """Whether a span reads much better as a name than as words, or a text in Latin letters has a word that is read so."""
    if span.kind not in WEAK or span.dearer < FIRM or span.surname in known.surnames or span.given in known.given:
        return True
    return heard.bears_out(span.surname, span.given)


def _known(read: Sequence[tuple[str, Body]], pairs: Set[tuple[str, ...]], named: Set[str]) -> Known:
    """Surnames and given names that the texts show beyond doubt in a first reading; pairs: whole names in Latin letters; named:
    words of these and of names with a title."""
    surnames, given, whole = defaultdict[str, set[str]](set), Counter[str](), Counter[str]()
    wide = [(language, body) for language, body in read if language in ("zh", "ja")]
    heard = crossed(pairs, [body.plain for _, body in wide], named)
    shown: set[str] = set()
    for asked in ("zh", "ja"):
        bodies = [body.plain for language, body in wide if language == asked]
        shown |= offices(bodies, heard.surnames, asked == "ja")
    first = Known(cohesive([body.plain for _, body in wide]) | heard.surnames, set(heard.given), heard.whole, offices=shown)
    # Chinese texts first: a surname they show is none of the nouns that lean on what goes before them in Japanese (方)
    for language, body in sorted(wide, key=lambda t: t[0] != "zh"):
        if language == "ja":
            listed = {s for s in surnames if s in stock().surnames}
            first = Known(first.surnames | listed, set(heard.given), heard.whole, offices=shown)
        for span in wide_spans(body, language, first):
            if span.kind in SURE:
                # what stands before several titles is a surname, though it is a given name of others
                alone = span.given if span.kind == "titled" else ""
                surnames[span.surname or alone].add(body.text[span.start : span.end])
                given[span.given] += 1
            if span.kind in ("whole", "kana") or (span.kind == "titled" and span.surname and len(span.given) > 1):
                whole[span.surname + span.given] += 1
            if span.kind == "kana":
                whole.update(part for part in PARTS.split(span.given) if len(part) > 1)
    return Known(
        first.surnames | {s for s, forms in surnames.items() if s and _is_surname(s, forms)},
        {g for g, n in given.items() if len(g) > 1 and n > 1} | {g for g in heard.given if len(g) > 1},
        heard.whole | {w for w, n in whole.items() if len(w) > 1 and re.search(r"\w", w)},
        {g[-1] for g in (*given, *heard.given) if g},
        shown,
    )


def _is_surname(word: str, forms: Set[str]) -> bool:
    """Whether what stands before titles is a surname: a list has it, or it stands before two, of a character before long ones."""
    return word in stock().surnames or len([f for f in forms if len(word) > 1 or len(f) > 2]) > 1
