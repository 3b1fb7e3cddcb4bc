"""Characters of closed classes (个, 的) as the surname of somebody who is hidden in Latin letters alone.

No list has them as surnames, so they stand open wherever nothing asks about them. Where a hidden name is known in Han characters
its own are looked for (privacy/people.py); where it is known in letters alone, any character that is read as its surname may be
it, and is withheld where a surname stands: behind 老 and its like, before a title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from forebear.casefile.naming.counted import counts
from forebear.casefile.naming.han import STOP
from forebear.casefile.naming.sound import readings_of, spelt, split
from forebear.casefile.naming.stock import names
from forebear.casefile.privacy.grouping import SOMEBODY, shape
from forebear.casefile.privacy.people import Forms, endings
from forebear.casefile.privacy.reading import is_han_run, plain, tight
from forebear.casefile.privacy.search import GUARD, GUARDED
from forebear.casefile.text.scripts import fold

AHEAD = "老小阿"
"""What stands before a surname (Chao, 1968, 8.1.3); 大 is left out, which 大于 and 大会 begin with."""
MEASURES = "个些把"
"""Characters of closed classes that are measure words."""


def surnames_in_letters(people: Iterable[Forms]) -> frozenset[str]:
    """Surnames of one syllable, in letters, of hidden people whose surname is known in no Han character that is read so."""
    found: set[str] = set()
    for person in people:
        cores = [shape(text).core for text in person.texts] if person.label != SOMEBODY else []
        known = {form for core in cores if is_han_run(core) for form in spelt(readings_of(core[0]))}
        found.update(part for text in person.texts for part in _surname(text) if part not in known)
    return frozenset(found)


def _surname(text: str) -> list[str]:
    """Which of the first and the last word of a Latin name may be a surname of one syllable: one that lists have before others.

    Titles are read as well: Ge is one (哥), and a surname.
    """
    found = re.findall("[a-z]+", plain(text))
    if not tight(text).isascii() or len(found) < 2:
        return []
    ends = [p for p in dict.fromkeys((found[0], found[-1])) if any(len(way) == 1 for way in split(p))]
    return [p for p in ends if p in _listed()] or ends


@cache
def _listed() -> frozenset[str]:
    """Spellings of the surnames of one character that lists have."""
    return frozenset(form for s in names().surnames if len(s) == 1 for form in spelt(readings_of(s)[:1]))


class Closed:
    """Looks in Chinese and Japanese texts for characters of closed classes that stand as one of some surnames does."""

    def __init__(self, surnames: frozenset[str]) -> None:
        """surnames: in small letters (`surnames_in_letters`)."""
        unlisted = STOP - names().surnames.keys()
        read = "".join(sorted(c for c in unlisted if not surnames.isdisjoint(spelt(readings_of(c)[:1]))))
        titled = f"(?:{'|'.join(map(_title, endings()))})"
        self.pattern = re.compile(f"(?<=[{AHEAD}])[{read}]|[{read}](?={titled})" if read else "(?!)")

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they stand so; a measure word behind a figure or a determinative (这个老师) is none."""
        body = fold(text)
        for match in self.pattern.finditer(body):
            if not (match.group() in MEASURES and counts(body[max(0, match.start() - 8) : match.start()])):
                yield match.span()


def _title(title: str) -> str:
    guarded = f"(?![{''.join(sorted(GUARD))}])" if title in GUARDED else ""
    return re.escape(title) + guarded


def closed_of(people: Sequence[Forms]) -> Closed:
    """The characters of closed classes by which these people may be called."""
    return Closed(surnames_in_letters(people))
