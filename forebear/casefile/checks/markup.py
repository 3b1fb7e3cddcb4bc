"""Emphasis, headings, quotation marks and editors' notes that differ across a link."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import Finding, ours
from forebear.casefile.checks.pair import Pair
from forebear.casefile.text.notes import find_notes
from forebear.core.messages import Message, message

_QUOTED = re.compile(
    r"「(?P<a>[^「」]{1,80})」|『(?P<b>[^『』]{1,80})』|“(?P<c>[^“”]{1,160})”|(?<![A-Za-z0-9])\"(?P<d>[^\"]{1,160})\"(?![A-Za-z0-9])"
    r"|(?<![\w’])‘(?P<e>[^‘’]{2,160})’(?!\w)"
)


def check_markup(pair: Pair) -> Iterator[Finding]:
    """Emphasis, heading and quotation marks of one side only."""
    if not pair.link.left or not pair.link.right:
        return
    yield from _emphasis(pair)
    yield from _headings(pair)
    yield from _quotes(pair)


def _emphasised(text: Text, indices: tuple[int, ...]) -> list[tuple[int, int]]:
    start, end = text.segments[indices[0]].start, text.segments[indices[-1]].end
    return [(a - start, min(b, end) - start) for a, b in text.extract.emphasis if a >= start and a < end]


def _emphasis(pair: Pair) -> Iterator[Finding]:
    a, b = _emphasised(pair.left, pair.link.left), _emphasised(pair.right, pair.link.right)
    if len(b) > len(a):
        span = b[-1] if a else b[0]
        yield pair.finding("emphasis/added", None, span, right=pair.b[span[0] : span[1]][:60])
    elif len(a) > len(b):
        span = a[-1] if b else a[0]
        yield pair.finding("emphasis/lost", span, None, left=pair.a[span[0] : span[1]][:60])


def _headings(pair: Pair) -> Iterator[Finding]:
    if len(pair.link.left) != 1 or len(pair.link.right) != 1:
        return  # a heading beside a sentence of its section
    a, b = _heading(pair.left, pair.link.left[0]), _heading(pair.right, pair.link.right[0])
    if a != b:
        yield pair.finding("heading/changed", None, None, left=a, right=b)


def _heading(text: Text, index: int) -> Message:
    segment = text.segments[index]
    if segment.kind != "heading":
        return ours("no heading")
    level = next(b.level for b in text.extract.blocks if b.start <= segment.start < b.end)
    return message("ours.heading", level=level)


def quoted(text: str) -> list[tuple[int, int]]:
    """Spans in quotation marks, outermost first; brackets round titles are not counted."""
    return [m.span() for m in _QUOTED.finditer(text)]


def _quotes(pair: Pair) -> Iterator[Finding]:
    a, b = quoted(pair.a), quoted(pair.b)
    if bool(a) == bool(b):
        return
    counts = [len(quoted(text)) for _, _, text, _ in pair.witnesses]
    b = [span for span in b if not _is_code(pair.b[slice(*span)][1:-1], pair.a)] or b[:0]
    if b and not any(counts):
        yield pair.finding("quotes/added", None, b[0], right=pair.b[slice(*b[0])][:60])
    elif a and all(counts) and "《" not in pair.b and not pair.free:
        yield pair.finding("quotes/lost", a[0], None, left=pair.a[slice(*a[0])][:60])


def _is_code(words: str, other: str) -> bool:
    """Marks round one Latin word the other side has too, or round signs: a way of setting code, not a distance taken."""
    return words.isascii() and (words in other or not re.search(r"[A-Za-z]{2}", words)) and " " not in words


def check_notes(pair: Pair) -> Iterator[Finding]:
    """Editors' notes of the right text: reported, never compared."""
    if not pair.link.right:
        return
    raw = pair.right.joined(pair.link.right)
    for start, end in find_notes(raw, pair.right.language):
        yield pair.finding("note/editor", None, (start, end), right=raw[start:end][:80])
