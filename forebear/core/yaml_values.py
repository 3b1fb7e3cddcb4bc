"""YAML of strangers as plain values: events of PyYAML's parser, nothing a tag names constructed (extra `yaml`).

Aliases are refused, so that a short text cannot stand for a long one, and keys twice; size, depth and number of values are bounded.
Cards are read as texts, whatever their tags say; configurations whose numbers count are read typed and strictly.
"""

from __future__ import annotations

from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.core.wording import in_english

MOST_BYTES = 2**20
"""Longest YAML read, in characters (front matter of published cards with tables of results: up to about 200 kB)."""
MOST_DEPTH = 20
MOST_EVENTS = 200_000
MOST_TYPED = 50_000
"""Events of a configuration that is read typed."""
_EMPTY = ("", "~", "null", "Null", "NULL")
_TYPES = ("bool", "int", "float", "null")


class _Builder:
    """Plain values out of a stream of events, without recursion. yaml: the module whose events they are."""

    def __init__(self, where: str, yaml: Any, typed: bool) -> None:
        self.where, self.yaml, self.typed = where, yaml, typed
        self.open: list[tuple[Any, Any]] = []  # a container, and the key that waits in a dictionary
        self.root: Any = None
        self.lines: dict[str, int] = {}
        self.resolver = yaml.resolver.Resolver() if typed else None
        self.maker = yaml.constructor.SafeConstructor() if typed else None

    def take(self, event: Any) -> None:
        """The next event of the stream."""
        yaml, line = self.yaml, event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise refuse("alias", self.where, line)
        if self.typed and getattr(event, "anchor", None) is not None:
            raise refuse("anchor", self.where, line)
        if self.typed and getattr(event, "tag", None) is not None:
            raise refuse("tag", self.where, line)
        if isinstance(event, yaml.ScalarEvent):
            self.put(event.value if self._wants_key else self._scalar(event), line)
        elif isinstance(event, yaml.MappingStartEvent):
            self.begin({}, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            self.begin([], line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.open.pop()

    def _scalar(self, event: Any) -> Any:
        """A text, or nothing; typed: also a number or a truth value, as YAML 1.1 has them. A date stays text."""
        if self.resolver is None:
            return None if not event.style and event.value in _EMPTY else event.value
        tag = self.resolver.resolve(self.yaml.ScalarNode, event.value, event.implicit)
        kind = tag.rpartition(":")[2]
        if kind not in _TYPES:
            return event.value
        return getattr(self.maker, f"construct_yaml_{kind}")(self.yaml.ScalarNode(tag, event.value))

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
            if value in inside:
                raise refuse("twice", self.where, line)
            if self.typed and value == "<<":
                raise refuse("merge", self.where, line)
            self.open[-1] = (inside, value)
            if len(self.open) == 1:
                self.lines[value] = line
        else:
            inside[key] = value
            self.open[-1] = (inside, _NO_KEY)

    def begin(self, value: Any, line: int) -> None:
        """A list or dictionary begins."""
        if self._wants_key:
            raise refuse("key", self.where, line)
        self.put(value, line)
        self.open.append((value, _NO_KEY))
        if len(self.open) > MOST_DEPTH:
            raise refuse("deep", self.where, line)


_NO_KEY = object()


def refuse(key: str, where: str, line: int) -> RefusedError:
    """A refusal of this text, with the line."""
    said = message(f"yaml_refused.{key}", line=line)
    return RefusedError(in_english(said), where=where, said=said)


def read_yaml(text: str | bytes, where: str, *, typed: bool = False) -> tuple[Any, dict[str, int]]:
    """The values of one YAML document and the line (from 1) of each key of its outermost dictionary.

    where:  name of the file, for refusals.
    typed:  numbers, truth values and nothing are what they say, and what a configuration has no need of is refused: a tag, an
            anchor, a merge key, a second document, over 50,000 values. Else every scalar is text, tags are inert, and what follows
            the first document is left out. Keys are always text.
    Raises: RefusedError for text that is no YAML, too long, too deep, has a key twice or an alias, and where PyYAML is absent.
    """
    try:
        import yaml
    except ImportError:
        raise refuse("no_package", where, 0) from None
    if len(text) > MOST_BYTES:
        raise refuse("long", where, 0)
    most, ended = (MOST_TYPED if typed else MOST_EVENTS), False
    try:
        given = text.decode("utf-8") if isinstance(text, bytes) else text
        built = _Builder(where, yaml, typed)
        for count, event in enumerate(yaml.parse(given, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))):
            line = event.start_mark.line + 1
            if count > most:
                raise refuse("many", where, line)
            if ended and isinstance(event, yaml.DocumentStartEvent):
                raise refuse("documents", where, line)
            if isinstance(event, yaml.DocumentEndEvent):
                if not typed:
                    break
                ended = True
            built.take(event)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise refuse("wrong", where, mark.line + 1 if mark is not None else 0) from None
    return built.root, built.lines


def texts_of(value: Any) -> list[str]:
    """A text, or the texts of a list, that are not empty."""
    items = value if isinstance(value, list) else [value]
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]
