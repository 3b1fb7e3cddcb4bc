"""Names of people, products and codes: same sound and other character, other spellings, consistency within a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import Finding, reason, rules
from forebear.casefile.checks.pair import Knowledge, Pair
from forebear.casefile.checks.said import is_said
from forebear.casefile.checks.sounds import can_sound as can_sound
from forebear.casefile.checks.sounds import pinyin, sounds
from forebear.casefile.facts.fact import narrow

_HAN_NAME = re.compile(r"[\u4e00-\u9fff]{2,6}")


@lru_cache(maxsize=20_000)
def romanised(name: str) -> tuple[str, ...]:
    """Pinyin spellings of a Han name of a person, both orders; empty without pypinyin."""
    module = pinyin()
    if module is None or not _HAN_NAME.fullmatch(name):
        return ()
    parts = [p[0] for p in module.pinyin(name, style=module.Style.NORMAL)]
    surname, given = parts[0].capitalize(), "".join(parts[1:]).capitalize()
    return f"{surname} {given}", f"{given} {surname}"


def spellings(known: Knowledge) -> list[tuple[str, tuple[str, ...]]]:
    """(kind, every spelling of one thing), from rulings and aliases; names of one pseudonym are spellings of one person."""
    groups: list[tuple[str, tuple[str, ...]]] = [(a.kind, a.names) for a in known.aliases]
    aliased = {n for _, names in groups for n in names}
    people: dict[tuple[str, str], tuple[str, ...]] = {}
    for i, name in enumerate(known.names):
        if name.ruling != "not-a-name" and name.text not in aliased:
            key = (name.kind, name.pseudonym or name.of or f"\x00{i}")
            people[key] = (*people.get(key, ()), name.text, *name.also)
    return [*groups, *((kind, names) for (kind, _), names in people.items())]


_CALLED = re.compile(r"[「『“\"‘]([\u4e00-\u9fff]{2,4})[」』”\"’]")


LONGEST_CODE = 3
"""Characters of a code name at most: longer runs in quotation marks are words of the language (线性关系, 線形関係)."""


def check_code_names(pair: Pair) -> Iterator[Finding]:
    """A word of Han characters in quotation marks whose counterpart in quotation marks sounds like it: 天枢, 天书."""
    left, right = (list(_CALLED.finditer(text)) for text in (pair.a, pair.b))
    if len(left) != len(right) or "en" in (pair.left.language, pair.right.language):
        return
    for one, other in zip(left, right, strict=True):
        a, b = narrow(one[1]), narrow(other[1])
        wrong = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
        if len(a) > LONGEST_CODE:
            continue
        if len(a) == len(b) and wrong and len(wrong) < len(a) and all(sounds(x) & sounds(y) for x, y in wrong):
            yield pair.finding("name/homophone", one.span(1), other.span(1), left=one[1], right=other[1])


def check_names(pair: Pair) -> Iterator[Finding]:
    """A known name of the left text that the right one writes otherwise, or not at all."""
    a, b = narrow(pair.a), narrow(pair.b)
    for kind, names in spellings(pair.known):
        here = _first(a, names)
        if here is None or _answered(kind, names, pair.b):
            continue
        near = _near(b, names, pair)
        if near is not None:
            rule, start, end = near
            yield pair.finding(rule, here, (start, end), left=pair.a[here[0] : here[1]], right=pair.b[start:end])
        elif kind != "person" and (_spelt_in(names, pair.right.language) or not pair.witnesses_lack(names)):
            yield pair.finding("name/changed", here, None, left=pair.a[here[0] : here[1]])
        elif kind == "person" and (other := _other_person(pair, b, a)) is not None:
            yield pair.finding("name/changed", here, other, left=pair.a[here[0] : here[1]])


def _answered(kind: str, names: Sequence[str], text: str) -> bool:
    """Whether a text has a spelling of a name, or says a person's in the other script."""
    found = _first(narrow(text), _expected(kind, names)) is not None
    return found or (kind == "person" and any(is_said(name, text) for name in names))


def _spelt_in(names: Sequence[str], language: str) -> bool:
    """Whether the case gives a spelling in the script of a language, so that its absence means something."""
    return any(n.isascii() for n in names) if language == "en" else any(not n.isascii() for n in names)


def _expected(kind: str, names: Sequence[str]) -> list[str]:
    more = [r for n in names for r in romanised(narrow(n))] if kind == "person" else []
    return [*names, *more]


def _first(plain: str, names: Sequence[str]) -> tuple[int, int] | None:
    lowered = plain.lower()
    for name in sorted(names, key=len, reverse=True):
        word = narrow(name).lower()
        at = lowered.find(word)
        while at >= 0:
            if not word.isascii() or _whole(lowered, at, at + len(word)):
                return at, at + len(word)
            at = lowered.find(word, at + 1)
    return None


def _whole(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not ((before.isascii() and before.isalnum()) or (after.isascii() and after.isalnum()))


def _other_person(pair: Pair, right: str, left: str) -> tuple[int, int] | None:
    """A person the right text names and the left one does not, in no script."""
    for kind, names in spellings(pair.known):
        if kind == "person" and _first(left, names) is None and not _answered(kind, names, pair.a):
            place = _first(right, _expected(kind, names))
            if place is not None:
                return place
    return None


def _near(plain: str, names: Sequence[str], pair: Pair) -> tuple[str, int, int] | None:
    """A spelling one character off: (rule, start, end); another name that the left text has is another person."""
    whole = narrow(pair.left.extract.text)
    others = [n for n in (narrow(n) for _, group in spellings(pair.known) for n in group) if n in whole]
    for name in names:
        word = narrow(name)
        found = near_han(plain, word, others) if _HAN_NAME.fullmatch(word) else _near_latin(plain, word)
        if found is not None:
            return found
    for name in names:
        for reading in romanised(narrow(name)):
            found = _near_latin(plain, reading)
            if found is not None:
                return found
    return None


def near_han(plain: str, word: str, known: Sequence[str] = ()) -> tuple[str, int, int] | None:
    """A run of Han characters that differs from `word` in one character, of the same sound when readings are known."""
    for match in _one_off(word).finditer(plain):
        at, window = match.start(), match.group(1)
        wrong = [i for i, (x, y) in enumerate(zip(word, window, strict=True)) if x != y]
        if len(wrong) != 1 or window in known:
            continue
        i = wrong[0]
        if sounds(word[i]) & sounds(window[i]):
            return "name/homophone", at, at + len(word)
        if len(word) >= 3 and i > 0:
            return "name/variant", at, at + len(word)
    return None


@cache
def _one_off(word: str) -> re.Pattern[str]:
    """Runs of Han characters as long as a name that differ from it in at most one place, overlapping ones too."""
    ways = "|".join(f"{word[:i]}[\u4e00-\u9fff]{word[i + 1 :]}" for i in range(len(word)))
    return re.compile(f"(?=({ways}))")


def _near_latin(plain: str, word: str) -> tuple[str, int, int] | None:
    if len(word) < 5 or not word.isascii():
        return None
    size = word.count(" ") + 1
    tokens = list(re.finditer(r"[A-Za-z0-9][A-Za-z0-9.\-]*", plain))
    for i in range(len(tokens) - size + 1):
        start, end = tokens[i].start(), tokens[i + size - 1].end()
        text = plain[start:end].rstrip(".")
        if not text[0].isupper() or text.lower() == word.lower() or text.lower().startswith(word.lower()):
            continue
        if SequenceMatcher(None, text.lower(), word.lower(), autojunk=False).ratio() >= 0.84:
            return "name/variant", start, start + len(text)
    return None


def holds(finding: Finding, left: Text | None, right: Text | None, known: Knowledge) -> bool:
    """Whether a finding on names stands under the rulings of today: it may be older than they are.

    A word that was ruled to name nobody is no name that changed. That a text names another person is said of two names that
    somebody ruled on, of two people, and where the text has no spelling of the first one's, as far as the rulings know them.
    """
    quoted = narrow(finding.left_quote)
    if not finding.rule.startswith("name/") or finding.rule == "name/inconsistent":
        return True
    rulings = {n.ruling for n in known.names for w in (n.text, *n.also) if narrow(w) == quoted}
    if rulings == {"not-a-name"}:
        return False
    if finding.rule != "name/changed" or left is None or right is None or not finding.right_quote:
        return True
    groups = [(kind, names) for kind, names in spellings(known) if any(narrow(n) == quoted for n in names)]
    if not groups or any(kind != "person" for kind, _ in groups):
        return bool(groups)
    ruled = {narrow(w) for n in known.names if n.ruling in ("public", "private") for w in (n.text, *n.also)}
    ruled |= {narrow(w) for alias in known.aliases for w in alias.names}
    if not {quoted, narrow(finding.right_quote)} <= ruled:
        return False
    text, here = right.joined(finding.right_segments), left.joined(finding.left_segments)
    other = [names for _, names in spellings(known) if any(narrow(n) == narrow(finding.right_quote) for n in names)]
    return not any(_answered("person", names, text) for _, names in groups) and not any(
        _answered("person", names, here) for names in other
    )


def check_consistency(text: Text, known: Knowledge) -> Iterator[Finding]:
    """A known name that one text writes in two ways, once correctly: the odd places, quoted with the usual spelling."""
    for _, names in spellings(known):
        for name in names:
            word = narrow(name)
            if not _HAN_NAME.fullmatch(word):
                continue
            yield from _odd_places(text, name, word, [narrow(n) for _, group in spellings(known) for n in group])


def _odd_places(text: Text, name: str, word: str, known: Sequence[str]) -> Iterator[Finding]:
    right = [s for s in text.segments if word in narrow(s.text)]
    if not right or not can_sound():
        return
    for segment in text.segments:
        plain = narrow(segment.text)
        found = near_han(plain, word, known) if word not in plain else None
        if found is None or found[0] != "name/homophone":
            continue
        start, end = segment.start + found[1], segment.start + found[2]
        usual = right[0].start + narrow(right[0].text).find(word)
        shown = text.extract.text[usual : usual + len(word)]
        quote = text.extract.text[start:end]
        if len(word) < 3 and kind_of_neighbour(plain, found[1]):
            continue
        yield Finding(
            "name/inconsistent", "", text.source.id, (0, 0), (start, end), shown, quote, text.source.id,
            reason("name/inconsistent", left=shown, right=quote), rules()["name/inconsistent"].severity, (), (segment.index,),
        )  # fmt: skip


def kind_of_neighbour(plain: str, at: int) -> bool:
    """Whether a two-character run is the tail of a longer word, so that it is hardly a name of its own."""
    return at > 0 and bool(re.match(r"[\u4e00-\u9fff]", plain[at - 1]))
