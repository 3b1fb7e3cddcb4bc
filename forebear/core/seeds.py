"""The only source of randomness: generators named by what they are for (STYLE 10)."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(purpose: str, *key: int | str) -> np.random.Generator:
    """A generator fixed by a purpose and a key, the same on every machine.

    purpose: a short constant name, e.g. "trace/shuffles"; two purposes never share a stream.
    key:     numbers or words that tell repeated uses apart (seed, layer, digest).
    """
    text = "/".join([purpose, *(str(k) for k in key)])
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint32)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(w) for w in words])))
