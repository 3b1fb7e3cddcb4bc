"""Splitting expressions that files state: read by a grammar of ours, built again in a form whose time is bounded (decision 0030).

An expression is a choice of rows of character sets with counts: no nested repeats, no look-behind, no anchors, no references.
Text is rewritten one to one into classes (a character of ASCII stays; any other becomes one sign for its Unicode category and
for the ranges that the expression names), so that the expression that runs is ours, over a small alphabet.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache

from forebear.core.messages import message
from forebear.tokens.grammar import CATEGORIES, MOST_PARTS, Group, Holds, Parser, Part, Row, refuse
from forebear.tokens.rules import CannotEncodeError

LONGEST_RUN = 4096
"""Longest run of characters of one repeated set that an expression we did not publish ourselves is used on."""
MOST_SHORT = 8
"""Most parts, and most counts of each, that may still fail after a repeat without end."""
Sign = tuple[str, int, str]
"""A sign, a code point it stands for, and its category."""


class Expression:
    """An expression in its bounded form. ours: it is one that we publish, so long runs need no bound.

    Raises: CannotEncodeError when it is outside the grammar, or its time would not be bounded.
    """

    def __init__(self, text: str, *, ours: bool = False) -> None:
        parser = Parser(text)
        rows = parser.rows(False)
        if parser.at != len(text):
            raise refuse()
        starts = sorted(edge for edge in {0x80, *parser.bounds} if 0x80 <= edge <= 0x10FFFF)
        self._signs = _Signs(starts)
        signs = list(self._signs.all())
        plain = _plain(rows)
        for row in plain:
            _check(row)
        self._find = re.compile(_choice(rows, signs))
        repeated = {
            _members(p.holds, signs) for row in plain for p in _parts(row) if p.most is None and not p.possessive
        }
        self._long = [] if ours else [re.compile(f"{members}{{{LONGEST_RUN},}}") for members in repeated]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it matches, from the left. Raises: CannotEncodeError on a run too long for an expression of a file's own."""
        signs = text if text.isascii() else text.translate(self._signs)
        for long in self._long if len(signs) >= LONGEST_RUN else ():
            if long.search(signs) is not None:
                raise CannotEncodeError(
                    f"cuts text by an expression of its own, which is not used on runs of {LONGEST_RUN} characters",
                    said=message("encoding.own_cut_run", most=LONGEST_RUN),
                )
        return [match.span() for match in self._find.finditer(signs)]


class _Signs(dict[int, str]):
    """Code point → its sign: a character of ASCII itself, any other by interval and category; filled as they are met."""

    def __init__(self, starts: Sequence[int]) -> None:
        super().__init__()
        self._starts = starts

    def __missing__(self, code: int) -> str:
        if code < 0x80:
            found = chr(code)
        else:
            place = bisect_right(self._starts, code) - 1
            found = chr(0x100 + 32 * place + CATEGORIES.index(unicodedata.category(chr(code))))
        self[code] = found
        return found

    def all(self) -> Iterator[Sign]:
        """(sign, a code point it stands for, its category)."""
        for code in range(0x80):
            yield chr(code), code, unicodedata.category(chr(code))
        for place, start in enumerate(self._starts):
            for at, category in enumerate(CATEGORIES):
                yield chr(0x100 + 32 * place + at), start, category


def _members(holds: Holds, signs: Sequence[Sign]) -> str:
    codes = sorted(ord(sign) for sign, code, category in signs if holds(code, category))
    if not codes:
        return "(?!)"
    written, first, last = [], codes[0], codes[0]
    for code in [*codes[1:], -1]:
        if code == last + 1:
            last = code
            continue
        written.append(f"\\U{first:08x}" + (f"-\\U{last:08x}" if last > first else ""))
        first = last = code
    return f"[{''.join(written)}]"


def _choice(rows: Sequence[Row], signs: Sequence[Sign]) -> str:
    return "|".join("".join(_written(part, signs) for part in row) for row in rows)


def _written(part: Part | Group, signs: Sequence[Sign]) -> str:
    if isinstance(part, Group):
        return f"(?:{_choice(part.rows, signs)}){'?' if part.optional else ''}"
    members = _members(part.holds, signs)
    if part.look:
        return f"(?{part.look}{members})"
    count = "" if (part.least, part.most) == (1, 1) else f"{{{part.least},{'' if part.most is None else part.most}}}"
    return f"{members}{count}{'+' if part.possessive and count else ''}"


def _parts(row: Row) -> Iterator[Part]:
    for one in row:
        if isinstance(one, Part):
            yield one
        else:
            for inner in one.rows:
                yield from _parts(inner)


def _plain(rows: Sequence[Row]) -> list[Row]:
    """Rows with every group that must match multiplied out; what is left as a group may be left out."""
    found: list[Row] = []
    for row in rows:
        ways: list[Row] = [()]
        for one in row:
            more = _plain(one.rows) if isinstance(one, Group) and not one.optional else [(one,)]
            ways = [(*way, *after) for way in ways for after in more]
            if len(ways) + len(found) > MOST_PARTS:
                raise refuse()
        found += ways
    return found


def _check(row: Row) -> None:
    """Refuse a row that may match nothing, or one that would be tried in more ways than its text has characters.

    After a repeat without end that can give characters back, what may still fail is short: giving back is one walk over
    the run, with a few steps at each place. A repeat without end may only be the last thing that has to match.
    """
    if not any(_needed(one) and not (isinstance(one, Part) and one.look) for one in row):
        raise refuse()
    for at, one in enumerate(row):
        if isinstance(one, Group):
            if any(part.most is None for part in _parts((one,))):
                raise refuse()
        elif one.most is None and not one.possessive:
            rest = row[at + 1 :]
            last = max((k for k, after in enumerate(rest) if _needed(after)), default=-1)
            if (
                last > MOST_SHORT
                or any(_endless(after) for after in rest[: max(last, 0)])
                or _least(rest[last:]) > MOST_SHORT
            ):
                raise refuse()


def _needed(one: Part | Group) -> bool:
    return isinstance(one, Part) and (one.least > 0 or bool(one.look))


def _endless(one: Part | Group) -> bool:
    return isinstance(one, Part) and (one.most is None or one.most > MOST_SHORT)


def _least(rest: Row) -> int:
    return rest[0].least if rest and isinstance(rest[0], Part) else 0


@cache
def expression(text: str, ours: bool = False) -> Expression:
    """The bounded form of an expression, made once."""
    return Expression(text, ours=ours)
