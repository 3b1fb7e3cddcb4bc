"""Expressions of files: cut as the expression itself cuts, refused where time would not be bounded, never compiled as they are."""

from __future__ import annotations

import random
import time
import unicodedata

import pytest

from forebear.tokens.expressions import LONGEST_RUN, expression
from forebear.tokens.rules import CannotEncodeError
from forebear.tokens.splitting import _PUBLISHED, KNOWN_PATTERNS
from tests.tokens.test_splitting import ALPHABET

MADE = (
    r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lo}&&[^\p{Han}]]+(?i:'re|'k)?|\p{N}{1,3}|\s+",
    r"\p{Sc}|\d{3}|[a-fx-z]+|\P{L}",
    r"[A-Za-z_]+(?=\d)|[\u0300-\u036f]+|\x41|😀",
    r"(?:ab|a)(?:b|c)?|\S",
    r"[^\s]++|\s+(?!\S)|\s",
    r"\p{^Lu}+|\p{Lu}",
    r"\S{2,5}| {1,4}|\D",
)


@pytest.mark.parametrize("text", [*KNOWN_PATTERNS, *_PUBLISHED.values(), *MADE])
def test_matches_are_those_of_the_expression_itself(text: str) -> None:
    regex = pytest.importorskip("regex")
    if "$" in text or "{1,3}+" in text:
        pytest.skip("known by name: ends and possessive counts are outside the grammar")
    ours, theirs, chance = expression(text), regex.compile(text, regex.V1), random.Random(text)
    for _ in range(400):
        made = "".join(chance.choice(ALPHABET) for _ in range(chance.randrange(1, 40)))
        made += "".join(chr(chance.randrange(0x20, 0x3000)) for _ in range(chance.randrange(8)))
        made = "".join(c for c in made if unicodedata.category(c) != "Cn")
        assert ours.spans(made) == [match.span() for match in theirs.finditer(made)], ascii(made)


@pytest.mark.parametrize("text", [*KNOWN_PATTERNS, *_PUBLISHED.values(), *MADE, "[a-c-e]+|[[a-]x]", r"(?i:[^k]\s?)|(?i:[sk]+)"])
def test_pieces_are_those_of_the_engine_that_reads_tokenizer_json(text: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    if "$" in text or "{1,3}+" in text:
        pytest.skip("known by name, and of rank files: Oniguruma reads a count with a second sign otherwise")
    ours, chance = expression(text), random.Random(text)
    theirs = tokenizers.pre_tokenizers.Split(tokenizers.Regex(text), "removed", invert=True)
    for _ in range(400):
        made = "".join(chance.choice(ALPHABET + "\ufb05\ufb01\u00df\u0130Kk") for _ in range(chance.randrange(1, 40)))
        assert [made[a:b] for a, b in ours.spans(made)] == [piece for piece, _ in theirs.pre_tokenize_str(made)], ascii(made)


@pytest.mark.parametrize(
    "text",
    ["(a+)+$", "a*a*b", "(?:a|a)*", ".*", r"\p{L}*\p{L}*x", "[a", "a{2}{3}", "(?<!a)b", "a??", "(?>a)", r"\p{Zork}", "", "a|",
     r"(\s*)", "\\", "[", "(", "(?i:ß)", "a" * 5000, "((((((a))))))", "x{1,3}+", r"(a)\1", "^a", "a$", r"\ba", "(?P<n>a)",
     "(?R)", "a{999}b{999}|" * 300, r"\p{L}+(?:\p{L}{1,100}x)", "[[:alpha:]]", "[z-a]", r"\u{110000}", "(?i:[a-z])",
     r"\S{3,1}a", "[]a]", "[^]", "[" * 3000, r"[\p{L}--\u30ff]+", "[a||b]", "[a~~b]", r"[\r-[a-]x]+",
     r"\pL+", r"[\pN]", r"[\d-a]+", "[[a-f]-x]", "[+--]", "(?i:st)", "(?i:oFf)", r"(?i:\p{Ll})", r"(?i:[\P{Lu}x])", "[a" * 6 + "]" * 6, "[^" * 2000],
)  # fmt: skip
def test_what_is_outside_the_grammar_or_unbounded_is_refused(text: str) -> None:
    with pytest.raises(CannotEncodeError):
        expression(text)


@pytest.mark.parametrize("text", [r"\s*[\r\n]+|x", r"\p{L}*\p{Lu}+|x", r"[^x]+(?!y)|x"])
def test_an_expression_of_a_files_own_takes_bounded_time_and_is_not_used_on_endless_runs(text: str) -> None:
    with pytest.raises(CannotEncodeError, match="runs"):
        expression(text).spans("a" * LONGEST_RUN + " " * LONGEST_RUN)
    began = time.perf_counter()
    expression(text).spans(("a" * (LONGEST_RUN - 3) + "x" + " " * (LONGEST_RUN - 1) + "x") * 2)
    assert time.perf_counter() - began < 5
