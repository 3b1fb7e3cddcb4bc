"""Parsed TOML or JSON read strictly: every key has a kind, and a key that nobody takes is an error (STYLE 5)."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from forebear.core.errors import RefusedError

T = TypeVar("T")


class Table:
    """A table whose every key has to be taken; `finish` refuses the keys that nobody took.

    todo: what the reader of a refusal can do about it.
    """

    def __init__(self, raw: object, where: str, todo: str = "") -> None:
        self.where, self.todo = where, todo
        self._left: dict[str, Any] = dict(raw) if isinstance(raw, Mapping) else self.fail("should be a table")

    def fail(self, what: str, todo: str | None = None) -> NoReturn:
        """Refuse this table."""
        raise RefusedError(what, where=self.where, todo=self.todo if todo is None else todo)

    def inner(self, raw: object, where: str) -> Table:
        """A table below this one."""
        return Table(raw, f"{self.where}: {where}", self.todo)

    def has(self, key: str) -> bool:
        """Whether a key is there and not yet taken."""
        return key in self._left

    def take(self, key: str, kinds: type | tuple[type, ...], default: Any = None) -> Any:
        """A key's value of one of the kinds; without a default it must be there."""
        if key not in self._left:
            return default if default is not None else self.fail(f"has no {key!r}")
        value = self._left.pop(key)
        if isinstance(value, bool) and kinds is not bool and not (isinstance(kinds, tuple) and bool in kinds):
            self.fail(f"{key!r} should not be a truth value")
        return value if isinstance(value, kinds) else self.fail(f"{key!r} is {_kind(value)}, not {_names(kinds)}")

    def optional(self, key: str, kinds: type | tuple[type, ...]) -> Any:
        """A key's value of one of the kinds; None when it is absent or null, which JSON writes for the same."""
        if self._left.get(key) is None:
            self._left.pop(key, None)
            return None
        return self.take(key, kinds)

    def text(self, key: str, default: str | None = None) -> str:
        """A string that is not empty (unless the default is)."""
        value: str = self.take(key, str, default)
        return value if value or value == default else self.fail(f"{key!r} is empty")

    def flag(self, key: str, default: bool = False) -> bool:
        """A truth value."""
        return bool(self.take(key, bool, default)) if self.has(key) else default

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings (one string counts as a list of one)."""
        value = self.take(key, (list, str), default)
        items = (value,) if isinstance(value, str) else tuple(value)
        return items if all(isinstance(item, str) for item in items) else self.fail(f"{key!r} should list strings")

    def table(self, key: str) -> Table:
        """A sub-table, empty when absent."""
        return self.inner(self._left.pop(key, {}), key)

    def tables(self, key: str) -> list[Table]:
        """An array of tables."""
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            self.fail(f"{key!r} should be an array of tables")
        return [self.inner(item, f"{key} {at + 1}") for at, item in enumerate(value)]

    def tables_by_name(self, key: str) -> list[tuple[str, Table]]:
        """A table of tables."""
        inner = self.table(key)
        return [(name, Table(inner._left.pop(name), f"{inner.where}.{name}", self.todo)) for name in inner.names()]

    def texts_by_name(self, key: str, *, empty: bool = False) -> list[tuple[str, str]]:
        """A table of strings; empty: a string may be."""
        inner = self.table(key)
        return [(name, inner.text(name, "" if empty else None)) for name in inner.names()]

    def number(self, key: str, default: float | None = None) -> float:
        """A number."""
        return float(self.take(key, (int, float), default))

    def lists(self, key: str) -> dict[str, tuple[str, ...]]:
        """A table of lists of strings."""
        inner = self.table(key)
        return {name: inner.texts(name) for name in inner.names()}

    def values(self, key: str) -> dict[str, Any]:
        """A table of plain values or lists of them."""
        inner = self.table(key)
        return {name: inner.take(name, (str, int, float, bool, list)) for name in inner.names()}

    def names(self) -> list[str]:
        """Keys not yet taken."""
        return list(self._left)

    def finish(self) -> None:
        """Refuse keys that nobody reads: a misspelt key must not pass in silence."""
        if self._left:
            self.fail(f"has unknown keys: {', '.join(sorted(map(str, self._left)))}")


def read_table(kind: type[T], raw: object, where: str) -> T:
    """One table as the dataclass `kind`; nested lists and tables of dataclasses are followed.

    Raises: RefusedError on an unknown key, a missing one, or a value of another type: each is named.
    """
    if not isinstance(raw, Mapping):
        raise RefusedError("a table is wanted here", where=where)
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(raw) - set(fields))
    if unknown:
        raise RefusedError(f"unknown key {unknown[0]!r}", where=where, todo=f"Known keys: {', '.join(fields)}.")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in raw:
            values[name] = read_value(hints[name], raw[name], f"{where}: {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise RefusedError(f"key {name!r} is missing", where=where)
    return kind(**values)


def read_value(hint: Any, value: Any, where: str) -> Any:
    """A value of the type that `hint` writes: a plain type, a union, a dataclass, a tuple or a dictionary of those.

    Raises: RefusedError.
    """
    origin = typing.get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise RefusedError("a list is wanted", where=where)
        inner = typing.get_args(hint)[0]
        return tuple(read_value(inner, item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise RefusedError("a table is wanted", where=where)
        inner = typing.get_args(hint)[1]
        return {str(k): read_value(inner, item, f"{where}.{k}") for k, item in value.items()}
    if origin in (typing.Union, types.UnionType):
        return value if isinstance(value, typing.get_args(hint)) else _wrong(hint, value, where)
    if dataclasses.is_dataclass(hint):
        return read_table(typing.cast("type[Any]", hint), value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return _as_float(value, where)
    if isinstance(value, bool) and hint is not bool:
        return _wrong(hint, value, where)
    return value if isinstance(value, hint) else _wrong(hint, value, where)


def _as_float(value: int, where: str) -> float:
    if abs(value) > 2**1000:  # float() of such a one raises
        raise RefusedError("is a number too large to calculate with", where=where)
    return float(value)


def _wrong(hint: Any, value: Any, where: str) -> NoReturn:
    raise RefusedError(f"{_kind(value)} where {getattr(hint, '__name__', str(hint))} is wanted", where=where)


def _kind(value: object) -> str:
    return type(value).__name__


def _names(kinds: type | tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
