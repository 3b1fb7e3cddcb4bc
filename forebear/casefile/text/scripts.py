"""Scripts of characters: which are kana, which Han forms belong to one standard only, and one folded form for all.

Sources: the membership of GB 2312, Big5 and JIS X 0208 as the standard library's codecs have it; folding pairs in
data/han_fold.tsv (see its head).
"""

from __future__ import annotations

import re
from functools import cache

from forebear.casefile.data import packaged_text

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f々〇"
KANA = "\u3041-\u309f\u30a0-\u30ff\uff66-\uff9f"
LATIN = "A-Za-z\u00c0-\u024f"
_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile(f"[{KANA}]")
_LATIN = re.compile(f"[{LATIN}]")


def is_han(character: str) -> bool:
    """Whether a character is a Han character."""
    return bool(_HAN.match(character))


def is_kana(character: str) -> bool:
    """Whether a character is hiragana or katakana."""
    return bool(_KANA.match(character))


@cache
def encodes(character: str, codec: str) -> bool:
    """Whether an encoding has a character."""
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@cache
def standard_of(character: str) -> str:
    """ "Hans" for a form of mainland China's standard only, "Hant" of Taiwan's only, "" for shared or rare forms."""
    if not is_han(character):
        return ""
    simplified, traditional = encodes(character, "gb2312"), encodes(character, "big5")
    if simplified and not traditional:
        return "Hans"
    return "Hant" if traditional and not simplified else ""


@cache
def is_japanese_form(character: str) -> bool:
    """Whether a Japanese text may hold this Han character (JIS X 0208 and the common extensions)."""
    return encodes(character, "cp932") or encodes(character, "euc_jis_2004")


@cache
def _table() -> dict[int, str]:
    lines = packaged_text("han_fold.tsv").splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {ord(a): b for group, b in pairs for a in group}


def fold(text: str) -> str:
    """The same text with every Han form replaced by one form per character family; the length is kept."""
    return text.translate(_table())


def script_counts(text: str) -> dict[str, int]:
    """Characters by script: han, kana, latin, other (letters only), and of the Han how many belong to one standard
    only."""
    sample = text if len(text) <= 200_000 else text[:100_000] + text[-100_000:]
    counts = dict.fromkeys(("han", "kana", "latin", "other", "hans", "hant"), 0)
    for character in sample:
        if _LATIN.match(character):
            counts["latin"] += 1
        elif _KANA.match(character):
            counts["kana"] += 1
        elif _HAN.match(character):
            counts["han"] += 1
            standard = standard_of(character)
            counts["hans"] += standard == "Hans"
            counts["hant"] += standard == "Hant"
        elif character.isalpha():
            counts["other"] += 1
    return counts
