"""TOML of a case folder: read inside it, and written by a library that keeps a person's comments."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.casefile.folder.place import read_inside
from forebear.core.errors import ForebearError, refusal
from forebear.core.messages import message
from forebear.core.toml import parse_toml

MAX_TOML_BYTES = 8 * 2**20


def load_toml(folder: Path, name: str) -> dict[str, Any]:
    """The tables of a TOML file of a case folder.

    Raises: RefusedError when it is missing, a link, larger than 8 MiB, not UTF-8, or not TOML (with the parser's line).
    """
    return parse_toml(read_inside(folder, name, MAX_TOML_BYTES), where=str(folder / name))


def written(tables: Mapping[str, Any], before: bytes = b"", head: str = "") -> bytes:
    """TOML of tables by `tomlkit`: what stood before keeps its comments, its order and its spaces.

    before: the file as it was, already read strictly; head: a comment put first in a new file.
    Raises: RefusedError without the library.
    """
    try:
        import tomlkit
    except ImportError:
        raise refusal(message("case_refused.needs_tomlkit"), todo=message("case_advice.install_cases")) from None
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
