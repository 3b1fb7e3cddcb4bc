"""Refusals in English: an error's text and a document's message are made of one key, so they cannot come to differ.

`refusals.toml` is the English of these keys and the only one: the catalogue of reports reads it, and every other language
has the same keys in `reports/messages/<language>.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from forebear.core.messages import Message

WORDS = Path(__file__).with_name("refusals.toml")


@cache
def english_words() -> Mapping[str, str]:
    """Dotted key -> English text with {slots}, read when first wanted: most runs refuse nothing."""
    tables = tomllib.loads(WORDS.read_text("utf-8"))
    return {f"{table}.{name}": text for table, words in tables.items() for name, text in words.items()}


def in_english(said: Message) -> str:
    """A refusal's message in English; values that are messages are said first.

    Example:
        >>> from forebear.core.messages import message
        >>> in_english(message("unfit.before", size=8, wanted=1200))
        'ends at byte 8, before byte 1,200'
    """
    values = {name: in_english(value) if isinstance(value, Message) else value for name, value in said.values.items()}
    return english_words()[said.key].format(**values)
