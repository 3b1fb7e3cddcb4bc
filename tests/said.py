"""Messages of documents in English, for tests that look at what is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.core.messages import Message
from forebear.reports.catalogue import catalogue


def said(words: Sequence[Any]) -> list[str]:
    """Every message of a list in English; text as it is."""
    return [text(one) for one in words]


def paragraph(words: Sequence[Any] | str) -> str:
    """Messages in English, one after the other."""
    return words if isinstance(words, str) else " ".join(said(words))


def text(one: Any) -> str:
    """One message in English."""
    return catalogue().text(one.document() if isinstance(one, Message) else one)
