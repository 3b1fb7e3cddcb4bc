"""What every encoder offers: text to ids and back to bytes. Built from a vocabulary; nothing of the maker's code runs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from forebear.tokens.vocabulary import Vocabulary

CACHED_PIECES = 200_000
"""Pieces remembered; the store is emptied when full, so that text without end needs bounded memory."""


class Encoder(ABC):
    """Text → ids. `assumed`: what the file does not say and we took for granted, one sentence each."""

    def __init__(self, vocabulary: Vocabulary, assumed: Sequence[str] = ()) -> None:
        self.vocabulary = vocabulary
        self.assumed = tuple(assumed)
        self._cache: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without begin and end marks; special tokens in it are treated as plain text."""
        found: list[int] = []
        cache = self._cache
        for piece in self.pieces(text):
            ids = cache.get(piece)
            if ids is None:
                if len(cache) >= CACHED_PIECES:
                    cache.clear()
                ids = tuple(self.encode_piece(piece))
                if len(piece) <= 200:
                    cache[piece] = ids
            found.extend(ids)
        return found

    def decode(self, ids: Sequence[int]) -> bytes:
        """The bytes the ids stand for."""
        tokens = self.vocabulary.tokens
        return b"".join(tokens[id_] or b"" for id_ in ids)

    def restore(self, ids: Sequence[int]) -> str:
        """The text the ids stand for, as the maker's decoder would give it back; broken UTF-8 becomes U+FFFD."""
        return self.decode(ids).decode("utf-8", "replace")

    @abstractmethod
    def pieces(self, text: str) -> Sequence[str]:
        """Normalise and cut; no token crosses a cut."""

    @abstractmethod
    def encode_piece(self, piece: str) -> Sequence[int]:
        """Ids of one piece."""


Step = Callable[[Sequence[str]], Sequence[str]]
"""One way of cutting pieces further."""


def defined_pattern(vocabulary: Vocabulary, skip: set[int]) -> re.Pattern[str] | None:
    """Pieces the maker added by hand, matched before anything else, the longest first; None without any."""
    words = [vocabulary.tokens[id_] for id_ in vocabulary.added - skip]
    spellings = sorted((w.decode("utf-8", "replace") for w in words if w), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, spellings))) if spellings else None
