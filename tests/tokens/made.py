"""Vocabularies made for tests: distinct random words, so that nothing but the stated act relates them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.tokens.vocabulary import Vocabulary


def words(purpose: int, count: int, *, letters: str = "abcdefghijklmnop") -> list[bytes]:
    """Distinct words of 2 to 6 letters, drawn like a language's: short ones are shared by different draws."""
    rng = np.random.default_rng(purpose)
    found: dict[bytes, None] = {}
    while len(found) < count:
        length = 2 + int(rng.integers(0, 4))
        found[("".join(letters[int(k)] for k in rng.integers(0, len(letters), length))).encode()] = None
    return list(found)


def vocabulary(tokens: Sequence[bytes], *, shift: int = 0) -> Vocabulary:
    """Tokens with ids in order, after `shift` control tokens."""
    control = tuple(b"<c%d>" % k for k in range(shift))
    return Vocabulary("bpe", (*control, *tokens), frozenset(range(shift)))
