"""TOML: parsed within bounds, and written so that git shows small differences. `core/strict.py` reads the tables."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.core.bounded import check_nesting, finite, read_bounded, within_64_bits
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_TOML_BYTES


def load_toml(path: Path, limit_bytes: int = MAX_TOML_BYTES, *, links: bool = True) -> dict[str, Any]:
    """The tables of a TOML file.

    links: see `core.bounded.open_regular`.
    Raises: RefusedError when it cannot be read, is larger than the limit, not UTF-8, or not TOML (with the parser's line).
    """
    return parse_toml(read_bounded(path, limit_bytes, links=links), where=str(path))


def parse_toml(data: bytes, *, where: str) -> dict[str, Any]:
    """The tables of TOML text. Raises RefusedError as `load_toml`."""
    try:
        found = tomllib.loads(data.decode("utf-8"), parse_float=finite)
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


def write_toml(tables: Mapping[str, Any], head: str = "") -> bytes:
    """TOML text of scalars, lists of scalars, tables and arrays of tables; empty values are left out.

    head: a comment put first. Equal tables give equal bytes.
    """
    lines = [f"# {line}" for line in head.splitlines()]
    lines += _scalars(tables)
    lines += _nested(tables, "")
    return ("\n".join(lines).strip("\n") + "\n").encode("utf-8")


def as_table(value: Any) -> dict[str, Any]:
    """A dataclass as a table without the values that equal their defaults."""
    table: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if field.default is not dataclasses.MISSING and item == field.default:
            continue
        if field.default_factory is not dataclasses.MISSING and item == field.default_factory():
            continue
        if isinstance(item, tuple):
            item = [as_table(i) if dataclasses.is_dataclass(i) else i for i in item]
        table[field.name] = item
    return table


def _scalars(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(k)} = {_plain(v)}" for k, v in table.items() if not _is_nested(v) and v is not None]


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, (list, tuple)) and any(isinstance(i, Mapping) for i in value)
    )


def _nested(table: Mapping[str, Any], prefix: str) -> list[str]:
    lines: list[str] = []
    for key, value in table.items():
        if not _is_nested(value):
            continue
        name = f"{prefix}{_key(key)}"
        items = [(f"[{name}]", value)] if isinstance(value, Mapping) else [(f"[[{name}]]", item) for item in value]
        for header, item in items:
            lines += ["", header, *_scalars(item), *_nested(item, f"{name}.")]
    return lines


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    items: Sequence[Any] = value
    inner = ", ".join(_plain(item) for item in items)
    return f"[{inner}]" if len(inner) < 100 else "[\n" + "".join(f"  {_plain(item)},\n" for item in items) + "]"


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped, and lone surrogates, which it forbids
    clean = value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")
