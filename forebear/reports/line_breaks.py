"""Where a line of text is broken, for terminals and pictures alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LONGEST = 48
"""Longest word that is kept on one line."""
OPENING, CLOSING = "（「『【《〈“", "、。，．；：！？）」』】》〉”…ー々)]"
"""Marks that no line of Chinese or Japanese ends with, and those that none begins with."""


def text_width(text: str, size: float) -> float:
    """About how wide a line of text is: wide characters count one size, others six tenths."""
    wide = sum(1 for c in text if unicodedata.east_asian_width(c) in "WF")
    return size * (wide + 0.56 * (len(text) - wide))


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Lines no wider than `width`, broken at spaces, or anywhere between wide characters and in overlong words."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and text_width(line + piece.rstrip(), size) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> Iterable[str]:
    """Where a line may end: behind spaces and wide characters, but never before a closing mark nor behind an opening one."""
    word = ""
    for c, following in zip(text, text[1:] + " ", strict=False):
        word += c
        wide = unicodedata.east_asian_width(c) in "WF"
        if len(word) >= LONGEST or c == " " or (wide and c not in OPENING and following not in CLOSING):
            yield word
            word = ""
    if word:
        yield word
