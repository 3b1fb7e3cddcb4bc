"""A word list learned from the case itself: words that keep turning up in linked segments become anchors of a second pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from forebear.casefile.bitext.align import Link, align
from forebear.casefile.bitext.anchors import Annotated, Meanings, sides
from forebear.casefile.bitext.translations import usual, words

LEAST_DICE = 0.45
"""Least Dice coefficient of two words over the links for them to count as each other's translation."""
MOST_TOKENS = 120
"""Longer segments teach nothing: too many words meet in them by chance."""


def learned_pairs(left: Sequence[set[str]], right: Sequence[set[str]], links: Sequence[Link]) -> dict[str, list[str]]:
    """Right words each left word is linked with: Dice at least LEAST_DICE, seen together twice or more, at most three."""
    left, right = _repeated(left), _repeated(right)
    single_a: Counter[str] = Counter()
    single_b: Counter[str] = Counter()
    pair: Counter[tuple[str, str]] = Counter()
    for link in links:
        if not link.left or not link.right:
            continue
        a = set().union(*(left[i] for i in link.left))
        b = set().union(*(right[j] for j in link.right))
        if len(a) > MOST_TOKENS or len(b) > MOST_TOKENS:
            continue
        single_a.update(a)
        single_b.update(b)
        pair.update((x, y) for x in a for y in b)
    scored: dict[str, list[tuple[float, str]]] = {}
    for (x, y), count in pair.items():
        if count < 2:
            continue
        dice = 2 * count / (single_a[x] + single_b[y])
        # a pair seen twice must be nearly always together; chance pairs of frequent words fall below the bar
        if dice >= LEAST_DICE + 0.7 / count:
            scored.setdefault(x, []).append((dice, y))
    return {x: [y for _, y in sorted(found, reverse=True)[:3]] for x, found in scored.items()}


def _repeated(side: Sequence[set[str]]) -> list[set[str]]:
    """Words that stand in two segments or more, and in no more than a fifth of them."""
    counts: Counter[str] = Counter()
    for segment in side:
        counts.update(segment)
    most = max(20, len(side) // 5)
    kept = {w for w, c in counts.items() if 2 <= c <= most}
    return [segment & kept for segment in side]


def align_learning(
    left: Annotated, right: Annotated, left_language: str, right_language: str, meanings: Meanings = None, passes: int = 2
) -> tuple[list[Link], dict[str, list[str]]]:
    """Align, learn words from the links, and align again with them as anchors.

    left, right: (text, anchors) of each segment; meanings: vectors of both sides.
    Returns: the links, and for each left word the right words it was found to go with.
    """
    words_a = [words(text, left_language) for text, _ in left]
    words_b = [words(text, right_language) for text, _ in right]
    pairs = usual(left_language, right_language, set().union(*words_a))
    links = align(*sides(*_with_pairs(left, right, words_a, words_b, pairs), meanings))
    if len(left) < 8 or len(right) < 8:
        return links, pairs
    for _ in range(passes - 1):
        for word, learned in learned_pairs(words_a, words_b, links).items():
            pairs[word] = list(dict.fromkeys((*learned, *pairs.get(word, ()))))
        links = align(*sides(*_with_pairs(left, right, words_a, words_b, pairs), meanings))
    return links, pairs


def _with_pairs(
    left: Annotated,
    right: Annotated,
    words_a: Sequence[set[str]],
    words_b: Sequence[set[str]],
    pairs: dict[str, list[str]],
) -> tuple[Annotated, Annotated]:
    known = {y for ys in pairs.values() for y in ys}
    a = [
        (t, f + Counter({f"x:{y}": 1 for w in ws for y in pairs.get(w, ())}))
        for (t, f), ws in zip(left, words_a, strict=True)
    ]
    b = [(t, f + Counter({f"x:{w}": 1 for w in ws & known})) for (t, f), ws in zip(right, words_b, strict=True)]
    return a, b
