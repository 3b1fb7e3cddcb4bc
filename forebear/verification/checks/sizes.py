"""Claims of size: parameters, layers, width, vocabulary, held against the shapes of the tensors (METHODS §16)."""

from __future__ import annotations

import re

from forebear.core.messages import message
from forebear.inspection.claims_of_size import Claim as Stated
from forebear.inspection.claims_of_size import parse_claim
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of
from forebear.verification.subject import Subject

ROUNDED = 0.15
"""Share by which a stated count of parameters may miss every count of the file before it is called contradicted: names of sizes
are rounded freely (a "7B" of 6.7 or 7.7 billion); decision 0045."""
NEAR_ROWS = 0.02
"""The same for vocabularies: added and reserved tokens, padding of the table."""
_UNITS = "k|m|b|t|thousand|million|billion|trillion"
_NUMBER = re.compile(rf"^~?\s*(\d[\d,_]*(?:\.\d+)?)\s*(?:({_UNITS})\b)?[ \w().,%-]*$", re.IGNORECASE)
_NOT_PLAIN = re.compile(r"active|trainable|non-?embedding|\d\s*[x×]\s*\d|-a\d|teacher|lora|adapter|layers?\b", re.IGNORECASE)


def number_of(text: str) -> Stated | None:
    """A stated number with how far it was rounded; None for text that is no plain number."""
    found = _NUMBER.match(text.strip())
    if found is None or _NOT_PLAIN.search(text):
        return None
    digits, unit = found[1].replace(",", "").replace("_", ""), (found[2] or "")[:1].upper()
    if len(digits) > 18:
        return None
    if "." in digits and not unit:
        return None
    return parse_claim(f"{digits}{unit}")


def check_parameters(claim: Claim, subject: Subject) -> Tested:
    """The stated count against every count that the words may mean."""
    stated, counts = number_of(claim.stated), subject.counts
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    if not subject.readable or not counts:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    agreed = [name for name, count in counts.items() if stated.agrees(count)]
    figures = {"stated": stated.parameters, **counts}
    if agreed:
        said = message("shown.count", count=counts[agreed[0]], what=message(f"counted.{agreed[0]}"))
        return outcome_of(claim, Outcome.borne_out, said, **figures)
    off = min(abs(stated.parameters - count) / count for count in counts.values())
    said = message("shown.counts", low=min(counts.values()), high=max(counts.values()))
    if off > ROUNDED and min(abs(stated.parameters - count) for count in counts.values()) > stated.slack:
        return outcome_of(claim, Outcome.contradicted, said, **figures)
    return outcome_of(claim, Outcome.not_shown, said, message("shown.near"), **figures)


def check_layers(claim: Claim, subject: Subject) -> Tested:
    """The stated number of layers against the stacks of the tensors.

    Layers may share tensors, and files hold layers that a model does not count (prediction heads), so that a number between is
    flagged; contradicted is what differs from the tensors and from the configuration beside them.
    """
    stated, stacks = number_of(claim.stated), subject.layers
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    if not subject.readable or not stacks:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    shown = {*stacks.values(), sum(stacks.values())} - {0}
    said = message("shown.layers", counts=[str(count) for count in sorted(shown)])
    if stated.parameters in shown:
        return outcome_of(claim, Outcome.borne_out, said)
    assert subject.checkpoint is not None
    config = {value for value in subject.checkpoint.config.values() if isinstance(value, int)}
    if claim.source.file == "config.json" or stated.parameters in config:
        return outcome_of(claim, Outcome.not_shown, said, flagged=True)
    return outcome_of(claim, Outcome.contradicted, said)


def check_width(claim: Claim, subject: Subject) -> Tested:
    """The stated width against the residual channels; a number that is no size of any tensor is contradicted."""
    stated = number_of(claim.stated)
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    if not subject.readable or subject.checkpoint is None or not subject.checkpoint.width:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    said = message("shown.width", count=subject.checkpoint.width)
    if stated.parameters == subject.checkpoint.width:
        return outcome_of(claim, Outcome.borne_out, said)
    if stated.parameters in subject.dimensions:
        return outcome_of(claim, Outcome.not_shown, said, flagged=True)
    return outcome_of(claim, Outcome.contradicted, said)


def check_vocabulary(claim: Claim, subject: Subject) -> Tested:
    """The stated size of the vocabulary against rows of the embedding and tokens of the tokenizer."""
    stated = number_of(claim.stated)
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    rows, vocabulary = subject.table_rows if subject.readable else (), subject.vocabulary
    counts = set(rows)
    if vocabulary is not None and len(vocabulary):
        held = sum(token is not None for token in vocabulary.tokens)
        special = len(vocabulary.special | vocabulary.added)
        counts |= {len(vocabulary), held, held - special}
    if not counts:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    said = message("shown.vocabulary", counts=[f"{count:,}" for count in sorted(counts)])
    if any(stated.agrees(count) for count in counts):
        return outcome_of(claim, Outcome.borne_out, said)
    low, high = min(counts) * (1 - NEAR_ROWS) - stated.slack, max(counts) * (1 + NEAR_ROWS) + stated.slack
    if low <= stated.parameters <= high:
        return outcome_of(claim, Outcome.not_shown, said, message("shown.near"))
    return outcome_of(claim, Outcome.contradicted, said)
