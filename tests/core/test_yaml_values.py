"""One reader of YAML: texts of cards, values of configurations, and what is refused of either."""

from __future__ import annotations

import sys

import pytest

from forebear.core.errors import RefusedError
from forebear.core.yaml_values import MOST_DEPTH, MOST_EVENTS, MOST_TYPED, read_yaml

yaml = pytest.importorskip("yaml")
BOTH = {
    "alias": "a: &x [1]\nb: *x", "twice": "a: 1\nb: 2\na: 3", "deep": "- " * (MOST_DEPTH + 1) + "x", "key": "? [a]\n: b",
    "wrong": "a: {b: ", "long": "x" * (2**20 + 1), "many": "[" + "1, " * (MOST_EVENTS + 1) + "1]",
}  # fmt: skip
TYPED = {
    "anchor": "a: &x [1]", "tag": "a: !!str 3", "merge": "a: {<<: {b: 1}}", "documents": "a: 1\n---\nb: 2",
    "many": "[" + "1, " * (MOST_TYPED + 1) + "1]", "wrong": b"a: \xff\xfe",
}  # fmt: skip


def key(text: str | bytes, *, typed: bool) -> str:
    with pytest.raises(RefusedError) as refused:
        read_yaml(text, "x.yml", typed=typed)
    assert refused.value.said is not None
    return str(refused.value.said.key)


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("name", BOTH)
def test_what_is_refused_of_both_says_which_rule_it_breaks(name: str, typed: bool) -> None:
    wanted = "anchor" if typed and name == "alias" else name
    assert key(BOTH[name], typed=typed) == f"yaml_refused.{wanted}"


@pytest.mark.parametrize("name", TYPED)
def test_configurations_are_read_strictly(name: str) -> None:
    assert key(TYPED[name], typed=True) == f"yaml_refused.{name}"
    if name not in ("wrong", "documents"):
        read_yaml(TYPED[name], "card", typed=False)


def test_typed_values_are_those_of_the_safe_loader_but_for_dates() -> None:
    text = "a: [0.5, -3, 1e-3, 1.0e-3, 0x10, .inf, yes, No, true, ~, null, '3', \"yes\", 1_000, 010, abc, '', ]\nb: {c: 7, 8: d}\n"
    found, lines = read_yaml(text, "x", typed=True)
    wanted = yaml.safe_load(text)
    assert found == {"a": wanted["a"], "b": {"c": 7, "8": "d"}}
    assert [type(one) for one in found["a"]] == [type(one) for one in wanted["a"]]
    assert lines == {"a": 1, "b": 2}
    assert read_yaml("a: 2001-01-01", "x", typed=True)[0] == {"a": "2001-01-01"}
    assert read_yaml(b"a: 2001-99-99", "x", typed=True)[0] == {"a": "2001-99-99"}


def test_a_number_that_takes_forever_to_read_is_refused_or_text() -> None:
    assert key("a: " + "9" * 5000, typed=True) == "yaml_refused.wrong"
    assert read_yaml("a: " + "9" * 5000, "x")[0] == {"a": "9" * 5000}


def test_nothing_typed_is_made_of_the_same_text_read_as_a_card() -> None:
    assert read_yaml("a: [0.5, yes, 0x10, ~, 'x']", "x")[0] == {"a": ["0.5", "yes", "0x10", None, "x"]}
    assert read_yaml("", "x") == (None, {})


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert key("a: 1", typed=False) == "yaml_refused.no_package"
    with pytest.raises(RefusedError, match=r"forebear\[yaml\]"):
        read_yaml("a: 1", "x")
