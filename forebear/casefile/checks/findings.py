"""A finding: one discrepancy, with both quotes, its MQM category, and which side deviates; and the rules as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from forebear.casefile.data import packaged_table
from forebear.core.errors import refusal
from forebear.core.messages import Message, message

SEVERITIES = ("neutral", "minor", "major", "critical")
SHARE_TRUE = 0.9
"""Share of findings of a kind that have to be true on held-back text for the kind to be told (decision 0076)."""


PRIOR = 1 / 300
"""Share of sentences that hold an error of one kind, assumed where too few findings of it were read: a fifth of what the one text
had whose departures were counted by hand (118 of 26 kinds in about 300 sentences). In a text with fewer errors more are false."""
LEAST_READ = 5
"""Findings that have to have been read for their own share of true ones to count."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """true, read: of so many findings read on real text so many were true; source: on which.

    Fewer than LEAST_READ: false, sentences: so many false ones came in so many sentences of real text held back from the condition;
    met, planted: of so many errors planted in them it met so many.
    """

    true: int = 0
    read: int = 0
    false: int = 0
    sentences: int = 0
    met: int = 0
    planted: int = 0
    source: str = ""

    @property
    def truth(self) -> float:
        """Expected share of true findings (decision 0097): of those read; else by false ones in a sentence and errors met."""
        if self.read >= LEAST_READ or not self.sentences:
            return self.true / self.read if self.read else 0.0
        hits = PRIOR * self.met / self.planted
        return hits / (hits + (self.false + 0.5) / self.sentences)

    @property
    def told(self) -> bool:
        """Whether what has this figure is told; all else is counted as to look at (decision 0076)."""
        return self.truth >= SHARE_TRUE


@dataclass(frozen=True, kw_only=True)
class Ground(Read):
    """A condition that single findings of some kinds meet, with a figure of its own."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Rule(Read):
    """One entry of data/rules.toml. kind: rule, cue or meaning; exact: it says only that a character is there."""

    id: str
    category: str
    severity: str
    kind: str
    exact: bool = False

    @property
    def told(self) -> bool:
        """Whether its findings are told by their kind alone."""
        return self.exact or super().told


@dataclass(frozen=True)
class _Rules:
    rule: tuple[Rule, ...]
    ground: tuple[Ground, ...] = ()


@cache
def rules() -> Mapping[str, Rule]:
    """All rules by id.

    Raises: RefusedError on an unknown key or severity.
    """
    table = packaged_table(_Rules, "rules.toml")
    for rule in table.rule:
        if rule.severity not in SEVERITIES:
            raise refusal(
                message("case_refused.bad_severity", severity=repr(rule.severity), known=", ".join(SEVERITIES)),
                where=f"rules.toml: {rule.id}",
            )
    return {r.id: r for r in table.rule}


@cache
def grounds() -> Mapping[str, Ground]:
    """Conditions on single findings, by id."""
    return {g.id: g for g in packaged_table(_Rules, "rules.toml").ground}


@dataclass(frozen=True)
class Finding:
    """One discrepancy.

    left, right: source ids and the spans quoted; segments: indices on each side; deviates: the source that departs, or ""
    when the two cannot be told apart; why: what the rule says of them (English text in findings of versions before 2 of the
    case document whose words were not kept).
    """

    rule: str
    left: str
    right: str
    left_span: tuple[int, int]
    right_span: tuple[int, int]
    left_quote: str
    right_quote: str
    deviates: str
    why: Message | str
    severity: str
    left_segments: tuple[int, ...] = ()
    right_segments: tuple[int, ...] = ()
    witnesses: tuple[str, ...] = ()
    context: str = ""
    """The word before the left quote: equal contexts make a habit."""
    repeats: int = 0
    """At how many places of the text the same was found, when that makes a habit of it."""
    ground: str = ""
    """The condition of rules.toml that it meets besides its kind's, if any."""

    @property
    def told(self) -> bool:
        """Whether it is told one by one; what is not is counted as to look at (decisions 0076 and 0087)."""
        rule = rules()[self.rule]
        ground = grounds().get(self.ground)
        return rule.severity == "neutral" or rule.told or (ground is not None and ground.told)

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
            "deviates": self.deviates, "why": self.why.document() if isinstance(self.why, Message) else self.why,
            "witnesses": list(self.witnesses),
        }  # fmt: skip


def ours(word: str) -> Message:
    """A word of ours in a finding (none, about, a unit), as against the words of a text."""
    return message(f"ours.{word}")


def reason(rule: str, **values: Any) -> Message:
    """What a rule says of the values: a text is quoted, messages and numbers are said as they are."""
    return Message(f"finding.{rule}", {name: _value(value) for name, value in values.items()})


def _value(value: Any) -> Any:
    return message("quoted.text", text=value) if isinstance(value, str) else value
