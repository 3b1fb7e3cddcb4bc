"""A finding: one discrepancy, with both quotes, its MQM category, and which side deviates; and the rules as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from forebear.casefile.data import packaged_table
from forebear.core.errors import RefusedError

SEVERITIES = ("neutral", "minor", "major", "critical")


@dataclass(frozen=True)
class Rule:
    """One entry of data/rules.toml; kind: rule, cue or meaning."""

    id: str
    category: str
    severity: str
    kind: str
    why: str


@dataclass(frozen=True)
class _Rules:
    rule: tuple[Rule, ...]


@cache
def rules() -> Mapping[str, Rule]:
    """All rules by id.

    Raises: RefusedError on an unknown key or severity.
    """
    table = packaged_table(_Rules, "rules.toml")
    for rule in table.rule:
        if rule.severity not in SEVERITIES:
            raise RefusedError(
                f"severity {rule.severity!r} is none of {', '.join(SEVERITIES)}", where=f"rules.toml: {rule.id}"
            )
    return {r.id: r for r in table.rule}


@dataclass(frozen=True)
class Finding:
    """One discrepancy.

    left, right: source ids and the spans quoted; segments: indices on each side; deviates: the source that departs, or ""
    when the two cannot be told apart; why: the sentence of the rule in English, its slots filled with `words`.
    """

    rule: str
    left: str
    right: str
    left_span: tuple[int, int]
    right_span: tuple[int, int]
    left_quote: str
    right_quote: str
    deviates: str
    why: str
    severity: str
    left_segments: tuple[int, ...] = ()
    right_segments: tuple[int, ...] = ()
    witnesses: tuple[str, ...] = ()
    context: str = ""
    """The word before the left quote: equal contexts make a habit."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Slots of the rule's sentence: what each side holds, so that a page can tell it in another language."""
    ours: tuple[str, ...] = ()
    """Slots that hold words of ours (none, about, a heading of level 2), not words of the texts."""
    repeats: int = 0
    """At how many places of the text the same was found, when that makes a habit of it."""
    repeated: tuple[str, ...] = ()
    """What stands at those places, where they differ (footnotes: 19 → 18)."""

    def as_json(self) -> dict[str, Any]:
        """The finding as a case document has it."""
        rule = rules()[self.rule]
        spans = {
            name: list(span) for name, span in ((self.left, self.left_span), (self.right, self.right_span)) if name
        }
        quotes = {name: quote for name, quote in ((self.left, self.left_quote), (self.right, self.right_quote)) if name}
        return {
            "rule": self.rule, "category": rule.category, "severity": self.severity, "kind": rule.kind, "quotes": quotes,
            "spans": spans, "segments": {self.left: list(self.left_segments), self.right: list(self.right_segments)},
            "deviates": self.deviates, "why": self.why, "witnesses": list(self.witnesses),
            "words": dict(self.words), "ours": list(self.ours), "repeats": self.repeats, "repeated": list(self.repeated),
        }  # fmt: skip


class Ours(str):
    """A word of ours in a slot of a sentence, to be told in the reader's language; what a text says is a plain str."""

    __slots__ = ()


def ours_of(words: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the slots that hold words of ours."""
    return tuple(name for name, word in words.items() if isinstance(word, Ours))


def say(rule: str, **words: str) -> str:
    """The sentence of a rule with its words filled in."""
    return rules()[rule].why.format(**words)
