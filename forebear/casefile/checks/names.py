"""Name candidates of a text, for a person to rule on; and pseudonyms, the same in every output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.name_checks import romanised
from forebear.casefile.facts.fact import narrow
from forebear.casefile.folder.model import NAME_KINDS, CaseFile, Name
from forebear.casefile.naming.candidates import Read, candidates
from forebear.casefile.text.scripts import fold


def name_candidates(texts: Iterable[Text], things: Sequence[str] = ()) -> list[str]:
    """Strings that may name a person, in the order of the texts: too many rather than too few.

    things: what is known to name something else; nothing inside it is a candidate.
    """
    return candidates(Read(text.language, _without(text.extract.text, things)) for text in texts)


def _without(body: str, things: Sequence[str]) -> str:
    """A text of the same length in which a comma stands for every character of what names a thing."""
    for thing in sorted(filter(None, things), key=len, reverse=True):
        body = body.replace(thing, "，" * len(thing))
    return body


def spelling(text: str) -> str:
    """One form of all spellings that differ in nothing but Han forms, width, capitals and spaces."""
    return "".join(fold(narrow(text)).lower().split())


def with_candidates(case: CaseFile, texts: Iterable[Text]) -> CaseFile:
    """The case with every new name candidate added as undecided; rulings that exist are kept."""
    spelt = [n for name in case.name for n in (name.text, *name.also, *name.misspelt)]
    things = [n for alias in case.alias if alias.kind != "person" for n in alias.names]
    things += [
        n for name in case.name if name.kind != "person" or name.ruling == "not-a-name" for n in (name.text, *name.also)
    ]
    ruled = {spelling(n) for n in (*spelt, *things)}
    ruled |= {spelling(r) for name in case.name for n in (name.text, *name.also) for r in romanised(narrow(n))}
    new: dict[str, Name] = {}
    for candidate in name_candidates(texts, things):  # as the first text writes it: the original's own characters
        if spelling(candidate) not in ruled:
            new.setdefault(spelling(candidate), Name(text=candidate))
    return replace(case, name=(*case.name, *new.values())) if new else case


def undecided(case: CaseFile) -> list[str]:
    """Names nobody has ruled on."""
    return [n.text for n in case.name if n.ruling == "undecided"]


def with_pseudonyms(case: CaseFile) -> CaseFile:
    """The case with a pseudonym for every private name; one that was given is never changed."""
    taken = {n.pseudonym for n in case.name}
    names = []
    numbers = dict.fromkeys(NAME_KINDS, 1)
    for name in case.name:
        if name.ruling == "private" and name.of and name.of in taken and not name.pseudonym:
            name = replace(name, pseudonym=name.of)
        elif name.ruling == "private" and not name.pseudonym:
            while f"{name.kind.capitalize()} {numbers[name.kind]}" in taken:
                numbers[name.kind] += 1
            name = replace(name, pseudonym=f"{name.kind.capitalize()} {numbers[name.kind]}")
            taken.add(name.pseudonym)
        names.append(name)
    return replace(case, name=tuple(names))
