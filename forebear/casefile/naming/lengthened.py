"""Makes names longer that a reading cut short: by rare characters beside them, a place before a given name, a title behind."""

from __future__ import annotations

from dataclasses import replace

from forebear.casefile.naming.han import (
    AT_A_PLACE,
    EVERYDAY,
    EVERYDAY_AHEAD,
    STOP,
    UNKNOWN,
    Found,
    Lattice,
    is_city,
    is_word,
)
from forebear.casefile.naming.stock import names, words

OFTEN = 7.0
"""Cost up to which a character is one of given names that many bear."""


def lengthened(lattice: Lattice, listed: list[Found]) -> list[Found]:
    """Names of a run, in order. A whole one that ends right where one character before a title begins is one with it (姚黎若氏)."""
    found: list[Found] = []
    for one in (_extended(lattice, _longer(lattice, f)) for f in listed):
        last = found[-1] if found else None
        if last and last.kind == "whole" and last.end == one.start and one.kind == "titled" and len(one.surname + one.given) == 1:
            given = last.given + one.surname + one.given
            found[-1] = replace(one, start=last.start, surname=last.surname, given=given, dearer=last.dearer)
        else:
            found.append(one)
    return found


def _longer(lattice: Lattice, found: Found) -> Found:
    """A name with one more character of its given name, and with the place before a given name, which is a surname then."""
    run, start, end = lattice.run, found.start, found.end
    alone = found.surname + found.given
    if found.kind == "whole" and len(found.given) == 1 and _lends(run[end : end + 1], run[end : end + 2]):
        return replace(found, end=end + 1, given=found.given + run[end])
    if found.kind == "titled" and len(alone) == 1 and start and _lends(run[start - 1], run[max(0, start - 2) : start]):
        return replace(found, start=start - 1, surname="", given=run[start - 1] + alone)
    if found.kind == "given" and len(found.given) > 1 and not found.surname and found.given in names().given_ja:
        surname = next((run[start - n : start] for n in (3, 2) if start >= n and is_city(run[start - n : start])), "")
        if surname and not (run[: start - len(surname)] or lattice.ahead).endswith(AT_A_PLACE):
            return replace(found, start=start - len(surname), kind="whole", surname=surname)
    return found


def _lends(character: str, beside: str) -> bool:
    """Whether a character is one of given names that hardly stands as a word; beside: it and the one on its other side."""
    word, given = words().zh.get(character, UNKNOWN), names().given.get(character, 99.0)
    rare = word >= EVERYDAY or (word >= EVERYDAY_AHEAD and given <= OFTEN)
    return bool(character) and character not in STOP and rare and given < 99 and not (len(beside) > 1 and is_word(beside))


def _extended(lattice: Lattice, found: Found) -> Found:
    """A name with the rare character before it that opens the run: the first of a surname that no list has."""
    first = lattice.run[0]
    least = EVERYDAY if found.surname or found.end - found.start == 1 else EVERYDAY_AHEAD
    if found.start == 1 and first not in STOP and words().zh.get(first, UNKNOWN) >= least:
        return replace(found, start=0, surname=first + found.surname)
    for size in (2, 1):
        surname = lattice.run[max(0, found.start - size) : found.start]
        shown = surname in lattice.known.surnames and (not found.surname or found.start == size)
        shown = shown and not is_word(lattice.run[found.start - 1 : found.start + 1])
        if len(surname) == size and shown and found.kind != "before" and len(found.surname + found.given) < 4:
            return replace(found, start=found.start - size, surname=surname, given=found.surname + found.given)
    return found
