"""Whether words of a sentence are translated in a place of the other text, by words that translators use for one another.

data/translations.tsv says, for each word, what it was translated by in public texts and in what share of sentences any of these
stood beside it. A sentence that is translated in a place has most of its words there; one that is not has them as often as chance
puts them into so many sentences of the text. The log of the ratio of both chances is the evidence (Wald 1945).
Assumed: words are there or not independently of each other, which they are not, so that evidence is overstated.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.bitext.translations import table

LEAST_REALISED = 0.3
"""Share of sentences in which a word has to be translated by one of its words to tell anything."""
FIRM = 0.75
"""Score of the links that show how closely a text translates."""
KEPT = 0.85
"""Share of figures and names that a translation keeps, assumed."""


@dataclass(frozen=True)
class Evidence:
    """log: natural log of the chance of what stands in a place if a sentence is translated there over that if it is not; words: of
    how many words it is the evidence."""

    log: float
    words: int


class Meant:
    """Two texts linked, the left one's words looked for in the right one; usual: length of the right one over that of the left."""

    def __init__(self, left: Text, right: Text, links: Sequence[Link], usual: float) -> None:
        self.left, self.right, self.usual = left, right, usual
        known = table().get((left.language, right.language), {})
        self.known = {w: (share, frozenset(others)) for w, (share, others) in known.items() if share >= LEAST_REALISED}
        self.chance = self._chances()
        self.factor = self._closeness(links)

    def _chances(self) -> dict[str, float]:
        """Share of right sentences in which a word's translations stand, by chance or not."""
        answers: dict[str, set[str]] = {}
        for word in set().union(*self.left.words) & self.known.keys():
            for other in self.known[word][1]:
                answers.setdefault(other, set()).add(word)
        counts: Counter[str] = Counter()
        for said in self.right.words:
            counts.update(set().union(*(answers[w] for w in said if w in answers)))
        return {w: (counts[w] + 0.5) / (len(self.right.words) + 1) for ws in answers.values() for w in ws}

    def _closeness(self, links: Sequence[Link]) -> float:
        """How much of what is usually translated this text translates, by its firm links; 1 at most."""
        wanted = met = 0.0
        for link in links:
            if len(link.left) == len(link.right) == 1 and link.score >= FIRM:
                there = self.right.words[link.right[0]]
                for word in self.left.words[link.left[0]] & self.known.keys():
                    wanted += self.known[word][0]
                    met += not self.known[word][1].isdisjoint(there)
        return min(1.0, (met + 5) / (wanted + 5))

    def evidence(self, sentence: int, place: Iterable[int], lacking: bool = True) -> Evidence:
        """What speaks for a left sentence being translated in so many right ones; lacking: figures and names that are not there
        speak against it."""
        where = list(place)
        there = set().union(*(self.right.words[j] for j in where))
        log, words = 0.0, 0
        for word in self.left.words[sentence] & self.known.keys():
            share = self.known[word][0] * self.factor
            chance = 1 - (1 - self.chance[word]) ** max(1, len(where))
            if chance < 0.8 * share:
                words += 1
                met = not self.known[word][1].isdisjoint(there)
                log += math.log(share / chance) if met else math.log((1 - share) / (1 - chance))
        kept, gone = self._anchors(sentence, where)
        gone = gone if lacking else 0
        log += math.log(KEPT / 0.05) * kept + math.log((1 - KEPT) / 0.95) * gone
        return Evidence(log, words + kept + gone)

    def _anchors(self, sentence: int, where: Sequence[int]) -> tuple[int, int]:
        """How many figures and Latin words of a sentence stand in a place, and how many of those that should do not."""
        mine = {k for k in self.left.anchors[sentence] if k[:2] in ("n:", "l:")}
        there = {k for j in where for k in self.right.anchors[j]}
        gone = {k for k in mine - there if k[0] == "n" or self.left.language != "en"}
        return len(mine & there), len(gone)


def both_ways(left: Text, right: Text, links: Sequence[Link], usual: float) -> tuple[Meant, Meant] | None:
    """The words of each text looked for in the other; None in one language."""
    if left.language == right.language:
        return None
    turned = [Link(k.right, k.left, k.score) for k in links]
    return Meant(left, right, links, usual), Meant(right, left, turned, 1 / usual)
