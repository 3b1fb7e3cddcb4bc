"""Spans that may tell who a witness is: flagged for a person to weigh, never removed by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.data import packaged_table


@dataclass(frozen=True)
class _Span:
    id: str
    languages: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class _Spans:
    span: tuple[_Span, ...]


@cache
def _patterns() -> tuple[tuple[_Span, re.Pattern[str]], ...]:
    return tuple((s, re.compile(s.pattern)) for s in packaged_table(_Spans, "identifying.toml").span)


def identifying_spans(texts: Iterable[Text]) -> list[dict[str, object]]:
    """Source, rule, place and words of every span that may identify a witness; replies and statements are left out."""
    found: list[dict[str, object]] = []
    for text in texts:
        if text.source.role in ("reply", "statement"):
            continue
        body = text.extract.text
        for span, pattern in _patterns():
            if text.language in span.languages or "any" in span.languages:
                found += [
                    {"source": text.source.id, "rule": span.id, "span": list(m.span()), "words": m.group()}
                    for m in pattern.finditer(body)
                ]
    return found
