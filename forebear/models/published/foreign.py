"""Containers that carry their own names, configuration or tokenizer, seen as published checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.files.base import Container
from forebear.files.formats.gguf import GgufContainer
from forebear.files.formats.joined import JoinedContainer
from forebear.files.formats.onnx import OnnxContainer
from forebear.files.view import View
from forebear.models.architecture.settings import parse_config
from forebear.models.published.gguf_tokens import inner_vocabulary
from forebear.models.published.gguf_view import published
from forebear.tokens.readers import read_vocabulary_bytes
from forebear.tokens.vocabulary import FILE_NAMES, InnerVocabulary, Vocabulary


@dataclass(frozen=True)
class Adopted:
    """A container under published names.

    config: what it says of itself ({} when nothing); hints: keys that its structure gives, for want of a configuration;
    said: for `limits`; vocabulary: reads the tokenizer inside (None
    when the container has no place for one; it returns None when the place is empty).
    """

    container: Container
    config: Mapping[str, Any] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)
    said: tuple[Message, ...] = ()
    vocabulary: InnerVocabulary | None = None


def adopt(container: Container) -> Adopted:
    """The container as the models room reads it; safetensors and anything unknown come back as they are."""
    if container.kind == "gguf":
        return _gguf(container)
    adopted = _with_files(container) if container.beside else Adopted(container)
    if container.kind == "onnx":
        adopted = replace(adopted, hints=_heads(container))
    return adopted


def _heads(container: Container) -> dict[str, int]:
    """Numbers of heads as an ONNX graph cuts its queries and keys into them."""
    original = container.original if isinstance(container, View) else container
    found: dict[str, int] = {}
    for name, size in original.head_sizes.items() if isinstance(original, OnnxContainer) else ():
        part = name.removesuffix(".weight").rsplit(".", 1)[-1]
        key = _HEAD_KEYS.get(part)
        outputs = container.tensors[name].shape[0] if name in container.tensors else 0
        if key is not None and outputs and outputs % size == 0:
            found.setdefault(key, outputs // size)
    return found


_HEAD_KEYS = {"query": "num_attention_heads", "q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}


def _with_files(container: Container) -> Adopted:
    """Weights whose configuration and tokenizer come from the same archive or address."""
    said: list[Message] = []
    config: Mapping[str, Any] = {}
    if (stored := container.beside.get("config.json")) is not None:
        try:
            config = parse_config(stored(), where="config.json")
        except RefusedError as error:
            said.append(message("opening.config_refused", why=error.message()))
    return Adopted(container, config, {}, tuple(said), lambda full=False: _vocabulary(container.beside, full))


def _vocabulary(beside: Mapping[str, Callable[[], bytes]], full: bool) -> Vocabulary | None:
    name = next((name for name in FILE_NAMES if name in beside), None)
    return read_vocabulary_bytes(beside[name](), Path(name), full=full) if name is not None else None


def _gguf(container: Container) -> Adopted:
    first = container.parts[0] if isinstance(container, JoinedContainer) else container
    if not isinstance(first, GgufContainer):
        return Adopted(container)
    seen, config, said = published(container, first.values)
    where = str(container.paths[0])
    return Adopted(seen, config, {}, tuple(said), lambda full=False: inner_vocabulary(first.values, where, full=full))
