"""SentencePiece's table of character replacements: a double-array trie over UTF-8 and the texts to put instead.

Layout: a length, that many bytes of 32-bit units (the trie), then texts that end in a zero byte (Darts-clone's published form).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forebear.core.errors import refusal
from forebear.core.limits import MAX_GROWTH
from forebear.core.messages import message
from forebear.tokens.rules import CannotEncodeError

LONGEST_TEXT = 1024
"""Bytes of the longest replacement (published tables: 33)."""
MOST_PAIRS = 200_000
"""Pairs of neighbours whose answer is remembered; the store is emptied when full."""
LONGEST_KEY = 64
"""Bytes of the longest key looked for; published tables have none above 18. A damaged trie may lead round in a circle."""


class Charsmap:
    """The table; calling it normalises a text, the longest key first."""

    def __init__(self, table: bytes) -> None:
        size = int.from_bytes(table[:4], "little") if len(table) >= 4 else -1
        if size < 4 or size % 4 or size > len(table) - 4:
            raise refusal(message("vocab.charsmap"))
        self._units: list[int] = np.frombuffer(table, dtype="<u4", count=size // 4, offset=4).tolist()
        self._texts = table[4 + size :]
        self._inert = _Inert(self)

    def walk(self, data: bytes, at: int) -> tuple[int, int, int]:
        """Length of the longest key at `at` (0: none), where its text begins, and how many bytes were walked."""
        units = self._units
        node = _offset(units[0])
        length = target = walked = 0
        for place in range(at, min(len(data), at + LONGEST_KEY)):
            byte = data[place]
            node ^= byte
            if node >= len(units) or units[node] & 0x800000FF != byte:
                break
            walked += 1
            has_leaf, node = (units[node] >> 8) & 1, node ^ _offset(units[node])
            if has_leaf and node < len(units):
                length, target = walked, units[node] & 0x7FFFFFFF
        return length, target, walked

    def __call__(self, text: str) -> str:
        """The text with every key replaced."""
        if not text:
            return text
        if len(self._inert) > MOST_PAIRS:
            self._inert.clear()
        inert = self._inert
        hot = [at for at, pair in enumerate(zip(text, text[1:] + "\0", strict=True)) if not inert[pair]]
        if not hot:
            return text
        out: list[str] = []
        most, size, done = 4 * MAX_GROWTH * (len(text) + 1), 0, 0
        for at in hot:
            if at < done:
                continue  # inside the key before
            replaced, length = self._at(text, at)
            out += (text[done:at], replaced)
            size, done = size + len(replaced), at + length
            if size > most:
                raise CannotEncodeError(
                    f"makes texts more than {MAX_GROWTH} times as long by its table of characters",
                    said=message("encoding.growth_table", most=MAX_GROWTH),
                )
        return "".join((*out, text[done:]))

    def is_inert(self, first: str, second: str) -> bool:
        """Whether no key begins at the first of two neighbours, whatever follows them."""
        data = first.encode("utf-8", "surrogatepass")
        both = data + second.encode("utf-8", "surrogatepass")
        length, _, walked = self.walk(both, 0)
        return not length and walked < len(both)

    def _at(self, text: str, at: int) -> tuple[str, int]:
        """What is put for the longest key at a place, and how many characters it has; a character without a key is itself."""
        data = text[at : at + LONGEST_KEY].encode("utf-8", "surrogatepass")
        length, target, _ = self.walk(data, 0)
        if not length:
            return text[at], 1
        end = self._texts.find(b"\0", target, target + LONGEST_TEXT)
        put = self._texts[target : end if end >= 0 else target + LONGEST_TEXT].decode("utf-8", "replace")
        # a damaged table may end a key inside a character: that character is taken whole
        return put, max(1, len(data[:length].decode("utf-8", "ignore")))


class _Inert(dict[tuple[str, str], bool]):
    """Pairs of neighbours at whose first no key begins; asked of the table as pairs are met."""

    def __init__(self, table: Charsmap) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, pair: tuple[str, str]) -> bool:
        found = self[pair] = self._table.is_inert(*pair)
        return found


def charsmap(table: bytes) -> Callable[[str], str]:
    """The table as a function; an empty one changes nothing. Raises RefusedError when its lengths do not fit."""
    return Charsmap(table) if table else str


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & (1 << 9)) >> 6)
