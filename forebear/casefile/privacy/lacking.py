"""Words that may name somebody because a linked sentence names more people than theirs does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.naming.han import Known
from forebear.casefile.naming.wide import Body, wide_spans
from forebear.casefile.privacy.guard import Links, Proposal, unspelt
from forebear.casefile.privacy.reading import tight, tight_origins
from forebear.casefile.privacy.search import Search

STEPS = (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0)
"""How much dearer than as words a span may read as a name where a linked sentence says that a name is missing: the best first."""
MISSING = "stands where a linked sentence names more people"
"""Why a word found so waits for a ruling."""


def lacking(case: CaseFile, search: Search, texts: Mapping[str, Text], links: Links) -> list[Proposal]:
    """Spans of Chinese and Japanese sentences that hide fewer names than the sentences they are linked with.

    Those that read best as names and that nobody ruled on: as many as are missing, and all that read as well as the last of
    them; none inside words that are ruled to stay.
    """
    ruled = {tight(n.text) for n in case.name}
    found: dict[str, Proposal] = {}
    for short in unspelt(search, texts, links):
        text = texts[short.source]
        if text.language in ("zh", "ja"):
            sentences = [text.segments[i].text for i in short.sentences]
            for word in _best(sentences, text.language, search, ruled, short.missing):
                found.setdefault(tight(word), Proposal(word, "", MISSING))
    return list(found.values())


def _best(sentences: Sequence[str], language: str, search: Search, ruled: set[str], wanted: int) -> list[str]:
    found: dict[str, None] = {}
    for margin in STEPS:
        found.update((w, None) for s in sentences for w in _spans(s, language, search, margin) if tight(w) not in ruled)
        if len(found) >= wanted:
            break
    return list(found)


def _spans(words: str, language: str, search: Search, margin: float) -> Iterator[str]:
    for hit in search.hits(words):
        words = words[: hit.start] + "，" * (hit.end - hit.start) + words[hit.end :]
    body, at = tight(words), tight_origins(words)
    kept = [(at[start], at[end - 1] + 1) for start, end in search.kept_trie.spans(body)]
    for span in wide_spans(Body(words), language, Known(), margin):
        if not any(start <= span.start and span.end <= end for start, end in kept):
            yield " ".join(words[span.start : span.end].split())
