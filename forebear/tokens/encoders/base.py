"""What every encoder offers: text to ids and back to bytes. Built from a vocabulary; nothing of the maker's code runs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from forebear.core.messages import Message
from forebear.tokens.encoders.work import Lengths, Work
from forebear.tokens.vocabulary import Vocabulary

CACHED_PIECES = 200_000
"""Pieces remembered; the store is emptied when full, so that text without end needs bounded memory."""


class Encoder(ABC):
    """Text → ids. `assumed`: what the file does not say and we took for granted, one message each."""

    def __init__(self, vocabulary: Vocabulary, assumed: Sequence[Message] = ()) -> None:
        self.vocabulary = vocabulary
        self.assumed = tuple(assumed)
        self.work = Work()
        self._cache: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without begin and end marks; special tokens in it are treated as plain text.

        Raises: CannotEncodeError when the vocabulary makes it cost more than text of this size may.
        """
        found: list[int] = []
        self.work.allow(len(text))
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


class Defined:
    """Pieces the maker added by hand, taken out of a text before anything else, the longest first."""

    def __init__(self, vocabulary: Vocabulary, skip: set[int], work: Work) -> None:
        added = ((id_, vocabulary.tokens[id_]) for id_ in sorted(vocabulary.added - skip, reverse=True))
        self.ids = {token.decode("utf-8", "replace"): id_ for id_, token in added if token}
        self._lengths, self._work = Lengths(self.ids), work
        first = "".join(sorted({re.escape(spelling[0]) for spelling in self.ids}))
        self._first = re.compile(f"[{first}]") if first else None

    def __bool__(self) -> bool:
        return bool(self.ids)

    def cut(self, text: str) -> list[tuple[str, int | None]]:
        """The text in parts, in order: what was defined with its id, what lies between with None."""
        found: list[tuple[str, int | None]] = []
        begin = at = 0
        while self._first is not None and (match := self._first.search(text, at)) is not None:
            at = match.start()
            length = self._longest(text, at)
            if not length:
                at += 1
                continue
            if begin < at:
                found.append((text[begin:at], None))
            piece = text[at : at + length]
            found.append((piece, self.ids[piece]))
            begin = at = at + length
        if begin < len(text):
            found.append((text[begin:], None))
        return found

    def _longest(self, text: str, at: int) -> int:
        """Length of the longest defined piece at a place; 0 for none."""
        self._work.spend(self._lengths.cost(text, at))
        for length in reversed(self._lengths.at(text, at)):
            if at + length <= len(text) and text[at : at + length] in self.ids:
                return length
        return int(text[at] in self.ids)
