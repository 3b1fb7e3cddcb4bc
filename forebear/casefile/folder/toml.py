"""Strict TOML: tables read key by key against a dataclass, and written so that git shows small differences."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from forebear.core.errors import RefusedError

T = TypeVar("T")

MAX_TOML_BYTES = 8 * 2**20


def load_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises: RefusedError when it is missing, larger than 8 MiB, not UTF-8, or not TOML (with the parser's line).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RefusedError(f"cannot be read ({error.strerror})", where=str(path)) from error
    if len(data) > MAX_TOML_BYTES:
        raise RefusedError(f"{len(data)} bytes; a case keeps no table larger than {MAX_TOML_BYTES}", where=str(path))
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise RefusedError(f"is not valid TOML ({error})", where=str(path), todo="Repair that line.") from error


def read_table(kind: type[T], table: Any, where: str) -> T:
    """One table as the dataclass `kind`; nested lists of dataclasses are followed.

    Raises: RefusedError on an unknown key, a missing one, or a value of another type: each is named.
    """
    if not isinstance(table, Mapping):
        raise RefusedError("a table is wanted here", where=where)
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise RefusedError(f"unknown key {unknown[0]!r}", where=where, todo=f"Known keys: {', '.join(fields)}.")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(hints[name], table[name], f"{where}: {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise RefusedError(f"key {name!r} is missing", where=where)
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise RefusedError("a list is wanted", where=where)
        inner = typing.get_args(hint)[0]
        return tuple(_value(inner, item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise RefusedError("a table is wanted", where=where)
        inner = typing.get_args(hint)[1]
        return {str(k): _value(inner, item, f"{where}.{k}") for k, item in value.items()}
    if origin in (typing.Union, types.UnionType):
        return value if isinstance(value, typing.get_args(hint)) else _wrong(hint, value, where)
    if dataclasses.is_dataclass(hint):
        return read_table(typing.cast("type[Any]", hint), value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and hint is not bool:
        return _wrong(hint, value, where)
    return value if isinstance(value, hint) else _wrong(hint, value, where)


def _wrong(hint: Any, value: Any, where: str) -> Any:
    wanted = getattr(hint, "__name__", str(hint))
    raise RefusedError(f"{type(value).__name__} where {wanted} is wanted", where=where)


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
