"""What the owner of a case sees of its names: which wait for a ruling, by person and by kind, and what a report withholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.names import spelling, with_pseudonyms
from forebear.casefile.folder.model import RULINGS, CaseFile
from forebear.casefile.privacy.grouping import across, grouped, listed
from forebear.casefile.privacy.guard import Links
from forebear.casefile.privacy.kinds import kinds_of
from forebear.casefile.privacy.lacking import shown_of
from forebear.casefile.privacy.search import search_of

MOST_WORDS = 60
"""Most withheld words that are listed, the most frequent first."""


def of_names(case: CaseFile, texts: Mapping[str, Text], links: Links, own: str) -> dict[str, Any]:
    """ruled: how many people's names have which ruling; waiting: names without one, with the kind that each looks like; people:
    those of people by person; across: names of two people who stand in each other's place; withheld: words that a report would
    withhold, with their counts, once nothing waits. own: words that forebear writes itself."""
    rest = [n for n in case.name if n.ruling == "undecided"]
    kinds = kinds_of(case, [t.extract.text for t in texts.values()])
    shown = None if rest else shown_of(case, search_of(case), texts, links, own)
    words: list[tuple[str, int]] = []
    if shown:
        for text in texts.values():
            for segment in text.segments:
                shown.shown(segment.text, text.language)
        words = shown.counts.most_common(MOST_WORDS)
    groups = grouped(case, texts, links)
    return {
        "ruled": {r: sum(n.ruling == r and n.kind == "person" for n in case.name) for r in RULINGS},
        "waiting": [{"name": n.text, "of": n.of, "why": n.why, "kind": kinds[n.text]} for n in rest],
        "people": listed(case, groups),
        "across": across(case, groups),
        "withheld": [{"word": word, "count": count} for word, count in words],
    }


def covered(case: CaseFile, texts: Mapping[str, Text]) -> list[dict[str, object]]:
    """By person the forms that stand in the texts and are hidden though no entry of the case is written so: for the owner, who
    sees by them that the original's own characters are covered as well (an entry in other characters hides them)."""
    search, written = search_of(with_pseudonyms(case)), {w for n in case.name for w in (n.text, *n.also, *n.misspelt)}
    found: dict[str, dict[str, None]] = {}
    for text in texts.values():
        for segment in text.segments:
            for hit in search.hits(segment.text):
                shown = " ".join(segment.text[hit.start : hit.end].split())
                if shown not in written:
                    found.setdefault(hit.label, {})[shown] = None
    return [{"person": label, "forms": list(forms)} for label, forms in sorted(found.items())]


def guessed(before: CaseFile, after: CaseFile, asked: Iterable[str]) -> list[dict[str, str]]:
    """Names that are private now, were not before, and that nobody asked for in so many words: with the person each was put to."""
    known = {spelling(n.text) for n in before.name if n.ruling == "private"} | set(map(spelling, asked))
    new = (n for n in after.name if n.ruling == "private" and spelling(n.text) not in known)
    return [{"name": n.text, "person": n.pseudonym or n.of} for n in new]
