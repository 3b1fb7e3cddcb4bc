"""Words that may name somebody because a linked sentence names more people than theirs does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.naming.han import Known
from forebear.casefile.naming.wide import Body, wide_spans
from forebear.casefile.privacy.guard import Links, Proposal, once
from forebear.casefile.privacy.reading import tight
from forebear.casefile.privacy.search import Search

WIDER = 14.0
"""How much dearer than as words a span may read as a name where a linked sentence says that a name is missing."""


def lacking(search: Search, texts: Mapping[str, Text], links: Links) -> list[Proposal]:
    """Spans of Chinese and Japanese sentences that hide fewer names than the sentences they are linked with.

    The best readings first, as many as are missing.
    """
    hits = {name: [once(s.text, search.hits(s.text)) for s in text.segments] for name, text in texts.items()}
    found: dict[str, Proposal] = {}
    for (left, right), pair in links.items():
        for link in pair:
            sides = ((left, link.left, right, link.right), (right, link.right, left, link.left))
            for one, mine, other, theirs in sides:
                missing = sum(len(hits[other][j]) for j in theirs) - sum(len(hits[one][i]) for i in mine)
                if missing > 0 and texts[one].language in ("zh", "ja"):
                    words = (w for i in mine for w in _spans(texts[one], i, [(h.start, h.end) for h in hits[one][i]]))
                    for _, word in zip(range(missing), words, strict=False):
                        found.setdefault(
                            tight(word), Proposal(word, "", "stands where a linked sentence names more people")
                        )
    return list(found.values())


def _spans(text: Text, index: int, hidden: list[tuple[int, int]]) -> Iterator[str]:
    words = text.segments[index].text
    for start, end in hidden:
        words = words[:start] + "，" * (end - start) + words[end:]
    for span in wide_spans(Body(words), text.language, Known(), WIDER):
        yield " ".join(words[span.start : span.end].split())
