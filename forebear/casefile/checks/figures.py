"""Numbers, dates and units that differ across a link."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from forebear.casefile.checks.findings import Finding, ours
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import mostly_latin
from forebear.casefile.facts.fact import Fact, agree, lasts, narrow, same_length

DATES = ("year", "month-of-year", "day-of-month", "time")


def check_figures(pair: Pair) -> Iterator[Finding]:
    """Figures without a counterpart: paired when both sides have one, else lost or added."""
    lonely_a, lonely_b = _lonely(pair.a_facts, pair.b_facts), _lonely(pair.b_facts, pair.a_facts)
    quiet = [f for f in _lonely(pair.a_facts, pair.b_facts, weak=True) if not f.strong and f.low > 1]
    yield from _ordinals(pair)
    for left in list(lonely_a):
        right = None if _stands_as_it_is(left, pair.b) else _partner(left, lonely_b)
        if right is None:
            continue
        lonely_a.remove(left)
        lonely_b.remove(right)
        yield _changed(pair, left, right)
    untranslated = pair.right.language != "en" and mostly_latin(pair.b)
    for left in lonely_a:
        if untranslated:
            continue
        if worth(left) and not _spelt_out(left, pair.b) and _witnessed(pair, left):
            yield pair.finding("number/lost", (left.start, left.end), None, left=left.surface)
    for right in lonely_b:
        if _spelt_out(right, pair.a) or not _missing_elsewhere(pair, right) or (pair.free and _is_label(pair, right)):
            continue
        word = _partner(right, quiet)
        if word is not None and (pair.witnesses or right.low > 3):
            yield _changed(pair, word, right)
        elif worth(right) or (right.low > 3 and pair.witnesses):
            yield pair.finding("number/added", None, (right.start, right.end), right=right.surface)


def _stands_as_it_is(fact: Fact, other: str) -> bool:
    """Whether a figure with a word of its own (10 million) stands unchanged in the other text, where that is no word."""
    word = narrow(fact.surface).strip()
    return word.isascii() and any(c.isalpha() for c in word) and word in narrow(other)


def _is_label(pair: Pair, fact: Fact) -> bool:
    """Whether a small figure only numbers something (2. ..., 3 つ目): a free translation counts what the original lists."""
    return fact.low <= 12 and pair.b[: fact.start].rstrip().endswith("第")


def _ordinals(pair: Pair) -> Iterator[Finding]:
    """The seventh against the seventeenth: an ordinal of each side that nothing on the other answers, and no more than one."""
    left = [f for f in _lonely(pair.a_facts, pair.b_facts, weak=True) if f.kind == "ordinal"]
    right = [f for f in _lonely(pair.b_facts, pair.a_facts, weak=True) if f.kind == "ordinal"]
    if len(left) == len(right) == 1:
        yield _changed(pair, left[0], right[0])


def _lonely(facts: Sequence[Fact], others: Sequence[Fact], weak: bool = False) -> list[Fact]:
    """Strong facts (or weak ones too) no fact of the other side can answer."""
    left = list(others)
    lonely = []
    for fact in facts:
        answer = next((o for o in left if agree(fact, o) and fact.unit == o.unit), None)
        answer = answer or next((o for o in left if agree(fact, o)), None)
        if answer is not None:
            left.remove(answer)
        elif (fact.strong or weak) and not any(agree(fact, o) for o in others):
            lonely.append(fact)
    return lonely


def _partner(fact: Fact, others: Sequence[Fact]) -> Fact | None:
    same = [o for o in others if (o.kind in DATES) == (fact.kind in DATES)]
    same = [o for o in same if o.kind == fact.kind or fact.kind not in DATES or o.kind not in DATES] or []
    same = [o for o in same if fact.kind not in DATES or o.kind == fact.kind]
    units = [o for o in same if o.unit and o.unit == fact.unit]
    same = [o for o in same if lasts(o) == lasts(fact)]  # a length of time became no bare number
    return (units or same or [None])[0]  # type: ignore[list-item]


def _changed(pair: Pair, left: Fact, right: Fact) -> Finding:
    spans = ((left.start, left.end), (right.start, right.end))
    if left.kind in DATES:
        return pair.finding("date/value", *spans, left=left.surface, right=right.surface)
    factor = _factor(left, right)
    if factor:
        return pair.finding("number/magnitude", *spans, left=left.surface, right=right.surface, factor=factor)
    return pair.finding("number/value", *spans, left=left.surface, right=right.surface)


def _factor(left: Fact, right: Fact) -> int:
    """Power of ten by which two figures differ; 0 when they differ otherwise."""
    if left.low <= 0 or right.low <= 0:
        return 0
    ratio = math.log10(right.low / left.low)
    power = round(ratio)
    near = abs(ratio - power) < 1e-9 if left.low == left.high and right.low == right.high else abs(ratio) > 0.9
    return 10 ** abs(power) if near and abs(power) >= 1 else 0


def worth(fact: Fact) -> bool:
    """Small figures are often said without a numeral (both, twice, half): their absence tells nothing."""
    return fact.kind in DATES[:1] or fact.low > 12 or (fact.kind == "percent") or (fact.low != int(fact.low))


def _spelt_out(fact: Fact, other: str) -> bool:
    """Whether the digits stand in the other text after all, inside a name or an address."""
    digits = fact.surface.replace(",", "").strip()
    return digits.isascii() and any(c.isdigit() for c in digits) and digits in other.replace(",", "")


def _witnessed(pair: Pair, fact: Fact) -> bool:
    """Whether no other translation leaves the figure out as well; without witnesses, yes."""
    return all(any(agree(fact, o) for o in facts) for _, _, _, facts in pair.witnesses)


def _missing_elsewhere(pair: Pair, fact: Fact) -> bool:
    return not any(agree(fact, o) for _, _, _, facts in pair.witnesses for o in facts)


def check_bounds(pair: Pair) -> Iterator[Finding]:
    """The same figure with another bound (about, more than, less than), and the same figure counting another thing."""
    for left in pair.a_facts:
        if left.kind in (*DATES, "ordinal") or (left.low < 3 and left.kind == "number" and not left.unit):
            continue
        if not left.strong:
            yield from _other_length(pair, left)
            continue
        answers = [o for o in pair.b_facts if agree(left, o) and o.kind == left.kind]
        if len(answers) != 1 or sum(agree(answers[0], o) for o in pair.a_facts) != 1:
            continue
        right = answers[0]
        if left.low != left.high or right.low != right.high:
            continue  # a range says by itself that it is not exact
        spans = ((left.start, left.end), (right.start, right.end))
        if _other_bound(pair, left, right):
            shown = (ours(left.bound or "exact"), ours(right.bound or "exact"))
            yield pair.finding(
                "number/bound", *spans, left=left.surface, right=right.surface, leftbound=shown[0], rightbound=shown[1]
            )
        if left.unit and right.unit and left.unit != right.unit and not same_length(left, right):
            yield _other_unit(pair, left, right)


def _other_unit(pair: Pair, left: Fact, right: Fact) -> Finding:
    spans = ((left.start, left.end), (right.start, right.end))
    mine, theirs = ours(left.unit), ours(right.unit)
    return pair.finding("unit/changed", *spans, left=left.surface, right=right.surface, leftunit=mine, rightunit=theirs)


def _other_length(pair: Pair, left: Fact) -> Iterator[Finding]:
    """A small number of days that became weeks: told when no length of either side has a counterpart in the other."""
    if not lasts(left):
        return
    ours_, theirs = [f for f in pair.a_facts if lasts(f)], [f for f in pair.b_facts if lasts(f)]
    if len(ours_) != 1 or len(theirs) != 1 or theirs[0].unit == left.unit or same_length(left, theirs[0]):
        return
    if agree(left, theirs[0]) and all(any(f.unit == left.unit for f in facts) for _, _, _, facts in pair.witnesses):
        yield _other_unit(pair, left, theirs[0])


_CLAUSE = re.compile(r"[,，、;；。:：]|(?<!\d)\.(?!\d)")
_SUBORDINATE = re.compile(r"\b(?:which|that|who|whose|where|when|while|if|unless|because|since|after|before|by)\b", re.I)
"""Clauses that another language may well put first."""
_FROM_TO = {
    "en": re.compile(r"\bfrom (?:about |around |over )?\x01\D{0,40}\bto (?:about |around |over )?\x01"),
    "ja": re.compile(r"\x01[^\x01、。]{0,12}から[^\x01、。]{0,12}\x01"),
    "zh": re.compile(r"从[^\x01，。]{0,8}\x01[^\x01，。]{0,12}(?:到|至|变|增|减|升|降|扩|缩|改)[^\x01，。]{0,8}\x01"),
}


def check_order(pair: Pair) -> Iterator[Finding]:
    """Two figures that changed places: in clauses of equal number, or between from and to."""
    left, right = [[f for f in facts if f.strong and f.kind == "number"] for facts in (pair.a_facts, pair.b_facts)]
    if len(left) != 2 or len(right) != 2 or agree(*left) or agree(*right):
        return
    if left[0].unit and left[1].unit and left[0].unit != left[1].unit:
        return
    if not (agree(left[0], right[1]) and agree(left[1], right[0])):
        return
    if not (_parallel(pair, left, right) or (_from_to(pair, True, left) and _from_to(pair, False, right))):
        return
    for _, _, _, facts in pair.witnesses:
        same = [f for f in facts if any(agree(f, o) for o in left)]
        if len(same) != 2 or not agree(same[0], left[0]):
            return
    spans = ((left[0].start, left[1].end), (right[0].start, right[1].end))
    yield pair.finding("number/order", *spans, left=left[0].surface, right=left[1].surface)


def _parallel(pair: Pair, left: Sequence[Fact], right: Sequence[Fact]) -> bool:
    """Whether both texts have as many clauses, few enough to be set side by side, and each figure a clause of its own."""
    places = []
    for text, facts in ((pair.a, left), (pair.b, right)):
        ends = [m.start() for m in _CLAUSE.finditer(text.rstrip("。.!?！？ "))]
        places.append([len(ends), *(sum(e < f.start for e in ends) for f in facts)])
    if _SUBORDINATE.search(pair.a) or _SUBORDINATE.search(pair.b):
        return False
    return places[0] == places[1] and places[0][0] <= 3 and places[0][1] < places[0][2]


def _from_to(pair: Pair, of_left: bool, facts: Sequence[Fact]) -> bool:
    text, language = (pair.a, pair.left.language) if of_left else (pair.b, pair.right.language)
    marked = narrow(text)
    for fact in reversed(facts):
        marked = marked[: fact.start] + "\x01" + marked[fact.end :]
    pattern = _FROM_TO.get(language)
    return bool(pattern and pattern.search(marked))


def _other_bound(pair: Pair, left: Fact, right: Fact) -> bool:
    """Whether two equal figures have bounds that differ; the bound of one end of a range may belong to all of it."""
    if {left.bound, right.bound} == {"above", "below"}:
        return True  # each side has its own word, so no range excuses it
    if _in_range(pair.a, left, pair.a_facts) or _in_range(pair.b, right, pair.b_facts):
        return False
    return bool(left.bound) != bool(right.bound) and not _rounded(left, right) and _witness_bound(pair, left)


_TO = r"(?P<to>[-~–—〜～]|or|to|and|或|和|到|至|から)"


def _in_range(text: str, fact: Fact, facts: Sequence[Fact]) -> bool:
    """Whether a figure is one end of a range (2–3 GB, 30 or 40 MB); two figures beside `and` only when they count one thing."""
    before, after = text[max(0, fact.start - 8) : fact.start], text[fact.end : fact.end + 12]
    to = re.search(rf"\d\s?{_TO}\s?$", before)
    if to:
        other = max((f for f in facts if f.end <= fact.start), key=lambda f: f.end, default=None)
        return to["to"] not in _AND or (other is not None and other.unit in ("", fact.unit))
    to = re.match(rf"\s?(?:[A-Za-z]{{1,3}}\s?)?{_TO}\s?\d", after)
    if to:
        other = min((f for f in facts if f.start >= fact.end), key=lambda f: f.start, default=None)
        return to["to"] not in _AND or (other is not None and fact.unit in ("", other.unit))
    return False


_AND = ("and", "和")


def _rounded(*facts: Fact) -> bool:
    """Tenths (三成, 3割) are round by nature: a word for about adds nothing to them."""
    return any(f.surface[-1:] in "成割" for f in facts)


def _witness_bound(pair: Pair, fact: Fact) -> bool:
    """Whether no other translation changes the bound in the same way."""
    others = [o for _, _, _, facts in pair.witnesses for o in facts if agree(fact, o)]
    return all(bool(o.bound) == bool(fact.bound) for o in others)
