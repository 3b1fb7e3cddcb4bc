"""The words of cards that ship with the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

from forebear.core.strict import Table

WORDS = Path(__file__).parent / "words.toml"


def words_table() -> Table:
    """The words of cards, to be read table by table."""
    return Table(tomllib.loads(WORDS.read_text("utf-8")), str(WORDS))
