"""Sizes as people write them; errors as one safe line."""

from __future__ import annotations

import pytest

from forebear.core.errors import ForebearError, RefusedError, UsageError, printable
from forebear.core.seeds import generator
from forebear.core.sizes import parse_size, show_size


@pytest.mark.parametrize(
    ("text", "size"), [("64MiB", 2**26), ("1.5kib", 1536), ("2GB", 2 * 10**9), (7, 7), (" 3 b ", 3)]
)
def test_a_size_is_read_as_written(text, size):
    assert parse_size(text, "--budget") == size


@pytest.mark.parametrize("text", ["", "-1", "0", "64 parsecs", "1e9", "MiB", "9" * 40, "1..5MB", "NaN"])
def test_what_is_no_size_is_a_usage_error_naming_the_argument(text):
    with pytest.raises(UsageError, match="--budget"):
        parse_size(text, "--budget")


def test_sizes_are_shown_in_binary_units():
    assert [show_size(n) for n in (5, 1024, 64 * 2**20)] == ["5 B", "1.0 KiB", "64.0 MiB"]


def test_an_error_is_one_line_that_says_what_where_and_what_to_do():
    error = RefusedError("the header is\nlonger", where="a\x1b[2Jb", todo="Fetch it again.")
    assert str(error) == r"a\x1b[2Jb: the header is\x0alonger. Fetch it again."
    assert error.exit_code == 3
    assert ForebearError("x").exit_code == 4


def test_printable_text_is_bounded_and_shows_direction_overrides():
    assert printable("a\u202eb") == r"a\u202eb"
    assert len(printable("x" * 10**6)) < 400


def test_a_named_generator_repeats_and_two_names_differ():
    draws = [generator(p, *k).integers(2**60) for p, k in (("a", (1,)), ("a", (1,)), ("a", (2,)), ("b", (1,)))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3
