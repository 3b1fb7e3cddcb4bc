"""Strict TOML: tables read key by key against a dataclass, and written so that git shows small differences."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from forebear.casefile.folder.place import read_inside
from forebear.core.errors import ForebearError, RefusedError

T = TypeVar("T")

MAX_TOML_BYTES = 8 * 2**20
MAX_KEY_PARTS = 32
MAX_DEPTH = 24
"""Most lists and tables inside each other where any value is allowed."""
LARGEST_INTEGER = 2**63
_HALVES = re.compile("[\ud800-\udfff]")
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}")


def load_toml(folder: Path, name: str) -> dict[str, Any]:
    """The tables of a TOML file of a case folder.

    Raises: RefusedError when it is missing, a link, larger than 8 MiB, not UTF-8, or not TOML (with the parser's line).
    """
    return parse_toml(read_inside(folder, name, MAX_TOML_BYTES), str(folder / name))


def parse_toml(data: bytes, where: str) -> dict[str, Any]:
    """The tables of TOML bytes; integers of any length and keys of any depth are refused without being worked through."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(f"is not UTF-8 (byte {error.start:,})", where=where, todo="Save it as UTF-8.") from None
    if _LONG_KEY.search(text):
        raise RefusedError(
            f"has a key of more than {MAX_KEY_PARTS} parts", where=where
        )  # the parser is quadratic in them
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise RefusedError("is TOML nested too deeply", where=where) from None
    except ValueError as error:  # TOMLDecodeError, and integers of more digits than Python reads
        raise RefusedError(f"is not valid TOML ({error})", where=where, todo="Repair that line.") from None


def read_table(kind: type[T], table: Any, where: str) -> T:
    """One table as the dataclass `kind`; nested lists of dataclasses are followed.

    Raises: RefusedError on an unknown key, a missing one, or a value of another type: each is named.
    """
    if not isinstance(table, Mapping):
        raise RefusedError("a table is wanted here", where=where)
    hints = _hints(typing.cast(Any, kind))
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


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return _anything(value, where)
    if origin in (tuple, list):
        if not isinstance(value, list):
            raise RefusedError("a list is wanted", where=where)
        fixed = origin is tuple and inner[-1] is not Ellipsis
        if fixed and len(value) != len(inner):
            raise RefusedError(f"{len(inner)} values are wanted, not {len(value)}", where=where)
        kinds = inner if fixed else (inner[0],) * len(value)
        return origin(
            _value(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
        )
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise RefusedError("a table is wanted", where=where)
        return {_string(k, where): _value(inner[1], item, f"{where}.{k[:40]}") for k, item in value.items()}
    if origin in (typing.Union, types.UnionType):
        return _one_of(inner, value, where)
    if dataclasses.is_dataclass(hint):
        return read_table(typing.cast("type[Any]", hint), value, where)
    return _scalar(hint, value, where)


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    wanted = [k for k in kinds if k is not type(None)]
    kind = int if int in wanted and isinstance(value, int) else wanted[0]
    return _value(kind, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if isinstance(value, bool) and hint is not bool:
        return _wrong(hint, value, where)
    if isinstance(value, int) and not isinstance(value, bool) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
        raise RefusedError("is an integer of more than 64 bits", where=where)
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        return _wrong(hint, value, where)
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedError("is no finite number", where=where)
    return _string(value, where) if isinstance(value, str) else value


def _string(value: str, where: str) -> str:
    if _HALVES.search(value):
        raise RefusedError("holds half a surrogate pair, which is no character", where=where)
    return value


def _anything(value: Any, where: str, depth: int = 0) -> Any:
    """Any value JSON has, with the bounds that every other value keeps."""
    if depth > MAX_DEPTH:
        raise RefusedError(f"holds more than {MAX_DEPTH} lists and tables inside each other", where=where)
    if isinstance(value, dict):
        return {_string(k, where): _anything(v, where, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_anything(v, where, depth + 1) for v in value]
    if value is None or isinstance(value, (bool, str, int, float)):
        return value if value is None else _scalar(type(value), value, where)
    return _wrong(dict, value, where)


def _wrong(hint: Any, value: Any, where: str) -> Any:
    wanted = getattr(hint, "__name__", str(hint))
    raise RefusedError(f"{type(value).__name__} where {wanted} is wanted", where=where)


def written(tables: Mapping[str, Any], before: bytes = b"", head: str = "") -> bytes:
    """TOML of tables by `tomlkit`: what stood before keeps its comments, its order and its spaces.

    before: the file as it was, already read strictly; head: a comment put first in a new file.
    Raises: RefusedError without the library.
    """
    try:
        import tomlkit
    except ImportError:
        raise RefusedError("writing a case needs the library `tomlkit`", todo="Install forebear[cases].") from None
    if before:
        document = tomlkit.parse(before.decode("utf-8"))
    else:
        document = tomlkit.document()
        for line in head.splitlines():
            document.add(tomlkit.comment(line))
    _merge(document, tables)
    text = str(tomlkit.dumps(document)).strip("\n") + "\n"
    if tomllib.loads(text) != tables:
        raise ForebearError("a case would be written otherwise than it is meant", todo="please report this")
    return text.encode("utf-8")


def _merge(table: Any, wanted: Mapping[str, Any]) -> None:
    """Make a table of tomlkit hold exactly what is wanted, changing as little as that takes."""
    import tomlkit
    from tomlkit.items import AoT, Table

    for key in [k for k in table if k not in wanted]:
        del table[key]
    for key, value in wanted.items():
        old = table.get(key)
        if isinstance(value, Mapping):
            if not isinstance(old, Table):
                table[key] = old = tomlkit.table()
            _merge(table[key], value)
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            if not isinstance(old, AoT):
                table[key] = tomlkit.aot()
            _merge_all(table[key], value)
        elif old is None or old.unwrap() != value or type(old.unwrap()) is not type(value):
            table[key] = value


def _merge_all(tables: Any, wanted: Sequence[Mapping[str, Any]]) -> None:
    import tomlkit

    while len(tables) > len(wanted):
        del tables[-1]
    for i, item in enumerate(wanted):
        if i == len(tables):
            tables.append(tomlkit.table())
        _merge(tables[i], item)


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
            item = [
                as_table(i) if dataclasses.is_dataclass(i) else list(i) if isinstance(i, tuple) else i for i in item
            ]
        table[field.name] = item
    return table
