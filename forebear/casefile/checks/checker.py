"""All checks over all pairs of a case: each translation against its source, and versions in one language against each other."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.bitext.manner import Manner, manner_of
from forebear.casefile.bitext.meant import both_ways
from forebear.casefile.checks.conversion import check_conversion
from forebear.casefile.checks.cues import NONE, check_cues, seen
from forebear.casefile.checks.figures import check_bounds, check_figures, check_order
from forebear.casefile.checks.findings import Finding, reason, rules
from forebear.casefile.checks.glossary import check_glossary, check_one_term
from forebear.casefile.checks.grounds import with_ground
from forebear.casefile.checks.held import GAP_NEAR, Held, gap_tells, manner_notes
from forebear.casefile.checks.left_out import check_alone
from forebear.casefile.checks.literal import check_literal
from forebear.casefile.checks.markup import check_markup, check_notes
from forebear.casefile.checks.modals import check_modals
from forebear.casefile.checks.name_checks import check_code_names, check_consistency, check_names
from forebear.casefile.checks.opposites import check_opposites
from forebear.casefile.checks.pair import Knowledge, Pair
from forebear.casefile.checks.passages import with_passages
from forebear.casefile.checks.shape import (
    check_controls,
    check_gaps,
    check_length,
    check_residue,
    check_script,
)
from forebear.casefile.checks.terms import check_terms, term_set
from forebear.casefile.facts.fact import Fact, agree, narrow
from forebear.casefile.text.length import weight
from forebear.core.messages import Message, message

Check = Callable[[Pair], Iterator[Finding]]
BOTH: tuple[Check, ...] = (
    check_literal,
    check_figures,
    check_bounds,
    check_order,
    check_terms,
    check_names,
    check_code_names,
    check_glossary,
    check_opposites,
    check_modals,
    check_cues,
    check_length,
    check_residue,
    check_markup,
)
"""Checks of links that have both sides."""
RIGHT: tuple[Check, ...] = (check_script, check_controls, check_notes)
"""Checks of the translation alone, gaps included."""
CONVERTED: tuple[Check, ...] = (check_conversion, check_script, check_controls, check_notes, check_markup)
"""A machine conversion is checked against the conversion, not for meaning."""
SIBLINGS: tuple[Check, ...] = (check_figures, check_terms, check_names, check_cues, check_length)
"""Checks of two texts in one language."""
APART: tuple[Check, ...] = (check_figures, check_terms, check_names)
"""The same when the two were made apart from each other: each puts its sentences in its own way."""

LESS_EXACT = {
    "negation/modal": ("negation/polarity",),
    "figure/literal": ("number/value", "number/magnitude", "date/value", "number/lost", "number/added"),
}
"""What a finding of the same link says less exactly, and is not said besides."""

Links = Mapping[tuple[str, str], Sequence[Link]]


def check_case(texts: Mapping[str, Text], links: Links, known: Knowledge) -> list[Finding]:
    """Findings of every aligned pair, in the order of the texts, without doubles.

    texts: by source id; links: by (left id, right id), where left is what right was made from, or its sibling.
    """
    found: list[Finding] = []
    notes: list[Finding] = []
    ratios = {pair: _usual(texts[pair[0]], texts[pair[1]], ls) for pair, ls in links.items()}
    terms = {name: term_set(text.extract.text) for name, text in texts.items()}
    for names, pair_links in links.items():
        left, right = texts[names[0]], texts[names[1]]
        sibling = right.source.of != left.source.id
        base = left.source.of if sibling else names[0]
        around = _Around(texts, links, names, {k[1]: v[0] for k, v in ratios.items() if k[0] == base})
        usual, spread = ratios[names]
        manner = manner_of(left, right, pair_links)
        meant = None if sibling or right.source.role == "machine-conversion" else both_ways(left, right, pair_links, usual)
        told: list[Finding] = []
        held = Held()
        for at, link in enumerate(pair_links):
            pair = Pair(left, right, link, known, usual, spread, terms[names[0]], terms[names[1]])
            pair.witnesses, pair.ratios, pair.meant = around.at(link), around.ratios, meant
            pair.beside = pair_links[max(0, at - 1) : at + 2]
            if sibling:
                pair.original_segments = _origin(links.get((left.source.of, left.source.id), ()), link.left)
            every, said = _said(pair, texts, manner, sibling, pair_links[max(0, at - GAP_NEAR) : at + GAP_NEAR + 1])
            told += said
            held.keep(every, said)
        found += told if sibling else with_passages(told, pair_links, left, right)
        if not sibling and right.source.role != "machine-conversion":
            found += check_one_term(left, right, pair_links, known)
        notes += manner_notes(left, right, manner, sibling, held)
    for text in texts.values():
        found += check_consistency(text, known)
        found += _front_matter(text)
    return [*_distinct(found), *notes]


def _said(
    pair: Pair, texts: Mapping[str, Text], manner: Manner, sibling: bool, near: Sequence[Link]
) -> tuple[list[Finding], list[Finding]]:
    """Findings that one link of a close translation would have, and those told of it; near: the links around it."""
    if sibling:
        every = list(_sibling(pair, texts, SIBLINGS, gaps=True))
        if not manner.apart or not every:
            return every, every
        return every, list(_sibling(pair, texts, APART, gaps=gap_tells(pair, near)))
    every = [with_ground(pair, f) for f in _run(pair, _checks_for(pair.right), near)]
    if not manner.free or not every:
        return every, every
    pair.free = True
    return every, [with_ground(pair, f) for f in _run(pair, _checks_for(pair.right), near)]


def _checks_for(right: Text) -> tuple[Check, ...]:
    return CONVERTED if right.source.role == "machine-conversion" else BOTH + RIGHT


def _run(pair: Pair, checks: Iterable[Check], near: Sequence[Link]) -> Iterator[Finding]:
    alone = list(check_alone(pair, near))
    yield from alone
    if not alone:
        yield from check_gaps(pair)
    said: set[str] = set()
    for check in checks:
        if (pair.link.left and pair.link.right) or check in RIGHT:
            for finding in check(pair):
                if finding.rule not in said:
                    yield finding
                said.update(LESS_EXACT.get(finding.ground or finding.rule, ()))


def _usual(left: Text, right: Text, links: Sequence[Link]) -> tuple[float, float]:
    """Median ratio of lengths over the links, and a robust spread of its logarithm."""
    logs = []
    for link in links:
        a, b = weight(left.joined(link.left)), weight(right.joined(link.right))
        if a > 8 and b > 4:
            logs.append(math.log(b / a))
    if len(logs) < 5:
        return 1.0 if not logs else math.exp(sorted(logs)[len(logs) // 2]), 0.35
    logs.sort()
    middle = logs[len(logs) // 2]
    spread = 1.48 * sorted(abs(x - middle) for x in logs)[len(logs) // 2]
    return math.exp(middle), min(0.5, max(0.08, spread))


def _origin(links: Sequence[Link], indices: Sequence[int]) -> list[int]:
    wanted = set(indices)
    return sorted({i for link in links if wanted & set(link.right) for i in link.left})


class _Around:
    """What other translations of the same original say where a link is."""

    def __init__(
        self, texts: Mapping[str, Text], links: Links, names: tuple[str, str], ratios: dict[str, float]
    ) -> None:
        self.ratios = ratios
        self.maps: list[tuple[Text, dict[int, tuple[int, ...]]]] = []
        for (left, right), pair_links in links.items():
            if left != names[0] or right == names[1]:
                continue
            other = texts[right]
            if other.source.role == "machine-conversion" or other.source.of != left:
                continue
            self.maps.append((other, {i: link.right for link in pair_links for i in link.left}))

    def at(self, link: Link) -> list[tuple[str, str, str, list[Fact]]]:
        """(source id, language, text, facts) of each witness; one that has a gap there says nothing."""
        found = []
        for text, where in self.maps:
            indices = sorted({j for i in link.left for j in where.get(i, ())})
            if indices:
                facts = [f for j in indices for f in text.facts[j]]
                found.append((text.source.id, text.language, text.joined(indices), facts))
        return found


def _sibling(pair: Pair, texts: Mapping[str, Text], checks: Iterable[Check], gaps: bool) -> Iterator[Finding]:
    """Two texts in one language: the original says which of them departs."""
    if not pair.link.left or not pair.link.right:
        # what the original has at this place, the other text left out; what it lacks was added
        for finding in check_gaps(pair) if gaps else ():
            left_out = bool(pair.original_segments) == bool(pair.link.left)
            yield replace(finding, deviates=(pair.right if left_out else pair.left).source.id)
        return
    for check in checks:
        for finding in check(pair):
            deviates = _third(finding, pair, texts)
            if finding.rule == "term/changed" and not deviates and _both_said(finding, pair, texts):
                continue  # the original has the one and the other
            # two ways of putting it, when the original takes no side
            if deviates or not finding.rule.startswith(("omission/", "addition/")):
                yield replace(finding, deviates=deviates)


def _both_said(finding: Finding, pair: Pair, texts: Mapping[str, Text]) -> bool:
    original = texts.get(pair.left.source.of)
    plain = narrow(original.joined(pair.original_segments)).lower() if original else ""
    return all(narrow(quote).lower() in plain for quote in (finding.left_quote, finding.right_quote))


def _third(finding: Finding, pair: Pair, texts: Mapping[str, Text]) -> str:
    original = texts.get(pair.left.source.of)
    if original is None:
        return ""
    segments = _original_text(finding, pair, original)
    if finding.rule.startswith(("number/", "date/")):
        a = any(agree(x, y) for x in _within(pair.a_facts, finding.left_quote) for y in segments[1])
        b = any(agree(x, y) for x in _within(pair.b_facts, finding.right_quote) for y in segments[1])
    elif finding.rule.startswith(("omission/", "addition/")):
        a, b = (
            pair.as_usual(segments[0], pair.left.source.id, pair.a),
            pair.as_usual(segments[0], pair.right.source.id, pair.b),
        )
    elif finding.rule.startswith(("term/", "name/")):
        plain = narrow(segments[0]).lower()
        a, b = (narrow(q).lower() in plain for q in (finding.left_quote, finding.right_quote))
    else:
        ours = seen(_FAMILY.get(finding.rule, "negation"), original.language, segments[0])
        strong = bool(ours and ours.strong)
        lost = isinstance(finding.why, Message) and finding.why.values.get("right") == NONE
        a, b = strong == lost, strong != lost
    if a == b:
        return ""
    return pair.right.source.id if a else pair.left.source.id


_FAMILY = {"negation/polarity": "negation", "certainty/hedge": "hedge", "certainty/booster": "booster"}


def _within(facts: Sequence[Fact], quote: str) -> list[Fact]:
    return [f for f in facts if f.surface in quote]


def _original_text(finding: Finding, pair: Pair, original: Text) -> tuple[str, list[Fact]]:
    del finding
    indices = pair.original_segments
    return original.joined(indices), [f for i in indices for f in original.facts[i]]


def _front_matter(text: Text) -> Iterator[Finding]:
    for block in text.extract.blocks:
        if block.kind == "front-matter":
            quote = text.extract.text[block.start : block.end]
            yield Finding(
                "note/front-matter", "", text.source.id, (0, 0), (block.start, block.end), "", quote, "",
                reason("note/front-matter"), rules()["note/front-matter"].severity,
            )  # fmt: skip


def _distinct(found: Sequence[Finding]) -> list[Finding]:
    """Without repetition: one finding per rule family and place; a habit of a whole text is said once."""
    seen_places: set[tuple[str, str, tuple[int, int], tuple[int, int]]] = set()
    kept: list[Finding] = []
    for finding in found:
        key = (finding.rule.split("/")[0], finding.right, finding.left_span, finding.right_span)
        if key not in seen_places:
            seen_places.add(key)
            kept.append(finding)
    return _habits(kept)


HABIT = 5
"""From this many equal departures on, a text has a habit (a dropped section number, a variant character), not errors."""


def _habits(found: Sequence[Finding]) -> list[Finding]:
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in found:
        groups.setdefault(_habit(finding), []).append(finding)
    kept = []
    for finding in found:
        key = _habit(finding)
        alike = groups[key]
        if not key[3] or len(alike) < HABIT:
            kept.append(finding)
        elif finding is alike[0]:
            kept.append(replace(finding, why=_again(finding, alike), severity="neutral", repeats=len(alike)))
    return kept


def _again(finding: Finding, alike: Sequence[Finding]) -> Message:
    """What is said of a habit: the finding once, at how many places, and what differs there (footnotes: 19 → 18)."""
    if finding.rule != "number/value":
        return message("habit.again", what=finding.why, count=len(alike))
    pairs = [f"{f.left_quote} → {f.right_quote}" for f in alike]
    return message("habit.again_at", what=finding.why, count=len(alike), pairs=pairs)


def _shift(finding: Finding) -> str:
    """By how much the number of a footnote differs; footnotes that all shift by one are a habit."""
    a, b = finding.left_quote, finding.right_quote
    short = len(a) < 16 and len(b) < 16  # Python reads no integer of 4,300 digits or more
    return f"[{int(b) - int(a):+d}]" if short and a.isdecimal() and b.isdecimal() else ""


_FOOTNOTE = re.compile(r"(?:^|[^A-Za-z0-9_\]])\[$")
"""The bracket of a footnote: behind a name it may be an index, which is no footnote (a[3])."""


def _habit(finding: Finding) -> tuple[str, str, str, str]:
    """What makes two findings one habit; the last part is empty for rules that never are one."""
    detail = ""
    if finding.rule == "script/foreign":
        detail = finding.right_quote
    elif finding.rule == "term/lost":
        detail = finding.left_quote
    elif finding.rule.startswith(("quotes/", "emphasis/", "heading/")):
        detail = finding.rule
    elif finding.rule == "number/lost":
        detail = finding.context
    elif finding.rule == "number/value" and _FOOTNOTE.search(finding.context):
        detail = _shift(finding)
    return finding.rule, finding.left, finding.right, detail
