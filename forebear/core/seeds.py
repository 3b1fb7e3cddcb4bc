"""The only source of randomness: generators named by what they are for (STYLE 10)."""

from __future__ import annotations

import hashlib
import os

import numpy as np
from numpy.typing import NDArray

DRAW = "FOREBEAR_DRAW"
"""Environment variable that repeats what a document drew: the key that it states."""


def generator(purpose: str, *key: int | str) -> np.random.Generator:
    """A generator fixed by a purpose and a key, the same on every machine.

    purpose: a short constant name, e.g. "trace/shuffles"; two purposes never share a stream.
    key:     numbers or words that tell repeated uses apart (seed, layer, digest).
    """
    text = "/".join([purpose, *(str(k) for k in key)])
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint32)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(w) for w in words])))


class Draws:
    """Places fixed by a purpose and a key, one draw after the other; without numpy's generators, which take long to load.

    Example:
        >>> sorted(Draws("glossary/example", "a key").order(4).tolist())
        [0, 1, 2, 3]
    """

    def __init__(self, purpose: str, *key: int | str) -> None:
        self._text = "/".join([purpose, *(str(k) for k in key)])
        self._drawn = 0

    def _words(self, count: int) -> NDArray[np.uint64]:
        self._drawn += 1
        data = hashlib.shake_256(f"{self._text}/{self._drawn}".encode()).digest(8 * count)
        return np.frombuffer(data, dtype="<u8")

    def order(self, size: int) -> NDArray[np.intp]:
        """0..size-1 in an order that is drawn. Shape (size,)."""
        return np.argsort(self._words(size), kind="stable")

    def below(self, size: int) -> int:
        """One of 0..size-1."""
        return int.from_bytes(self._words(2).tobytes(), "little") % size


def unforeseen_key() -> str:
    """A key nobody could know before: for samples of files whose maker gains by knowing which places will be looked at.

    A document states the key; the environment variable FOREBEAR_DRAW repeats it.
    """
    return os.environ.get(DRAW) or os.urandom(8).hex()
