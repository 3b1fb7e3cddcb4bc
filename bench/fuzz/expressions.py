"""Splitting expressions as files state them: read by the grammar, built again, and used on short texts and long runs.

What is accepted has to cut as the expression itself cuts, where the package regex is here to say so, and in bounded time.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import re
from collections.abc import Sequence
from typing import Any

from bench.fuzz.target import Files, Plant, Target, syntax_is_sound
from bench.fuzz.under_test import token_expressions, token_splitting

regex: Any = importlib.import_module("regex") if importlib.util.find_spec("regex") is not None else None
"""Without the package, what is accepted is used, and held against nothing."""

_PUBLISHED = tuple(token_splitting.KNOWN_PATTERNS) + tuple(token_splitting._PUBLISHED.values())
_ATOMS = (
    r"\p{L}", r"\p{N}", r"\p{Lu}", r"\p{Ll}", r"\p{M}", r"\p{P}", r"\p{Han}", r"\P{L}", r"\p{^N}", r"\s", r"\S", r"\d", r"\D", "a",
    "S", "\u00e9", " ", "'", r"\r", r"\n", r"\x41", r"\u3042", r"\u{4e00}", r"\-", r"[^\s\p{L}\p{N}]", "[A-Za-z]",
    "[\u4e00-\u9fa5]", "[a-]", "[[a-f]x]", r"[\p{L}&&[^a]]", r"[^\r\n]", ".", "[]", "[z-a]", r"\p{Zork}", r"\b", r"\1",
    "^", "$", "\U0001f600",
)  # fmt: skip
_COUNTS = ("", "", "", "", "?", "+", "*", "++", "?+", "{1,3}", "{2}", "{2,}", "{999}", "{3,1}", "+?", "{1,3}+", "{}", "{,3}")
_OPENED = ("(?:", "(?:", "(?i:", "(", "(?=", "(?!", "(?>", "(?<!", "(?P<n>")
_TEXTS = "aaSsT't 's12,345\r\n\n  x\u00e9\u4e2d\u6587\u3042\u0301\u0903\u00b2\uff21\U0001f600-_/ \t\u3000K\u212a\u017f"
_CLASS = re.compile(r"\\([sSdD])|\\([pP])\{(\^?)(\w+)\}|\\.|[\[\]]", re.DOTALL)
RUNS = ("a", " ", "\n", "\u4e2d", "1", "-", "a ", "\n ")
SHORT, LONG = 24, 3000


def _row(rng: random.Random, depth: int) -> str:
    parts = []
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        if depth < 5 and rng.random() < 0.15:
            closed = ")" * (rng.random() < 0.97) + rng.choice(("", "", "", "?", "+"))
            parts.append(rng.choice(_OPENED) + _choice(rng, depth + 1) + closed)
        else:
            parts.append(rng.choice(_ATOMS) + rng.choice(_COUNTS))
    return "".join(parts)


def _choice(rng: random.Random, depth: int = 0) -> str:
    return "|".join(_row(rng, depth) for _ in range(rng.choice((1, 1, 2, 2, 3, 5))))


def _altered(rng: random.Random, text: str) -> str:
    """A published expression with a few of its signs taken away, put twice, or replaced by pieces of others."""
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(text) + 1)
        end = min(len(text), at + rng.choice((0, 0, 1, 1, 2, 5)))
        other = rng.choice(_PUBLISHED)
        start = rng.randrange(len(other))
        put = rng.choice(("", rng.choice(_ATOMS), rng.choice(_COUNTS), other[start : start + rng.randint(1, 12)], text[at:end] * 2))
        text = text[:at] + put + text[end:]
    return text


def make(rng: random.Random) -> Files:
    """An expression, a short text, and a run of one sign or two; one in 2,000 of the expressions is as long as grammar allows."""
    how = rng.random()
    if how < 0.0005:
        text = rng.choice(("a{999}|", "(?:a|b)", "[a-z]", "((", "\\p{L}?", "a|", "[a", "[^")) * rng.choice((100, 500, 1000))
    else:
        text = _altered(rng, rng.choice(_PUBLISHED)) if how < 0.4 else _choice(rng)
    words = "".join(rng.choice(_TEXTS) for _ in range(rng.randrange(SHORT)))
    run = rng.choice(RUNS) if rng.random() < 0.02 else ""
    return {"expression.json": json.dumps({"expression": text, "text": words, "run": run}).encode()}


def run(files: Files) -> None:
    """Cut the text by the expression, and a long run where there is one. Raises: AssertionError when it is cut otherwise."""
    stated: dict[str, Any] = json.loads(files["expression.json"])
    made = token_expressions.Expression(stated["expression"])
    text = stated["text"]
    spans = made.spans(text)
    assert all(begin < end for begin, end in spans), "an empty piece"
    if (theirs := _other(stated["expression"])) is not None:
        wanted = [match.span() for match in theirs.finditer(text, timeout=1)]
        assert spans == wanted, f"{spans} where the expression itself gives {wanted}"
    if stated["run"]:
        made.spans((stated["run"] * LONG)[:LONG] + text)


def _other(text: str) -> Any:
    """The expression itself, compiled by the package regex; None without the package, or where it reads the text otherwise."""
    if regex is None or _holds_opposites(text):
        return None
    try:
        return regex.compile(text, regex.V1)
    except regex.error:
        return None


def _holds_opposites(text: str) -> bool:
    """Whether a set names a class and its opposite: the package regex (2026.11.19) takes what is not in it for everything."""
    depth, met = 0, set[tuple[str, bool]]()
    for sign in _CLASS.finditer(text):
        if sign[0] in "[]":
            depth = max(0, depth + (1 if sign[0] == "[" else -1))
            met = met if depth else set()
        elif depth and (sign[1] or sign[2]):
            met.add((sign[4], (sign[2] == "P") != bool(sign[3])) if sign[2] else (sign[1].lower(), sign[1].isupper()))
            if any((name, not opposite) in met for name, opposite in met):
                return True
    return False


def outer(files: Files) -> bool:
    """Whether the input is JSON."""
    return syntax_is_sound(files)


def _pieces(spans: Sequence[tuple[int, int]]) -> bool:
    return len(spans) >= 5


EXPRESSIONS = Target(
    name="expressions", make=make, run=run, outer=outer, least=100_000,
    plant=Plant(token_expressions.Expression, "spans", _pieces),
    measured=("forebear.tokens.grammar", "forebear.tokens.expressions"),
    reads="splitting expressions of tokenizer files, read by the grammar, used on texts, and held against the package regex",
)  # fmt: skip
