"""Other spellings of a Japanese name by its sound: Hepburn in either order, katakana and hiragana."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forebear.casefile.naming.kana import hepburn, hiragana_of, katakana_of
from forebear.casefile.naming.stock import names
from forebear.casefile.privacy.reading import tight
from forebear.casefile.text.scripts import fold

MAX_READINGS = 4
"""Most readings of one part of a name that are followed; few have more that people bear."""


@dataclass(frozen=True)
class Sounded:
    """A Japanese name cut in two, with readings in letters (naming/kana.py) of each part; a part may be empty."""

    surname: str
    given: str
    surnames: tuple[str, ...]
    givens: tuple[str, ...]


def sounded(name: str) -> Iterator[Sounded]:
    """Ways to take a name in Han characters as a Japanese one whose parts are known; name: folded, without spaces."""
    known = names()
    for cut in range(1, len(name) + 1):
        surname, given = fold(name[:cut]), fold(name[cut:])
        if surname in known.surnames_ja and (not given or given in known.given_ja) and (given or cut > 1):
            second = known.given_ja[given][1] if given else ()
            yield Sounded(name[:cut], name[cut:], known.surnames_ja[surname][1][:MAX_READINGS], second[:MAX_READINGS])
    whole = fold(name)
    if len(name) > 1 and whole in known.given_ja and whole not in known.surnames_ja:
        yield Sounded("", name, (), known.given_ja[whole][1][:MAX_READINGS])


def latin(reading: str) -> tuple[str, ...]:
    """Latin spellings of a reading."""
    return hepburn(reading)


def kana(reading: str) -> tuple[str, ...]:
    """The reading in katakana and in hiragana, as texts are searched (privacy/reading.py)."""
    spelt = katakana_of(reading)
    return tuple(tight(form) for form in (spelt, hiragana_of(spelt)))
