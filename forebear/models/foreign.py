"""Containers that carry their own names, configuration or tokenizer, seen as published checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forebear.core.errors import RefusedError
from forebear.files.base import Container
from forebear.models.settings import parse_config
from forebear.tokens.vocabulary import FILE_NAMES, Vocabulary


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
    return _with_files(container) if container.beside else Adopted(container)


def _with_files(container: Container) -> Adopted:
    """Weights whose configuration and tokenizer come from the same archive or address."""
    said: list[str] = []
    config: Mapping[str, Any] = {}
    if (stored := container.beside.get("config.json")) is not None:
        try:
            config = parse_config(stored(), where="config.json")
        except RefusedError as error:
            said.append(f"the configuration was not used: {error}")
    return Adopted(container, config, tuple(said), lambda: _vocabulary(container.beside))


def _vocabulary(beside: Mapping[str, Callable[[], bytes]]) -> Vocabulary | None:
    from forebear.tokens.readers import read_vocabulary_bytes

    name = next((name for name in FILE_NAMES if name in beside), None)
    return read_vocabulary_bytes(beside[name](), Path(name), full=False) if name is not None else None


def _gguf(container: Container) -> Adopted:
    from forebear.files.gguf import GgufContainer
    from forebear.models.gguf_tokens import inner_vocabulary
    from forebear.models.gguf_view import published

    if not isinstance(container, GgufContainer):
        return Adopted(container)
    seen, config, said = published(container, container.values)
    where = str(container.paths[0])
    return Adopted(seen, config, tuple(said), lambda: inner_vocabulary(container.values, where))
