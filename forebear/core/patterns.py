"""Regular expressions of strangers' files, compared within a bound: no backtracking, every step counted.

What is read: characters, escapes, classes, groups, alternatives, repeats (greedy or not, which makes no difference to whether the
whole fits). What is not: look-around, back references, flags, names of Unicode classes.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable
from typing import Any

from forebear.core.errors import printable
from forebear.core.messages import message
from forebear.core.wording import in_english

MAX_PATTERN = 1000
MAX_REPEAT = 64
MAX_DEPTH = 20
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "D": lambda c: not c.isdecimal(),
    "w": lambda c: c.isalnum() or c == "_",
    "W": lambda c: not (c.isalnum() or c == "_"),
    "s": str.isspace,
    "S": lambda c: not c.isspace(),
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}

Ends = set[int]
Node = Callable[[str, Ends, "Work"], Ends]
"""From places in a text where a part may begin to places where it may end."""


class UnreadablePatternError(ValueError):
    """A pattern that is none, or uses what is not read; said: which of both, a key of the table `pattern`."""

    def __init__(self, key: str, /, **values: Any) -> None:
        self.said = message(f"pattern.{key}", **values)
        super().__init__(in_english(self.said))


class TooMuchWorkError(ValueError):
    """Comparing takes more steps than were allowed."""


class Work:
    """Steps that may still be taken."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def take(self, steps: int) -> None:
        """Count steps. Raises TooMuchWorkError."""
        self.left -= steps + 1
        if self.left < 0:
            raise TooMuchWorkError


class Pattern:
    """A parsed expression."""

    def __init__(self, text: str) -> None:
        """Raises UnreadablePatternError."""
        if len(text) > MAX_PATTERN:
            raise UnreadablePatternError("longer", most=MAX_PATTERN)
        parser = _Parser(text)
        self._node = parser.alternatives(0)
        if parser.at < len(text):
            raise UnreadablePatternError("close")

    def fits_to_the_end(self, text: str, begins: Iterable[int], work: Work) -> bool:
        """Whether it fits from one of these places to the end of the text. Raises TooMuchWorkError."""
        return len(text) in self._node(text, set(begins), work)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self.at = text, 0

    def _peek(self) -> str:
        return self._text[self.at : self.at + 1]

    def _next(self) -> str:
        found = self._peek()
        if not found:
            raise UnreadablePatternError("ends")
        self.at += 1
        return found

    def alternatives(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise UnreadablePatternError("deep")
        ways = [self._sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            ways.append(self._sequence(depth))
        return ways[0] if len(ways) == 1 else _any_of(ways)

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._one(depth)))
        return _one_after_another(parts)

    def _one(self, depth: int) -> Node:
        char = self._next()
        if char == "(":
            if self._peek() == "?":
                self._plain_group()
            inner = self.alternatives(depth + 1)
            if self._next() != ")":
                raise UnreadablePatternError("open")
            return inner
        if char == "[":
            return _character(self._set())
        if char == "\\":
            return self._escape()
        if char == ".":
            return _character(lambda c: c != "\n")
        if char == "^":
            return lambda text, begins, work: begins & {0}
        if char == "$":
            return lambda text, begins, work: begins & {len(text), len(text) - text.endswith("\n")}
        if char in "*+?":
            raise UnreadablePatternError("nothing")
        return _character(char.__eq__)

    def _plain_group(self) -> None:
        self.at += 1
        if self._peek() == "P" and self._text[self.at + 1 : self.at + 2] == "<":
            end = self._text.find(">", self.at)
            self.at = end + 1 if end > 0 else len(self._text)
        elif self._next() != ":":
            raise UnreadablePatternError("around")

    def _escape(self) -> Node:
        char = self._next()
        if char in _CLASSES:
            return _character(_CLASSES[char])
        if char in ("b", "B", "A", "Z") or char.isdigit() or (char.isalpha() and char not in _CONTROLS):
            raise UnreadablePatternError("uses", escape=printable(f"\\{char}"))
        return _character(_CONTROLS.get(char, char).__eq__)

    def _set(self) -> Callable[[str], bool]:
        negated = self._peek() == "^"
        self.at += negated
        tests: list[Callable[[str], bool]] = []
        while not tests or self._peek() != "]":
            low = self._member(tests)
            if low and self._peek() == "-" and self._text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._member([])
                if not high or high < low:
                    raise UnreadablePatternError("range")
                tests[-1] = _between(low, high)
        self.at += 1
        return lambda c: any(test(c) for test in tests) is not negated

    def _member(self, tests: list[Callable[[str], bool]]) -> str:
        """One character of a set, added as a test; "" for a class of characters."""
        char = self._next()
        if char == "\\":
            char = self._next()
            if char in _CLASSES:
                tests.append(_CLASSES[char])
                return ""
            if char in string.ascii_letters and char not in _CONTROLS:
                raise UnreadablePatternError("uses", escape=printable(f"\\{char}"))
            char = _CONTROLS.get(char, char)
        tests.append(char.__eq__)
        return char

    def _repeated(self, node: Node) -> Node:
        """A part with the repeats behind it."""
        char = self._peek()
        low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char, (1, 1))
        if char == "{" and (bounds := self._bounds()) is not None:
            low, high = bounds
        elif not char or char not in "*+?":
            return node
        else:
            self.at += 1
        if self._peek() in ("?", "+"):
            self.at += 1
        if self._peek() in ("*", "+", "?"):
            raise UnreadablePatternError("twice")
        return _repeat(node, low, high)

    def _bounds(self) -> tuple[int, int | None] | None:
        """{2}, {2,} or {2,5}; None where the bracket is a plain character."""
        end = self._text.find("}", self.at)
        low, comma, high = self._text[self.at + 1 : max(self.at, end)].partition(",")
        if end < 0 or not (low.isdecimal() or (comma and not low)) or not (high.isdecimal() or not high) or len(low + high) > 6:
            return None
        self.at = end + 1
        least = int(low or 0)
        most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > MAX_REPEAT:
            raise UnreadablePatternError("many", most=MAX_REPEAT)
        return least, most


def _between(low: str, high: str) -> Callable[[str], bool]:
    return lambda c: low <= c <= high


def _character(test: Callable[[str], bool]) -> Node:
    def node(text: str, begins: Ends, work: Work) -> Ends:
        work.take(len(begins))
        return {at + 1 for at in begins if at < len(text) and test(text[at])}

    return node


def _one_after_another(parts: list[Node]) -> Node:
    def node(text: str, begins: Ends, work: Work) -> Ends:
        for part in parts:
            if not begins:
                break
            begins = part(text, begins, work)
        return begins

    return node


def _any_of(ways: list[Node]) -> Node:
    return lambda text, begins, work: set().union(*(way(text, begins, work) for way in ways))


def _repeat(node: Node, low: int, high: int | None) -> Node:
    def repeated(text: str, begins: Ends, work: Work) -> Ends:
        for _ in range(low):
            begins = node(text, begins, work)
        ends, fresh, times = set(begins), begins, low
        while fresh and (high is None or times < high):
            work.take(len(fresh))
            fresh = node(text, fresh, work) - ends
            ends |= fresh
            times += 1
        return ends

    return repeated
