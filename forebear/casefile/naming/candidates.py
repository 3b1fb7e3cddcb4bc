"""Every span of the texts of a case that may name a person, as the texts write it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forebear.casefile.naming.han import Known
from forebear.casefile.naming.latin_spans import Seen, latin_spans, things, tokens
from forebear.casefile.naming.stock import names as stock
from forebear.casefile.naming.wide import Body, Span, wide_spans

SURE = frozenset({"whole", "titled", "before"})
"""Forms whose parts are looked for elsewhere."""


@dataclass(frozen=True)
class Read:
    """A text to look for names in: its language and its words."""

    language: str
    text: str


def candidates(texts: Iterable[Read]) -> list[str]:
    """Strings that may name a person, in the order in which the texts have them: too many rather than too few."""
    read = [(t.language, Body(t.text)) for t in texts]
    listed = [tokens(body) for _, body in read]
    seen = Seen()
    for (_, body), words in zip(read, listed, strict=True):
        seen.small |= {t.word for t in words if not t.capital and len(t.word) > 1}
        seen.things |= set(things(words, body))
    known = _known(read)
    found: dict[str, None] = {}
    for (language, body), words in zip(read, listed, strict=True):
        spans: list[Span] = list(latin_spans(body, language, seen, words))
        if language in ("zh", "ja"):
            spans += wide_spans(body, language, known)
        for span in sorted(spans, key=lambda s: s.start):
            found[" ".join(body.text[span.start : span.end].split())] = None
    return list(found)


def _known(read: Sequence[tuple[str, Body]]) -> Known:
    """Surnames and given names that the texts show beyond doubt in a first reading."""
    surnames, given, whole = Counter[str](), Counter[str](), Counter[str]()
    for language, body in read:
        if language not in ("zh", "ja"):
            continue
        for span in wide_spans(body, language, Known()):
            if span.kind in SURE:
                surnames[span.surname] += 1
                given[span.given] += 1
            if span.kind in ("whole", "kana"):
                whole[span.surname + span.given] += 1
    listed = stock().surnames
    return Known(
        {s for s, n in surnames.items() if s and (n > 1 or s in listed)},
        {g for g, n in given.items() if len(g) > 1 and n > 1},
        {w for w, n in whole.items() if len(w) > 1 and re.search(r"\w", w)},
    )
