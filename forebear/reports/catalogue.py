"""One catalogue of words for every language a report speaks: documents hold keys and values, and words are made only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from forebear.core.documents import thaw
from forebear.core.errors import UsageError
from forebear.core.wording import FILLED, WORDS, Words

FOLDER = Path(__file__).parent / "messages"
LANGUAGES = ("en", "zh-Hans", "zh-Hant", "ja")
_COMMAS = ("names", "sides", "families", "pairs", "places", "codes", "after", "layers", "records")
"""Slots whose lists are joined by commas; others by semicolons."""


@dataclass(frozen=True)
class Catalogue:
    """Words of one language by dotted key.

    words: "verdict.related" → text with {slots}.
    """

    language: str
    words: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The words of a key with its slots filled; values are never read as patterns."""
        return FILLED.vformat(self.words[key], (), values) if values else self.words[key]

    def has(self, key: str) -> bool:
        """Whether there are words for a key."""
        return key in self.words

    def name(self, table: str, word: object) -> str:
        """The name of a thing the documents name in one word ("deck", "neurons"); the word itself when it is not ours."""
        return self.words.get(f"{table}.{word}", str(word))

    def say(self, said: Mapping[str, Any] | str) -> tuple[str, str]:
        """A message of a document in this language, with the language it is in.

        Text is given back as it is: documents of version 1, and of kinds that do not hold messages yet, speak English. A message
        that this version has no words for is shown by its key and values.
        """
        if isinstance(said, str):
            return said, "en"
        key, given = said.get("key"), said.get("values")
        if not isinstance(key, str) or not isinstance(given, Mapping):  # of a file that somebody wrote by hand
            return str(thaw(said)), "en"
        if key.startswith("term."):
            return self.name("term", key.removeprefix("term.")), self.language
        if key.startswith("withheld.") and key not in self.words:  # a reason of somebody's own definition
            return str(given.get("words", key)), "en"
        values = {name: self._shown(name, value) for name, value in given.items()}
        try:
            return FILLED.vformat(self.words[key], (), values), self.language
        except (KeyError, ValueError, TypeError):  # of another version of forebear, or not made by it
            return f"{key}: {', '.join(f'{name} = {value}' for name, value in values.items())}", "en"

    def text(self, said: Mapping[str, Any] | str) -> str:
        """A message of a document in this language."""
        return self.say(said)[0]

    def statements(self, said: Sequence[Mapping[str, Any]] | str) -> str:
        """Several messages, one after the other, as a paragraph."""
        space = "" if self.words["found.stop"] == "。" else " "
        return said if isinstance(said, str) else space.join(self.text(s) for s in said)

    def _shown(self, name: str, value: Any) -> Any:
        """What fills a slot: messages said, lists joined, a p-value as a power of ten, everything else as it is."""
        if isinstance(value, Mapping):
            return self.text(value)
        if isinstance(value, (list, tuple)):
            joint = "many.joint" if name in _COMMAS else "found.joint"
            return self.words[joint].join(str(self._shown(name, v)) for v in value)
        return power_of_ten(value) if name == "p" and not isinstance(value, str) else value


@cache
def catalogue(language: str = "en") -> Catalogue:
    """The catalogue of a language.

    Raises: UsageError for a language there is none for.
    """
    if language not in LANGUAGES:
        raise UsageError(f"no reports in {language!r}", where="--language", todo=f"Use one of: {', '.join(LANGUAGES)}.")
    own = FOLDER / f"{language}.toml"
    return Catalogue(language, Words(own, WORDS) if language == "en" else Words(own))


def power_of_ten(log10_p: float | None) -> str:
    """A p-value from its logarithm: "10^-827", "0.03", "1"; the one rounding of every report."""
    if log10_p is None:
        return "-"
    if log10_p > -3:
        return f"{10**log10_p:.3g}"
    return f"10^{log10_p:.1f}".removesuffix(".0") if log10_p > -100 else f"10^{log10_p:.0f}"


def short_names(members: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Member → the last part of its path, with its number where two would be called alike."""
    last = {m["id"]: PurePosixPath(m["id"]).name or m["id"] for m in members}
    seen: dict[str, int] = {}
    for name in last.values():
        seen[name] = seen.get(name, 0) + 1
    return {
        m["id"]: last[m["id"]] if seen[last[m["id"]]] == 1 else f"{i} {last[m['id']]}" for i, m in enumerate(members)
    }


def axis_name(e: Mapping[str, Any], words: Catalogue) -> str:
    """The axis of a test in words, with the component it speaks for: "neurons", "channels of the LM head"."""
    head, *rest = e["axis"].split(",", 1)  # version 1 put both into one text
    name = words.name("term", head)
    if e.get("everywhere"):
        return words("found.of_all_pairs", axis=name)
    part = e.get("component") if not rest else rest[0].strip()
    return words("found.of_component", axis=name, part=words.name("term", part)) if part else name
