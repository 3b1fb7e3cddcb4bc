"""Which words translators put for which, from the free translations of bench/kinds/texts.toml: makes data/translations.tsv.

    python -m bench.case_words PART... --repositories DIR --output FILE

IBM model 1 (Brown et al., 1993, Computational Linguistics 19, 263-311), a word counted once in a sentence, with a word that stands
for nothing; sentences linked one to one or one to two with a score of FAIR or more.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.case_texts import Case, cases
from forebear.casefile.bitext.align import Floats

ROUNDS = 6
FAIR = 0.5
LONGEST = 600
"""Characters of a sentence that teaches."""
LEAST_WORD, LEAST_OTHER = 4, 3
"""Sentences in which a word, and a translation of one, has to stand."""
LEAST_SHARE, LEAST_COUNT = 0.04, 1.5
"""Share of a word's sentences, and number of them, in which another one has to stand for it."""
LEAST_REALISED = 20
"""Hundredths of a word's sentences that have to hold one of its translations."""
HEADER = """\
# Words and what translators put for them: word, share of its sentences (in hundreds) that had one of these, these by falling share.
# English words without their endings, Han words as neighbouring pairs, katakana words whole (bitext/translations.py).
# Source: sentences linked one to one or one to two in bench/kinds/texts.toml, parts {parts}, by IBM model 1 (Brown et al., 1993).
# Made by `python -m bench.case_words {parts} --repositories DIR`; a word's share is an upper bound where its sentences are few.
"""
Sentences = list[tuple[frozenset[str], frozenset[str]]]
Learned = dict[str, tuple[int, dict[str, float]]]


def sentences(every: Iterable[Case]) -> dict[tuple[str, str], Sentences]:
    """Words of linked sentences by (language, into), both ways; equal pairs once."""
    found: dict[tuple[str, str], dict[tuple[frozenset[str], frozenset[str]], None]] = {}
    for case in every:
        for (left, right), links in case.links.items():
            texts = case.texts[left], case.texts[right]
            for link in links:
                if not link.left or not link.right or len(link.left) + len(link.right) > 3 or link.score < FAIR:
                    continue
                if max(len(t.joined(at)) for t, at in zip(texts, (link.left, link.right), strict=True)) > LONGEST:
                    continue
                x, y = (
                    frozenset(w for i in at for w in t.words[i] if w[0] != "=")
                    for t, at in zip(texts, (link.left, link.right), strict=True)
                )
                if x and y:
                    found.setdefault((left, right), {})[x, y] = None
                    found.setdefault((right, left), {})[y, x] = None
    return {pair: list(those) for pair, those in found.items()}


def learn(pairs: Sentences) -> Learned:
    """word -> (hundredths of its sentences with one of its translations, share of its sentences in which each stands for it)."""
    count_x, count_y = Counter(w for x, _ in pairs for w in x), Counter(w for _, y in pairs for w in y)
    xs = ["", *sorted(w for w, c in count_x.items() if c >= LEAST_WORD)]
    ys = sorted(w for w, c in count_y.items() if c >= LEAST_OTHER)
    place, other = {w: i for i, w in enumerate(xs)}, {w: i for i, w in enumerate(ys)}
    token, left, right, tokens = [], [], [], 0
    for x, y in pairs:
        mine = [0, *(place[w] for w in sorted(x) if w in place)]
        for w in sorted(y & other.keys()):
            left += mine
            right += [other[w]] * len(mine)
            token += [tokens] * len(mine)
            tokens += 1
    keys, inverse = np.unique(np.array(left, np.int64) * len(ys) + np.array(right), return_inverse=True)
    of, at = keys // len(ys), np.array(token)
    counts: Floats = np.ones(len(keys))
    for _ in range(ROUNDS):
        share = counts / np.bincount(of, weights=counts, minlength=len(xs))[of]
        said = share[inverse]
        expected = said / np.bincount(at, weights=said, minlength=tokens)[at]
        counts = np.bincount(inverse, weights=expected, minlength=len(keys)).astype(np.float64)
    stands: dict[str, dict[str, float]] = {}
    for key, count in zip(keys, counts, strict=True):
        word = xs[int(key) // len(ys)]
        if word and count >= LEAST_COUNT and count >= LEAST_SHARE * count_x[word]:
            stands.setdefault(word, {})[ys[int(key) % len(ys)]] = float(count) / count_x[word]
    met = Counter(w for x, y in pairs for w in x if w in stands and not stands[w].keys().isdisjoint(y))
    return {w: (min(98, round(100 * (met[w] + 0.5) / (count_x[w] + 1.5))), those) for w, those in stands.items()}


def lines(learned: Mapping[tuple[str, str], Learned], parts: Sequence[str]) -> str:
    """The file of all pairs of languages."""
    out = [HEADER.format(parts=" ".join(parts)).rstrip()]
    for (left, right), words in sorted(learned.items()):
        out.append(f"[{left}>{right}]")
        for word, (realised, those) in sorted(words.items()):
            if realised >= LEAST_REALISED:
                out.append(f"{word}\t{realised}\t{','.join(sorted(those, key=lambda w: (-those[w], w)))}")
    return "\n".join(out) + "\n"


def main() -> int:
    """Parse, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+")
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    found = sentences(c for part in given.parts for c in cases(part, given.repositories))
    given.output.write_text(lines({pair: learn(those) for pair, those in found.items()}, given.parts), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
