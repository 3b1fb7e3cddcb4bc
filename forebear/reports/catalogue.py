"""One catalogue of words for every language a report speaks; documents stay English and are translated only here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from forebear.core.errors import UsageError
from forebear.core.records import record

FOLDER = Path(__file__).parent / "words"
LANGUAGES = ("en", "zh-Hans", "zh-Hant", "ja")
_SLOT = re.compile(r"\\\{(\w+)\\\}")


@record(frozen=True)
class Catalogue:
    """Words of one language by dotted key, and the English sentences of documents it can say.

    words:    "verdict.related" → text with {slots}.
    patterns: (pattern of an English sentence, this language's sentence) from the table `sentence`.
    """

    language: str
    words: Mapping[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]

    def __call__(self, key: str, /, **values: object) -> str:
        """The words of a key with its slots filled; values are never read as patterns."""
        return self.words[key].format(**values) if values else self.words[key]

    def has(self, key: str) -> bool:
        """Whether there are words for a key."""
        return key in self.words

    def name(self, table: str, word: object) -> str:
        """The name of a thing the documents name in one word ("deck", "neurons"); the word itself when it is not ours."""
        return self.words.get(f"{table}.{word}", str(word))

    def sentence(self, english: str) -> tuple[str, str]:
        """An English sentence of a document in this language, with the language it is in ("en" where nobody translated it)."""
        if self.language == "en":
            return english, "en"
        for pattern, text in self.patterns:
            found = pattern.fullmatch(english)
            if found:
                return text.format(**{k: self._inner(v) for k, v in found.groupdict().items()}), self.language
        return english, "en"

    def _inner(self, value: str) -> str:
        """A slot's content, translated when it is one of our words."""
        return self.words.get(f"term.{value}", value)


@cache
def catalogue(language: str = "en") -> Catalogue:
    """The catalogue of a language.

    Raises: UsageError for a language there is none for.
    """
    if language not in LANGUAGES:
        raise UsageError(f"no reports in {language!r}", where="--language", todo=f"Use one of: {', '.join(LANGUAGES)}.")
    words = dict(_flat(_load(language)))
    english = words if language == "en" else dict(_flat(_load("en")))
    told = () if language == "en" else english.items()  # English needs no pattern to be told in English
    patterns = tuple(
        (sentence_pattern(text), words[key]) for key, text in told if key.startswith("sentence.") and key in words
    )
    return Catalogue(language, words, patterns)


def _load(language: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def sentence_pattern(template: str, longest: int = 400) -> re.Pattern[str]:
    """The template as a pattern: each {slot} takes the shortest run, `longest` characters at most; one named twice must repeat."""
    seen: set[str] = set()

    def slot(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>.{{1,{longest}}}?)"

    return re.compile(_SLOT.sub(slot, re.escape(template)), re.DOTALL)
