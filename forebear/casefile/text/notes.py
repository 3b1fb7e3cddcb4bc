"""Editors' and translators' notes inside a text: found, reported, and kept out of every comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from forebear.casefile.data import packaged_table


@dataclass(frozen=True)
class _Note:
    id: str
    languages: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class _Notes:
    note: tuple[_Note, ...]


@cache
def _patterns(language: str) -> re.Pattern[str]:
    table = packaged_table(_Notes, "notes.toml")
    chosen = [n.pattern for n in table.note if language in n.languages] or [n.pattern for n in table.note]
    return re.compile("|".join(f"(?:{p})" for p in chosen))


def find_notes(text: str, language: str) -> list[tuple[int, int]]:
    """Spans of notes in a sentence or a whole text."""
    return [m.span() for m in _patterns(language).finditer(text)]


def blank_notes(text: str, language: str) -> str:
    """The text with its notes replaced by spaces; the length is kept."""
    for a, b in find_notes(text, language):
        text = text[:a] + " " * (b - a) + text[b:]
    return text
