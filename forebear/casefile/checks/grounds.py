"""What speaks for one finding besides its kind: readable conditions on the link and both sentences (rules.toml, decision 0087).

A kind is too often false in translations nobody planted errors in. Those of its findings that also meet a condition here have a
figure of their own, and are told when that condition has been right often enough.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from forebear.casefile.bitext.align import Link
from forebear.casefile.checks.cues import seen
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.opposites import of_order
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import distinctive, has_term, is_prose, latin_terms
from forebear.casefile.facts.fact import Fact, agree, narrow
from forebear.casefile.naming.stock import is_english
from forebear.casefile.text.length import weight

LIKELY = 0.75
"""Score from which a link is trusted."""
SHORT, PLAIN, LONG = 30.0, 60.0, 120.0
"""Length (text.length) of a sentence that hardly says more than one thing, of one that says one thing with what belongs to it,
and of one whose figures can be set side by side."""
ABSORBED = 0.25
"""Log of the length by which a neighbour of a gap may depart from the usual one before it may hold what the gap lacks."""
CUES = {"negation/polarity": "negation", "certainty/hedge": "hedge", "certainty/booster": "booster"}
_QUESTION = re.compile(r"[?？]\s*$")
_CLAUSE = re.compile(r"[,，、;；:：—]| - |——")
_MONEY = re.compile(r"[$€£¥￥円元]|dollar|euro|yen|yuan|USD|美元|ドル|ユーロ", re.I)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|『[^』]*』")
_LATIN = re.compile(r"[A-Za-z][A-Za-z-]{2,}")


def with_ground(pair: Pair, finding: Finding, near: Sequence[Link]) -> Finding:
    """The finding with the condition it meets, if any; near: links around the one under test."""
    return replace(finding, ground=_ground(pair, finding, near))


def _ground(pair: Pair, finding: Finding, near: Sequence[Link]) -> str:
    if finding.rule in ("omission/sentence", "addition/sentence"):
        return ("gap/between" if pair.link.left else "gap/added") if _between(pair, near) else ""
    if finding.rule in ("term/changed", "term/added") and _spelling(pair, finding):
        return "term/spelling"
    if pair.link.score < LIKELY or len(pair.link.left) != 1 or len(pair.link.right) != 1:
        return ""
    return _of_one(pair, finding, _placed(near, pair.link))


def _of_one(pair: Pair, finding: Finding, placed: bool) -> str:
    """The condition on a link of one sentence to one; placed: whether the links beside it have both sides."""
    rule = finding.rule
    if rule in ("number/value", "number/magnitude", "date/value"):
        return "figure/alone" if _alone(pair, finding) else ""
    if rule in ("negation/modal", "term/changed"):
        if not placed or weight(pair.a) > LONG:
            return ""
        return "modal/placed" if rule == "negation/modal" else "term/exchanged" if _exchanged(pair, finding) else ""
    if rule in CUES:
        return _of_cue(pair, finding, placed)
    if rule == "contradiction/opposite" and not of_order(finding.left_quote, pair.left.language):
        return "opposite/bare" if _short(pair) else "opposite/placed" if placed and _undenied(pair) else ""
    return ""


def _undenied(pair: Pair) -> bool:
    """Whether two sentences of usual length hold no negation at all, not even a weak one, so that neither turns its word round."""
    if weight(pair.a) > PLAIN or _QUESTION.search(pair.a):
        return False
    found = seen("negation", pair.left.language, pair.a), seen("negation", pair.right.language, pair.b)
    return all(f is not None and not (f.strong or f.fixed) for f in found)


def _of_cue(pair: Pair, finding: Finding, placed: bool) -> str:
    if not _lost_alone(pair, finding):
        return ""
    family = finding.rule.split("/")[0]
    if _short(pair):
        return f"{family}/bare"
    return f"{family}/lost" if placed and weight(pair.a) <= PLAIN and not _QUESTION.search(pair.a) else ""


def _short(pair: Pair) -> bool:
    return _bare(pair.a, SHORT) and _bare(pair.b, SHORT * max(1.0, pair.usual))


def _bare(text: str, longest: float) -> bool:
    """Whether a sentence is short and of one clause."""
    return weight(text) <= longest and not _CLAUSE.search(text.strip().rstrip("。.!?！？:："))


def _between(pair: Pair, near: Sequence[Link]) -> bool:
    """Whether what has no counterpart is a sentence of some length between two that surely have one, of usual length.

    A neighbour longer than usual may say what the gap seems to lack; where the other side has a gap too, links may be off.
    """
    at = next((i for i, link in enumerate(near) if link is pair.link), -1)
    if at < 1 or at + 1 >= len(near) or weight(pair.a or pair.b) < 8:
        return False
    lost = bool(pair.link.left)
    if any(bool(k.right if lost else k.left) and not (k.left and k.right) for k in near):
        return False
    return all(_usual_length(pair, k, lost) and k.score >= LIKELY for k in (near[at - 1], near[at + 1]))


def _usual_length(pair: Pair, link: Link, lost: bool) -> bool:
    """Whether a neighbour of a gap has one counterpart that can hardly hold what the gap says besides."""
    if len(link.left) != 1 or len(link.right) != 1:
        return False
    a, b = weight(pair.left.joined(link.left)), weight(pair.right.joined(link.right))
    more = math.log((b + 3) / (a * pair.usual + 3))
    own = weight(pair.a or pair.b)
    both = math.log((b + 3) / ((a + own) * pair.usual + 3)) if lost else math.log((b + own + 3) / (a * pair.usual + 3))
    return (more < ABSORBED and both < -ABSORBED) if lost else (more > -ABSORBED and both > ABSORBED)


def _placed(near: Sequence[Link], link: Link) -> bool:
    """Whether the links beside one have both sides, so that the one is hardly out of place."""
    at = next((i for i, k in enumerate(near) if k is link), -1)
    return at >= 0 and all(k.left and k.right for k in near[max(0, at - 1) : at + 2])


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


def _spelling(pair: Pair, finding: Finding) -> bool:
    """Whether a Latin word that the source has nowhere is a letter or two away from one of the left sentence that is gone."""
    new = finding.right_quote
    words = {w for w in _LATIN.findall(narrow(pair.a)) if not has_term(pair.b, w)}
    if is_english(new.lower()) or (pair.right.language != "en" and is_prose(pair.b)):
        return False
    return new.lower() not in pair.left_terms and any(_misspelt(word, new) for word in words)


def _exchanged(pair: Pair, finding: Finding) -> bool:
    """Whether one name stands for another and the two sentences have every other Latin word in common."""
    names = [finding.left_quote, finding.right_quote]
    if weight(pair.a) > LONG or (pair.left.language == "en" and is_english(names[0].lower())):
        return False  # a plain word with a capital (TOOL)
    if not all(distinctive(n) or n[:1].isupper() for n in names) or _one_in_other(*(n.lower() for n in names)):
        return False
    others = [t for t, _, _ in latin_terms(pair.b) if t != names[1]]
    anchored = any(agree(a, b) for a in pair.a_facts for b in pair.b_facts if a.strong)
    return (bool(others) or anchored) and all(has_term(pair.a, t) for t in others)


def _one_in_other(a: str, b: str) -> bool:
    """Whether one name may be the short form of the other: it stands in it, or its letters do in their order (k8s, PostgreSQL)."""
    short, long = sorted((a, b), key=len)
    rest = iter(long)
    return short in long or short[:4] == long[:4] or (short[0] == long[0] and all(c in rest for c in short))


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
    family = CUES[finding.rule]
    left, right = seen(family, pair.left.language, pair.a), seen(family, pair.right.language, pair.b)
    if left is None or right is None or len(left.strong) != 1 or left.fixed or not _as_long(pair):
        return False
    if not _firm(family, pair, pair.a[slice(*left.strong[0])]):
        return False
    return not (right.strong or right.soft or right.weak or right.fixed)


def _as_long(pair: Pair) -> bool:
    """Whether the right sentence is not so short or long that it may say something else."""
    ratio = (weight(pair.b) + 3) / (weight(pair.a) * pair.usual + 3)
    return 0.6 < ratio < 1.7


def _firm(family: str, pair: Pair, word: str) -> bool:
    """Whether a word of negation or doubt says so by itself: no denial of a degree or of one of two, no may that may permit."""
    if pair.left.language == "zh":
        return family != "negation" or bool(_ZH_VERB.search(pair.a))
    if pair.left.language != "en":
        return True
    if family == "negation":
        return bool(_VERB_NOT.fullmatch(word)) and not _DEGREE.search(pair.a)
    return word.lower() not in ("may", "might", "likely")


_VERB_NOT = re.compile(r"not|n['’]t|never|cannot", re.I)
_DEGREE = re.compile(
    r"(?:\bnot|n['’]t|never) (?:\w+ )?(?:very|so|too|quite|entirely|all|always|every|necessarily|much|many|just|only|even|"
    r"really|but|until)\b"
    r"|\b(?:without|unless|but|nor|only|whether|or not|why not|instead|rather)\b",
    re.I,
)
"""Denial of a degree, of one thing in favour of another, or twice: each is often put without a denial."""
_ZH_VERB = re.compile("(?:不能|不会|不是|没有|不要|不需要|不应|不可以|无法|从未|从来没|并未|并没|未曾|不支持|不存在)")
