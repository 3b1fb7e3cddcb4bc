"""Our ways of cutting text are the published ones, character for character, and no pattern of a file is run."""

from __future__ import annotations

import random

import pytest

from forebear.tokens.splitting import KNOWN_PATTERNS, known_pattern, names, split

ALPHABET = (
    "aZsStTrReEvVmMlLdD'’ \t\n\r\x0b\x1c\x85\xa0\u2028\u3000ÀßǅʰªａＡ漢字かカ한٣४²½Ⅷ_-/.!?€😀"
    "\u0301\u0903\u20dd\u200b\u200dſKİŉ0123456789\x00\ufeff\U00010400\U0001f1e6\u0e01\u0e31"
)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("gpt2", "It's  12,345", ["It", "'s", " ", " 12", ",", "345"]),
        ("gpt2", "IT'S", ["IT", "'", "S"]),
        ("cl100k", "IT'S  12345\n\n x", ["IT", "'S", " ", " ", "123", "45", "\n\n", " x"]),
        ("qwen", "a123", ["a", "1", "2", "3"]),
        ("o200k", "camelCase's", ["camel", "Case's"]),
        ("tekken", "camelCase's", ["camel", "Case", "'s"]),
    ],
)
def test_a_known_text_is_cut_as_published(name: str, text: str, expected: list[str]) -> None:
    assert split(text, name) == expected


@pytest.mark.parametrize("pattern", KNOWN_PATTERNS)
def test_our_equivalent_cuts_like_the_expression_itself(pattern: str) -> None:
    regex = pytest.importorskip("regex")
    chance = random.Random(f"splitting/{pattern}")
    compiled, name = regex.compile(pattern), known_pattern(pattern)
    assert name in names()
    for _ in range(400):
        text = "".join(chance.choice(ALPHABET) for _ in range(chance.randrange(1, 40)))
        assert split(text, str(name)) == [match.group() for match in compiled.finditer(text)], ascii(text)


def test_nothing_is_lost_by_cutting(seed: int) -> None:
    chance = random.Random(f"splitting/whole/{seed}")
    for name in names():
        text = "".join(chance.choice(ALPHABET) for _ in range(2000))
        assert "".join(split(text, name)) == text


def test_an_expression_that_is_not_published_is_unknown_however_it_is_written() -> None:
    assert known_pattern("(a+)+$") is None
    assert known_pattern(None) is None


@pytest.mark.parametrize("name", names())
def test_long_runs_are_cut_in_little_time(name: str) -> None:
    for text in (" " * 50_000, "a" * 50_000, "A" * 50_000, "\n " * 25_000, "'" * 50_000, "漢" * 50_000):
        assert "".join(split(text, name)) == text
