"""The index of model types agrees with the definitions, and names decide only where they decide."""

from __future__ import annotations

import pytest

from forebear.models.architecture.parse import load_definition
from forebear.models.architecture.registry import FOLDER, INDEX, index, select

FILES = sorted(path for path in FOLDER.glob("*.toml") if path != INDEX)


def test_every_definition_is_in_the_index_with_its_model_types() -> None:
    stated = {entry.family: entry.model_types for entry in index()}
    found = {path.stem: load_definition(path) for path in FILES}
    assert {name: definition.model_types for name, definition in found.items()} == stated
    assert all(definition.family == name for name, definition in found.items())


def test_no_model_type_has_two_definitions() -> None:
    types = [name for entry in index() for name in entry.model_types]
    assert len(types) == len(set(types))


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
