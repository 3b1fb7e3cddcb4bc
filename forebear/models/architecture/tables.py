"""TOML tables read strictly: every key must be taken, and what nobody took is refused (STYLE 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.core.errors import RefusedError


class Table:
    """A TOML table whose every key must be taken; `finish` refuses the rest."""

    def __init__(self, raw: object, where: str) -> None:
        self.where = where
        self._left: dict[str, Any] = dict(raw) if isinstance(raw, Mapping) else self.fail("should be a table")

    def fail(self, what: str, todo: str = "See docs/architectures.md") -> Any:
        """Refuse this table."""
        raise RefusedError(what, where=self.where, todo=todo)

    def has(self, key: str) -> bool:
        """Whether a key is there and not yet taken."""
        return key in self._left

    def take(self, key: str, kinds: type | tuple[type, ...], default: Any = None) -> Any:
        """A key's value of one of the kinds; without a default it must be there."""
        if key not in self._left:
            return default if default is not None else self.fail(f"has no {key!r}")
        value = self._left.pop(key)
        if isinstance(value, bool) and kinds is not bool and not (isinstance(kinds, tuple) and bool in kinds):
            return self.fail(f"{key!r} should not be a truth value")
        return value if isinstance(value, kinds) else self.fail(f"{key!r} has the wrong type")

    def text(self, key: str, default: str | None = None) -> str:
        """A string that is not empty (unless the default is)."""
        value: str = self.take(key, str, default)
        return value if value or value == default else self.fail(f"{key!r} is empty")

    def flag(self, key: str, default: bool = False) -> bool:
        """A truth value."""
        return bool(self.take(key, bool, default)) if self.has(key) else default

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings (one string stands for a list of one)."""
        value = self.take(key, (list, str), default)
        items = (value,) if isinstance(value, str) else tuple(value)
        return items if all(isinstance(item, str) for item in items) else self.fail(f"{key!r} should list strings")

    def table(self, key: str) -> Table:
        """A sub-table, empty when absent."""
        return Table(self._left.pop(key, {}), f"{self.where}: {key}")

    def tables(self, key: str) -> list[Table]:
        """An array of tables."""
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            self.fail(f"{key!r} should be an array of tables")
        return [Table(item, f"{self.where}: {key} {at + 1}") for at, item in enumerate(value)]

    def tables_by_name(self, key: str) -> list[tuple[str, Table]]:
        """A table of tables."""
        inner = self.table(key)
        return [(name, Table(inner._left.pop(name), f"{inner.where}.{name}")) for name in list(inner._left)]

    def texts_by_name(self, key: str, *, empty: bool = False) -> list[tuple[str, str]]:
        """A table of strings; empty: a string may be."""
        inner = self.table(key)
        return [(name, inner.text(name, "" if empty else None)) for name in list(inner._left)]

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
