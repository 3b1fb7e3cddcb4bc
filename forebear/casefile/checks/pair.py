"""What a check sees: one link of an original and a translation, with what the other translations say there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.bitext.meant import Evidence, Meant
from forebear.casefile.bitext.translations import meanings_of, surely_of, touching, words
from forebear.casefile.checks.findings import Finding, reason, rules
from forebear.casefile.facts.fact import Fact, narrow
from forebear.casefile.folder.model import Alias, Name
from forebear.casefile.text.length import weight
from forebear.casefile.text.notes import blank_notes

Span = tuple[int, int]


@dataclass
class Knowledge:
    """What the case says of names: rulings and spellings of one thing."""

    names: Sequence[Name] = ()
    aliases: Sequence[Alias] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Every spelling of a name that somebody ruled on or gave, the longest first; None without any."""
        every = [n for alias in self.aliases for n in alias.names]
        every += [n.text for n in self.names if n.ruling in ("public", "private")]
        ordered = sorted({narrow(n) for n in every if n}, key=len, reverse=True)
        return re.compile("|".join(re.escape(n) for n in ordered)) if ordered else None


@dataclass
class Pair:
    """One link under test. Offsets of spans are relative to the side's own joined text until a finding is made.

    witnesses: (source id, text, facts) of what other sources have at the same place of the original.
    """

    left: Text
    right: Text
    link: Link
    known: Knowledge
    usual: float = 1.0
    spread: float = 0.3
    left_terms: frozenset[str] = frozenset()
    right_terms: frozenset[str] = frozenset()
    witnesses: list[tuple[str, str, str, list[Fact]]] = field(default_factory=list)
    """(source id, language, text, facts)"""

    @cached_property
    def a(self) -> str:
        """Left text, editors' notes blanked."""
        return blank_notes(self.left.joined(self.link.left), self.left.language)

    @cached_property
    def b(self) -> str:
        """Right text, editors' notes blanked."""
        return blank_notes(self.right.joined(self.link.right), self.right.language)

    @cached_property
    def a_facts(self) -> list[Fact]:
        """Facts of the left text, placed in `a`."""
        return _outside(_placed(self.left, self.link.left), self.a, self.known)

    @cached_property
    def b_facts(self) -> list[Fact]:
        """Facts of the right text, placed in `b`."""
        return _outside(_placed(self.right, self.link.right), self.b, self.known)

    beside: Sequence[Link] = ()
    """The link and those before and behind it."""

    @property
    def placed(self) -> bool:
        """Whether the links beside it have both sides, so that this one is hardly out of place."""
        return all(k.left and k.right for k in self.beside)

    meant: tuple[Meant, Meant] | None = None
    """What tells whether words of either text are translated in the other: left in right, right in left."""
    @cached_property
    def evidence(self) -> Evidence:
        """What the words of both sides say of their being translations of each other; nothing where they are not known."""
        if self.meant is None:
            return Evidence(0.0, 0)
        forth = [self.meant[0].evidence(i, self.link.right, lacking=False) for i in self.link.left]
        back = [self.meant[1].evidence(j, self.link.left, lacking=False) for j in self.link.right]
        logs, words = zip(*((e.log, e.words) for e in (*forth, *back)), strict=True)
        return Evidence(sum(logs) / 2, sum(words) // 2)

    def called_for(self, side: str, span: Span, without: Sequence[Span] = (), surely: bool = False) -> bool:
        """Whether words that touch a span of one side (a or b) translate words of the other, those in spans `without` left out.

        surely: by words that are usual translations of one another, not only one way.
        """
        if self.meant is None:
            return False
        one, other = (self.left, self.right) if side == "a" else (self.right, self.left)
        text, there = (self.a, self.b) if side == "a" else (self.b, self.a)
        plain = "".join("\x00" if any(x <= i < y for x, y in without) else c for i, c in enumerate(there))
        calling = (surely_of if surely else meanings_of)(words(plain, other.language), other.language, one.language)
        return not calling.isdisjoint(touching(text, *span, one.language))

    free: bool = False
    """Whether this translation is a free one: weak cues then tell less (case.manner)."""
    original_segments: Sequence[int] = ()
    """For two texts in one language: the segments of their common original at this place."""
    ratios: dict[str, float] = field(default_factory=dict)
    """Usual length of each witness against the left text, in units of length.weight."""

    def witness_ratio(self, source: str, text: str) -> float | None:
        """Log of a witness's length over its usual length here; None when nothing usual is known."""
        usual = self.ratios.get(source)
        return None if usual is None else math.log((weight(text) + 3) / (weight(self.a) * usual + 3))

    def as_usual(self, original: str, source: str, text: str) -> bool:
        """Whether a text has about its usual length against the original."""
        usual = self.ratios.get(source, 1.0)
        return abs(math.log((weight(text) + 3) / (weight(original) * usual + 3))) < 0.25

    def witnesses_lack(self, names: Sequence[str]) -> bool:
        """Whether some other translation has none of these spellings either."""
        lowered = [narrow(n).lower() for n in names]
        return any(not any(n in narrow(text).lower() for n in lowered) for _, _, text, _ in self.witnesses)

    def finding(
        self, rule: str, a: Span | None, b: Span | None, severity: str = "", **values: Any
    ) -> Finding:
        """A finding of this link; spans are offsets in `a` and `b`, None for the whole side; values: what the rule says of it."""
        a_start, b_start = _start(self.left, self.link.left), _start(self.right, self.link.right)
        a, b = a or (0, len(self.a)), b or (0, len(self.b))
        return Finding(
            rule=rule, left=self.left.source.id, right=self.right.source.id,
            left_span=(a_start + a[0], a_start + a[1]), right_span=(b_start + b[0], b_start + b[1]),
            left_quote=self.left.extract.text[a_start + a[0] : a_start + a[1]],
            right_quote=self.right.extract.text[b_start + b[0] : b_start + b[1]],
            deviates=self.right.source.id, why=reason(rule, **values), severity=severity or rules()[rule].severity,
            left_segments=self.link.left, right_segments=self.link.right,
            witnesses=tuple(w[0] for w in self.witnesses), context=(self.a[: a[0]].split() or [""])[-1],
        )  # fmt: skip


def _start(text: Text, indices: Sequence[int]) -> int:
    return text.segments[indices[0]].start if indices else 0


def _outside(facts: list[Fact], text: str, known: Knowledge) -> list[Fact]:
    """Facts that stand in no spelling of a known name (千帆, 万卷)."""
    if not facts or known.pattern is None:
        return facts
    spans = [m.span() for m in known.pattern.finditer(narrow(text))]
    return [f for f in facts if not any(a <= f.start and f.end <= b for a, b in spans)]


def _placed(text: Text, indices: Sequence[int]) -> list[Fact]:
    return list(_shifted(text, indices))


def _shifted(text: Text, indices: Sequence[int]) -> Iterator[Fact]:
    origin = _start(text, indices)
    for i in indices:
        shift = text.segments[i].start - origin
        for fact in text.facts[i]:
            yield replace(fact, start=fact.start + shift, end=fact.end + shift)
