"""Definitions are parsed strictly: whatever nobody reads, or nobody explains, is refused by name."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.models.architecture.parse import load_definition, parse_definition
from forebear.models.architecture.settings import Settings

GOOD: dict[str, Any] = {
    "family": "tiny",
    "title": "Tiny",
    "source": "a paper",
    "model_types": ["tiny"],
    "stacks": {"main": "layers"},
    "sizes": {"head": "heads", "value": "width / heads"},
    "axes": {
        "channel": {"scope": ["model"], "permutation": True, "source": "s"},
        "head": {"scope": ["layer"], "permutation": True, "source": "s"},
        "value": {
            "scope": ["layer", "head"],
            "permutation": True,
            "sign": True,
            "sign_parts": ["v", "o"],
            "source": "s",
        },
        "token": {"scope": ["model"], "never": "meaning", "source": "s"},
    },
    "tensor": [
        {"name": "{prefix}e.weight", "part": "embedding", "dims": [["token"], ["channel"]], "source": "s"},
        {"name": "b.{layer}.v.weight", "part": "v", "dims": [["head", "value"], ["channel"]], "bias": 0, "source": "s"},
        {"name": "b.{layer}.o.weight", "part": "o", "dims": [["channel"], ["head", "value"]], "source": "s"},
    ],
}


def changed(**at: Any) -> dict[str, Any]:
    """GOOD with values put at dotted places (underscores stand for dots); DROP removes."""
    raw = copy.deepcopy(GOOD)
    for place, value in at.items():
        target: Any = raw
        *path, last = [int(step) if step.isdigit() else step for step in place.split("__")]
        for step in path:
            target = target[step]
        if value is DROP:
            del target[last]
        else:
            target[last] = value
    return raw


DROP = object()


def test_a_good_definition_parses_and_a_bias_makes_a_second_rule() -> None:
    found = parse_definition(GOOD, "here")
    assert [rule.names[0] for rule in found.tensors] == [
        "{prefix}e.weight", "b.{layer}.v.weight", "b.{layer}.v.bias", "b.{layer}.o.weight"]  # fmt: skip
    bias = found.tensors[2]
    assert (bias.part, bias.kind, bias.dims) == ("v", "bias", (found.tensors[1].dims or ())[:1])
    assert found.axes["token"].withheld == message("withheld.meaning", words="meaning")
    assert not found.axes["token"].permutation


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"famly": "x"}, "unknown keys: famly"),
        ({"tensor__0__knd": "gain"}, "unknown keys: knd"),
        ({"axes__channel__permutations": True}, "unknown keys: permutations"),
        ({"tensor__0__source": DROP}, "no 'source'"),
        ({"axes__channel__source": DROP}, "no 'source'"),
        ({"source": DROP}, "no 'source'"),
        ({"tensor__0__source": ""}, "'source' is empty"),
        ({"axes__channel__scope": DROP}, "no 'scope'"),
        ({"axes__channel__scope": ["planet"]}, "names 'planet'"),
        ({"axes__channel__sign": "yes"}, "'sign' is str, not bool"),
        ({"axes__channel__permutation": False}, "either has a symmetry or says"),
        ({"axes__token__permutation": True}, "either has a symmetry or says"),
        ({"axes__value__sign_parts": ["gat"]}, "unknown parts"),
        ({"axes__channel__sign_parts": ["v"]}, "without a sign"),
        ({"axes__channel": DROP}, "'channel' has no [axes.channel]"),
        ({"axes__ghost": {"scope": ["model"], "never": "x", "source": "s"}}, "'ghost' is no atom"),
        ({"sizes__ghost": "heads"}, "size for 'ghost'"),
        ({"sizes__head": "heads +"}, "ends too early"),
        ({"sizes__head": 12}, "'head' is int, not str or list"),
        ({"tensor__0__part": "embeding"}, "unknown part embeding"),
        ({"tensor__0__kind": "matrx"}, "the kind 'matrx'"),
        ({"tensor__0__dims": [["token"], []]}, "lists the names of its atoms"),
        ({"tensor__0__dims": [["token"], [3]]}, "lists the names of its atoms"),
        ({"tensor__0__dims": DROP}, "no 'dims'"),
        ({"tensor__0__dims": [["token"], {"pieces": [{"part": "q", "atoms": ["channel"]}]}]}, "fewer than two pieces"),
        ({"tensor__0__dims": [["token"], {"pices": []}]}, "unknown keys: pices"),
        ({"tensor__0__name": "e.{layr}.weight"}, "'{layr}' in a name is no placeholder"),
        ({"tensor__0__name": "e.x{layer}.weight"}, "is no placeholder"),
        ({"tensor__0__name": 5}, "'name' is int, not list or str"),
        ({"tensor__1__bias": 2}, "'bias' counts a dimension"),
        ({"tensor__1__bias": True}, "should not be a truth value"),
        ({"tensor__1__stack": "decoder"}, "unknown stack 'decoder'"),
        ({"tensor__1__when": {"key": "x"}}, "no 'is'"),
        ({"tensor__1__when": {"key": "x", "is": []}}, "no plain values"),
        ({"tensor__1__when": {"key": "x", "is": [1], "if": 2}}, "unknown keys: if"),
        ({"stacks": {}}, "names no stack"),
        ({"model_types": [1]}, "should list strings"),
        ({"withhold": [{"axes": ["head"], "reason": "r", "source": "s"}]}, "does not say when"),
        ({"withhold": [{"axes": ["hed"], "when": {"key": "a", "is": [1]}, "reason": "r", "source": "s"}]}, "'hed'"),
        ({"withhold": [{"axes": ["head"], "when": {"key": "a", "is": [1]}, "source": "s"}]}, "no 'reason'"),
        ({"tensor": "all"}, "should be an array of tables"),
        ({"axes": []}, "should be a table"),
    ],
)  # fmt: skip
def test_a_definition_with_a_fault_is_refused_and_the_fault_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_definition(changed(**change), "here")
    assert says in str(caught.value)
    assert str(caught.value).startswith("here")


@pytest.mark.parametrize("text", [b"family = ", b"\xff\xfe", b"a = 1\na = 2", b"[[" * 5000])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(text)
    with pytest.raises(RefusedError, match="TOML"):
        load_definition(tmp_path / "x.toml")


def test_a_definition_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no such file"):
        load_definition(tmp_path / "none.toml")


SECTIONS: dict[str, Any] = {
    "marks": ["a.weight"],
    "absent": ["b.weight"],
    "called": ["tiny"],
    "norms": {"kind": "layer", "offset": 1, "source": "s"},
    "presence": {"source": "s", "rules": [{"tensors": ["*"], "when": ["not has x & y in 1|2"]}]},
    "gguf": {"tiny": {"model_type": "tiny", "rotated": ["attn_q"], "names": {"output": ""}, "source": "s"}},
    "steps": {"tiny": {"class": "Tiny", "defaults": {"a": 1, "b": [True]}, "becomes": {"x-y": "other"}, "source": "s"}},
    "init": {"key": "std", "std": 0.02, "source": "s"},
}


def test_the_sections_of_a_family_are_read_into_records() -> None:
    found = parse_definition({**GOOD, **SECTIONS}, "here")
    assert found.norms is not None
    assert (found.norms.usual.layer_norm, found.norms.usual.pre_norm, found.norms.usual.offset) == (True, True, 1.0)
    assert found.presence is not None
    assert found.gguf["tiny"].names == {"output": ""}
    assert found.steps["tiny"].defaults == {"a": 1, "b": [True]}
    assert found.init is not None
    assert (found.init.key, found.init.std) == ("std", 0.02)
    assert (found.marks, found.absent, found.called) == (("a.weight",), ("b.weight",), ("tiny",))


@pytest.mark.parametrize("section", ["norms", "presence", "init"])
def test_a_section_with_a_misspelt_key_or_without_source_is_refused(section: str) -> None:
    with pytest.raises(RefusedError, match="unknown keys: sorce"):
        parse_definition({**GOOD, section: {**SECTIONS[section], "sorce": "s"}}, "here")
    without = {key: value for key, value in SECTIONS[section].items() if key != "source"}
    with pytest.raises(RefusedError, match="no 'source'"):
        parse_definition({**GOOD, section: without}, "here")


@pytest.mark.parametrize("section", ["gguf", "steps"])
def test_a_table_of_a_section_with_a_misspelt_key_is_refused(section: str) -> None:
    with pytest.raises(RefusedError, match=f"{section}.tiny.*unknown keys: sorce|unknown keys: sorce"):
        parse_definition({**GOOD, section: {"tiny": {**SECTIONS[section]["tiny"], "sorce": "s"}}}, "here")


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"norms": {"kind": "batch", "source": "s"}}, "neither rms nor layer"),
        ({"norms": {"pre_norm": False, "turned": True, "source": "s"}}, "cannot be turned"),
        ({"norms": {"variant": [{"source": "s"}], "source": "s"}}, "does not say when"),
        ({"norms": {"reads": {"final": [3]}, "source": "s"}}, "'final' should list strings"),
        ({"norms": {"pre_norm": "no", "source": "s"}}, "'pre_norm' is str, not bool"),
        (
            {"presence": {"source": "s", "rules": [{"tensors": ["*"], "when": ["a is b"]}]}},
            "'a is b' is not understood",
        ),
        ({"presence": {"source": "s", "rules": [{"tensors": ["*"], "when": [""]}]}}, "'' is not understood"),
        ({"init": {"key": "std", "source": "s"}}, "no 'std'"),
        ({"init": {"std": 0.02, "by_depth": ["oo"], "source": "s"}}, "unknown parts"),
        ({"norms": {"decides": True, "undecided": "no audit", "source": "s"}}, "says why a rule does not decide"),
        ({"presence": {"source": "s", "listed": {"*": ["layer_types"]}}}, "gives a key and a word"),
        ({"without": {"gguf": "no file", "gufg": "none"}}, "'gufg', which is no section"),
        ({"without": {"init": "none"}, "init": SECTIONS["init"]}, "'init', which is there"),
        ({"without": {"init": ""}}, "'init' is empty"),
        ({"steps": {"tiny": {"class": "T", "defaults": {"a": {"b": 1}}, "source": "s"}}}, "'a' is dict, not str or int or float or bool or list"),
    ],
)
def test_what_a_section_cannot_mean_is_refused(section: dict[str, Any], says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        parse_definition({**GOOD, **section}, "here")


def test_a_rule_of_norms_depends_on_the_configuration() -> None:
    variant = {"when": {"key": "post", "is": [True]}, "pre_norm": False, "source": "s"}
    found = parse_definition({**GOOD, "norms": {"source": "s", "variant": [variant]}}, "here").norms
    assert found is not None
    assert [found.rule(Settings(config)).pre_norm for config in ({}, {"post": False}, {"post": True})] == [
        True,
        True,
        False,
    ]
    assert not found.usual.decides, "a rule decides only where its file says that an audit covers it"
