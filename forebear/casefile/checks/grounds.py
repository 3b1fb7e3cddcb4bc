"""What speaks for one finding besides its kind: readable conditions on the link and both sentences (rules.toml, decision 0087).

A kind is too often false in translations nobody planted errors in. Those of its findings that also meet a condition here have a
figure of their own, and are told when that condition has been right often enough.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from forebear.casefile.bitext.align import Link
from forebear.casefile.checks.cues import seen
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.opposites import of_order
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import distinctive, has_term, latin_terms
from forebear.casefile.facts.fact import Fact, agree, narrow
from forebear.casefile.naming.stock import is_english
from forebear.casefile.text.length import weight

LIKELY = 0.75
"""Score from which a link is trusted."""
SHORT, LONG = 30.0, 90.0
"""Length (text.length) of a sentence that hardly says more than one thing, and of one whose figures can be set side by side."""
_CLAUSE = re.compile(r"[,，、;；:：—]| - |——")
_MONEY = re.compile(r"[$€£¥￥円元]|dollar|euro|yen|yuan|USD|美元|ドル|ユーロ", re.I)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|『[^』]*』")
_LATIN = re.compile(r"[A-Za-z][A-Za-z-]{2,}")


def with_ground(pair: Pair, finding: Finding, near: Sequence[Link]) -> Finding:
    """The finding with the condition it meets, if any; near: links around the one under test."""
    return replace(finding, ground=_ground(pair, finding, near))


def _ground(pair: Pair, finding: Finding, near: Sequence[Link]) -> str:
    family = finding.rule.split("/")[0]
    if finding.rule in ("omission/sentence", "addition/sentence"):
        return "gap/between" if _between(pair, near) else ""
    if pair.link.score < LIKELY or len(pair.link.left) != 1 or len(pair.link.right) != 1:
        return ""
    if finding.rule in ("number/value", "number/magnitude", "date/value"):
        return "figure/alone" if _alone(pair, finding) else ""
    if finding.rule in ("term/changed", "term/added"):
        return _term(pair, finding)
    if not (_bare(pair.a, SHORT) and _bare(pair.b, SHORT * max(1.0, pair.usual))):
        return ""
    if finding.rule in ("negation/polarity", "certainty/hedge", "certainty/booster"):
        return f"{family}/bare" if _lost_alone(pair, finding) else ""
    if finding.rule == "contradiction/opposite":
        return "" if of_order(finding.left_quote, pair.left.language) else "opposite/bare"
    return ""


def _bare(text: str, longest: float) -> bool:
    """Whether a sentence is short and of one clause."""
    return weight(text) <= longest and not _CLAUSE.search(text.strip().rstrip("。.!?！？:："))


def _between(pair: Pair, near: Sequence[Link]) -> bool:
    """Whether what has no counterpart is a sentence of some length between two sentences that surely have one each."""
    at = next((i for i, link in enumerate(near) if link is pair.link), -1)
    if at < 1 or at + 1 >= len(near) or weight(pair.a or pair.b) < 6:
        return False
    return all(len(k.left) == len(k.right) == 1 and k.score >= LIKELY for k in (near[at - 1], near[at + 1]))


def _alone(pair: Pair, finding: Finding) -> bool:
    """Whether the figure counts the same thing on both sides and every other figure of the two sentences has its counterpart."""
    if max(weight(pair.a), weight(pair.b) / max(0.1, pair.usual)) > LONG or _MONEY.search(pair.a + pair.b):
        return False
    left, right = (_quoted(facts, text, quote) for facts, text, quote in (
        (pair.a_facts, pair.a, finding.left_quote), (pair.b_facts, pair.b, finding.right_quote)))  # fmt: skip
    if left is None or right is None or left.kind != right.kind or (left.unit and right.unit and left.unit != right.unit):
        return False
    if _in_quotes(pair.a, left) or _in_quotes(pair.b, right):
        return False  # a name of something: a keyboard of 104 keys has 105 elsewhere
    rest = [f for f in pair.a_facts if f is not left and f.strong], [f for f in pair.b_facts if f is not right and f.strong]
    return len(rest[0]) == len(rest[1]) and all(agree(a, b) for a, b in zip(*rest, strict=True))


def _in_quotes(text: str, fact: Fact) -> bool:
    return any(m.start() < fact.start and fact.end < m.end() for m in _QUOTED.finditer(text))


def _quoted(facts: Sequence[Fact], text: str, quote: str) -> Fact | None:
    return next((f for f in facts if text[f.start : f.end] == quote), None)


def _term(pair: Pair, finding: Finding) -> str:
    """A Latin word a letter or two away from one of the left sentence, or one name in the place of another."""
    new = finding.right_quote
    words = {w for w in _LATIN.findall(narrow(pair.a)) if not has_term(pair.b, w)}
    if new.lower() not in pair.left_terms and any(_misspelt(word, new) for word in words):
        return "term/spelling"
    if finding.rule != "term/changed" or weight(pair.a) > LONG:
        return ""
    names = [finding.left_quote, new]
    if pair.left.language == "en" and is_english(names[0].lower()):
        return ""  # a plain word with a capital (TOOL)
    if not all(distinctive(n) or n[:1].isupper() for n in names):
        return ""
    others = [t for t, _, _ in latin_terms(pair.b) if t != new and not has_term(pair.a, t)]
    return "" if others else "term/exchanged"


def _misspelt(word: str, new: str) -> bool:
    """Whether one is the other with one letter changed, left out or added, or two neighbours changed over; two in long words."""
    a, b = word.lower(), narrow(new).lower()
    if a == b or min(len(a), len(b)) < 3 or a.rstrip("s") == b.rstrip("s"):
        return False
    return _distance(a, b) <= (1 if max(len(a), len(b)) < 8 else 2)


def _distance(a: str, b: str) -> int:
    """Edits between two words, a change of neighbours counted once (optimal string alignment)."""
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and (x, y) == (b[j - 2], a[i - 2]):
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def _lost_alone(pair: Pair, finding: Finding) -> bool:
    """Whether the left sentence has one such word and the right one nothing of the kind, in no set phrase and not weakly either."""
    family = {"negation/polarity": "negation", "certainty/hedge": "hedge", "certainty/booster": "booster"}[finding.rule]
    left, right = seen(family, pair.left.language, pair.a), seen(family, pair.right.language, pair.b)
    if left is None or right is None or len(left.strong) != 1 or left.fixed:
        return False
    return not (right.strong or right.soft or right.weak or right.fixed)
