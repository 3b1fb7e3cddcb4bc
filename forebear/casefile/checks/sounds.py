"""Readings of Han characters in Mandarin, when pypinyin is installed (extra `cases`)."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


@cache
def pinyin() -> Any:
    """The module pypinyin, or None."""
    try:
        return importlib.import_module("pypinyin")
    except ImportError:
        return None


def can_sound() -> bool:
    """Whether readings of Han characters are at hand (extra `cases`, pypinyin)."""
    return pinyin() is not None


@cache
def sounds(character: str) -> frozenset[str]:
    """Mandarin readings of one character without tones; empty without pypinyin."""
    module = pinyin()
    if module is None:
        return frozenset()
    readings = module.pinyin(character, style=module.Style.NORMAL, heteronym=True)
    return frozenset(readings[0]) if readings else frozenset()
