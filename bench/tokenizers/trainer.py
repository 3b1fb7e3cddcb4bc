"""A small byte-pair trainer, so that vocabularies of known descent can be made: plain, deterministic, not fast.

Ties between pairs of equal count are broken by a stated rule, since that is where two programs fed the same text part.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

SPLITS = {
    "gpt2": re.compile(r" ?[^\W\d_]+| ?\d+| ?(?:[^\w\s]|_)+|\s+(?!\S)|\s+"),
    "digits": re.compile(r"[^\r\n\w]?[^\W\d_]+|\d{1,3}| ?(?:[^\w\s]|_)+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
    "bare": re.compile(r"[^\W\d_]+|\d|(?:[^\w\s]|_)|\s"),
}
"""Three ways of cutting text before merging (runs of letters with or without the space before them)."""


@dataclass(frozen=True)
class Trained:
    """Tokens in order of rank (256 bytes first) and the merge that made each later one, as ranks of its halves."""

    tokens: tuple[bytes, ...]
    merges: tuple[tuple[int, int], ...]


def pieces_of(texts: Iterable[str], split: str) -> Counter[bytes]:
    """How often each piece occurs once the text is cut; pieces that occur once are left out, as large trainers do."""
    counts: Counter[str] = Counter()
    cut = SPLITS[split]
    for text in texts:
        counts.update(cut.findall(text))
    return Counter({piece.encode(): count for piece, count in counts.items() if count > 1})


def train(
    counts: Counter[bytes], size: int, *, ties: str = "lowest", start: Trained | None = None, least: int = 2
) -> Trained:
    """Merge the most frequent pair until there are `size` tokens or no pair occurs `least` times.

    ties:  "lowest" (smallest ids first) or "highest" (largest first).
    start: vocabulary to go on from: its merges are applied first, in order of rank.
    """
    tokens = list(start.tokens) if start else [bytes([byte]) for byte in range(256)]
    merges = list(start.merges) if start else []
    known = {token: rank for rank, token in enumerate(tokens)}
    words, weights = _prepare(counts, tokens, merges)
    pairs: Counter[tuple[int, int]] = Counter()
    homes: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for place, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += weights[place]
            homes[pair].add(place)
    sign = 1 if ties == "lowest" else -1
    heap = [(-count, sign * a, sign * b) for (a, b), count in pairs.items()]
    heapq.heapify(heap)
    while len(tokens) < size and heap:
        count, first, second = heapq.heappop(heap)
        pair = (sign * first, sign * second)
        if pairs[pair] != -count:
            if pairs[pair] >= least:
                heapq.heappush(heap, (-pairs[pair], first, second))
            continue
        if -count < least:
            break
        joined = tokens[pair[0]] + tokens[pair[1]]
        if joined in known:  # another way to spell a token that exists already
            new = known[joined]
        else:
            new = known[joined] = len(tokens)
            tokens.append(joined)
            merges.append(pair)
        for changed in _apply(pair, new, words, weights, pairs, homes):
            if pairs[changed] >= least:
                heapq.heappush(heap, (-pairs[changed], sign * changed[0], sign * changed[1]))
    return Trained(tuple(tokens), tuple(merges))


def _prepare(
    counts: Counter[bytes], tokens: Sequence[bytes], merges: Sequence[tuple[int, int]]
) -> tuple[list[list[int]], list[int]]:
    ranks = {pair: 256 + rank for rank, pair in enumerate(merges)}
    words = []
    for piece in counts:
        word = list(piece)
        while ranks and len(word) > 1:
            best = min(pairwise(word), key=lambda pair: ranks.get(pair, 1 << 30))
            if best not in ranks:
                break
            word = _joined(word, best, ranks[best])
        words.append(word)
    return words, list(counts.values())


def _joined(word: list[int], pair: tuple[int, int], new: int) -> list[int]:
    out, place = [], 0
    while place < len(word):
        if place + 1 < len(word) and word[place] == pair[0] and word[place + 1] == pair[1]:
            out.append(new)
            place += 2
        else:
            out.append(word[place])
            place += 1
    return out


def _apply(
    pair: tuple[int, int],
    new: int,
    words: list[list[int]],
    weights: list[int],
    pairs: Counter[tuple[int, int]],
    homes: defaultdict[tuple[int, int], set[int]],
) -> set[tuple[int, int]]:
    """Join the pair wherever it stands; returns the pairs that gained."""
    gained: set[tuple[int, int]] = set()
    for place in sorted(homes.pop(pair, ())):
        word, weight = words[place], weights[place]
        for old in pairwise(word):
            pairs[old] -= weight
        word = words[place] = _joined(word, pair, new)
        for fresh in pairwise(word):
            pairs[fresh] += weight
            homes[fresh].add(place)
            gained.add(fresh)
    pairs.pop(pair, None)
    return gained
