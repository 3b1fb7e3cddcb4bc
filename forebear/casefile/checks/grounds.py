"""What speaks for one finding besides its kind: readable conditions on the link and both sentences (rules.toml, decision 0087).

A kind is too often false in translations nobody planted errors in. Those of its findings that also meet a condition here have a
figure of their own, and are told when that condition has been right often enough.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.literal import LIKELY, LONGEST, SMALL, tight
from forebear.casefile.checks.opposites import of_order
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.terms import is_prose, latin_terms
from forebear.casefile.facts.fact import Fact, agree, narrow
from forebear.casefile.naming.stock import is_english
from forebear.casefile.text.length import weight
from forebear.casefile.text.scripts import fold

PLAIN, LONG = 80.0, 120.0
"""Length (text.length) of a sentence that says one thing with what belongs to it, and of one whose figures can be compared."""
_QUESTION = re.compile(r"[?？]\s*$")
_CLAUSE = re.compile(r"[,，、;；:：—(（]| - |——")
_MONEY = re.compile(
    r"[$€£¥￥円]|(?<=[\d十百千万萬亿億兆几数美日欧歐港韩韓台])\s?元|dollar|euro|yen|yuan|USD|美元|ドル|ユーロ", re.I
)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|『[^』]*』")
_LATIN = re.compile(r"[A-Za-z][A-Za-z-]{2,}")


def with_ground(pair: Pair, finding: Finding) -> Finding:
    """The finding with the condition it meets, if any."""
    return finding if finding.ground else replace(finding, ground=_ground(pair, finding))


def _ground(pair: Pair, finding: Finding) -> str:
    if finding.rule in ("term/changed", "term/added") and _spelling(pair, finding):
        return "term/spelling"
    if finding.rule == "script/foreign":
        return "script/left" if (pair.left.language, pair.right.language) == ("zh", "ja") and finding.right_quote in pair.a else ""
    if finding.rule == "untranslated/residue":
        return "residue/whole" if _whole_sentence(pair, finding) else ""
    if finding.rule == "negation/modal":
        return "modal/placed" if weight(pair.a) <= LONG and (tight(pair) or (pair.placed and _likely(pair))) else ""
    if finding.rule == "contradiction/opposite" and not of_order(finding.left_quote, pair.left.language):
        return "opposite/tight" if _exchanged(pair, finding) else ""
    if finding.rule == "term/changed" and _stranger(pair, finding):
        return "term/stranger"
    if finding.rule in ("number/value", "number/magnitude", "date/value") and _likely(pair):
        return _of_figure(pair, finding)
    return ""


def _likely(pair: Pair) -> bool:
    """Whether one sentence is linked to one, and likely."""
    return pair.link.score >= LIKELY and len(pair.link.left) == len(pair.link.right) == 1


def _exchanged(pair: Pair, finding: Finding) -> bool:
    """Whether the word of the left side is not translated, and nothing there calls for its opposite that stands on the right."""
    clauses = _CLAUSE.search(pair.a.strip().rstrip("。.!！?？:："))
    if not tight(pair) or weight(pair.a) > PLAIN or clauses or _QUESTION.search(pair.a):
        return False
    a, b = (pair.left.segments[pair.link.left[0]].start, pair.right.segments[pair.link.right[0]].start)
    here = finding.left_span[0] - a, finding.left_span[1] - a
    there = finding.right_span[0] - b, finding.right_span[1] - b
    return not pair.called_for("a", here) and not pair.called_for("b", there, [here])


ALIKE = 0.6
"""Likeness of two names from which one is the other misread."""
HABIT = 3
"""From so many places of a text on, a name in the place of another is its own word for it."""


def _stranger(pair: Pair, finding: Finding) -> bool:
    """Whether a Latin name that the source has nowhere stands for one like it that the translation keeps elsewhere."""
    gone, new = finding.left_quote.lower(), finding.right_quote.lower()
    if not tight(pair) or new in pair.left_terms or is_english(new) or gone not in pair.right_terms or gone in new or new in gone:
        return False
    if not new.isalnum() or max(SequenceMatcher(None, part, new).ratio() for part in (gone, *gone.split("-"))) < ALIKE:
        return False  # an address, a path, or something else
    if pair.right.extract.text.count(finding.right_quote) >= HABIT or _in_brackets(pair.b, finding.right_quote):
        return False
    mine, theirs = ({w.lower() for w, _, _ in latin_terms(t)} for t in (pair.a, pair.b))
    return bool(mine & theirs or pair.evidence.log > 0) and (pair.left.language == "en" or not (mine - theirs - {gone}))


def _in_brackets(text: str, name: str) -> bool:
    return bool(re.search(r"[(（\[“\"'「『]\s*" + re.escape(name), text))


def _of_figure(pair: Pair, finding: Finding) -> str:
    sides = _alone(pair, finding)
    if sides is None:
        return ""
    if all(re.search(r"\d", f.surface) for f in sides):
        if _other_digits(*sides):
            return "figure/alone"
        return "figure/scale" if tight(pair) and _other_scale(pair, *sides) else ""
    return "figure/words" if tight(pair) and all(map(_is_whole, sides, (pair.a, pair.b))) else ""


_SCALE = re.compile(r"[万亿]|thousand|million|billion|trillion")


def _other_scale(pair: Pair, left: Fact, right: Fact) -> bool:
    """Whether exact figures in the same digits have a word for their size each, and other sizes: 36万 and 36億. 兆 is one in
    Japanese alone."""
    for fact, text, language in ((left, pair.a, pair.left.language), (right, pair.b, pair.right.language)):
        said = narrow(fact.surface).lower()
        sized = _SCALE.search(said.replace("兆", "亿") if language == "ja" else said)
        mega = "兆" in said and language != "ja"
        if mega or not sized or fact.low != fact.high or not _is_whole(replace(fact, surface=""), text):
            return False
    return not agree(left, right)


def _is_whole(fact: Fact, text: str) -> bool:
    """Whether a number or ordinal of more than a few was read to its end, and is no 兆, which counts megabytes as well."""
    whole = "兆" not in fact.surface and not re.match(r"[,.，]\d", text[fact.end :])
    return whole and fact.kind in ("number", "ordinal") and fact.low > SMALL


def _alone(pair: Pair, finding: Finding) -> tuple[Fact, Fact] | None:
    """The two figures, when they count the same thing and every other figure of the two sentences has its counterpart."""
    if max(weight(pair.a), weight(pair.b) / max(0.1, pair.usual)) > LONG or _MONEY.search(pair.a + pair.b):
        return None
    left, right = (_quoted(facts, text, quote) for facts, text, quote in (
        (pair.a_facts, pair.a, finding.left_quote), (pair.b_facts, pair.b, finding.right_quote)))  # fmt: skip
    if left is None or right is None or left.kind != right.kind or (left.unit and right.unit and left.unit != right.unit):
        return None
    if _in_quotes(pair.a, left) or _in_quotes(pair.b, right):
        return None  # a name of something: a keyboard of 104 keys has 105 elsewhere
    rest = [f for f in pair.a_facts if f is not left and f.strong], [f for f in pair.b_facts if f is not right and f.strong]
    if len(rest[0]) != len(rest[1]) or not all(agree(a, b) for a, b in zip(*rest, strict=True)):
        return None
    return left, right


def _whole_sentence(pair: Pair, finding: Finding) -> bool:
    """Whether a whole sentence of the source was left standing beside translated ones: prose, no answer to choose and no output."""
    if max(len(pair.a), len(pair.b)) > LONGEST:
        return False
    at = finding.right_span[0] - pair.right.segments[pair.link.right[0]].start
    before, rest = pair.b[:at], pair.b[at:]
    if not _STARTS.search(before) or _CHOICE.match(pair.b) or _PROGRAM.search(pair.b) or not _translated_beside(pair):
        return False
    if pair.left.language == "en":
        run = re.match(r"[^.!?。！？\n]*", rest)[0]  # type: ignore[index]
        words = [w for w in re.findall(r"[A-Za-z]+", run) if w.islower() and len(w) > 3]
        return len(words) >= 3 and not _HAN.search(run) and not _SAID.search(run)
    run = re.match(r"[^。！？\n.!?]*", rest)[0]  # type: ignore[index]
    return len(_HAN.findall(run)) >= 8 and fold(run.strip()) in fold(pair.a) and bool(_CHINESE.search(run))


_STARTS = re.compile(r"(?:^|[。！？.!?)\n])[\s*_>#-]*(?:[A-Za-z;]{2,12}[:：])?[^\w“\"'「『:：]*$")
"""What stands before a sentence: the end of another one, or a label."""
_CHOICE = re.compile(r"\W*[A-Z][:.)、：]\s|.*\|")
_PROGRAM = re.compile(r"\{[%{]|//|=>|·|#\d|https?:|\w\(\)|[<>{}]")
_SAID = re.compile(r"[\"“”=<>{}$|]")
_HAN = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")
_CHINESE = re.compile("[的了是这在和我与为个们，请就]")


def _translated_beside(pair: Pair) -> bool:
    """Whether the sentence before or behind was translated."""
    own = re.compile({"en": r"[a-z]{3}", "ja": r"[\u3041-\u309f]"}.get(pair.right.language, r"[\u4e00-\u9fff]"))
    first, last, text = pair.link.right[0], pair.link.right[-1], pair.right.segments
    return any(own.search(text[j].text) for j in (first - 1, last + 1) if 0 <= j < len(text))


def _other_digits(left: Fact, right: Fact) -> bool:
    """Whether both figures are written in digits, other ones, so that no word for a size was misread."""
    a, b = re.findall(r"\d", narrow(left.surface)), re.findall(r"\d", narrow(right.surface))
    return bool(a and b) and a != b


def _in_quotes(text: str, fact: Fact) -> bool:
    return any(m.start() < fact.start and fact.end < m.end() for m in _QUOTED.finditer(text))


def _quoted(facts: Sequence[Fact], text: str, quote: str) -> Fact | None:
    return next((f for f in facts if text[f.start : f.end] == quote), None)


def _spelling(pair: Pair, finding: Finding) -> bool:
    """Whether a Latin word that the source has nowhere is a letter or two away from one of the left sentence that is gone."""
    new = finding.right_quote
    words = set(_LATIN.findall(narrow(pair.a))) - set(_LATIN.findall(narrow(pair.b)))
    if is_english(new.lower()) or (pair.right.language != "en" and is_prose(pair.b)):
        return False
    return new.lower() not in pair.left_terms and any(_misspelt(word, new) for word in words)


def _misspelt(word: str, new: str) -> bool:
    """Whether one is the other with one letter changed, left out or added, or two neighbours changed over; two in long words."""
    a, b = word.lower(), narrow(new).lower()
    if min(len(a), len(b)) < 3 or a in b or b in a:
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
