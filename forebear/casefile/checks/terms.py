"""Latin terms: model names, product names and codes that changed, went or came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Pair
from forebear.casefile.checks.sounds import sounds
from forebear.casefile.facts.fact import narrow
from forebear.casefile.facts.numerals import LATIN_TERM
from forebear.casefile.naming.stock import is_english

_SPLIT = re.compile(r"[-_./+:@~]")
_PLAIN = frozenset("ok am pm vs no tv cd id it etc eg ie the of and to in a is".split())  # noqa: SIM905
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{2,}")
MISSPELT = 0.75
"""Likeness from which a gloss that the left text has not is a misspelling of one of its words."""
Term = tuple[str, int, int]


def latin_terms(text: str) -> list[Term]:
    """Latin terms of a text with their spans, at least two letters or a letter and a digit."""
    plain = narrow(text)
    return [(m.group().rstrip(".:/"), m.start(), m.start() + len(m.group().rstrip(".:/")))
            for m in LATIN_TERM.finditer(plain) if len(m.group().rstrip(".:/")) > 1]  # fmt: skip


def term_set(text: str) -> frozenset[str]:
    """Lower-case terms of a whole text, with their parts."""
    found: set[str] = set()
    for term, _, _ in latin_terms(text):
        found.add(term.lower())
        found.update(_SPLIT.split(term.lower()))
    return frozenset(found)


def distinctive(term: str) -> bool:
    """Whether a term is a name by its form: a digit in it, capitals inside or throughout."""
    if term.lower() in _PLAIN:
        return False
    parts = term.split("-")
    return any(c.isdigit() or c == "_" for c in term) or any(c.isupper() for part in parts for c in part[1:])


def check_terms(pair: Pair) -> Iterator[Finding]:
    """Terms of either side that the other does not have: paired when alike, else lost or added."""
    if pair.left.language == pair.right.language == "en":
        yield from _exchanged(pair, [], [])
        return
    lost, added = _missing(pair, True), _missing(pair, False)
    for term in list(lost):
        near = max(added, key=lambda t: _alike(term[0], t[0]), default=None)
        if near is not None and _alike(term[0], near[0]) >= 0.6:
            lost.remove(term)
            added.remove(near)
            yield pair.finding("term/changed", term[1:], near[1:], left=term[0], right=near[0])
    yield from _exchanged(pair, lost, added)
    if pair.original_segments:
        return  # between two translations only a changed term tells: what one lacks is judged against the original
    for term in lost:
        rivals = [t for t in added if distinctive(t[0])]
        if rivals and distinctive(term[0]):
            added.remove(rivals[0])
            yield pair.finding("term/changed", term[1:], rivals[0][1:], left=term[0], right=rivals[0][0])
        elif all(has_term(text, term[0]) for _, _, text, _ in pair.witnesses):
            yield pair.finding("term/lost", term[1:], None, left=term[0])
    yield from _added(pair, added)


def _exchanged(pair: Pair, lost: list[Term], added: list[Term]) -> Iterator[Finding]:
    """A name by its capital alone (Heron) that is gone, where another one has come: told, and taken out of lost and added."""
    gone = [
        t for t in _capital_names(pair.left, pair.a) if not has_term(pair.b, t[0]) and not _aliased(pair, t[0], pair.b)
    ]
    come = [
        t for t in _capital_names(pair.right, pair.b) if not has_term(pair.a, t[0]) and not _aliased(pair, t[0], pair.a)
    ]
    if len(gone) != 1 or len(come) != 1 or romanises(pair.a, come[0][0]) or _spelt_by(pair.a, come[0][0]):
        return
    if not all(has_term(text, gone[0][0]) for _, _, text, _ in pair.witnesses):
        return
    lost[:], added[:] = [t for t in lost if t[1:] != gone[0][1:]], [t for t in added if t[1:] != come[0][1:]]
    yield pair.finding("term/changed", gone[0][1:], come[0][1:], left=gone[0][0], right=come[0][0])


def _capital_names(text: Text, words: str) -> list[Term]:
    """Latin words of three letters or more that are names: all with a capital beside Han, in English those inside a sentence."""
    names = [t for t in latin_terms(words) if len(t[0]) > 2 and t[0][0].isupper() and not _OWN_WORDS.fullmatch(t[0])]
    if text.language != "en":
        return names
    known = capitalised(text.extract.text)
    inside = [t for t in names if not _OPENING.search(words[: t[1]]) and not is_english(t[0].lower())]
    return [t for t in names if distinctive(t[0]) or t[0] in known or t in inside]


def romanises(text: str, term: str) -> bool:
    """Whether a Latin word is how Han characters of a text sound in Mandarin (万卷: WanJuan)."""
    word = re.sub("[^a-z]", "", term.lower())
    if len(word) < 4:
        return False
    return any(
        _sounds_as(run, i, word) for run in re.findall(r"[\u4e00-\u9fff]{2,}", text) for i in range(len(run) - 1)
    )


def _sounds_as(run: str, at: int, word: str) -> bool:
    if not word:
        return True
    return at < len(run) and any(
        word.startswith(s) and _sounds_as(run, at + 1, word[len(s) :]) for s in sounds(run[at])
    )


def _added(pair: Pair, added: list[Term]) -> Iterator[Finding]:
    for term in added:
        own_word = _is_gloss(pair.b, *term[1:]) or term[0].upper() in initials(pair.left.extract.text)
        own_word = own_word or _spelt_by(pair.a, term[0]) or _named_subject(pair, term[0])
        own_word = own_word or _named_near(pair, term[0]) or romanises(pair.a, term[0])
        if own_word and not _misspells(pair, term[0]):
            continue
        if not any(has_term(text, term[0]) for _, _, text, _ in pair.witnesses):
            yield pair.finding("term/added", None, term[1:], right=term[0])


def _misspells(pair: Pair, term: str) -> bool:
    """Whether a term is like a word of the left sentence; in a free translation, one that is not there rightly spelt too."""
    known = pair.free and term.lower() in pair.left_terms
    like = (word for word in _WORD.findall(pair.a) if _alike(term, word) >= MISSPELT)
    return any(not (known and has_term(pair.b, word)) for word in like)


def _spelt_by(text: str, term: str) -> bool:
    """Whether neighbouring words of a text spell a term of capitals with their initials (local area network: LAN)."""
    heads = "".join(w[0] for w in re.findall(r"[A-Za-z]+", text)).upper()
    return len(term) > 2 and term.isupper() and term in heads


def _named_subject(pair: Pair, term: str) -> bool:
    """Whether a plain word of the left text is merely named where the left sentence says `it`: nothing of its own is missing."""
    return not distinctive(term) and term.lower() in pair.left_terms and not _own_name_missing(pair)


NEAR = 8
"""Segments of the left text before and behind a link in which a name counts as spoken of."""


def _named_near(pair: Pair, term: str) -> bool:
    """Whether the left text speaks of a term close by, or a free translation names what the left one points to.

    Not so when the left sentence has a name of its own that is missing here: then one may stand for the other.
    """
    if _own_name_missing(pair):
        return False
    if pair.free and term.lower() in pair.left_terms and _POINTING.search(pair.a):
        return True
    indices = pair.link.left
    near = range(max(0, indices[0] - NEAR), min(len(pair.left.segments), indices[-1] + NEAR + 1))
    return has_term(pair.left.joined(near), term)


_POINTING = re.compile(r"\b(?:this|these|those|it|its|they|them|their|former|latter)\b", re.I)


def _own_name_missing(pair: Pair) -> bool:
    """Whether the left sentence has a name that the right one has not: by its form, or by its capital (not a mere first word)."""
    text = pair.a
    for term, start, _ in latin_terms(text):
        if pair.left.language == "en" and not distinctive(term):
            if not term[0].isupper() or _OWN_WORDS.fullmatch(term):
                continue
            if _OPENING.search(text[:start]) and term not in capitalised(pair.left.extract.text):
                continue
        if not has_term(pair.b, term) and not _aliased(pair, term, pair.b):
            return True
    return False


_OPENING = re.compile(r"(?:^|[.!?:\n])[^A-Za-z0-9]*$")
_OWN_WORDS = re.compile(
    "(?:Jan|Febr)uary|March|April|May|June|July|August|(?:Septem|Octo|Novem|Decem)ber|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    "|English|Japanese|Chinese|Section|Chapter|Appendix|Figure|Table|Internet"
)
"""Every translation has its own words for these."""


@lru_cache(maxsize=64)
def capitalised(text: str) -> frozenset[str]:
    """Words of an English text that have their capital inside sentences too, and stand nowhere without it: names."""
    plain = frozenset(re.findall(r"\b[a-z]{2,}\b", text))
    inside = re.findall(r"(?<=[a-z,] )[A-Z][A-Za-z]+", text)
    return frozenset(word for word in inside if word.lower() not in plain)


def _is_gloss(text: str, start: int, end: int) -> bool:
    """Whether a term stands in brackets behind a word of another script: the original word beside its translation."""
    before = re.search(r"([^\s\x00-\x7f])[「」『』“”\"]?\s*[(（][^()（）]*$", text[:start])
    return before is not None and bool(re.match(r"[^()（）]*[)）]", text[end:]))


@lru_cache(maxsize=64)
def initials(text: str) -> frozenset[str]:
    """Abbreviations that the capitalised runs of a text spell with their initials (Development Kit: DK), two to six letters."""
    found: set[str] = set()
    for match in re.finditer(r"[A-Z][A-Za-z]*(?:[ -](?:of |the |and |in |for )*[A-Za-z][A-Za-z]*){1,7}", text):
        words = [w for w in re.findall(r"[A-Za-z]+", match.group()) if w[0].isupper()]
        heads = [w if w.isupper() else w[0] for w in words]
        found.update("".join(heads[i:j]) for i in range(len(heads)) for j in range(i + 2, min(i + 6, len(heads)) + 1))
    return frozenset(found)


def _missing(pair: Pair, left: bool) -> list[Term]:
    own, other = (pair.a, pair.b) if left else (pair.b, pair.a)
    language, other_language = (
        (pair.left.language, pair.right.language) if left else (pair.right.language, pair.left.language)
    )
    if (language != "en" and is_prose(own)) or (other_language != "en" and is_prose(other)):
        return []  # an untranslated sentence is another rule's
    known = pair.right_terms if left else pair.left_terms
    found, seen = [], set()
    for term in latin_terms(own):
        word = term[0].lower()
        if word in seen or has_term(other, term[0]) or _aliased(pair, term[0], other):
            continue
        seen.add(word)
        if language == "en" and not (distinctive(term[0]) and word in known):
            continue
        if language != "en" and other_language != "en" and not distinctive(term[0]) and word not in known:
            continue
        if language != "en" and (len(word) < 3 and not any(c.isdigit() for c in word)):
            continue
        found.append(term)
    return found


_FUNCTION = re.compile(r"\b(?:the|is|are|was|were|of|to|and|that|in|for|with|this|it|be|can|you)\b", re.I)


def is_prose(text: str) -> bool:
    """Whether a Chinese or Japanese segment is mostly English sentences."""
    return len(_FUNCTION.findall(text)) >= 3


def mostly_latin(text: str) -> bool:
    """Whether a Chinese or Japanese segment has hardly any character of its own script outside quotation marks."""
    bare = _QUOTED.sub("", text)
    return len(_LATIN.findall(bare)) > 8 * len(_WIDE.findall(bare)) + 12


_QUOTED = re.compile(r"「[^「」]*」|『[^『』]*』|“[^“”]*”")
_LATIN = re.compile(r"[A-Za-z]")
_WIDE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")


_TONGUE = re.compile(r"(?<=[._/-])(?:en|ja|zh)(?:[_-](?:us|jp|cn|tw|hans|hant))?(?=[._/-]|$)")
"""A language in the name of a file (install.ja.txt): each translation names its own."""


def has_term(text: str, term: str) -> bool:
    """Whether a text has a Latin term, in whatever case, plural or joined otherwise."""
    plain, word = narrow(text).lower(), term.lower()
    if word in plain:
        return True
    if _TONGUE.search(word) and _TONGUE.sub("*", word) in {
        _TONGUE.sub("*", t.lower()) for t, _, _ in latin_terms(text)
    }:
        return True
    if term[:-1].isupper() and term.endswith("s") and term[:-1] in narrow(text):
        return True  # a plural of capitals: CDs
    stem = re.sub(r"(?:s|es|ed|ing)$", "", word)
    if len(stem) > 3 and stem in plain:
        return True
    squeezed = re.sub(r"[-_./+:@~\s]", "", plain)
    if re.sub(_SPLIT, "", word) in squeezed and len(word) > 3:
        return True
    parts = [p for p in _SPLIT.split(word) if p]
    return len(parts) > 1 and all(p in plain for p in parts)


def _aliased(pair: Pair, term: str, other: str) -> bool:
    plain = narrow(other).lower()
    for alias in pair.known.aliases:
        if any(narrow(n).lower() == term.lower() for n in alias.names):
            return any(narrow(n).lower() in plain for n in alias.names)
    return False


def _alike(a: str, b: str) -> float:
    if _digits(a) != _digits(b) and SequenceMatcher(None, a.lower(), b.lower()).ratio() < 0.5:
        return 0.0
    return SequenceMatcher(None, a.lower(), b.lower(), autojunk=False).ratio()


def _digits(term: str) -> str:
    return "".join(c for c in term if c.isdigit())
