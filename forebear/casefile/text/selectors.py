"""Citations that survive edits: W3C Web Annotation TextQuoteSelector and TextPositionSelector."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CUT = re.compile(r"[A-Za-z\u00c0-\u024f]{2}")
_FIRST, _LAST = re.compile(r"^[A-Za-z\u00c0-\u024f]+"), re.compile(r"[A-Za-z\u00c0-\u024f]+$")
"""Where a place between two Latin letters cuts a word, and what is left of that word at either end."""
CONTEXT = 32
"""Characters of prefix and suffix kept beside a quote."""

LEFT_OF_IT = 0.5
"""Share of the pairs of characters of a quotation that are still at its place when its words were changed, not lost."""


@dataclass(frozen=True)
class Citation:
    """A span of a source: exact text, what stands before and after, and its position when it was made."""

    source: str
    exact: str
    prefix: str
    suffix: str
    start: int
    end: int

    def as_json(self) -> dict[str, object]:
        """The two W3C selectors of one target."""
        quote = {"type": "TextQuoteSelector", "exact": self.exact, "prefix": self.prefix, "suffix": self.suffix}
        place = {"type": "TextPositionSelector", "start": self.start, "end": self.end}
        return {"source": self.source, "selector": [quote, place]}


@dataclass(frozen=True)
class Found:
    """Where a citation is now; how is position, moved, context, edited, ambiguous or lost; start is -1 when not
    found."""

    start: int
    end: int
    how: str

    @property
    def ok(self) -> bool:
        """Whether the cited words are there, unaltered and in one place only."""
        return self.how in ("position", "moved", "context")


def cite(source: str, text: str, start: int, end: int) -> Citation:
    """A citation of text[start:end]; no Latin word of its context is cut, so that a name there stays whole."""
    prefix, suffix = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    if start > CONTEXT and _CUT.match(text, start - CONTEXT - 1):
        prefix = _FIRST.sub("", prefix)
    if end + CONTEXT < len(text) and _CUT.match(text, end + CONTEXT - 1):
        suffix = _LAST.sub("", suffix)
    return Citation(source, text[start:end], prefix, suffix, start, end)


def locate(citation: Citation, text: str) -> Found:
    """Find a citation in a text that may have been edited since.

    Returns: its place; `edited` with the nearest place when the words changed; `ambiguous` when the same words stand in
             several places and the context does not decide; `lost` when nothing like it is left.
    """
    start, end, exact = citation.start, citation.end, citation.exact
    if exact and text[start:end] == exact and text[max(0, start - len(citation.prefix)) : start] == citation.prefix:
        return Found(start, end, "position")
    places = _places(text, exact)
    if len(places) == 1:
        return Found(places[0], places[0] + len(exact), "moved")
    if places:
        return _by_context(citation, text, places)
    return _edited(citation, text)


def _places(text: str, exact: str) -> list[int]:
    places: list[int] = []
    at = text.find(exact) if exact else -1
    while at >= 0 and len(places) < 1000:
        places.append(at)
        at = text.find(exact, at + 1)
    return places


def _by_context(citation: Citation, text: str, places: list[int]) -> Found:
    size = len(citation.exact)
    scored = sorted((_context_score(citation, text, p, p + size), -abs(p - citation.start), p) for p in places)
    best, second = scored[-1], scored[-2]
    if best[0] > second[0]:
        return Found(best[2], best[2] + size, "context")
    return Found(best[2], best[2] + size, "ambiguous")


def _context_score(citation: Citation, text: str, start: int, end: int) -> int:
    before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    left = next(
        (i for i, (a, b) in enumerate(zip(before[::-1], citation.prefix[::-1], strict=False)) if a != b), CONTEXT
    )
    right = next((i for i, (a, b) in enumerate(zip(after, citation.suffix, strict=False)) if a != b), CONTEXT)
    return left + right


def _edited(citation: Citation, text: str) -> Found:
    before = text.find(citation.prefix[-12:]) if len(citation.prefix) >= 6 else -1
    start = before + len(citation.prefix[-12:]) if before >= 0 else citation.start
    exact = citation.exact
    size = len(exact)
    low, high = max(0, min(start, citation.start) - 200), max(start, citation.start) + size + 200
    window = text[low:high]
    wanted = {exact[i : i + 2] for i in range(len(exact) - 1)}
    there = [i for i in range(len(window) - 1) if window[i : i + 2] in wanted]
    if not there or len({window[i : i + 2] for i in there}) < LEFT_OF_IT * len(wanted):
        return Found(-1, -1, "lost")
    return Found(low + there[0], low + there[-1] + 2, "edited")
