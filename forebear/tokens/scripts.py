"""Which writing system a token belongs to, by ranges of code points (Unicode blocks, Unicode Character Database)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from functools import cache

_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x00AA, 0x024F, "Latin"),
    (0x0250, 0x02AF, "Latin"),
    (0x0300, 0x036F, "marks"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0530, 0x058F, "Armenian"),
    (0x0590, 0x05FF, "Hebrew"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0700, 0x074F, "Syriac"),
    (0x0750, 0x077F, "Arabic"),
    (0x0780, 0x07BF, "Thaana"),
    (0x08A0, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0980, 0x09FF, "Bengali"),
    (0x0A00, 0x0A7F, "Gurmukhi"),
    (0x0A80, 0x0AFF, "Gujarati"),
    (0x0B00, 0x0B7F, "Oriya"),
    (0x0B80, 0x0BFF, "Tamil"),
    (0x0C00, 0x0C7F, "Telugu"),
    (0x0C80, 0x0CFF, "Kannada"),
    (0x0D00, 0x0D7F, "Malayalam"),
    (0x0D80, 0x0DFF, "Sinhala"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Lao"),
    (0x0F00, 0x0FFF, "Tibetan"),
    (0x1000, 0x109F, "Myanmar"),
    (0x10A0, 0x10FF, "Georgian"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1200, 0x139F, "Ethiopic"),
    (0x13A0, 0x13FF, "Cherokee"),
    (0x1400, 0x167F, "Canadian syllabics"),
    (0x1780, 0x17FF, "Khmer"),
    (0x1800, 0x18AF, "Mongolian"),
    (0x1C90, 0x1CBF, "Georgian"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x1F00, 0x1FFF, "Greek"),
    (0x2C60, 0x2C7F, "Latin"),
    (0x2D00, 0x2D2F, "Georgian"),
    (0x2D30, 0x2D7F, "Tifinagh"),
    (0x2D80, 0x2DDF, "Ethiopic"),
    (0x2E80, 0x2FDF, "Han"),
    (0x3005, 0x3007, "Han"),
    (0x3040, 0x30FF, "Kana"),
    (0x3100, 0x312F, "Bopomofo"),
    (0x3130, 0x318F, "Hangul"),
    (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xA000, 0xA4CF, "Yi"),
    (0xA500, 0xA63F, "Vai"),
    (0xA640, 0xA69F, "Cyrillic"),
    (0xA720, 0xA7FF, "Latin"),
    (0xAC00, 0xD7FF, "Hangul"),
    (0xF900, 0xFAFF, "Han"),
    (0xFB00, 0xFB06, "Latin"),
    (0xFB1D, 0xFB4F, "Hebrew"),
    (0xFB50, 0xFDFF, "Arabic"),
    (0xFE70, 0xFEFE, "Arabic"),
    (0xFF21, 0xFF5A, "Latin"),
    (0xFF65, 0xFF9F, "Kana"),
    (0x1F000, 0x1FAFF, "emoji"),
    (0x20000, 0x3FFFF, "Han"),
)
_LETTER = re.compile(rb"[A-Za-z]").search
_STARTS = [first for first, _, _ in _RANGES]


@cache
def script_of_character(character: str) -> str | None:
    """The writing system of one character, None for a digit, sign or space."""
    code = ord(character)
    if code < 0xAA:
        return "Latin" if character.isalpha() else None
    place = bisect_right(_STARTS, code) - 1
    first, last, name = _RANGES[place]
    if not first <= code <= last or name == "marks":
        return None
    return name if name == "emoji" or character.isalpha() or not _plain(character) else None


WITHOUT_WORD_SPACES = frozenset({"Han", "Kana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"})
"""Scripts that put no space between words (Unicode Standard Annex 14, classes ID and SA; Tibetan parts syllables)."""
_UNSPACED = re.compile(f"[{''.join(f'{chr(a)}-{chr(z)}' for a, z, name in _RANGES if name in WITHOUT_WORD_SPACES)}]").search
MOST_WITHOUT = 0.1
"""Share of letters in such scripts up to which a text is taken to have words between spaces."""
_WORDSPACE = "\u1361"
"""ETHIOPIC WORDSPACE, which parts words where other scripts have white space (Unicode, chapter 19.1)."""


def word_count(text: str) -> int | None:
    """Words of a text: stretches between white space, or Ethiopic signs for it, that hold a letter or digit.

    None where script puts no space between words.
    """
    if _UNSPACED(text):  # most texts hold no such character, and finding one is quicker than counting all
        letters = without = 0
        for character, count in Counter(text).items():
            script = script_of_character(character) if character.isalpha() else None
            if script is not None:
                letters += count
                without += count if script in WITHOUT_WORD_SPACES else 0
        if without > MOST_WITHOUT * letters:
            return None
    return sum([word[0].isalnum() or any(map(str.isalnum, word)) for word in text.replace(_WORDSPACE, " ").split()])


def _plain(character: str) -> bool:
    """Signs and digits inside a script's block (Arabic comma, × and ÷ in Latin-1) belong to no script."""
    return not character.isalpha() and (character.isdigit() or character in "×÷«»¿¡" or ord(character) < 0xC0)


def script_of(token: bytes) -> str:
    """The writing system of a token: that of its first letter; else "digits", "spaces", "signs", or "bytes".

    "bytes": a piece of a character that is no valid UTF-8 by itself.
    """
    if token.isascii():
        if _LETTER(token):
            return "Latin"
        return _unlettered(token.decode("ascii"))
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return "bytes"
    for character in text:
        script = script_of_character(character)
        if script is not None:
            return script
    return _unlettered(text)


def scripts_of(tokens: Iterable[bytes]) -> list[str]:
    """`script_of` of many tokens, without a call for those of plain letters."""
    return ["Latin" if token.isascii() and _LETTER(token) else script_of(token) for token in tokens]


def _unlettered(text: str) -> str:
    if any(character.isdigit() for character in text):
        return "digits"
    return "spaces" if not text.strip() else "signs"
