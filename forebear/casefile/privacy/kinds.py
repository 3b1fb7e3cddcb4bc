"""What kind of name one that waits for a ruling looks like: a person's, unless the texts show another thing behind it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from forebear.casefile.data import packaged_table
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.naming.stock import alternatives, titles
from forebear.casefile.text.scripts import fold

_VERSION = re.compile(r"[ -]?(?:v?\d+(?:\.\d+)*(?:[BMKT]\b|\b))")
"""A number right behind a name (Alpha 7B, Beta-2): versions and sizes are of products."""


@dataclass(frozen=True)
class KindWords:
    """data/kinds.toml."""

    organisation: tuple[str, ...]
    product: tuple[str, ...]
    organisation_latin: tuple[str, ...]
    product_latin: tuple[str, ...]
    place_latin: tuple[str, ...]


@cache
def _behind() -> Mapping[str, tuple[re.Pattern[str], frozenset[str]]]:
    """Kind -> what stands behind it in Han characters and kana, and in Latin letters."""
    table = packaged_table(KindWords, "kinds.toml")
    return {
        "organisation": (re.compile(alternatives(table.organisation)), frozenset(table.organisation_latin)),
        "product": (re.compile(alternatives(table.product)), frozenset(table.product_latin)),
        "place": (re.compile(alternatives(titles().place_after)), frozenset(table.place_latin)),
    }


def looks(word: str, bodies: Iterable[str]) -> str:
    """The kind that most places of some texts show a name to be; "person" where none shows another.

    bodies: folded texts.
    """
    word, shown = fold(word), Counter[str]()
    edge = r"\b" if word.isascii() else ""
    for body in bodies if word else ():
        for match in re.finditer(rf"{edge}{re.escape(word)}{edge}", body):
            after = body[match.end() : match.end() + 24]
            beside = re.match(r"[ -]([A-Za-z]+)", after)
            for kind, (wide, latin) in _behind().items():
                shown[kind] += bool(wide.match(after)) or bool(beside and beside[1].lower() in latin)
            shown["product"] += bool(_VERSION.match(after))
    kind, count = shown.most_common(1)[0] if shown else ("person", 0)
    return kind if count else "person"


def kinds_of(case: CaseFile, texts: Sequence[str]) -> dict[str, str]:
    """Kind of each name that waits for a ruling: the one that a ruling gave it, else what it looks like."""
    bodies = [fold(text) for text in texts]
    waiting = [n for n in case.name if n.ruling == "undecided"]
    return {n.text: looks(n.text, bodies) if n.kind == "person" and not n.of else n.kind for n in waiting}


def all_public(case: CaseFile, texts: Sequence[str], wanted: Iterable[str]) -> CaseFile:
    """The case in which every waiting name that looks like one of these kinds is public, as that kind."""
    kinds, chosen = kinds_of(case, texts), set(wanted)
    names = (
        replace(n, ruling="public", kind=kinds[n.text]) if n.ruling == "undecided" and kinds[n.text] in chosen else n
        for n in case.name
    )
    return replace(case, name=tuple(names))
