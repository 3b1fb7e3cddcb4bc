"""Counting one tokenizer on texts, block by block: tokens, what does not come back, unknown tokens, which ids are used."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from forebear.tokens.encoders import Encoder
from forebear.tokens.known import known_as
from forebear.tokens.reference import Reference
from forebear.tokens.scripts import word_count
from forebear.tokens.vocabulary import Vocabulary

SHOWN_FAILURES = 5
"""Failures to give a text back that are shown per tokenizer; all are counted."""
MOST_BLOCKS = 400
"""Blocks kept apart for intervals; a longer text joins neighbours."""


@dataclass
class Tally:
    """Counts of one tokenizer on one passage, block by block.

    other:   tokens of the text in its other form (as given where it was composed, composed where it was not); None when the
             forms are the same.
    unknown: unknown tokens, each of which stands for text that is lost.
    words:   None once a block has none that spaces part.
    """

    tokens: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    size: int = 0
    lossless: bool = True
    unknown: int = 0
    words: int | None = 0
    other: int = 0
    forms_differ: bool = False
    used: Counter[int] = field(default_factory=Counter)

    def add(self, tokens: int, characters: int) -> None:
        """One block more; neighbours are joined when there are too many to keep."""
        self.tokens.append(tokens)
        self.characters.append(characters)
        if len(self.tokens) >= 2 * MOST_BLOCKS:
            self.tokens = [a + b for a, b in zip(self.tokens[::2], self.tokens[1::2], strict=True)]
            self.characters = [a + b for a, b in zip(self.characters[::2], self.characters[1::2], strict=True)]


@dataclass
class Candidate:
    """One tokenizer under test. seconds: how long was waited for ids; a reference program works while others are counted."""

    name: str
    path: str
    encoder: Encoder
    vocabulary: Vocabulary
    tallies: dict[str, Tally] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0
    characters: int = 0
    reference: Reference | None = None
    by_reference: int = 0
    _asked: Sequence[str] = ()
    _known: dict[str, list[int]] = field(default_factory=dict)

    @cached_property
    def known_as(self) -> list[str]:
        """Names of the known vocabularies that this one is."""
        return known_as(self.vocabulary)

    def ready(self) -> None:
        """Wait for the start of the reference program, where there is one; meanwhile the vocabulary is looked up."""
        if self.reference is not None:
            _ = self.known_as
            self.reference.ready()

    def ask(self, blocks: Sequence[str]) -> None:
        """Have the reference program, where there is one, encode blocks that are weighed after those at hand."""
        if self.reference is not None:
            began = time.perf_counter()
            self._asked = blocks
            self.reference.ask(blocks)
            self.seconds += time.perf_counter() - began

    def take(self) -> None:
        """Have what was asked for at hand."""
        if self.reference is not None:
            began = time.perf_counter()
            found = self.reference.answers()
            self._known = {} if found is None else dict(zip(self._asked, found, strict=True))
            self.seconds += time.perf_counter() - began

    def _encode(self, block: str) -> list[int]:
        """Ids by the reference program where it was asked and answered, else by our encoder."""
        found = self._known.get(block)
        if found is None:
            return self.encoder.encode(block)
        self.by_reference += 1
        return found

    @property
    def lossless(self) -> bool:
        """Whether every text came back and no unknown token was put for any."""
        return all(tally.lossless for tally in self.tallies.values())

    def weigh(self, name: str, block: str, other: str | None = None) -> None:
        """Encode a block, count it, and check that it comes back. other: the block in its other form."""
        began = time.perf_counter()
        ids = self._encode(block)
        self.seconds += time.perf_counter() - began
        self.characters += len(block)
        tally = self.tallies.setdefault(name, Tally())
        tally.add(len(ids), len(block))
        tally.size += len(block.encode("utf-8", "surrogatepass"))
        tally.used.update(ids)
        words = word_count(block)
        tally.words = None if words is None or tally.words is None else tally.words + words
        if other is not None and other != block:
            tally.forms_differ = True
        tally.other += len(ids) if other is None or other == block else len(self._encode(other))
        unknown = sum(map(ids.count, self.encoder.unknown_ids))
        tally.unknown += unknown
        back = self.encoder.restore(ids)
        if back != block:
            self.failed += 1
            if len(self.failures) < SHOWN_FAILURES:
                self.failures.append({"where": name, **_first_difference(block, back)})
        tally.lossless = tally.lossless and back == block and not unknown


def _first_difference(text: str, back: str) -> dict[str, str]:
    at = next((k for k, (a, b) in enumerate(zip(text, back, strict=False)) if a != b), min(len(text), len(back)))
    start = max(0, at - 8)
    return {"given": text[start : at + 12], "came_back": back[start : at + 12]}
