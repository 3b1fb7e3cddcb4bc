"""The grammar of splitting expressions that files state: choices of rows of character sets with counts, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from forebear.core.messages import message
from forebear.tokens.rules import CannotEncodeError

LONGEST_EXPRESSION, MOST_PARTS, MOST_DEPTH = 4096, 512, 4
"""Characters, character sets, and levels of groups, or of sets in a set, of an expression (published: at most 700, 170 and 2)."""
CATEGORIES = ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
               "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn")  # fmt: skip
_HAN = ((0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029),
        (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3),
        (0x16FF0, 0x16FF1), (0x20000, 0x2A6DF), (0x2A700, 0x2B738), (0x2B740, 0x2B81D), (0x2B820, 0x2CEA1),
        (0x2CEB0, 0x2EBE0), (0x2F800, 0x2FA1D), (0x30000, 0x3134A))  # fmt: skip
"""Script=Han of the Unicode Character Database, 14.0."""
_ALONE = (0x85, 0x17F, 0x212A)
"""Next line is white space though a control character; long s and the kelvin sign fold to s and k."""
_COUNTS = re.compile(r"\{(\d{1,3})(,(\d{1,3})?)?\}")
_CODES = {
    kind: re.compile(rf"\{{([0-9A-Fa-f]{{1,6}})\}}|([0-9A-Fa-f]{{{count}}})") for kind, count in (("u", 4), ("x", 2))
}
_NAME = re.compile(r"\{(\^?)(\w{1,16})\}")
_JOINED = frozenset(("ff", "fi", "fl", "ss", "st"))
"""Letters that one letter folds to (U+FB00 to U+FB06, U+00DF): where case is ignored some programs match that one as well."""
Holds = Callable[[int, str], bool]
"""Whether a set holds a character, by its code point and its category."""


@dataclass(frozen=True)
class Part:
    """One character set of a row and how often it occurs; most None: without end. look: a look at the next character."""

    holds: Holds
    least: int = 1
    most: int | None = 1
    possessive: bool = False
    look: str = ""


@dataclass(frozen=True)
class Group:
    """A choice of rows within a row; optional: it may be left out."""

    rows: tuple[Row, ...]
    optional: bool


Row = tuple["Part | Group", ...]


def refuse() -> CannotEncodeError:
    return CannotEncodeError(
        "cuts text by an expression of its own, which is not run", said=message("encoding.own_cut")
    )


def _space(code: int, category: str) -> bool:
    return category[0] == "Z" or 9 <= code <= 13 or code == 0x85


def _in(first: int, last: int) -> Holds:
    return lambda code, _: first <= code <= last


def _category(name: str) -> Holds:
    return lambda _, category: category.startswith(name)


def _not(holds: Holds) -> Holds:
    return lambda code, category: not holds(code, category)


def _any(several: Sequence[Holds]) -> Holds:
    return lambda code, category: any(holds(code, category) for holds in several)


def _all(several: Sequence[Holds]) -> Holds:
    return lambda code, category: all(holds(code, category) for holds in several)


class Parser:
    """Recursive descent over the grammar in the module's words; anything else is refused."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_EXPRESSION:
            raise refuse()
        self.text, self.at, self.parts = text, 0, 0
        self.bounds: set[int] = {edge for code in _ALONE for edge in (code, code + 1)}

    def peek(self, word: str) -> bool:
        return self.text.startswith(word, self.at)

    def take(self, word: str) -> bool:
        found = self.peek(word)
        self.at += len(word) * found
        return found

    def next(self) -> str:
        if self.at >= len(self.text):
            raise refuse()
        self.at += 1
        return self.text[self.at - 1]

    def rows(self, folded: bool, depth: int = 0) -> tuple[Row, ...]:
        """A choice of rows, up to the end or the bracket that closes its group."""
        if depth > MOST_DEPTH:
            raise refuse()
        found = [self._row(folded, depth)]
        while self.take("|"):
            found.append(self._row(folded, depth))
        return tuple(found)

    def _row(self, folded: bool, depth: int) -> Row:
        row: list[Part | Group] = []
        while self.at < len(self.text) and not self.peek("|") and not self.peek(")"):
            row.append(self._unit(folded, depth))
            self.parts += 1
            if self.parts > MOST_PARTS:
                raise refuse()
        return tuple(row)

    def _unit(self, folded: bool, depth: int) -> Part | Group:
        if self.peek("(?!") or self.peek("(?="):
            look = self.text[self.at + 2]
            self.at += 3
            part = Part(self._set(folded), look=look)
            if not self.take(")"):
                raise refuse()
            return part
        if not self.take("("):
            return self._counted(self._set(folded))
        within = self.take("?i:")
        if not within:
            self.take("?:")
        rows = self.rows(folded or within, depth + 1)
        closed, optional = self.take(")"), self.take("?")
        if not closed or any(self.peek(sign) for sign in "*+?{"):
            raise refuse()
        return Group(rows, optional)

    def _counted(self, holds: Holds) -> Part:
        least, braces = 1, False
        end: int | None = 1
        if self.take("?"):
            least = 0
        elif self.take("*"):
            least, end = 0, None
        elif self.take("+"):
            end = None
        elif self.peek("{"):
            least, end = self._braces()
            braces = True
        else:
            return Part(holds)
        if any(self.peek(sign) for sign in "?*{") or (braces and self.peek("+")):
            raise refuse()  # lazy counts, and braces whose second sign means different things to different programs
        return Part(holds, least, end, possessive=self.take("+"))

    def _braces(self) -> tuple[int, int | None]:
        counts = _COUNTS.match(self.text, self.at)
        if counts is None:
            raise refuse()
        self.at = counts.end()
        least = int(counts[1])
        most = least if counts[2] is None else None if counts[3] is None else int(counts[3])
        if most is not None and most < least:
            raise refuse()
        return least, most

    def _set(self, folded: bool) -> Holds:
        sign = self.next()
        if sign == "[":
            return self._brackets(folded)
        if sign == "\\":
            return self._escape(folded)
        if sign in "^$.*+?(){}|":
            raise refuse()
        if folded and self.text[self.at - 1 : self.at + 1].lower() in _JOINED:
            raise refuse()
        return self._letter(ord(sign), folded)

    def _brackets(self, folded: bool, depth: int = 0) -> Holds:
        negated = self.take("^")
        if depth > MOST_DEPTH or self.peek("]"):
            raise refuse()  # an empty set to some programs, the sign itself to others
        several: list[Holds] = []
        both: list[Holds] = []
        while not self.take("]"):
            if any(map(self.peek, ("--", "||", "~~"))):
                raise refuse()  # one set less another, and the like, to some programs; signs to others
            if self.take("&&"):
                both.append(_any(several))
                several = []
            elif self.take("["):
                if self.peek(":"):
                    raise refuse()
                several.append(self._brackets(folded, depth + 1))
                self._no_range()
            else:
                several.append(self._range(folded))
            self.parts += 1
            if self.parts > 8 * MOST_PARTS:
                raise refuse()
        whole = _any(several)
        if both:
            sides = [*both, whole]
            return _not(_all(sides)) if negated else _all(sides)
        return _not(whole) if negated else whole

    def _range(self, folded: bool) -> Holds:
        first: int | Holds = self._one(folded)
        if not isinstance(first, int):
            self._no_range()
            return first
        if self.peek("-") and not self.peek("-]"):
            self.at += 1
            if self.peek("[") or self.peek("-"):
                raise refuse()  # the end of a range to some programs, a set in a set or less a set to others
            last = self._one(folded)
            if not isinstance(last, int) or last < first:
                raise refuse()
            if folded:
                raise refuse()
            self.bounds |= {first, last + 1}
            return _in(first, last)
        return self._letter(first, folded)

    def _no_range(self) -> None:
        """Refuse a range that a class or a set begins: an error to some programs, three signs to others."""
        if self.peek("-") and not self.peek("-]"):
            raise refuse()

    def _one(self, folded: bool) -> int | Holds:
        sign = self.next()
        if sign != "\\":
            return ord(sign)
        kept = self.at
        escaped = self.next()
        plain = {"r": 13, "n": 10, "t": 9, "f": 12, "v": 11}.get(escaped)
        if plain is not None:
            return plain
        if escaped in "ux":
            return self._code(escaped)
        if not escaped.isalnum():
            return ord(escaped)
        self.at = kept
        return self._named(folded)

    def _code(self, kind: str) -> int:
        digits = _CODES[kind].match(self.text, self.at)
        if digits is None or int(digits[1] or digits[2], 16) > 0x10FFFF:
            raise refuse()
        self.at = digits.end()
        return int(digits[1] or digits[2], 16)

    def _escape(self, folded: bool) -> Holds:
        self.at -= 1
        found = self._one(folded)
        return self._letter(found, folded) if isinstance(found, int) else found

    def _named(self, folded: bool) -> Holds:
        """What follows a backslash: a class of characters by name, which programs fold differently where case is ignored."""
        sign = self.next()
        known: dict[str, Holds] = {"s": _space, "d": _category("Nd")}
        if sign.lower() in known:
            return known[sign] if sign in known else _not(known[sign.lower()])
        if sign not in "pP" or folded:
            raise refuse()
        name = _NAME.match(self.text, self.at)
        if name is None:
            raise refuse()  # \pL: a category to some programs, the letters p and L to others
        self.at = name.end()
        found = self._property(name[2])
        return _not(found) if (sign == "P") != bool(name[1]) else found

    def _property(self, name: str) -> Holds:
        if name == "Han":
            self.bounds |= {edge for first, last in _HAN for edge in (first, last + 1)}
            return _any([_in(first, last) for first, last in _HAN])
        if not any(category.startswith(name) for category in CATEGORIES) or len(name) > 2:
            raise refuse()
        return _category(name)

    def _letter(self, code: int, folded: bool) -> Holds:
        codes = {code}
        if folded and code < 0x80:
            codes |= {ord(chr(code).lower()), ord(chr(code).upper())}
            codes |= {0x17F} if chr(code).lower() == "s" else {0x212A} if chr(code).lower() == "k" else set()
        elif folded:
            raise refuse()
        self.bounds |= {edge for one in codes for edge in (one, one + 1)}
        return lambda met, _: met in codes
