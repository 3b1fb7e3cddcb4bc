"""Several sentences in a row without a counterpart: one finding for the passage, not one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import Finding, reason, rules
from forebear.casefile.text.length import weight

LEAST = 3
"""Sentences in a row that make a passage."""
LEAST_WEIGHT = 60.0
"""Length (text.length) of all of them from which it is no list of names or headings."""
_LOST, _ADDED = "omission/sentence", "addition/sentence"
RULES = {_LOST: "omission/passage", _ADDED: "addition/passage"}


def with_passages(found: Sequence[Finding], links: Sequence[Link], left: Text, right: Text) -> list[Finding]:
    """The findings of a pair of texts with every run of sentences left out, or added, put together in the place of the first.

    A run counts where the links beside it have both sides: where the other text has a gap next to it, the two may belong together.
    """
    runs = {(rule, i): run for rule, run in _runs(links, left, right) for i in run}
    kept: list[Finding] = []
    for finding in found:
        own = finding.left_segments if finding.rule == _LOST else finding.right_segments
        run = runs.get((finding.rule, own[0])) if finding.rule in RULES and own else None
        if run is None:
            kept.append(finding)
        elif own[0] == run[0]:
            kept.append(_passage(finding, run, left if finding.rule == _LOST else right))
    return kept


def _runs(links: Sequence[Link], left: Text, right: Text) -> list[tuple[str, list[int]]]:
    """(rule, segments) of every passage that only one text has."""
    groups = [(kind, list(part)) for kind, part in groupby(links, key=_kind)]
    found = []
    for at, (kind, part) in enumerate(groups):
        beside = [groups[i][0] for i in (at - 1, at + 1) if 0 <= i < len(groups)]
        if kind not in RULES or any(k in RULES for k in beside):
            continue
        text, run = (left, [i for k in part for i in k.left]) if kind == _LOST else (right, [j for k in part for j in k.right])
        heavy = [i for i in run if weight(text.segments[i].text) >= 6]
        if len(heavy) >= LEAST and sum(weight(text.segments[i].text) for i in heavy) >= LEAST_WEIGHT:
            found.append((kind, run))
    return found


def _kind(link: Link) -> str:
    return "" if link.left and link.right else _LOST if link.left else _ADDED


def _passage(finding: Finding, run: Sequence[int], text: Text) -> Finding:
    rule = RULES[finding.rule]
    start, end = text.segments[run[0]].start, text.segments[run[-1]].end
    whole = text.extract.text[start:end]
    made = replace(finding, rule=rule, why=reason(rule, count=len(run)), severity=rules()[rule].severity, ground="")
    if finding.rule == _LOST:
        return replace(made, left_span=(start, end), left_quote=whole, left_segments=tuple(run))
    return replace(made, right_span=(start, end), right_quote=whole, right_segments=tuple(run))
