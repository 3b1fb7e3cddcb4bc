"""The index of families agrees with their files, and names decide only where they decide."""

from __future__ import annotations

import pytest

from forebear.models.architecture.parse import load_definition
from forebear.models.architecture.registry import FOLDER, entry_of, index, select

FILES = sorted(FOLDER.glob("*.toml"))


def test_the_index_is_what_the_files_say() -> None:
    found = {path.stem: load_definition(path) for path in FILES}
    assert tuple(map(entry_of, found.values())) == index(), "run: python scripts/make_index.py"
    assert all(definition.family == name for name, definition in found.items())


@pytest.mark.parametrize("field", ["model_types", "gguf", "steps", "called"])
def test_nothing_is_claimed_by_two_families(field: str) -> None:
    names = [name for entry in index() for name in getattr(entry, field)]
    assert len(names) == len(set(names))


def test_what_is_written_for_a_model_type_is_written_in_its_own_family() -> None:
    every = {name for entry in index() for name in entry.steps}
    for path in FILES:
        definition = load_definition(path)
        assert {rule.model_type for rule in definition.gguf.values()} <= set(definition.model_types)
        assert set(definition.steps) <= set(definition.model_types)
        assert {kind for rule in definition.steps.values() for kind in rule.becomes.values()} <= every


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tokens_positions_and_rotary_rows_are_never_exchangeable(path) -> None:  # type: ignore[no-untyped-def]
    axes = load_definition(path).axes
    for name in ("token", "position", "rope", "layer", "pooled", "label"):
        assert name not in axes or axes[name].withheld, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_gate_is_never_negated_and_an_ungated_mlp_has_no_sign(path) -> None:  # type: ignore[no-untyped-def]
    definition = load_definition(path)
    gated = any("gate" in parts for rule in definition.tensors for parts in _parts(rule))
    for name in ("neuron", "shared_neuron"):
        axis = definition.axes.get(name)
        if axis is not None and axis.sign:
            assert gated
            assert not [part for part in axis.sign_parts if "gate" in part]
            assert axis.sign_parts


def _parts(rule):  # type: ignore[no-untyped-def]
    yield rule.part
    for dimension in rule.dims or ():
        for segment in dimension.segments:
            yield segment.part or ""


LLAMA_NAMES = [f"model.layers.0.{name}.weight" for name in (
    "self_attn.q_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "input_layernorm", "post_attention_layernorm",
)]  # fmt: skip


def test_names_that_mark_one_family_choose_it_and_say_so() -> None:
    definition, said = select({}, LLAMA_NAMES)
    assert definition is not None
    assert definition.family == "llama"
    assert "inferred from the tensor names" in said[0]


@pytest.mark.parametrize(
    "names", [[], ["a", "b.0.c"], LLAMA_NAMES[:3], [*LLAMA_NAMES, "model.layers.0.mlp.gate.weight"]]
)
def test_names_that_mark_no_family_choose_none(names: list[str]) -> None:
    definition, said = select({}, names)
    assert definition is None
    assert "no axis holds" in said[0]


def test_a_model_type_nobody_defined_is_not_guessed_from_names() -> None:
    definition, said = select({"model_type": "llama-with-a-twist"}, LLAMA_NAMES)
    assert definition is None
    assert "'llama-with-a-twist'" in said[0]


@pytest.mark.parametrize("stated", [None, 3, ["llama"], {"a": 1}, True])
def test_a_model_type_of_the_wrong_kind_counts_as_none(stated: object) -> None:
    definition, said = select({"model_type": stated}, LLAMA_NAMES)
    assert definition is not None
    assert "no configuration names the family" in said[0]
