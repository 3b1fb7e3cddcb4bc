"""Figures in digits on both sides of a tight link: one that is gone where another one came."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from forebear.casefile.checks.figures import DATES
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import latin_terms
from forebear.casefile.facts.fact import Fact, agree, narrow
from forebear.casefile.text.length import weight

GROUND = "figure/literal"
SMALL = 3
"""Values up to this are often said without a figure (one, both, twice): they need the same word beside them on both sides."""
LIKELY = 0.75
"""Score from which a link is trusted by itself; below, two figures or names in common have to speak for it."""
KNOWN = 4
"""Words whose translations are known from which the lack of them speaks against a link."""
SPOKEN = 6.0
"""Evidence (natural log, bitext.meant) from which a link of one to one is trusted by its words; as much again for each more."""
LONGEST = 2_000
"""Characters of a sentence up to which it is compared so: a longer one is a table or a listing, or made to cost time."""
BESIDE = 80
"""Characters before a figure in which its word is looked for: of a longer row of letters the last ones."""
_RUN = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])|\d+")
_HIDDEN = re.compile(
    r"\$\{[^}]*\}?|\$\d(?![\d.,$])|https?:\S+|www\.\S+|\]\([^)\s]{0,500}\)|\{#[^}]{0,500}\}|(?<![^\s()])[^\s()]+\.(?:md|html?|png|svg|jpe?g|gif)\b\S*"
    r"|&#?\w+;|%[0-9A-F]{2}|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,}\b|U\+[0-9A-F]{4,}",
    re.I,
)
"""Addresses, files and checksums: each translation has its own."""
_SCALE = re.compile(
    r"\s?(?:[万萬亿億兆千百十割成折倍京]|thousand|million|billion|trillion|hundred|dozen|[mb]illón|[KkMBTG](?![A-Za-z]))"
)
_SIZE = re.compile(r"\s?([KMGTP]i?B?|[BM]|[kmg]b)(?![A-Za-z])")
_SIGNS = frozenset("+-*/=<>^_{}[]$#.:%~")
_COUNTED = re.compile(r"\s?([A-Za-z]{2,})")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BESIDE = re.compile(r"([A-Za-z][A-Za-z.+]*|第|v)[ \-]?$")


@dataclass(frozen=True)
class Run:
    """Digits in a row: value without separators, its place, size letters behind it, Latin words beside it, letters joined to it."""

    value: str
    start: int
    end: int
    size: str
    scaled: bool
    beside: str
    counted: str
    joined: str


def tight(pair: Pair) -> bool:
    """Whether the sentences surely belong together: of about usual length, and their words, or the link and those beside it, or
    figures and names in common speak for it, the more of them the looser the link is; never against their words."""
    a, b = len(pair.link.left), len(pair.link.right)
    if not a or not b or a + b > 3 or max(len(pair.a), len(pair.b)) > LONGEST:
        return False
    ratio = (weight(pair.b) + 6) / (weight(pair.a) * pair.usual + 6)
    said = pair.evidence
    if not 0.5 < ratio < 2 or (said.words >= KNOWN and said.log < 0):
        return False
    if said.log >= SPOKEN * (a + b - 1):
        return True
    wanted = (0 if pair.placed and pair.link.score >= LIKELY else 2 if pair.placed else 3) + (a + b - 2)
    return not wanted or in_common(pair) >= wanted


def in_common(pair: Pair) -> int:
    """How many different figures and Latin words stand in both sentences."""
    a, b = ({r.value for r in runs(t)} | {w.lower() for w, _, _ in latin_terms(t)} for t in (pair.a, pair.b))
    return len(a & b)


def runs(text: str) -> list[Run]:
    """The digits of a text outside addresses and checksums, in order."""
    plain = _HIDDEN.sub(lambda m: "\x00" * len(m.group()), narrow(text))
    found = []
    for m in _RUN.finditer(plain):
        size, counted = _SIZE.match(plain, m.end()), _COUNTED.match(plain, m.end())
        before = plain[max(0, m.start() - BESIDE) : m.start()]
        beside = _BESIDE.search(before)
        found.append(
            Run(
                value=m.group().replace(",", "").lstrip("0") or "0",
                start=m.start(),
                end=m.end(),
                size=size[1].upper().replace("IB", "B").rstrip("B") or "B" if size else "",
                scaled=bool(_SCALE.match(plain, m.end())),
                beside=beside[1].lower() if beside else "",
                counted=counted[1].lower() if counted else "",
                joined=before[len(before.rstrip(_LETTERS)) :].lower(),
            )
        )
    return found


def check_literal(pair: Pair) -> Iterator[Finding]:
    """One figure in digits for another, everything else in digits being the same on both sides, however the figures are said."""
    if not tight(pair):
        return
    a, b = runs(pair.a), runs(pair.b)
    mine, theirs = _whole(pair.a_facts, pair.a), _whole(pair.b_facts, pair.b)
    lost, came = _left_over(a, b, mine, theirs), _left_over(b, a, theirs, mine)
    if not lost and not came:
        yield from _resized(pair, a, b)
    if len(lost) != 1 or len(came) != 1:
        slips = [(x, y) for x in lost for y in came if _slip(x, y)]
        if len(slips) != 1:
            return
        lost, came = [slips[0][0]], [slips[0][1]]
    left, right = lost[0], came[0]
    if left.scaled != right.scaled or left.joined != right.joined:
        return
    if min(int(left.value), int(right.value)) <= SMALL and not _alike(pair, left, right):
        return
    yield _changed(pair, left, right)


def _slip(left: Run, right: Run) -> bool:
    """Whether two figures of two digits or more are written alike but for one digit."""
    a, b = left.value, right.value
    return len(a) == len(b) > 1 and left.size == right.size and sum(x != y for x, y in zip(a, b, strict=True)) == 1


def _alike(pair: Pair, left: Run, right: Run) -> bool:
    """Whether the same word or sign stands before or behind both figures, or the sentences have more in common."""
    if (left.beside and left.beside == right.beside) or (left.counted and left.counted == right.counted):
        return True
    if in_common(pair) >= 2:
        return True
    x, y = narrow(pair.a), narrow(pair.b)
    return _same_sign(x[: left.start].rstrip()[-1:], y[: right.start].rstrip()[-1:]) or _same_sign(
        x[left.end :].lstrip()[:1], y[right.end :].lstrip()[:1]
    )


def _same_sign(a: str, b: str) -> bool:
    return a == b and a in _SIGNS


def _resized(pair: Pair, a: Sequence[Run], b: Sequence[Run]) -> Iterator[Finding]:
    """The same digits with other letters of size behind them (34B, 34M)."""
    mine, theirs = (Counter((r.value, r.size) for r in side if r.size) for side in (a, b))
    gone, come = list((mine - theirs).elements()), list((theirs - mine).elements())
    if len(gone) == len(come) == 1 and gone[0][0] == come[0][0]:
        left = next(r for r in a if (r.value, r.size) == gone[0])
        right = next(r for r in b if (r.value, r.size) == come[0])
        yield _changed(pair, left, right, sized=True)


def _whole(facts: Sequence[Fact], text: str) -> list[Fact]:
    """Exact figures that do not begin inside a run of digits."""
    return [f for f in facts if f.low == f.high and not text[: f.start][-1:].isdigit()]


def _left_over(own: Sequence[Run], other: Sequence[Run], facts: Sequence[Fact], answers: Sequence[Fact]) -> list[Run]:
    """The runs of one side that the other has not, neither in digits nor as the same figure said otherwise."""
    rest = Counter(r.value for r in other)
    digits = set(rest)
    found = []
    for run in own:
        if rest[run.value]:
            rest[run.value] -= 1
            continue
        whole = [f for f in facts if f.start <= run.start and run.end <= f.end and _is_said(f, run)]
        said = run.value not in digits and any(agree(f, o) for f in whole for o in answers)
        if not said:
            found.append(run)
    return found


def _is_said(fact: Fact, run: Run) -> bool:
    """Whether a figure is what a run of digits says: in a date only the part of it that the run is."""
    return fact.kind not in DATES or int(run.value[:9]) in (fact.low, *fact.others)


def _changed(pair: Pair, left: Run, right: Run, sized: bool = False) -> Finding:
    spans = [_token(text, run, sized) for text, run in ((pair.a, left), (pair.b, right))]
    if len(_RUN.findall(pair.a[slice(*spans[0])])) != len(_RUN.findall(pair.b[slice(*spans[1])])):
        spans = [(left.start, left.end), (right.start, right.end)]
    words = {"left": pair.a[slice(*spans[0])], "right": pair.b[slice(*spans[1])]}
    x, y = sorted((int(left.value), int(right.value)))
    power = len(str(y)) - len(str(x))
    if x and power > 0 and y == x * 10**power:
        return replace(pair.finding("number/magnitude", spans[0], spans[1], factor=10**power, **words), ground=GROUND)
    return replace(pair.finding("number/value", spans[0], spans[1], **words), ground=GROUND)


_TOKEN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.,:/_\-]*[A-Za-z0-9])?")


def _token(text: str, run: Run, sized: bool) -> tuple[int, int]:
    """The whole word a run stands in (Qwen-7B, 1.79.0, 2023-10-08), when it is no longer than a name."""
    for m in _TOKEN.finditer(narrow(text)):
        if m.start() <= run.start and run.end <= m.end() and m.end() - m.start() <= 24:
            return m.span()
    return run.start, run.end + (len(run.size) if sized else 0)
