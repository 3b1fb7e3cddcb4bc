"""Paragraphs and sentences of a text, as spans of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from forebear.casefile.text.blocks import Block, Extract


@dataclass(frozen=True)
class Segment:
    """A sentence: its number in the source, its paragraph's number, the kind of its block, its span of the text."""

    index: int
    paragraph: int
    kind: str
    start: int
    end: int
    text: str


TESTIMONY = ("heading", "paragraph", "item", "quote")
"""Blocks that are testimony; code and front matter are kept apart."""

NEAR = 200
"""Characters looked at before and behind a stop of an English sentence."""
_WIDE_END = re.compile(r"(?:[。！？!?｡]+|……|⋯⋯)[」』”’\"）)】〉》]*")
_CONTINUES = re.compile(r"[ ]?(?:と|って|という|なんて|、|，|,|の|は|が|を|に|で|も|，|；|。)")
_ENGLISH_END = re.compile(r"(?<![.!?])[.!?]++[\"”’')\]]*+(?=\s)")  # a run of stops is looked at once
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "mr mrs ms dr prof st vs etc e.g i.e cf al fig figs eq eqs no nos vol pp p ed eds inc ltd co corp dept approx "
        "est jan feb mar apr jun jul aug sep sept oct nov dec sec ch ver",
    )
)


def paragraphs(extract: Extract) -> list[Block]:
    """The blocks that are testimony, in order."""
    return [b for b in extract.blocks if b.kind in TESTIMONY]


def segments(extract: Extract, language: str) -> list[Segment]:
    """Sentences of every testimony block, numbered through; a heading is one segment."""
    found: list[Segment] = []
    for number, block in enumerate(paragraphs(extract)):
        body = extract.text[block.start : block.end]
        spans = [(0, len(body))] if block.kind == "heading" else list(sentences(body, language))
        for a, b in spans:
            a, b = _trim(body, a, b)
            if a < b:
                start, end = block.start + a, block.start + b
                found.append(Segment(len(found), number, block.kind, start, end, extract.text[start:end]))
    return found


def _trim(text: str, a: int, b: int) -> tuple[int, int]:
    while a < b and text[a].isspace():
        a += 1
    while b > a and text[b - 1].isspace():
        b -= 1
    return a, b


def sentences(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Spans of the sentences of a paragraph, together covering it.

    language: "zh" and "ja" end at wide stops, "en" and every other at a stop, a space and a capital or digit.
    """
    at = 0
    for cut in _wide_cuts(text) if language in ("zh", "ja") else _english_cuts(text):
        yield at, cut
        at = cut
    if at < len(text):
        yield at, len(text)


def _wide_cuts(text: str) -> Iterator[int]:
    depth, at = 0, 0
    for match in _WIDE_END.finditer(text):
        between = text[at : match.start()]
        depth = max(
            0, depth + sum(between.count(c) for c in "「『（(《“") - sum(between.count(c) for c in "」』）)》”")
        )
        closers = match.group().lstrip("。！？!?｡…⋯")
        cut = match.end()
        if closers.endswith('"') and text.count('"', 0, cut) % 2:
            # an even number of straight quotation marks before it: this one opens the next sentence
            closers, cut = closers[:-1], cut - 1
        depth = max(0, depth - len(closers))
        at = cut
        if closers and _CONTINUES.match(text, at):
            continue
        # a stop inside a short open quotation belongs to the sentence around it
        if depth and len(text) - at > 0 and _closes_soon(text, at):
            continue
        if "…" in match.group() and not closers and at < len(text) and not text[at].isspace():
            continue
        yield at


def _closes_soon(text: str, at: int) -> bool:
    return bool(re.match(r"[^「『“]{0,40}[」』”）)]", text[at:]))


def _english_cuts(text: str) -> Iterator[int]:
    for match in _ENGLISH_END.finditer(text):
        after = text[match.end() : match.end() + NEAR].lstrip()
        if not after or not (after[0].isupper() or after[0].isdigit() or after[0] in "\"“‘'(["):
            continue
        if match.group()[0] == "." and _is_abbreviation(text[max(0, match.start() - NEAR) : match.start()], after):
            continue
        yield match.end()


def _is_abbreviation(before: str, after: str) -> bool:
    word = re.search(r"([A-Za-z][A-Za-z.]*)$", before)
    if not word:
        return False
    name = word.group(1).lower()
    return (
        name in _ABBREVIATIONS or (len(name) == 1 and word.group(1).isupper()) or (name == "no" and after[0].isdigit())
    )
