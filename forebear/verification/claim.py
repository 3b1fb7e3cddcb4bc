"""A claim that somebody made of a checkpoint, what became of it, and what was noticed besides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from forebear.core.errors import printable
from forebear.core.messages import Message, message

MOST_CLAIMS = 400
"""Most claims that one verification tests; the rest are counted."""
LONGEST = 200
"""Longest text of a claim that a document keeps."""
MADE_OF = ("experts", "experts_used", "labels", "rank", "alpha", "targets", "pooling", "merge_weight")
"""Kinds of what a model is made of besides its blocks."""
_PLACE = re.compile(r"(?:(?<=^)|(?<=[\s'\"(=\[:,<]))(?:~[^\\/\s'\"]*|[A-Za-z]:|file://)?[\\/](?:[^\\/\s'\"<>]+[\\/])+")
_KEY = r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
_TOKENS = (
    "hf_[A-Za-z0-9]{20,}", "gh[a-z]_[A-Za-z0-9]{20,}", r"github_pat_\w{20,}", r"sk-(?:[a-z]{1,8}\d*-)?[A-Za-z0-9]{20,}",
    "AKIA[A-Z0-9]{16}",
)  # fmt: skip
"""Forms of access tokens as the hosts that give them write them."""
_SECRET = re.compile(rf"{_KEY}|\b(?:{'|'.join(_TOKENS)})", re.DOTALL)


class Outcome(StrEnum):
    """What became of a claim (decision 0045)."""

    borne_out = "borne-out"
    contradicted = "contradicted"
    not_shown = "not-shown"
    not_testable = "not-testable"


class Standing(IntEnum):
    """How plainly a claim of a card is about the checkpoint, the plainest first (decision 0088)."""

    own = 0
    """Its title alone stands above, or headings of the model itself."""
    named = 1
    """A column or row of a table of several models that goes by the card's title."""
    unsure = 2
    """A part that may be about anything."""
    aside = 3
    """A part about another matter: training, use, results (decision 0094)."""
    one_of_several = 4
    """A column or row of a table of several models."""
    another = 5
    """A part whose words mean another model."""


@dataclass(frozen=True)
class Source:
    """Where a claim stands. file: name of the file; where: the field or line in it; line: from 1, 0 when unknown."""

    file: str
    where: str
    line: int = 0

    def document(self) -> dict[str, Any]:
        """The source as it stands in a document."""
        return {"file": public(self.file), "where": public(self.where), "line": self.line}


@dataclass(frozen=True)
class Claim:
    """One statement about a checkpoint.

    kind:     what it is about: "parent", "parameters", "digest", ... (`verified`, `verified_made` have words for each).
    stated:   the value as it was written.
    decided:  False for a sentence of prose, whose reading is a proposal: such a claim is never called contradicted.
    about:    a second value: the file that a digest is of, the relation to a parent, the method of a quantisation.
    standing: how plainly it is about the checkpoint; part: what stands in one such part of a card has the same one, "" for its own.
    also:    further kinds that the words may mean beside what they stand with; it is held against each of them.
    """

    kind: str
    stated: str
    source: Source
    decided: bool = True
    about: str = ""
    standing: Standing = Standing.own
    part: str = ""
    also: tuple[str, ...] = ()

    def said(self) -> Message:
        """The claim in words."""
        key = f"verified_made.{self.kind}" if self.kind in MADE_OF else f"verified.{self.kind}"
        return message(key, stated=public(self.stated), about=public(self.about))


@dataclass(frozen=True)
class Tested:
    """A claim with its outcome.

    evidence: what the outcome rests on; flagged: the files do not agree with the claim, but this is no proof against it;
    figures:  numbers of the evidence.
    """

    claim: Claim
    outcome: Outcome
    evidence: tuple[Message, ...]
    flagged: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The row as it stands in a verification document."""
        return {
            "claim": self.claim.said(),
            "kind": self.claim.kind,
            "stated": public(self.claim.stated),
            "about": public(self.claim.about),
            "proposed": not self.claim.decided,
            **({"also": list(self.claim.also)} if self.claim.also else {}),
            "source": self.claim.source.document(),
            "outcome": str(self.outcome),
            "flagged": self.flagged,
            "evidence": list(self.evidence),
            "figures": dict(self.figures),
        }


@dataclass(frozen=True)
class Noticed:
    """Something about the files that no claim says. kind: "relative", "proposed" (by a print alone), "tokenizer"."""

    kind: str
    said: Message

    def document(self) -> dict[str, Any]:
        """As it stands in a verification document."""
        return {"kind": self.kind, "said": self.said}


def outcome_of(claim: Claim, outcome: Outcome, *evidence: Message, flagged: bool = False, **figures: Any) -> Tested:
    """A claim with its outcome; a proposed one is flagged where a stated one would be contradicted."""
    if outcome is Outcome.contradicted and not claim.decided:
        outcome, flagged = Outcome.not_shown, True
    return Tested(claim, outcome, evidence, flagged, figures)


def public(text: str, limit: int = LONGEST) -> str:
    """Text of a file for a document: one printable line, folders of a machine and anything like a key left out."""
    return printable(private_removed(text[: 4 * limit]), limit)


def private_removed(text: str) -> str:
    """The same text with absolute folders cut to their last part and key material replaced."""
    return _PLACE.sub("…/", _SECRET.sub("[key]", text))
