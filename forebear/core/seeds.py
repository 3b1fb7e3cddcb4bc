"""The only source of randomness: generators named by what they are for (STYLE 10)."""

from __future__ import annotations

import hashlib
import os
import secrets

import numpy as np

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


def unforeseen_key() -> str:
    """A key nobody could know before: for samples of files whose maker gains by knowing which places will be looked at.

    A document states the key; the environment variable FOREBEAR_DRAW repeats it.
    """
    return os.environ.get(DRAW) or secrets.token_hex(8)
