"""Mandarin readings both ways: of a character, and the characters of a reading; empty without pypinyin."""

from __future__ import annotations

import importlib
import itertools
import unicodedata
from functools import cache

from forebear.casefile.text.scripts import fold

MAX_WAYS = 256
"""Most ways of reading one name that are followed; characters with several readings multiply."""


def _toneless(reading: str) -> str:
    parts = unicodedata.normalize("NFD", reading.strip().replace("ü", "v"))
    return "".join(p for p in parts if not unicodedata.category(p).startswith("M"))


@cache
def _table() -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Folded character -> readings, the usual one first; reading -> folded characters."""
    try:
        every = importlib.import_module("pypinyin.constants").PINYIN_DICT
    except ImportError:
        return {}, {}
    said: dict[str, dict[str, None]] = {}
    for code, readings in every.items():
        if 0x4E00 <= code <= 0x9FFF:
            found = said.setdefault(fold(chr(code)), {})
            found.update(dict.fromkeys(_toneless(r) for r in readings.split(",")))
    written: dict[str, list[str]] = {}
    for character, readings in said.items():
        for reading in readings:
            written.setdefault(reading, []).append(character)
    return {c: tuple(r) for c, r in said.items()}, {r: "".join(c) for r, c in written.items()}


def readings_of(character: str) -> tuple[str, ...]:
    """Readings of one folded character without tones (ü as v)."""
    return _table()[0].get(character, ())


def alike(character: str) -> str:
    """Every folded character that shares a reading with this one, itself included."""
    return "".join(dict.fromkeys([character, *(c for r in readings_of(character) for c in _table()[1][r])]))


def written(reading: str) -> str:
    """Folded characters that are read so."""
    return _table()[1].get(reading, "")


def ways(name: str) -> list[tuple[str, ...]]:
    """Syllables of a Han name, one tuple a way of reading it; ü as u, v and yu."""
    lists = [spelt(readings_of(c)) for c in name]
    return list(itertools.islice(itertools.product(*lists), MAX_WAYS)) if all(lists) else []


def spelt(readings: tuple[str, ...]) -> list[str]:
    """Latin spellings of readings: pinyin, and Wade-Giles without its marks."""
    found: dict[str, None] = {}
    for reading in readings[:3]:
        for form in (reading.replace("v", "u"), reading, reading.replace("v", "yu"), _wade_giles(reading)):
            found[form] = None
    return [form for form in found if form]


_WADE = (("zhi", "chih"), ("chi", "chih"), ("shi", "shih"), ("ri", "jih"), ("zi", "tzu"), ("ci", "tzu"), ("si", "ssu"))
_WADE_HEADS = tuple(
    pair.split("-") for pair in ("zh-ch", "x-hs", "q-ch", "j-ch", "z-ts", "c-ts", "r-j", "b-p", "d-t", "g-k")
)
_WADE_TAILS = (("ong", "ung"), ("ian", "ien"), ("ie", "ieh"), ("ue", "ueh"), ("ui", "uei"))


def _wade_giles(reading: str) -> str:
    """The Wade-Giles spelling of a pinyin syllable, apostrophes and umlauts left out (as most names are printed)."""
    reading = reading.replace("v", "u")
    for pinyin, wade in _WADE:
        if reading == pinyin:
            return wade
    changed = not reading.startswith(("ch", "sh"))
    head, new = next(((p, w) for p, w in _WADE_HEADS if changed and reading.startswith(p)), ("", ""))
    tail = reading[len(head) :]
    for pinyin, wade in _WADE_TAILS:
        if tail.endswith(pinyin):
            tail = tail[: -len(pinyin)] + wade
            break
    return new + tail


def split(word: str) -> list[tuple[str, ...]]:
    """Ways to cut a Latin word into pinyin syllables, the fewest first; none when it is no pinyin, or without pypinyin."""
    known = _table()[1]
    found: list[tuple[str, ...]] = []
    stack: list[tuple[str, tuple[str, ...]]] = [(word, ())]
    while stack and len(found) < MAX_WAYS and len(word) <= 24:
        rest, done = stack.pop()
        if not rest:
            found.append(done)
        elif len(done) < 4:
            stack += [(rest[n:], (*done, rest[:n])) for n in range(1, min(6, len(rest)) + 1) if rest[:n] in known]
    return sorted(found, key=len)
