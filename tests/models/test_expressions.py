"""Arithmetic over configuration keys: right answers, and refusals that name what is wrong."""

from __future__ import annotations

import pytest

from forebear.core.errors import RefusedError
from forebear.models.architecture.expressions import parse_expression

CONFIG = {"hidden_size": 768, "heads": 12, "rotary_pct": 0.25, "zero": 0, "text.width": 5, "negative": -3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hidden_size", 768), ("hidden_size / heads", 64), ("hidden_size // 100", 7), ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20), ("8 - 3 - 2", 3), ("64 / 4 / 2", 8), ("missing ?? hidden_size / heads", 64),
        ("missing ?? also_missing ?? 3", 3), ("hidden_size / heads * rotary_pct", 16), ("text.width", 5),
        ("hidden_size ?? missing", 768), ("0.5 * 7", 3),
    ],
)  # fmt: skip
def test_an_expression_has_the_value_arithmetic_gives_it(text: str, value: int) -> None:
    assert parse_expression(text, "here").value(CONFIG.get) == value


@pytest.mark.parametrize(
    "text", ["missing", "hidden_size / 7", "heads / zero", "heads // zero", "negative", "missing + 1",
             "hidden_size * 99999999999 * hidden_size * 99999999999", "heads / missing"],
)  # fmt: skip
def test_what_no_configuration_decides_is_unknown_not_wrong(text: str) -> None:
    assert parse_expression(text, "here").value(CONFIG.get) is None


@pytest.mark.parametrize(
    "text", ["", "  ", "a b", "a +", "(a", "a)", "+ a", "a ** 2", "a ?", "__import__('os')", "a; b", "a[0]", "a % b",
             "f(a)", "x" * 201, "a ?? ?? b", "lambda: 1", "1e9", "'a'"],
)  # fmt: skip
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="expression"):
        parse_expression(text, "here")


def test_the_names_in_an_expression_are_known() -> None:
    assert parse_expression("a ?? (b.c + 2) / d", "here").names() == {"a", "b.c", "d"}
