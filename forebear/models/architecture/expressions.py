"""Sizes written as arithmetic over configuration keys: parsed here, never evaluated by Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from forebear.core.errors import refusal
from forebear.core.messages import message

Number = int | float
Lookup = Callable[[str], Number | None]
Node = tuple[str, "Node", "Node"] | str | int | float

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*(?:\.\w+)*)|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<sign>\?\?|//|[-+*/()]))"
)
_LEVELS = (("??",), ("+", "-"), ("*", "/", "//"))
LARGEST = 2**40
"""No size a configuration leads to may exceed this; beyond it is unknown."""


class Expression(NamedTuple):
    """Arithmetic over names: + - *, / (exact), // (rounded down), a ?? b (b when a is unknown), parentheses."""

    text: str
    tree: Node

    def value(self, lookup: Lookup) -> int | None:
        """The size, rounded down; None when a name it needs is unknown or the result is below 0 or too large."""
        number = _evaluate(self.tree, lookup)
        return int(number) if number is not None and 0 <= number <= LARGEST else None

    def names(self) -> set[str]:
        """Every name the expression mentions."""
        return _names(self.tree)


def parse_expression(text: str, where: str) -> Expression:
    """The expression a definition wrote.

    Raises: RefusedError naming the first piece that is not understood.
    """
    tokens, at = [], 0
    stripped = text.rstrip()
    if not 0 < len(stripped) <= 200:
        raise refusal(message("expression.length", most=200), where=where)
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise refusal(message("expression.unknown", word=repr(stripped[at:]), text=repr(text)), where=where)
        tokens.append(match)
        at = match.end()
    tree, rest = _binary(tokens, 0, 0, where)
    if rest != len(tokens):
        said = message("expression.place_of", word=repr(tokens[rest].group().strip()), text=repr(text))
        raise refusal(said, where=where)
    return Expression(text, tree)


def _binary(tokens: list[re.Match[str]], at: int, level: int, where: str) -> tuple[Node, int]:
    if level == len(_LEVELS):
        return _atom(tokens, at, where)
    left, at = _binary(tokens, at, level + 1, where)
    while at < len(tokens) and tokens[at]["sign"] in _LEVELS[level]:
        sign = tokens[at]["sign"]
        right, at = _binary(tokens, at + 1, level + 1, where)
        left = (sign, left, right)
    return left, at


def _atom(tokens: list[re.Match[str]], at: int, where: str) -> tuple[Node, int]:
    if at >= len(tokens):
        raise refusal(message("expression.early"), where=where)
    token = tokens[at]
    if token["name"]:
        return token["name"], at + 1
    if token["number"]:
        return (float(token["number"]) if "." in token["number"] else int(token["number"])), at + 1
    if token["sign"] != "(":
        raise refusal(message("expression.place", word=repr(token["sign"])), where=where)
    inner, at = _binary(tokens, at + 1, 0, where)
    if at >= len(tokens) or tokens[at]["sign"] != ")":
        raise refusal(message("expression.bracket"), where=where)
    return inner, at + 1


def _evaluate(node: Node, lookup: Lookup) -> Number | None:
    if isinstance(node, str):
        return lookup(node)
    if not isinstance(node, tuple):
        return node
    sign, left_node, right_node = node
    left = _evaluate(left_node, lookup)
    if sign == "??":
        return _evaluate(right_node, lookup) if left is None else left
    right = _evaluate(right_node, lookup)
    if left is None or right is None:
        return None
    return _combine(sign, left, right)


def _combine(sign: str, left: Number, right: Number) -> Number | None:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        product = left * right
        return product if abs(product) <= LARGEST else None
    if right == 0 or (sign == "/" and left % right != 0):
        return None  # no size follows from a configuration that does not divide
    return left // right


def _names(node: Node) -> set[str]:
    if isinstance(node, str):
        return {node}
    return _names(node[1]) | _names(node[2]) if isinstance(node, tuple) else set()
