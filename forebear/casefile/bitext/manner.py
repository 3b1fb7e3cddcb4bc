"""How freely a text translates, from its links alone: what weak cues are worth depends on it (decision 0008).

Measured by what single errors hardly move: how sentences are joined and split, and how alike two versions in one language
usually are. Planting 500 errors moved neither across its bar on any text of development.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.text.scripts import fold

LEAST_LINKS = 60
"""Fewer links tell nothing of a manner: such a text is taken as close."""
FREE = 0.19
"""Share of links that join or split sentences from which a translation is free: 0.02 to 0.12 in six close manuals, 0.29 in a
free one."""
APART = 0.72
"""Likeness of the middle link below which two versions in one language were made apart: 0.57, against 0.88 and more."""
MOST_COMPARED = 600
"""Links compared for likeness, evenly spread: enough for a median, however long the text."""


@dataclass(frozen=True)
class Manner:
    """links: those with both sides; shifted: share of them that are not one sentence to one; likeness: median Dice coefficient
    of character pairs, 1 for texts in two languages."""

    links: int
    shifted: float
    likeness: float

    @property
    def free(self) -> bool:
        """Whether the right text is a free translation of the left."""
        return self.links >= LEAST_LINKS and self.shifted >= FREE

    @property
    def apart(self) -> bool:
        """Whether two versions in one language were made independently of each other."""
        return self.links >= LEAST_LINKS and self.likeness < APART


def manner_of(left: Text, right: Text, links: Sequence[Link]) -> Manner:
    """The manner of a pair of texts."""
    both = [k for k in links if k.left and k.right]
    if not both:
        return Manner(0, 0.0, 1.0)
    shifted = sum(len(k.left) != 1 or len(k.right) != 1 for k in both) / len(both)
    if left.language != right.language:
        return Manner(len(both), shifted, 1.0)
    step = max(1, len(both) // MOST_COMPARED)
    alike = sorted(_dice(left.joined(k.left), right.joined(k.right)) for k in both[::step])
    return Manner(len(both), shifted, alike[len(alike) // 2])


def _dice(a: str, b: str) -> float:
    one, two = _couples(a), _couples(b)
    total = sum(one.values()) + sum(two.values())
    return 2 * sum((one & two).values()) / total if total else 1.0


def _couples(text: str) -> Counter[str]:
    plain = fold(text)
    return Counter(plain[i : i + 2] for i in range(len(plain) - 1))
