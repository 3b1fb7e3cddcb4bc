"""YAML of strangers as plain lists, dictionaries and texts: events of PyYAML's parser, nothing constructed.

Every scalar stays text: nothing becomes a date, a truth value or an object, whatever its tag says. Aliases are refused, so that
a short text cannot stand for a long one; size, depth and number of values are bounded (extra `cards`).
"""

from __future__ import annotations

from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.core.wording import in_english

MOST_BYTES = 2**20
"""Longest YAML read (front matter of published cards with tables of results: up to about 200 kB)."""
MOST_DEPTH = 20
MOST_EVENTS = 200_000
_EMPTY = ("", "~", "null", "Null", "NULL")


class _Builder:
    """Plain values out of a stream of events, without recursion."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.open: list[tuple[Any, Any]] = []  # a container, and the key that waits in a dictionary
        self.root: Any = None
        self.lines: dict[str, int] = {}

    def take(self, event: Any, yaml: Any) -> None:
        """The next event of the stream; yaml: the module whose events they are."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise refuse("yaml_alias", self.where, line)
        if isinstance(event, yaml.ScalarEvent):
            empty = not event.style and event.value in _EMPTY and not self._wants_key
            self.put(None if empty else event.value, line)
        elif isinstance(event, yaml.MappingStartEvent):
            self.begin({}, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            self.begin([], line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.open.pop()

    @property
    def _wants_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1][0], dict) and self.open[-1][1] is _NO_KEY

    def put(self, value: Any, line: int) -> None:
        """Place a value where the stream stands."""
        if not self.open:
            self.root = value
            return
        inside, key = self.open[-1]
        if isinstance(inside, list):
            inside.append(value)
        elif key is _NO_KEY:
            if not isinstance(value, str):
                raise refuse("yaml_key", self.where, line)
            if value in inside:
                raise refuse("yaml_twice", self.where, line)
            self.open[-1] = (inside, value)
            if len(self.open) == 1:
                self.lines[value] = line
        else:
            inside[key] = value
            self.open[-1] = (inside, _NO_KEY)

    def begin(self, value: Any, line: int) -> None:
        """A list or dictionary begins."""
        if self._wants_key:
            raise refuse("yaml_key", self.where, line)
        self.put(value, line)
        self.open.append((value, _NO_KEY))
        if len(self.open) > MOST_DEPTH:
            raise refuse("yaml_deep", self.where, line)


_NO_KEY = object()


def refuse(key: str, where: str, line: int) -> RefusedError:
    """A refusal of this text, with the line."""
    said = message(f"verify_refused.{key}", line=line)
    return RefusedError(in_english(said), where=where, said=said)


def read_yaml(text: str, where: str) -> tuple[Any, dict[str, int]]:
    """The values of one YAML document and the line (from 1) of each key of its outermost dictionary.

    where: name of the file, for refusals.
    Raises: RefusedError for text that is no YAML, too long, too deep or holds an alias, and where PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        said = message("verify_refused.no_yaml")
        raise RefusedError(in_english(said), where=where, said=said) from None
    if len(text) > MOST_BYTES:
        raise refuse("yaml_long", where, 0)
    built = _Builder(where)
    try:
        for count, event in enumerate(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))):
            if count > MOST_EVENTS:
                raise refuse("yaml_many", where, event.start_mark.line + 1)
            if isinstance(event, yaml.DocumentEndEvent):
                break
            built.take(event, yaml)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise refuse("yaml_wrong", where, mark.line + 1 if mark is not None else 0) from None
    return built.root, built.lines


def texts_of(value: Any) -> list[str]:
    """A text, or the texts of a list, that are not empty."""
    items = value if isinstance(value, list) else [value]
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]
