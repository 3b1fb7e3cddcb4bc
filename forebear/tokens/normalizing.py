"""Normalisation a tokenizer file asks for, from named steps and plain data; an unknown step is refused, not skipped."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from forebear.core.limits import MAX_GROWTH
from forebear.core.messages import message
from forebear.tokens.charsmap import charsmap
from forebear.tokens.expressions import expression
from forebear.tokens.readers.ranks import decode64
from forebear.tokens.rules import CannotEncodeError

Normaliser = Callable[[str], str]
_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""White_Space of the Unicode Character Database; `str.isspace` has four control characters more."""
MOST_STEPS = 32
FREE_CHARACTERS = 64
"""Characters that normalisation may add whatever the length of the text."""


def normaliser_of(node: Any, mark: str = " ") -> Normaliser:
    """The steps of tokenizer.json's `normalizer` as one function.

    mark: what "▁" is written as where a step puts it: a space, or itself for an encoder that goes on with the file's spelling.
    Raises: CannotEncodeError for a step we do not know.
    """
    steps: list[Normaliser] = []
    queue = [node]
    while queue:
        item = queue.pop(0)
        if item is None:
            continue
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "Sequence" and isinstance(item.get("normalizers"), list):
            queue = [*item["normalizers"], *queue]
        else:
            steps.append(_step(kind, item, mark))
        if len(steps) + len(queue) > MOST_STEPS:
            raise CannotEncodeError(
                f"asks for more than {MOST_STEPS} steps of normalisation",
                said=message("encoding.many_forms", most=MOST_STEPS),
            )

    def run(text: str) -> str:
        most = longest(text)
        for step in steps:
            text = step(text)
            if len(text) > most:
                raise grows()
        return text

    return run


def longest(text: str) -> int:
    """Most characters that a text may have when it is normalised."""
    return FREE_CHARACTERS + MAX_GROWTH * len(text)


def grows() -> CannotEncodeError:
    """What is raised where a step would make a text longer than `longest`."""
    return CannotEncodeError(
        f"makes texts more than {MAX_GROWTH} times as long by normalising them",
        said=message("encoding.growth_form", most=MAX_GROWTH),
    )


def _step(kind: object, item: Any, mark: str) -> Normaliser:
    if kind in _FORMS:
        return lambda text: unicodedata.normalize(str(kind), text)  # type: ignore[arg-type]
    if kind == "Lowercase":
        return lowered
    if kind == "StripAccents":
        return lambda text: "".join(c for c in text if not unicodedata.category(c).startswith("M"))
    if kind == "BertNormalizer":
        return bert_normaliser(item)
    if kind == "Prepend" and isinstance(item.get("prepend"), str):
        prefix = item["prepend"].replace("▁", mark)
        if len(prefix) > FREE_CHARACTERS:
            raise grows()
        return lambda text: prefix + text if text else text
    if kind == "Strip":
        return _stripper(bool(item.get("strip_left")), bool(item.get("strip_right")))
    if kind == "Replace" and isinstance(item.get("content"), str):
        return _replacement(item, mark)
    if kind == "Precompiled":
        return charsmap(_decoded(item.get("precompiled_charsmap")))
    raise CannotEncodeError(
        f"asks for the normalisation {str(kind)[:40]!r}, which we do not know",
        said=message("encoding.unknown_form", kind=str(kind)[:40]),
    )


def _stripper(left: bool, right: bool) -> Normaliser:
    def strip(text: str) -> str:
        text = text.lstrip(WHITE) if left else text
        return text.rstrip(WHITE) if right else text

    return strip


def _replacement(item: Any, mark: str) -> Normaliser:
    pattern, content = item.get("pattern"), item["content"].replace("▁", mark)
    if isinstance(pattern, dict) and isinstance(pattern.get("String"), str):
        old = pattern["String"]
        return lambda text: _replaced(text, text.count(old), len(content) - len(old), text.replace, old, content)
    stated = pattern.get("Regex") if isinstance(pattern, dict) else None
    try:
        found = expression(str(stated)) if isinstance(stated, str) else None
    except CannotEncodeError:
        found = None
    if found is None:
        raise CannotEncodeError(
            "replaces by an expression of its own, which is not run", said=message("encoding.own_form")
        )
    return lambda text: _at_spans(text, found.spans(text), content)


def _at_spans(text: str, spans: Sequence[tuple[int, int]], content: str) -> str:
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    between = [text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return _replaced(text, len(spans), len(content), content.join, between)


def _replaced(text: str, times: int, more: int, replace: Callable[..., str], *arguments: Any) -> str:
    """The text with something replaced `times` over, each time `more` characters longer; refused before it is built."""
    if len(text) + times * more > longest(text):
        raise grows()
    return replace(*arguments)


def lowered(text: str) -> str:
    """Small letters, each by itself: no character depends on its neighbours (the last sigma of a word does in Python)."""
    return "".join(map(str.lower, text)) if "Σ" in text else text.lower()


def strip_marks(text: str) -> str:
    """Characters without their non-spacing marks (the text is not put into another form)."""
    return "".join(c for c in text if unicodedata.category(c) != "Mn")


def bert_normaliser(settings: Any) -> Normaliser:
    """BERT's cleaning: control characters out, Han characters set apart, accents and capitals off where asked."""
    clean, han = settings.get("clean_text", True), settings.get("handle_chinese_chars", True)
    lower, strip = settings.get("lowercase", True), settings.get("strip_accents")
    strip = lower if strip is None else strip

    def run(text: str) -> str:
        if clean:
            text = "".join(" " if c in WHITE else c for c in text if not _dropped(c))
        if han:
            text = "".join(f" {c} " if _is_han(ord(c)) else c for c in text)
        if strip:
            text = strip_marks(unicodedata.normalize("NFD", text))
        return lowered(text) if lower else text

    return run


def _dropped(character: str) -> bool:
    if character in "\t\n\r":
        return False
    return character in "\x00\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs")


def _is_han(code: int) -> bool:
    """The blocks BERT calls Chinese characters."""
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x2A6DF
        or 0x2A700 <= code <= 0x2CEAF
        or 0xF900 <= code <= 0xFAFF
        or 0x2F800 <= code <= 0x2FA1F
    )


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise CannotEncodeError("asks for a table of characters that is not there", said=message("encoding.no_table"))
    return decode64(text, "precompiled_charsmap")
