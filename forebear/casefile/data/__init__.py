"""Rules, lexicons and profiles as data."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TypeVar

from forebear.core.strict import read_table

T = TypeVar("T")


def packaged_text(name: str) -> str:
    """A file of words that ships with forebear."""
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def packaged_table(kind: type[T], name: str) -> T:
    """A TOML file of words that ships with forebear, read strictly as a dataclass."""
    return read_table(kind, tomllib.loads(packaged_text(name)), name)
