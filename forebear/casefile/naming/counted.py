"""Measure words behind figures: no name begins with one there, though people are called so (256张显卡)."""

from __future__ import annotations

import re
from functools import cache

from forebear.casefile.naming.stock import folded, titles

_NUMERALS = "一二三四五六七八九十"
_FIGURE = re.compile(
    f"(?<![A-Za-z0-9_.-])[0-9０-９][0-9０-９,.]*$|(?<![周期老初小第大阿拜{_NUMERALS}])[{_NUMERALS}百千万亿两几半]+$"
)
"""A figure that counts something: in digits that no letter goes before (v3), or in Han characters, which are no day of the week,
no ordinal and nobody's place among siblings (周三, 第三, 老三)."""

DETERMINATIVES = frozenset("这那哪每某各整数多几半")
"""What a measure word stands behind besides figures (Chao, 1968, 7.8), folded."""


@cache
def _measures() -> frozenset[str]:
    return frozenset(folded(titles().measures))


def is_counted(before: str, character: str) -> bool:
    """Whether a folded character is a measure word right behind a figure; before: the text up to it."""
    return character in _measures() and bool(_FIGURE.search(before))


def counts(before: str) -> bool:
    """Whether folded text ends in a figure that counts something, or in a determinative (这), behind which measure words stand."""
    return bool(_FIGURE.search(before)) or before[-1:] in DETERMINATIVES
