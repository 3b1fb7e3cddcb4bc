"""What is held back because of the manner of a translation: which gaps are told all the same, and the note that says the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.bitext.manner import Manner
from forebear.casefile.checks.figures import worth
from forebear.casefile.checks.findings import Finding, reason, rules
from forebear.casefile.checks.name_checks import spellings
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import distinctive, has_term, latin_terms
from forebear.casefile.facts.fact import agree, narrow

GAP_NEAR = 3
"""Links before and behind a gap in which the other version may say its figures and names."""
SHOWN = 5
"""Places of what was held back that the note lists."""


@dataclass
class Held:
    """Findings of one pair of texts that were not told, in the order of their places."""

    findings: list[Finding] = field(default_factory=list)

    def keep(self, every: Sequence[Finding], told: Sequence[Finding]) -> None:
        """Note those of `every` that are not among those told."""
        said = {(f.rule, f.left_span, f.right_span) for f in told}
        self.findings += [f for f in every if (f.rule, f.left_span, f.right_span) not in said]

    def values(self) -> dict[str, Any]:
        """How many, how many of them critical and major, and the first places: segments of the right text, counted from 0."""
        places = [f.right_segments[0] for f in self.findings if f.right_segments]
        counts = {s: sum(f.severity == s for f in self.findings) for s in ("critical", "major")}
        return {"held": len(self.findings), **counts, "places": list(dict.fromkeys(places))[:SHOWN] or ["–"]}


def manner_notes(left: Text, right: Text, manner: Manner, sibling: bool, held: Held) -> Iterator[Finding]:
    """What was not told because of the manner of a translation, once for the pair."""
    rule = "manner/apart" if sibling and manner.apart else "manner/free" if not sibling and manner.free else ""
    if rule:
        share = manner.likeness if sibling else manner.shifted
        why = reason(rule, share=share, links=manner.links, **held.values())
        yield Finding(
            rule, left.source.id, right.source.id, (0, 0), (0, 0), "", "", "", why, rules()[rule].severity,
        )  # fmt: skip


def gap_tells(pair: Pair, near: Sequence[Link]) -> bool:
    """Whether a sentence that one of two versions made apart lacks holds a figure or a name the other has not near it either.

    near: links around the gap, in order.
    """
    lost = bool(pair.link.left)
    mine, facts = (pair.a, pair.a_facts) if lost else (pair.b, pair.b_facts)
    other = pair.right if lost else pair.left
    indices = sorted({i for link in near for i in (link.right if lost else link.left)})
    text = narrow(other.joined(indices))
    others = [f for i in indices for f in other.facts[i]]
    if any(f.strong and worth(f) and not any(agree(f, o) for o in others) for f in facts):
        return True
    if any(distinctive(t) and not has_term(text, t) for t, _, _ in latin_terms(mine)):
        return True
    plain = narrow(mine)
    return any(
        any(narrow(n) in plain for n in names) and not any(narrow(n) in text for n in names)
        for _, names in spellings(pair.known)
    )
