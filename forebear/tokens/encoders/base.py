"""What every encoder offers: text to ids and back to bytes. Built from a vocabulary; nothing of the maker's code runs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forebear.core.messages import Message, message
from forebear.tokens.encoders.work import Lengths, Work
from forebear.tokens.normalizing import WHITE
from forebear.tokens.vocabulary import Vocabulary

CACHED_PIECES = 200_000
"""Pieces remembered; the store is emptied when full, so that text without end needs bounded memory."""


@dataclass(frozen=True)
class Cut:
    """How a byte-level vocabulary cuts text, and who says so.

    how:  "file", "stated" (by the caller), "digest", "name" (of the file), "program" (beside the file) or "assumed".
    name: of the known way, or the expression; None where the file describes it in steps.
    """

    how: str
    name: str | None

    @property
    def known(self) -> bool:
        """False where it was only guessed, and figures with it."""
        return self.how != "assumed"

    @property
    def assumed(self) -> tuple[Message, ...]:
        """What has to be said of it."""
        if self.how not in ("assumed", "name", "program"):
            return ()
        key = {"assumed": "encoding.assumed_cut", "name": "encoding.cut_by_name", "program": "encoding.cut_by_program"}
        return (message(key[self.how], name=self.name or ""),)


class Encoder(ABC):
    """Text → ids. `assumed`: what the file does not say and we took for granted, one message each.

    unknown_ids: ids put for text that has no token, which is lost by it.
    """

    def __init__(self, vocabulary: Vocabulary, assumed: Sequence[Message] = (), cut: Cut | None = None) -> None:
        self.vocabulary = vocabulary
        self.assumed = (*assumed, *(cut.assumed if cut is not None else ()))
        self.cut = cut
        self.unknown_ids = frozenset[int]()
        self.work = Work()
        self._cache: dict[str, tuple[int, ...]] = {}
        self._token_bytes: list[bytes] | None = None

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without begin and end marks; special tokens in it are treated as plain text.

        Raises: CannotEncodeError when the vocabulary makes it cost more than text of this size may.
        """
        found: list[int] = []
        self.work.allow(len(text))
        cache = self._cache
        for piece in self.pieces(text):
            if isinstance(piece, int):
                found.append(piece)
                continue
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
        if self._token_bytes is None:
            self._token_bytes = [token or b"" for token in self.vocabulary.tokens]
        return b"".join(map(self._token_bytes.__getitem__, ids))

    def restore(self, ids: Sequence[int]) -> str:
        """The text the ids stand for, as the maker's decoder would give it back; broken UTF-8 becomes U+FFFD."""
        return self.decode(ids).decode("utf-8", "replace")

    @abstractmethod
    def pieces(self, text: str) -> Sequence[str | int]:
        """Normalise and cut; no token crosses a cut. A number is the id of what the maker added whole."""

    @abstractmethod
    def encode_piece(self, piece: str) -> Sequence[int]:
        """Ids of one piece."""


Step = Callable[[Sequence[str]], Sequence[str]]
"""One way of cutting pieces further."""


class Defined:
    """Pieces the maker added by hand, taken out of a text whole, the longest first.

    pieces: their text and id. flags: by id, whether white space before and after belongs to the piece, and whether it must
    be a word by itself.
    """

    def __init__(
        self, pieces: Mapping[str, int], work: Work, flags: Mapping[int, tuple[bool, bool, bool]] | None = None
    ) -> None:
        self.ids = {text: id_ for text, id_ in pieces.items() if text}
        self._lengths, self._work, self._flags = Lengths(self.ids), work, flags or {}
        first = "".join(sorted({re.escape(spelling[0]) for spelling in self.ids}))
        self._first = re.compile(f"[{first}]") if first else None

    def __bool__(self) -> bool:
        return bool(self.ids)

    def cut(self, text: str) -> list[tuple[str, int | None]]:
        """The text in parts, in order: what was defined with its id, what lies between with None."""
        found: list[tuple[str, int | None]] = []
        begin = at = 0
        while self._first is not None and (match := self._first.search(text, at)) is not None:
            start = match.start()
            length = self._longest(text, start)
            id_ = self.ids[text[start : start + length]] if length else None
            left, right, single = self._flags.get(-1 if id_ is None else id_, (False, False, False))
            stop = start + length
            if id_ is None or (single and not _alone(text, start, stop)):
                at = start + max(1, length)
                continue
            if left:
                start = len(text[:start].rstrip(WHITE)) if start > begin else start
                start = max(start, begin)
            if right:
                stop = len(text) - len(text[stop:].lstrip(WHITE))
            if begin < start:
                found.append((text[begin:start], None))
            found.append((text[start:stop], id_))
            begin = at = stop
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


def _alone(text: str, start: int, stop: int) -> bool:
    """Whether no letter, digit or underline touches a stretch of text."""
    return not any(
        c.isalnum() or c == "_" for c in (text[start - 1 : start] if start else "", text[stop : stop + 1]) if c
    )


def by_bytes(vocabulary: Vocabulary, skip: set[int]) -> dict[str, int]:
    """What a vocabulary without descriptions adds, by its tokens' own bytes; the smallest id of equal ones."""
    added = ((id_, vocabulary.tokens[id_]) for id_ in sorted(vocabulary.added - skip, reverse=True))
    return {token.decode("utf-8", "replace"): id_ for id_, token in added if token}


class Sections:
    """A text cut at what the maker added, as tokenizer.json states it: before normalising, normalised, then what is normal.

    Special tokens are plain text here: none is looked for.
    """

    def __init__(self, vocabulary: Vocabulary, normalise: Callable[[str], str] | None, work: Work) -> None:
        stated = vocabulary.rules.option("added") if vocabulary.rules else None
        self._normalise = normalise
        flags = {one.id: one.strips for one in stated or ()}
        if stated is None:
            raw, normal = by_bytes(vocabulary, set(vocabulary.special)), {}
        else:
            usable = [one for one in reversed(stated) if one.id not in vocabulary.special]
            raw = {one.text: one.id for one in usable if not one.normalized}
            run = normalise or str
            normal = {run(one.text): one.id for one in usable if one.normalized}
        self._raw, self._normal = Defined(raw, work, flags), Defined(normal, work, flags)

    def __bool__(self) -> bool:
        return bool(self._raw) or bool(self._normal)

    def cut(self, text: str) -> list[tuple[str, int | None]]:
        """Normalised parts in order: what was added with its id, the rest with None."""
        found: list[tuple[str, int | None]] = []
        for part, id_ in self._raw.cut(text) if self._raw else [(text, None)]:
            if id_ is not None:
                found.append((part, id_))
                continue
            clean = self._normalise(part) if self._normalise is not None else part
            found.extend(self._normal.cut(clean) if self._normal else [(clean, None)] if clean else [])
        return found
