"""Splitting expressions as files state them: read by the grammar, built again, and used on short texts and long runs.

What is accepted has to cut as programs cut by the expression itself, those that are here: Oniguruma, which the package
tokenizers uses on tokenizer.json, fancy-regex, which tiktoken uses on rank files, and the package regex; and in bounded time.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import re
import zlib
from collections.abc import Sequence
from typing import Any

from bench.fuzz.target import Files, Plant, Target, syntax_is_sound
from bench.fuzz.under_test import token_expressions, token_splitting


def _package(name: str) -> Any:
    return importlib.import_module(name) if importlib.util.find_spec(name) is not None else None


regex, tokenizers, tiktoken = map(_package, ("regex", "tokenizers", "tiktoken"))
"""Without them, what is accepted is used, and held against nothing."""
ONE_IN = 8
"""One accepted expression in so many is held against fancy-regex, which takes seven milliseconds to make it ready."""

_PUBLISHED = tuple(token_splitting.KNOWN_PATTERNS) + tuple(token_splitting._PUBLISHED.values())
_ATOMS = (
    r"\p{L}", r"\p{N}", r"\p{Lu}", r"\p{Ll}", r"\p{M}", r"\p{P}", r"\p{Han}", r"\P{L}", r"\p{^N}", r"\s", r"\S", r"\d", r"\D", "a",
    "S", "\u00e9", " ", "'", r"\r", r"\n", r"\x41", r"\u3042", r"\u{4e00}", r"\-", r"[^\s\p{L}\p{N}]", "[A-Za-z]",
    "[\u4e00-\u9fa5]", "[a-]", "[[a-f]x]", r"[\p{L}&&[^a]]", r"[^\r\n]", ".", "[]", "[z-a]", r"\p{Zork}", r"\b", r"\1",
    "^", "$", "\U0001f600", r"\pL", r"[\d-a]", "[[a-f]-x]", "[a-c-e]", "[+--]", "[ -~]", "st", "fi", r"(?i:st)", r"(?i:[sk]\p{Ll})",
    r"(?i:\S[^t])",
)  # fmt: skip
_COUNTS = ("", "", "", "", "?", "+", "*", "++", "?+", "{1,3}", "{2}", "{2,}", "{999}", "{3,1}", "+?", "{1,3}+", "{}", "{,3}")
_OPENED = ("(?:", "(?:", "(?i:", "(", "(?=", "(?!", "(?>", "(?<!", "(?P<n>")
_TEXTS = (
    "aaSsT't 's12,345\ufb05\ufb01\u00df\u0130f\r\n\n  x\u00e9"
    "\u4e2d\u6587\u3042\u0301\u0903\u00b2\uff21\U0001f600-_/ \t\u3000K\u212a\u017f"
)
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
    cut = [text[begin:end] for begin, end in spans]
    for program in (_by_regex, _by_oniguruma, _by_fancy_regex):
        wanted = program(stated["expression"], text)
        assert wanted is None or cut == wanted, f"{cut} where {program.__name__} gives {wanted}"
    if stated["run"]:
        made.spans((stated["run"] * LONG)[:LONG] + text)


def _by_regex(expression: str, text: str) -> list[str] | None:
    """The pieces; None without the package, where it refuses the expression, or where it is known to differ from the others."""
    if regex is None or _holds_opposites(expression) or ("(?i:" in expression and "\u0130" in text):
        return None  # U+0130 is an i to this package alone
    try:
        made = regex.compile(expression, regex.V1)
    except regex.error:
        return None
    return [match.group() for match in made.finditer(text, timeout=1)]


def _by_oniguruma(expression: str, text: str) -> list[str] | None:
    if tokenizers is None:
        return None
    try:
        made = tokenizers.Regex(expression)
    except Exception:  # noqa: BLE001 - the package raises nothing narrower
        return None
    pieces = tokenizers.pre_tokenizers.Split(made, "removed", invert=True).pre_tokenize_str(text)
    return [piece for piece, _ in pieces]


def _by_fancy_regex(expression: str, text: str) -> list[str] | None:
    """The pieces, each of which is one token of a vocabulary that holds every part of the text."""
    if tiktoken is None or zlib.crc32(expression.encode()) % ONE_IN:
        return None
    data = text.encode()
    parts = {data[at:end] for at in range(len(data)) for end in range(at + 1, len(data) + 1)} | {bytes((b,)) for b in range(256)}
    ranks = {part: rank for rank, part in enumerate(sorted(parts, key=len))}
    try:
        made = tiktoken.Encoding("made", pat_str=expression, mergeable_ranks=ranks, special_tokens={})
    except ValueError:
        return None
    return [made.decode_single_token_bytes(token).decode() for token in made.encode_ordinary(text)]


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
    reads="splitting expressions of tokenizer files, read by the grammar, used on texts, and held against three programs",
)  # fmt: skip
