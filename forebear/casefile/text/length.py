"""How much a text says, whatever its script."""

from __future__ import annotations

import re
from functools import lru_cache

from forebear.casefile.text.scripts import HAN, KANA, LATIN

_KINDS = (re.compile(f"[{HAN}]"), re.compile(f"[{KANA}]"), re.compile(f"[{LATIN}0-9]"))


@lru_cache(maxsize=50_000)
def weight(text: str) -> float:
    """Length in units of meaning: a Han character counts 1, kana 0.55, a Latin letter or digit 0.3, signs nothing."""
    if text.isascii():
        return 0.3 * len(_KINDS[2].findall(text))
    return sum(share * len(kind.findall(text)) for share, kind in zip((1.0, 0.55, 0.3), _KINDS, strict=True))
