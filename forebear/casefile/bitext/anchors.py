"""What two languages share in a sentence: figures, Latin names, Han characters, and words of a small lexicon."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from forebear.casefile.bitext.align import Features, Side
from forebear.casefile.data import packaged_text
from forebear.casefile.facts.fact import Fact, narrow
from forebear.casefile.facts.facts import facts
from forebear.casefile.facts.numerals import LATIN_TERM, han_value

_ORDINAL = re.compile("第([〇零一二三四五六七八九十百千两]+)(?=[条章节回部卷页表图版步项款编篇课])")
"""The number of an article or chapter (第八条): small Han numerals are otherwise too often no figures."""
_WORD = re.compile(r"[A-Za-z][A-Za-z']+")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")
_KATAKANA = re.compile(r"[\u30a1-\u30faー]{3,}")
_SIGNS = re.compile(r"(?<![<>=!|&~^+*-])[<>=!|&~^+*-]{2,3}(?![<>=!|&~^+*-])")
"""Signs of code that no translation changes (<<, >=, ||)."""
_COMMON = frozenset("的了是在和有不这那他她我们个也就都而及与或到说要会能可以上下为之者所以一人")


@cache
def _lexicon() -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """English word -> concept, and Chinese or Japanese word (folded) -> concept, the longest words first."""
    english: dict[str, str] = {}
    wide: dict[str, str] = {}
    lines = packaged_text("lexicon.tsv").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            names, chinese, japanese = line.split("\t")
            concept = f"c:{names.split(',')[0]}"
            english.update(dict.fromkeys(names.split(","), concept))
            for word in (*chinese.split(","), *japanese.split(",")):
                if len(word) > 1:
                    wide.setdefault(narrow(word), concept)
    return english, tuple(sorted(wide.items(), key=lambda p: -len(p[0])))


@cache
def _wide_pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    pairs = dict(_lexicon()[1])
    return re.compile("|".join(re.escape(w) for w in pairs)), pairs


def anchors(text: str, language: str, found: Sequence[Fact] | None = None) -> Features:
    """Anchors of one segment with their counts; `found` are its facts when they are known already."""
    features: Features = Counter()
    plain = narrow(text)
    for fact in facts(text, language) if found is None else found:
        if fact.strong:
            features[f"n:{fact.low:.6g}"] += 1
    for match in LATIN_TERM.finditer(plain):
        term = match.group().lower()
        if len(term) > 1:
            features[f"l:{term}"] += 1
    features.update(f"s:{m}" for m in _SIGNS.findall(plain))
    if language == "en":
        english = _lexicon()[0]
        features.update(english[w] for w in _WORD.findall(plain.lower()) if w in english)
        return features
    for numeral in _ORDINAL.findall(plain):
        features.setdefault(f"n:{han_value(numeral):.6g}", 1)
    for run in _HAN_RUN.findall(plain):
        features.update(f"h:{run[i : i + 2]}" for i in range(len(run) - 1))
        features.update(f"h:{c}" for c in run if c not in _COMMON)
    features.update(f"k:{w}" for w in _KATAKANA.findall(plain))
    pattern, pairs = _wide_pattern()
    features.update(pairs[w] for w in pattern.findall(plain))
    return features


Annotated = Sequence[tuple[str, Features]]
"""(text, anchors) of each segment."""
Meanings = tuple[NDArray[np.float32], NDArray[np.float32]] | None
"""Vectors of a sentence model, (n, d) of each side, where one was given."""


def sides(left: Annotated, right: Annotated, meanings: Meanings = None) -> tuple[Side, Side]:
    """Both sides ready to align; anchors only one side uses are left out."""
    shared = _keys(left) & _keys(right)
    a, b = meanings or (None, None)
    return _side(left, shared, a), _side(right, shared, b)


def _keys(side: Annotated) -> set[str]:
    keys: set[str] = set()
    for _, features in side:
        keys.update(features)
    return keys


def _side(side: Annotated, shared: set[str], vectors: NDArray[np.float32] | None) -> Side:
    lengths = np.array([float(len(text)) for text, _ in side])
    # a figure or a known word that only one side has tells of an omission; other one-sided words tell nothing
    kept = [Counter({k: c for k, c in f.items() if k in shared or k[:2] in ("n:", "c:")}) for _, f in side]
    return Side(lengths, kept, vectors)
