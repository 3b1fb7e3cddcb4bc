"""What a document says, as a key and values: reports turn it into words of any language (docs/architecture.md#rule-3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Message", "distinct", "message", "with_texts"]
Statement = TypeVar("Statement", bound="Message | str")
"""A message; text in documents that do not hold messages yet."""


@dataclass(frozen=True)
class Message:
    """One statement of a document. It holds no sentence; `reports/messages/<language>.toml` has one for every key.

    key:    dotted key of the catalogue: "layers.paired".
    values: what fills the slots: text, numbers (never rounded for show), further messages, or lists of messages.
    """

    key: str
    values: Mapping[str, Any]

    def __hash__(self) -> int:
        return hash((self.key, tuple(sorted(self.values))))

    def document(self) -> dict[str, Any]:
        """The message as it stands in a document: {"key": ..., "values": {...}}."""
        return {"key": self.key, "values": {name: _plain(value) for name, value in self.values.items()}}


def message(key: str, /, **values: Any) -> Message:
    """A message by its key.

    Example:
        >>> message("layers.paired", first=3).document()
        {'key': 'layers.paired', 'values': {'first': 3}}
    """
    return Message(key, values)


def distinct(messages: Iterable[Statement]) -> list[Statement]:
    """The messages in order, each once."""
    found: list[Statement] = []
    for one in messages:
        if one not in found:
            found.append(one)
    return found


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A message, or anything messages are made of, with every text in its values changed; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Message):
        return Message(value.key, {name: with_texts(inner, change) for name, inner in value.values.items()})
    if isinstance(value, Mapping):
        return {name: inner if name == "key" else with_texts(inner, change) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_texts(inner, change) for inner in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.document()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.item() if hasattr(value, "item") else value
