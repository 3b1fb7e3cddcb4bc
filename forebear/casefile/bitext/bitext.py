"""Two sources side by side: segments of both, paragraph links first, then sentence links inside them, hand links kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forebear.casefile.bitext.align import SENTENCE_GAP_COST, TWIN_GAP_COST, Features, Link, align
from forebear.casefile.bitext.anchors import Meanings, anchors, sides
from forebear.casefile.bitext.learn import align_learning
from forebear.casefile.bitext.semantic import Embedder, meanings
from forebear.casefile.bitext.translations import words
from forebear.casefile.facts.fact import Fact
from forebear.casefile.facts.facts import facts
from forebear.casefile.folder.model import Correction, Source
from forebear.casefile.text.blocks import Extract
from forebear.casefile.text.notes import blank_notes
from forebear.casefile.text.segments import Segment, segments
from forebear.core.errors import refusal
from forebear.core.messages import message


@dataclass
class Text:
    """A source ready to align and check: its extract, its segments, and, once they are asked for, the facts and anchors of each."""

    source: Source
    extract: Extract
    segments: list[Segment]

    @cached_property
    def facts(self) -> list[list[Fact]]:
        """Facts of each segment."""
        return [facts(t, self.language) for t in self._shown()]

    @cached_property
    def anchors(self) -> list[Features]:
        """Anchors of each segment."""
        return [anchors(t, self.language, f) for t, f in zip(self._shown(), self.facts, strict=True)]

    @cached_property
    def words(self) -> list[set[str]]:
        """Words of each segment by which it can be known in another language, a short one as a whole besides."""
        return [words(t, self.language) for t in self._shown()]

    def _shown(self) -> list[str]:
        return [blank_notes(s.text, self.language) for s in self.segments]

    @property
    def language(self) -> str:
        """The declared language."""
        return self.source.language

    def is_note(self, index: int) -> bool:
        """Whether a segment is nothing but an editor's note."""
        return not blank_notes(self.segments[index].text, self.language).strip(" 。.")

    def joined(self, indices: Sequence[int]) -> str:
        """The text of several neighbouring segments as it stands in the source."""
        if not indices:
            return ""
        return self.extract.text[self.segments[indices[0]].start : self.segments[indices[-1]].end]


def read_text(source: Source, extract: Extract) -> Text:
    """One source in segments."""
    return Text(source, extract, segments(extract, source.language))


def align_texts(
    left: Text, right: Text, corrections: Sequence[Correction] = (), embed: Embedder | None = None
) -> list[Link]:
    """Sentence links of two texts, in order; every segment stands in one link. embed: a sentence model, as one more sign.

    Raises: RefusedError when a hand correction quotes words that are not there, or corrections cross.
    """
    forced = _forced(left, right, corrections)
    both = meanings(embed, *([s.text for s in t.segments] for t in (left, right))) if embed else None
    links: list[Link] = []
    i = j = 0
    for link in forced:
        links += _piece(left, right, range(i, link.left[0]), range(j, link.right[0]), both)
        links.append(link)
        i, j = link.left[-1] + 1, link.right[-1] + 1
    links += _piece(left, right, range(i, len(left.segments)), range(j, len(right.segments)), both)
    return [replace(k, by="model") if embed and k.by == "rule" else k for k in links]


def _forced(left: Text, right: Text, corrections: Sequence[Correction]) -> list[Link]:
    found = []
    for c in corrections:
        if (c.left, c.right) == (left.source.id, right.source.id) and c.left_quotes and c.right_quotes:
            a = sorted(_quoted(left, q) for q in c.left_quotes)
            b = sorted(_quoted(right, q) for q in c.right_quotes)
            found.append(Link(tuple(range(a[0], a[-1] + 1)), tuple(range(b[0], b[-1] + 1)), 1.0, "hand"))
    found.sort(key=lambda k: k.left)
    for one, two in pairwise(found):
        if one.left[-1] >= two.left[0] or one.right[-1] >= two.right[0]:
            raise refusal(message("case_refused.corrections_cross"), where=f"{left.source.id} / {right.source.id}")
    return found


def _quoted(text: Text, quote: str) -> int:
    places = [s.index for s in text.segments if quote in s.text]
    if len(places) != 1:
        count = message("case_refused.quote_often", quote=repr(quote[:60]), source=text.source.id, count=len(places))
        none = message("case_refused.quote_nowhere", quote=repr(quote[:60]), source=text.source.id)
        raise refusal(count if places else none, todo=message("case_advice.quote_more"))
    return places[0]


def _piece(left: Text, right: Text, rows: range, columns: range, both: Meanings) -> list[Link]:
    """Links of a stretch of both texts."""
    if not rows or not columns:
        return [Link((i,), (), 0.0) for i in rows] + [Link((), (j,), 0.0) for j in columns]
    # editors' notes are no testimony: they are linked with nothing
    apart = [Link((i,), (), 0.0) for i in rows if left.is_note(i)] + [
        Link((), (j,), 0.0) for j in columns if right.is_note(j)
    ]
    blocks_a = _blocks(left, [i for i in rows if not left.is_note(i)])
    blocks_b = _blocks(right, [j for j in columns if not right.is_note(j)])
    marked_a = [(left.joined(b), _sum(left, b) + _heads(left, b)) for b in blocks_a]
    marked_b = [(right.joined(b), _sum(right, b) + _heads(right, b)) for b in blocks_b]
    whole = (_summed(both[0], blocks_a), _summed(both[1], blocks_b)) if both else None
    outer, pairs = align_learning(marked_a, marked_b, left.language, right.language, whole)
    known = {y for ys in pairs.values() for y in ys}
    links: list[Link] = []
    for link in outer:
        a = [s for i in link.left for s in blocks_a[i]]
        b = [s for j in link.right for s in blocks_b[j]]
        links += _inner(left, right, a, b, pairs, known, link, both)
    return links + apart


def _blocks(text: Text, indices: Sequence[int]) -> list[list[int]]:
    blocks: list[list[int]] = []
    for i in indices:
        if blocks and text.segments[blocks[-1][0]].paragraph == text.segments[i].paragraph:
            blocks[-1].append(i)
        else:
            blocks.append([i])
    return blocks


def _sum(text: Text, indices: Sequence[int]) -> Features:
    total: Features = Counter()
    for i in indices:
        total.update(text.anchors[i])
    return total


def _heads(text: Text, block: Sequence[int]) -> Features:
    """That a block is a heading, which a translation keeps even where no word of it is known."""
    return Counter({"t:heading": 1} if text.segments[block[0]].kind == "heading" else {})


def _summed(vectors: NDArray[np.float32], blocks: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Sum of the vectors of each block, (blocks, d)."""
    return np.array([vectors[list(b)].sum(axis=0) for b in blocks], np.float32).reshape(len(blocks), -1)


def _inner(
    left: Text, right: Text, a: list[int], b: list[int], pairs: dict[str, list[str]], known: set[str], link: Link, both: Meanings
) -> list[Link]:
    if not a or not b or (len(a) == 1 and len(b) == 1):
        if a and b:
            return [Link(tuple(a), tuple(b), link.score)]
        return [Link((i,), (), 0.0) for i in a] + [Link((), (j,), 0.0) for j in b]
    marked_a, marked_b = [], []
    for i in a:
        extra = Counter({f"x:{y}": 1 for w in left.words[i] for y in pairs.get(w, ())})
        marked_a.append((left.segments[i].text, left.anchors[i] + extra))
    for j in b:
        extra = Counter({f"x:{w}": 1 for w in right.words[j] & known})
        marked_b.append((right.segments[j].text, right.anchors[j] + extra))
    gap = TWIN_GAP_COST if left.language == right.language else SENTENCE_GAP_COST
    own = (both[0][a], both[1][b]) if both else None
    inner = align(*sides(marked_a, marked_b, own), band=max(len(a), len(b)), gap=gap)
    return [Link(tuple(a[i] for i in k.left), tuple(b[j] for j in k.right), k.score) for k in _evened(inner)]


def _evened(links: list[Link]) -> list[Link]:
    """Links where one that takes two sentences stands beside a gap of the other side: two plain links are the better story."""
    out: list[Link] = []
    for link in links:
        last = out[-1] if out else Link((), (), 0.0)
        if len(last.left) == 2 and len(last.right) == 1 and not link.left and len(link.right) == 1:
            out[-1:] = [Link(last.left[:1], last.right, last.score), Link(last.left[1:], link.right, 0.0)]
        elif len(link.left) == 2 and len(link.right) == 1 and not last.left and len(last.right) == 1:
            out[-1:] = [Link(link.left[:1], last.right, 0.0), Link(link.left[1:], link.right, link.score)]
        elif len(last.left) == 1 and len(last.right) == 2 and not link.right and len(link.left) == 1:
            out[-1:] = [Link(last.left, last.right[:1], last.score), Link(link.left, last.right[1:], 0.0)]
        elif len(link.left) == 1 and len(link.right) == 2 and not last.right and len(last.left) == 1:
            out[-1:] = [Link(last.left, link.right[:1], 0.0), Link(link.left, link.right[1:], link.score)]
        else:
            out.append(link)
    return out
