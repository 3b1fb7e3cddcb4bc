"""Parsed TOML or JSON read strictly: every key has a kind, and a key that nobody takes is an error (STYLE 5)."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn, TypeVar

from forebear.core.errors import refusal
from forebear.core.messages import Message, message

T = TypeVar("T")
MAX_DEPTH = 24
"""Most lists and tables inside each other where any value is allowed."""
LARGEST_INTEGER = 2**63
_HALVES = re.compile("[\ud800-\udfff]")


class Table:
    """A table whose every key has to be taken; `finish` refuses the keys that nobody took.

    todo: what the reader of a refusal can do about it.
    """

    def __init__(self, raw: object, where: str, todo: Message | None = None) -> None:
        self.where, self.todo = where, todo
        self._left: dict[str, Any] = dict(raw) if isinstance(raw, Mapping) else self.fail(message("strict.table"))

    def fail(self, what: Message, todo: Message | None = None) -> NoReturn:
        """Refuse this table, with its advice or another."""
        raise refusal(what, where=self.where, todo=self.todo if todo is None else todo)

    def inner(self, raw: object, where: str) -> Table:
        """A table below this one."""
        return Table(raw, f"{self.where}: {where}", self.todo)

    def has(self, key: str) -> bool:
        """Whether a key is there and not yet taken."""
        return key in self._left

    def take(self, key: str, kinds: type | tuple[type, ...], default: Any = None) -> Any:
        """A key's value of one of the kinds; without a default it must be there."""
        if key not in self._left:
            return default if default is not None else self.fail(message("strict.no_key", key=repr(key)))
        value = self._left.pop(key)
        if isinstance(value, bool) and kinds is not bool and not (isinstance(kinds, tuple) and bool in kinds):
            self.fail(message("strict.truth", key=repr(key)))
        if isinstance(value, kinds):
            return value
        self.fail(message("strict.kind", key=repr(key), found=_kind(value), wanted=_names(kinds)))

    def optional(self, key: str, kinds: type | tuple[type, ...]) -> Any:
        """A key's value of one of the kinds; None when it is absent or null, which JSON writes for the same."""
        if self._left.get(key) is None:
            self._left.pop(key, None)
            return None
        return self.take(key, kinds)

    def text(self, key: str, default: str | None = None) -> str:
        """A string that is not empty (unless the default is)."""
        value: str = self.take(key, str, default)
        return value if value or value == default else self.fail(message("strict.empty", key=repr(key)))

    def flag(self, key: str, default: bool = False) -> bool:
        """A truth value."""
        return bool(self.take(key, bool, default)) if self.has(key) else default

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings (one string counts as a list of one)."""
        value = self.take(key, (list, str), default)
        items = (value,) if isinstance(value, str) else tuple(value)
        every = all(isinstance(item, str) for item in items)
        return items if every else self.fail(message("strict.strings", key=repr(key)))

    def table(self, key: str) -> Table:
        """A sub-table, empty when absent."""
        return self.inner(self._left.pop(key, {}), key)

    def tables(self, key: str) -> list[Table]:
        """An array of tables."""
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            self.fail(message("strict.tables", key=repr(key)))
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
            self.fail(message("strict.unknown", names=", ".join(sorted(map(str, self._left)))))


def read_table(kind: type[T], table: Any, where: str) -> T:
    """One table as the dataclass `kind`; nested lists of dataclasses are followed.

    Raises: RefusedError on an unknown key, a missing one, or a value of another type: each is named.
    """
    if not isinstance(table, Mapping):
        raise refusal(message("strict.table_here"), where=where)
    hints = _hints(typing.cast(Any, kind))
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        todo = message("strict.known", names=", ".join(fields))
        raise refusal(message("strict.unknown_one", key=repr(unknown[0])), where=where, todo=todo)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(hints[name], table[name], f"{where}: {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise refusal(message("strict.missing", key=repr(name)), where=where)
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
            raise refusal(message("strict.list_here"), where=where)
        fixed = origin is tuple and inner[-1] is not Ellipsis
        if fixed and len(value) != len(inner):
            raise refusal(message("strict.count", wanted=len(inner), found=len(value)), where=where)
        kinds = inner if fixed else (inner[0],) * len(value)
        return origin(
            _value(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
        )
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise refusal(message("strict.table_here"), where=where)
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
    plain = next((k for k in (int, str) if k in wanted and isinstance(value, k)), None)
    kind = plain or wanted[0]
    return _value(kind, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if isinstance(value, bool) and hint is not bool:
        return _wrong(hint, value, where)
    if isinstance(value, int) and not isinstance(value, bool) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
        raise refusal(message("strict.wide"), where=where)
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        return _wrong(hint, value, where)
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal(message("strict.not_finite"), where=where)
    return _string(value, where) if isinstance(value, str) else value


def _string(value: str, where: str) -> str:
    if _HALVES.search(value):
        raise refusal(message("strict.half"), where=where)
    return value


def _anything(value: Any, where: str, depth: int = 0) -> Any:
    """Any value JSON has, with the bounds that every other value keeps."""
    if depth > MAX_DEPTH:
        raise refusal(message("strict.deep", most=MAX_DEPTH), where=where)
    if isinstance(value, dict):
        return {_string(k, where): _anything(v, where, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_anything(v, where, depth + 1) for v in value]
    if value is None or isinstance(value, (bool, str, int, float)):
        return value if value is None else _scalar(type(value), value, where)
    return _wrong(dict, value, where)


def _wrong(hint: Any, value: Any, where: str) -> Any:
    wanted = getattr(hint, "__name__", str(hint))
    raise refusal(message("strict.other_kind", found=_kind(value), wanted=wanted), where=where)


def _kind(value: object) -> str:
    return type(value).__name__


def _names(kinds: type | tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
