"""Containers that carry their own names, configuration or tokenizer, seen as published checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from forebear.files.base import Container
from forebear.tokens.vocabulary import Vocabulary


@dataclass(frozen=True)
class Adopted:
    """A container under published names.

    config: what it says of itself ({} when nothing); said: for `limits`; vocabulary: reads the tokenizer inside (None
    when the container has no place for one; it returns None when the place is empty).
    """

    container: Container
    config: Mapping[str, Any] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    vocabulary: Callable[[], Vocabulary | None] | None = None


def adopt(container: Container) -> Adopted:
    """The container as the models room reads it; safetensors and anything unknown come back as they are."""
    if container.kind == "gguf":
        return _gguf(container)
    return Adopted(container)


def _gguf(container: Container) -> Adopted:
    from forebear.files.gguf import GgufContainer
    from forebear.models.gguf_tokens import inner_vocabulary
    from forebear.models.gguf_view import published

    if not isinstance(container, GgufContainer):
        return Adopted(container)
    seen, config, said = published(container, container.values)
    where = str(container.paths[0])
    return Adopted(seen, config, tuple(said), lambda: inner_vocabulary(container.values, where))
