"""TOML parsed within bounds. `core/strict.py` reads the tables."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from forebear.core.bounded import check_nesting, finite, read_bounded, within_64_bits
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_TOML_BYTES

MAX_KEY_PARTS = 32
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
            raise RefusedError(f"has a key of more than {MAX_KEY_PARTS} parts", where=where)
        found = tomllib.loads(text, parse_float=finite)
        check_nesting(found)
        _bounded_numbers(found)
        return found
    except UnicodeDecodeError as error:
        raise RefusedError(
            f"is not TOML: no UTF-8 at byte {error.start:,}", where=where, todo="Save it as UTF-8."
        ) from None
    except RecursionError:
        raise RefusedError("is TOML nested too deeply", where=where, todo="Write it flatter.") from None
    except ValueError as error:  # TOMLDecodeError, dates that are none, numbers past 64 bits
        raise RefusedError(f"is not valid TOML ({error})", where=where, todo="Repair that line.") from None


def _bounded_numbers(value: Any) -> None:
    """Raises ValueError when a whole number in parsed TOML is past 64 bits, which TOML does not promise to keep either."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _bounded_numbers(item)
    elif type(value) is int:
        within_64_bits(value)
