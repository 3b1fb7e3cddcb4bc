"""Rulings that contradict each other: a word that stays and a hidden name that is the same one in other letters."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.privacy.bearing import LONGEST_NAME, spelt
from forebear.casefile.privacy.reading import is_han_run, plain, tight
from forebear.core.errors import refusal
from forebear.core.messages import message

MOST_TOLD = 6


def at_odds(case: CaseFile) -> list[tuple[str, str]]:
    """(word, person): a word that a ruling keeps, and the pseudonym of a hidden name that it reads as.

    Side by side in linked sentences the word would say the name. A person who is hidden in a spelling of the word's own script that
    reads so too is somebody else.
    """
    private = [n for n in case.name if n.ruling == "private" and n.kind == "person"]
    written, read = defaultdict[str, list[Name]](list), defaultdict[str, list[Name]](list)
    for name in private:
        for text in _spellings(name):
            for form in _joined(text):
                written[form].append(name)
            for form in _read(text):
                read[form].append(name)
    found: dict[tuple[str, str], None] = {}
    for word in (w for n in case.name if n.ruling in ("public", "not-a-name") for w in _spellings(n)):
        same = [n for form in _read(word) for n in written.get(form, ())]
        same += [n for form in _joined(word) for n in read.get(form, ())]
        found |= {(word, n.pseudonym or n.of): None for n in same if not _has_own(word, n, private)}
    return list(found)


def settled(case: CaseFile, where: Path) -> None:
    """Refuse rulings of which one keeps what another hides; the message has no hidden name.

    Raises: RefusedError.
    """
    odd = at_odds(case)
    if odd:
        told = "; ".join(f"{word}, {person}" for word, person in odd[:MOST_TOLD])
        raise refusal(
            message("case_alike.refused", count=len(odd), told=told),
            where=str(where),
            todo=message("case_alike.rule_alike"),
        )


def _is_same(word: str, name: Name) -> bool:
    """Whether a word and a spelling of a name, one in Han characters and one in letters, read alike."""
    return any(_joined(b) & _read(a) for text in _spellings(name) for a, b in ((word, text), (text, word)))


def _has_own(word: str, name: Name, private: list[Name]) -> bool:
    """Whether the person of a name is hidden in another spelling that reads so too, in the script of the word."""
    mine = [t for n in private if n.pseudonym and n.pseudonym == name.pseudonym for t in _spellings(n)]
    wide = is_han_run(tight(word))
    own = (t for t in mine if is_han_run(tight(t)) == wide and tight(t) != tight(word))
    return any(_is_same(t, name) for t in own)


def _spellings(name: Name) -> Iterator[str]:
    yield from (name.text, *name.also)


@lru_cache(maxsize=8192)
def _joined(text: str) -> frozenset[str]:
    """Letters of a name in Latin ones, its words in either order."""
    parts = re.findall("[a-z]+", plain(text)) if tight(text).isascii() else []
    return frozenset(filter(None, ("".join(parts), "".join((*parts[1:], *parts[:1])))))


def _read(text: str) -> frozenset[str]:
    """What a word of two to four Han characters reads as, in Latin letters."""
    bare = tight(text)
    return spelt(bare) if is_han_run(bare) and 1 < len(bare) <= LONGEST_NAME else frozenset()
