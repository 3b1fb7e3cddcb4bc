"""Words of a case page in the reader's language: findings by rule and slots, other sentences of the document by pattern."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from forebear.reports.catalogue import LANGUAGES, catalogue, sentence_pattern

LONGEST = 4000
"""Characters a slot of a sentence may take: a quotation of a text may stand in it."""
ALIASES = {"zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant"}
"""Other tags readers give for a language there are words for."""


@dataclass(frozen=True)
class Told:
    """Words and the language they are in: the reader's, or English where a sentence of the document has no words yet."""

    text: str
    lang: str


@dataclass(frozen=True)
class CaseWords:
    """Words of one language: plain ones by key, tables (finding, category, severity, ours, sentence) by name."""

    language: str
    words: Mapping[str, Any]
    patterns: tuple[tuple[re.Pattern[str], str], ...]

    def __getitem__(self, key: str) -> str:
        """A plain word."""
        return str(self.words[key])

    def name(self, table: str, word: object) -> str:
        """The name of a thing the document names in one word; the word itself when there is none."""
        return str(self.words[table].get(str(word), word))

    def finding(self, finding: Mapping[str, Any]) -> Told:
        """Why a finding stands, from its rule and slots; English as it is in the document when it holds no slots."""
        template = self.words["finding"].get(finding["rule"])
        slots = finding.get("words", {})
        if self.language == "en" or template is None or set(_named(template)) - set(slots):
            return Told(str(finding["why"]), "en")
        ours = finding.get("ours", ())
        shown = {k: self._own(v) if k in ours else self._quoted(k, v) for k, v in slots.items()}
        repeats = finding.get("repeats", 0)
        more = self["places"].format(count=repeats) if repeats else ""
        at = finding.get("repeated", ())
        more += f" ({', '.join(at)})" if at else ""
        return Told(template.format(**shown) + more, self.language)

    def _own(self, word: str) -> str:
        named = self.words["ours"].get(word)
        return str(named) if named is not None else self.sentence(word).text

    def _quoted(self, slot: str, words: str) -> str:
        """What a text says, in quotation marks; a share or a factor is no quotation."""
        plain = slot == "factor" or words.endswith(" %") or words.startswith("U+")
        return words if plain else self["quote"].format(text=words)

    def sentence(self, english: str) -> Told:
        """A sentence of the document in this language: part by part at semicolons, else by the patterns of this catalogue,
        else by those of the catalogue all reports share."""
        if self.language == "en":
            return Told(english, "en")
        parts = [self.sentence(p) for p in english.split("; ")] if "; " in english else []
        if parts and all(p.lang == self.language for p in parts):
            return Told("；".join(p.text for p in parts), self.language)
        for pattern, text in self.patterns:
            found = pattern.fullmatch(english)
            if found:
                return Told(text.format(**found.groupdict()), self.language)
        return Told(*catalogue(self.language).sentence(english))

    def outcome(self, claim: Mapping[str, Any]) -> list[Told]:
        """What the files show for a claim: in another language than English the relation first, then the tool's own words."""
        english = str(claim["why"])
        relations = [e.get("relation") for e in claim["evidence"] if e.get("relation")]
        whole = self.sentence(english)
        if self.language == "en" or not relations:
            return [whole]
        shared = catalogue(self.language)
        told = [
            Told(f"{shared(f'headline.{r}')}{shared(f'caveat.{r}')}", self.language)
            for r in relations
            if shared.has(f"headline.{r}") and shared.has(f"caveat.{r}")
        ]
        return [*told, Told(english, "en")] if told else [whole]


@cache
def case_words(language: str) -> CaseWords:
    """The words for a reader's language; English for one there are none for."""
    tag = ALIASES.get(language, language)
    tag = tag if tag in LANGUAGES else "en"
    tables = load_words()
    sentences, own = tables["en"]["sentence"], tables[tag]["sentence"]
    patterns = tuple((sentence_pattern(text, LONGEST), str(own[key])) for key, text in sentences.items())
    return CaseWords(tag, tables[tag], patterns)


@cache
def load_words() -> Mapping[str, Mapping[str, Any]]:
    """words.toml as it stands, by language."""
    raw = resources.files("forebear.reports.cases").joinpath("words.toml").read_text("utf-8")
    return tomllib.loads(raw)


def _named(template: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", template)
