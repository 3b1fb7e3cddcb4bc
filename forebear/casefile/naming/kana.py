"""Japanese readings: katakana to letters one for one, and to the spellings that names are printed in.

Source: the Hepburn table as ISO 3602 and the American Library Association list it; long vowels are written short, long or doubled
in names, so each is a spelling.
"""

from __future__ import annotations

import re
from functools import cache

_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ", "h": "ハヒフヘホ",
    "m": "マミムメモ",
    "r": "ラリルレロ", "g": "ガギグゲゴ", "z": "ザジズゼゾ", "d": "ダヂヅデド", "b": "バビブベボ", "p": "パピプペポ",
}  # fmt: skip
_SMALL = {"ャ": "ya", "ュ": "yu", "ョ": "yo", "ァ": "xa", "ィ": "xi", "ゥ": "xu", "ェ": "xe", "ォ": "xo", "ッ": "q"}
_OTHER = {
    "ヤ": "ya",
    "ユ": "yu",
    "ヨ": "yo",
    "ワ": "wa",
    "ヲ": "wo",
    "ン": "n'",
    "ー": "-",
    "ヴ": "vu",
    "ヱ": "we",
    "ヰ": "wi",
}
_HEPBURN = (
    ("n'", "n"), ("sixe", "she"), ("zixe", "je"), ("tixe", "che"), ("si", "shi"), ("ti", "chi"),
    ("tu", "tsu"), ("hu", "fu"), ("zi", "ji"), ("di", "ji"), ("du", "zu"),
    ("sy", "sh"), ("ty", "ch"), ("zy", "j"), ("dy", "j"), ("wo", "o"), ("we", "e"), ("wi", "i"),
)  # fmt: skip


@cache
def _letters() -> dict[str, str]:
    """Katakana character (two for a sound like キャ) -> letters, each pair used once."""
    table = {kana: head + vowel for head, row in _ROWS.items() for kana, vowel in zip(row, "aiueo", strict=True)}
    table |= _OTHER
    for kana, letters in list(table.items()):
        if letters.endswith("i") and len(letters) > 1 and kana not in _OTHER:
            table |= {kana + small: letters[:-1] + _SMALL[small] for small in "ャュョ"}
    return table | {small: f"x{letters}" if small in "ャュョ" else letters for small, letters in _SMALL.items()}


def letters_of(katakana: str) -> str:
    """A katakana reading in letters, one for one; "" when it holds anything else."""
    table, found, i = _letters(), [], 0
    while i < len(katakana):
        size = 2 if katakana[i : i + 2] in table else 1
        letters = table.get(katakana[i : i + size])
        if letters is None:
            return ""
        found.append(letters)
        i += size
    return "".join(found)


@cache
def _kana() -> tuple[dict[str, str], int]:
    table = {letters: kana for kana, letters in _letters().items()}
    return table, max(map(len, table))


def katakana_of(letters: str) -> str:
    """The katakana that `letters_of` wrote so."""
    table, longest = _kana()
    found, i = [], 0
    while i < len(letters):
        size = next((n for n in range(longest, 0, -1) if letters[i : i + n] in table), 0)
        if not size:
            return ""
        found.append(table[letters[i : i + size]])
        i += size
    return "".join(found)


def hiragana_of(katakana: str) -> str:
    """The same in hiragana."""
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in katakana)


@cache
def hepburn(letters: str) -> tuple[str, ...]:
    """Spellings of a reading in letters: long vowels short (the usual one), as they are written, and with h (Satoh)."""
    plain = letters
    for written, said in _HEPBURN:
        plain = plain.replace(written, said)
    plain = re.sub("q(.)", lambda m: m[1] * 2 if m[1] != "c" else "tc", plain).replace("q", "").replace("x", "")
    plain = re.sub("([aiueo])-", r"\1\1", plain).replace("-", "")
    short = re.sub("ou|oo", "o", plain).replace("uu", "u")
    found = [short, plain, plain.replace("ou", "oo"), re.sub("ou|oo", "oh", plain)]
    found += [re.sub("n(?=[bmp])", "m", f) for f in found]
    return tuple(dict.fromkeys(found))


_OTHER_SYSTEMS = (
    ("(?<![sc])hu", "fu"), ("sy", "sh"), ("si", "shi"), ("[zd]y", "j"), ("ty", "ch"), ("[zd]i", "ji"), ("ti", "chi"),
    ("tu", "tsu"), ("du", "zu"),
)  # fmt: skip


@cache
def in_hepburn(word: str) -> str:
    """A Japanese word in small letters of the Kunrei or the Nippon system (ISO 3602) in Hepburn's."""
    for pattern, said in _OTHER_SYSTEMS:
        word = re.sub(pattern, said, word)
    return word
