"""A finding: one discrepancy, with both quotes, its MQM category, and which side deviates; and the rules as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from forebear.claims.case.toml import read_table
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
    raw = resources.files("forebear.claims.case.data").joinpath("rules.toml").read_text("utf-8")
    table = read_table(_Rules, tomllib.loads(raw), "rules.toml")
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
    when the two cannot be told apart; words: what each side holds, for the sentence of `why`.
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
        }  # fmt: skip


def say(rule: str, **words: str) -> str:
    """The sentence of a rule with its words filled in."""
    return rules()[rule].why.format(**words)
