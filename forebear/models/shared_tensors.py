"""One matrix for embedding and head: stored under the head's name alone, or changed by an adapter in one of its uses.

Source: safetensors, docs "Torch shared tensors" (one of the names is kept, the others may be listed in the metadata);
transformers, `tie_word_embeddings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.files.base import Container
from forebear.files.view import View, renamed
from forebear.models.architecture.layout import Layout
from forebear.models.architecture.matching import match_names
from forebear.models.architecture.settings import Settings


def with_embedding(container: Container, config: Mapping[str, Any], layout: Layout) -> tuple[Container, Message] | None:
    """The container with its head under the embedding's name, and what is said; None where there is nothing to share.

    Only where no embedding is stored in any form, a head is, and the configuration or the family ties them. A file whose metadata
    says that the embedding was dropped for the head is believed.
    """
    definition = layout.definition
    head = layout.find("head", "matrix", definition.main_stack, None, None)
    if head is None or len(head.shape) != 2 or head.role:
        return None
    name = _embedding_name(container, config, layout)
    settings, presence = Settings(config, definition.roots), definition.presence
    tied = presence.is_tied(settings) if presence is not None else settings.raw("tie_word_embeddings") is True
    if name is None or not (tied or container.metadata.get(name) == head.tensor):
        return None
    names = {other: other for other in container.tensors if other != head.tensor}
    view = View(container, renamed({name: head.tensor, **names}))
    return view, message("opening.head_is_embedding", head=printable(head.tensor, 80), name=printable(name, 80))


def with_head(container: Container, config: Mapping[str, Any], layout: Layout) -> tuple[Container, str, str] | None:
    """The container with its embedding under the head's name too, and both names; None where it stores a head or ties none."""
    presence, main = layout.definition.presence, layout.definition.main_stack
    embedding = layout.find("embedding", "matrix", main, None, None)
    if presence is None or not presence.head or not presence.is_tied(Settings(config, layout.definition.roots)):
        return None
    if embedding is None or embedding.role or layout.find("head", "matrix", main, None, None) is not None:
        return None
    names = {name: name for name in container.tensors}
    return View(container, renamed({**names, presence.head: embedding.tensor})), embedding.tensor, presence.head


def _embedding_name(container: Container, config: Mapping[str, Any], layout: Layout) -> str | None:
    """The name that the embedding would have; None where a tensor has one of its names, whatever it holds."""
    definition = layout.definition
    rules = [
        rule for rule in definition.tensors if rule.part == "embedding" and rule.kind == "matrix" and rule.required
    ]
    if not rules or rules[0].stack != definition.main_stack or "{" in rules[0].names[0].replace("{prefix}", ""):
        return None
    settings = Settings(config, definition.roots)
    if any(match.rule.part == "embedding" for match in match_names(container.tensors, definition, settings)):
        return None
    prefixes = [p for p in definition.prefixes if any(n.startswith(p) for n in container.tensors)] or [""]
    longest = max(prefixes, key=lambda p: (bool(p) and sum(n.startswith(p) for n in container.tensors), len(p)))
    name = rules[0].names[0].replace("{prefix}", longest)
    return None if name in container.tensors else name
