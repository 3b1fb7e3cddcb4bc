"""TOML parsed within bounds. `core/strict.py` reads the tables."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from forebear.core.bounded import UnfitError, check_nesting, finite, read_bounded, within_64_bits
from forebear.core.errors import refusal
from forebear.core.limits import MAX_TOML_BYTES
from forebear.core.messages import Message, message
from forebear.core.wording import english_words

MAX_KEY_PARTS = 32
_PLACED = re.compile(r"(.*?)(?: \(at (?:line (\d+), column (\d+)|(end of document))\))?", re.DOTALL)
"""What `tomllib` says, and where."""
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}")


def load_toml(path: Path, limit_bytes: int = MAX_TOML_BYTES, *, links: bool = True) -> dict[str, Any]:
    """The tables of a TOML file.

    links: see `core.bounded.open_regular`.
    Raises: RefusedError when it cannot be read, is larger than the limit, not UTF-8, or not TOML (with the parser's line).
    """
    return parse_toml(read_bounded(path, limit_bytes, links=links), where=str(path))


def parse_toml(data: bytes, *, where: str) -> dict[str, Any]:
    """The tables of TOML text. Raises RefusedError as `load_toml`."""
    try:
        text = data.decode("utf-8")
        if _LONG_KEY.search(text):  # the parser is quadratic in them
            raise refusal(message("toml.key", most=MAX_KEY_PARTS), where=where)
        found = tomllib.loads(text, parse_float=finite)
        check_nesting(found)
        _bounded_numbers(found)
        return found
    except UnicodeDecodeError as error:
        raise refusal(message("toml.utf8", byte=error.start), where=where, todo=message("toml.save")) from None
    except RecursionError:
        raise refusal(message("toml.nested"), where=where, todo=message("toml.flatter")) from None
    except UnfitError as error:
        raise refusal(message("toml.invalid", why=error.said), where=where, todo=message("toml.repair")) from None
    except ValueError as error:  # TOMLDecodeError, dates that are none
        raise refusal(message("toml.invalid", why=_why(str(error))), where=where, todo=message("toml.repair")) from None


def _why(text: str) -> Message:
    """What the parser says, by the keys of `toml_why`, whose English is the parser's own; words that it lacks stay as they are."""
    placed = _PLACED.fullmatch(text)
    assert placed, text
    what, line, column, end = placed.groups()
    why = message("refused.said", what=what)
    for key, words in english_words().items():
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(words))
        if key.startswith("toml_why.") and (said := re.fullmatch(pattern, what, re.DOTALL)):
            why = message(key, **said.groupdict())
    if end:
        return message("toml.at_end", why=why)
    return message("toml.at", why=why, line=int(line), column=int(column)) if line else why


def _bounded_numbers(value: Any) -> None:
    """Raises ValueError when a whole number in parsed TOML is past 64 bits, which TOML does not promise to keep either."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _bounded_numbers(item)
    elif type(value) is int:
        within_64_bits(value)
