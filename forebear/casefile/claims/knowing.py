"""How a witness knows what a sentence says, by the grammar of saying, reading, seeing and concluding (data/claim_words.toml)."""

from __future__ import annotations

import re
from dataclasses import dataclass

WEAKEST = "hearsay"
"""What a sentence counts as that does not say how its writer knows."""


@dataclass(frozen=True)
class Knowing:
    """A basis, and by language what a sentence has that says so."""

    basis: str
    en: str
    zh: str
    ja: str


def basis_of(words: str, language: str, listed: tuple[Knowing, ...]) -> str:
    """The first basis that a sentence says; "" where it says none."""
    return next((one.basis for one in listed if re.search(getattr(one, language, "(?!)"), words)), "")
