"""TOML and what was parsed from it or from JSON: kinds are checked, sizes bounded, and nothing passes unread."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

import pytest

from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.core.strict import Table, read_table
from forebear.core.toml import load_toml, parse_toml
from forebear.core.wording import in_english


@dataclass(frozen=True)
class Point:
    x: float
    name: str = ""
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "text",
    [b"a = " + b"1" * 5000, b"a = -" + b"9" * 5000, b"a = \xff", b"a = ", b"a = 1\na = 2", b"a = 1979-99-99",
     b"a = " + b"[" * 100_000, b"a = " + b"{a=" * 3000, b"a = 24:61:00", b"\0", b'a = "\\ud800"', b'a = "\\UFFFFFFFF"'],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_toml_is_refused_whatever_the_parser_raises(text):
    with pytest.raises(RefusedError):
        parse_toml(text, where="x")


def test_a_file_of_tables_is_read_within_its_bound(tmp_path):
    place = tmp_path / "a.toml"
    place.write_text('x = 1.5\nname = "n"\n')
    assert load_toml(place) == {"x": 1.5, "name": "n"}
    with pytest.raises(RefusedError, match="more than the 5 allowed"):
        load_toml(place, 5)
    (tmp_path / "b.toml").symlink_to(place)
    with pytest.raises(RefusedError, match="symbolic link"):
        load_toml(tmp_path / "b.toml", links=False)


@pytest.mark.parametrize(
    "raw",
    [None, [], {}, {"x": "1"}, {"x": True}, {"x": 10**400}, {"x": -(10**400)}, {"x": 1, "name": 2}, {"x": 1, "tags": "a"},
     {"x": 1, "tags": [1]}, {"x": 1, "other": 1}, {"x": [1]}, {"x": {}}],
    ids=range(13),
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(raw):
    with pytest.raises(RefusedError, match=r"^here"):
        read_table(Point, raw, "here")


def test_a_whole_number_stands_for_a_float():
    found = read_table(Point, {"x": 2, "tags": ["a"]}, "here")
    assert found == Point(2.0, "", ("a",))
    assert type(found.x) is float


def test_a_table_refuses_what_nobody_asked_for_and_says_what_to_do():
    table = Table({"a": 1, "b": {"c": True}}, "here", message("definition.see"))
    assert table.take("a", int) == 1
    with pytest.raises(RefusedError, match=r"^here: has unknown keys: b\. See docs/architectures.md"):
        table.finish()
    with pytest.raises(RefusedError, match=r"^here: b: 'c' should not be a truth value\. See docs/architectures.md"):
        table.table("b").take("c", int)


@pytest.mark.parametrize("number", ["18446744073709551616", "0x1" + "0" * 16, "1e999", "inf", "-nan", "1" * 400 + ".0"])
def test_a_number_in_toml_past_64_bits_or_past_every_float_is_refused(number):
    with pytest.raises(RefusedError):
        parse_toml(f"a = [{{b = {number}}}]".encode(), where="x")


@pytest.mark.parametrize("text", [
    "= 1", "a", "a=", "a=[1 2]", "a={b=1", "a={b=1,b=2}", "[a]\n[a]", "x=1\nx=2", "[a", "[[a]", "a={b=1}\na.c=2", "a = 1 b", 'a="\\q"',
    'a="\\ud800"', 'a="\\uZZZZ"', "a='''x", 'a="x', "a=2020-02-30", "a.=1", "a=1 # \x01",
])  # fmt: skip
def test_what_the_parser_says_has_words_of_our_own(text):
    with pytest.raises(RefusedError) as failed:
        parse_toml(text.encode(), where="x")
    inner = failed.value.said.values["why"]
    inner = inner.values["why"] if inner.key in {"toml.at", "toml.at_end"} else inner
    assert inner.key.startswith("toml_why.")
    with pytest.raises(tomllib.TOMLDecodeError, match=re.escape(in_english(inner))):
        tomllib.loads(text)
