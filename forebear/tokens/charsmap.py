"""SentencePiece's table of character replacements: a double-array trie over UTF-8 and the texts to put instead.

Layout: a length, that many bytes of 32-bit units (the trie), then texts that end in a zero byte (Darts-clone's published form).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_GROWTH
from forebear.core.messages import message
from forebear.tokens.rules import CannotEncodeError

LONGEST_KEY = 64
"""Bytes of the longest key looked for; published tables have none above 18. A damaged trie may lead round in a circle."""


class Charsmap:
    """The table; calling it normalises a text, the longest key first."""

    def __init__(self, table: bytes) -> None:
        size = int.from_bytes(table[:4], "little") if len(table) >= 4 else -1
        if size < 4 or size % 4 or size > len(table) - 4:
            raise RefusedError("has a table of characters whose length does not fit")
        self._units: list[int] = np.frombuffer(table, dtype="<u4", count=size // 4, offset=4).tolist()
        self._texts = table[4 + size :]
        self._plain: dict[str, bool] = {}

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
        met, plain = set(text), self._plain
        for character in met - plain.keys():
            code = character.encode("utf-8", "surrogatepass")
            plain[character] = self.walk(code, 0)[2] < len(code)  # no key begins with it
        if all(map(plain.__getitem__, met)):
            return text
        return self._replaced(text.encode("utf-8", "surrogatepass"))

    def _replaced(self, data: bytes) -> str:
        out = bytearray()
        at, most = 0, 4 * MAX_GROWTH * (len(data) + 1)
        while at < len(data):
            length, target, _ = self.walk(data, at)
            if length:
                end = self._texts.find(b"\0", target, target + most)
                out += self._texts[target : end if end >= 0 else target + most]
            else:
                length = 1
                while at + length < len(data) and data[at + length] & 0xC0 == 0x80:
                    length += 1
                out += data[at : at + length]
            at += length
            if len(out) > most:
                raise CannotEncodeError(
                    f"makes texts more than {MAX_GROWTH} times as long by its table of characters",
                    said=message("encoding.growth_table", most=MAX_GROWTH),
                )
        return out.decode("utf-8", "replace")


def charsmap(table: bytes) -> Callable[[str], str]:
    """The table as a function; an empty one changes nothing. Raises RefusedError when its lengths do not fit."""
    return Charsmap(table) if table else str


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & (1 << 9)) >> 6)
