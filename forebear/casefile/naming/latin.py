"""Words in Latin letters, bare: no marks, no capitals; and what an ending makes of a word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_ENDINGS = (
    *(("ies", "y"), ("ied", "y"), ("ier", "y"), ("iest", "y"), ("ily", "y"), ("iness", "y"), ("es", ""), ("s", "")),
    *(
        ("ed", ""),
        ("ed", "e"),
        ("ing", ""),
        ("ing", "e"),
        ("ly", ""),
        ("ly", "le"),
        ("er", ""),
        ("er", "e"),
        ("est", ""),
    ),
    *(("est", "e"), ("ness", ""), ("ment", ""), ("less", ""), ("able", ""), ("able", "e"), ("ful", ""), ("ation", "e")),
    *(("ation", ""), ("or", "e"), ("or", "")),
)
LEAST_STEM = 3


def bare(text: str) -> str:
    """Small letters a to z alone: marks, spaces and signs are left out."""
    return re.sub(
        "[^a-z]", "", unicodedata.normalize("NFD", text.lower().replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    )


def stems(word: str, endings: int = 2) -> Iterator[str]:
    """What a word may be made of by one English ending, or by two (statements, state)."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            stem = word[: -len(ending)] + instead
            found = [stem] if len(stem) >= LEAST_STEM and stem != word else []
            if not instead and len(stem) > LEAST_STEM and stem[-1] == stem[-2]:
                found.append(stem[:-1])
            for one in found:
                yield one
                if endings > 1:
                    yield from stems(one, endings - 1)
