"""What reading a source gives: its text, the blocks of it, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field

Span = tuple[int, int]


@dataclass(frozen=True)
class Block:
    """A run of text [start, end): kind is heading, paragraph, item, quote, code or front-matter; level of a heading."""

    kind: str
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True)
class Removed:
    """Something of the source that is not in the text: what, how many characters, how it begins."""

    what: str
    characters: int
    begins: str


@dataclass
class Extract:
    """The text positions refer to, its blocks in order, emphasised spans, and what was removed."""

    text: str = ""
    blocks: list[Block] = field(default_factory=list)
    emphasis: list[Span] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)

    def remove(self, what: str, text: str) -> None:
        """Record that `text` was left out."""
        self.removed.append(Removed(what, len(text), " ".join(text.split())[:80]))
