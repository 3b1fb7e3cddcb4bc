"""How a tokenizer turns text into tokens, as data: named steps with plain arguments, nothing compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rules:
    """What the file says about encoding.

    normalizer, pre_tokenizer: the file's own descriptions, checked JSON values, not yet understood.
    pattern:  the splitting expression as text, never compiled from the file.
    options:  the model's settings (byte_fallback, unk id, continuation prefix, longest word).
    """

    normalizer: Any = None
    pre_tokenizer: Any = None
    pattern: str | None = None
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str, default: Any = None) -> Any:
        """One setting of the model, or the default."""
        return dict(self.options).get(name, default)
