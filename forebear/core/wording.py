"""Refusals in English: an error's text and a document's message are made of one key, so they cannot come to differ.

`refusals.toml` is the English of these keys and the only one: the catalogue of reports reads it, and every other language
has the same keys in `reports/messages/<language>.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from string import Formatter
from typing import Any

from forebear.core.messages import Message

WORDS = Path(__file__).with_name("refusals.toml")


class _Counted(Formatter):
    """Slots as in str.format; besides, `{count:,|model|models}` is a number with the noun in the form that belongs to it.

    `{count:-|is|are}` is the word alone, where other words stand between the number and its verb.
    """

    def format_field(self, value: Any, format_spec: str) -> str:
        how, _, forms = format_spec.partition("|")
        one, _, more = forms.partition("|")
        word = one if value == 1 else more
        return word if how == "-" else f"{value:{how}}" + (f" {word}" if forms else "")


FILLED = _Counted()


class Words(Mapping[str, str]):
    """Dotted key -> text of TOML tables of words, each table parsed when one of its keys is first wanted: a run says little.

    Tables begin at the start of a line; texts of several lines hold no line that looks like a table's name.
    """

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._known: dict[str, dict[str, str]] = {}

    @cached_property
    def _sources(self) -> dict[str, dict[Path, str]]:
        """First word of a table's name -> by file its lines, and those of the tables inside it."""
        found: dict[str, dict[Path, str]] = {}
        for file in self._files:
            pieces = _HEADER.split(file.read_text("utf-8"))  # what comes first, then name and lines of each table
            for name, lines in zip(pieces[1::2], pieces[2::2], strict=True):
                by_file = found.setdefault(name.partition(".")[0], {})
                by_file[file] = f"{by_file.get(file, '')}[{name}]{lines}"
        return found

    def _table(self, first: str) -> dict[str, str]:
        if first not in self._known:
            texts = self._sources.get(first, {}).values()
            self._known[first] = {key: words for text in texts for key, words in _flat(tomllib.loads(text))}
        return self._known[first]

    def __getitem__(self, key: str) -> str:
        return self._table(key.partition(".")[0])[key]

    def __iter__(self) -> Iterator[str]:
        for first in self._sources:
            yield from self._table(first)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_HEADER = re.compile(r"^\[([^\]\n\[]+)\]", re.MULTILINE)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@cache
def english_words() -> Mapping[str, str]:
    """Dotted key -> English text with {slots}, read when first wanted: most runs refuse nothing."""
    return Words(WORDS)


def in_english(said: Message) -> str:
    """A refusal's message in English; values that are messages are said first.

    Example:
        >>> from forebear.core.messages import message
        >>> in_english(message("unfit.before", size=8, wanted=1200))
        'ends at byte 8, before byte 1,200'
    """
    values = {name: in_english(value) if isinstance(value, Message) else value for name, value in said.values.items()}
    return FILLED.vformat(english_words()[said.key], (), values)
