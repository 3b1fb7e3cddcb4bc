"""The index of families agrees with their files, and names decide only where they decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.models.architecture.parse import load_definition
from forebear.models.architecture.registry import FOLDER, entry_of, index, select
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.model import write_safetensors
from tests.said import said as english

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
    assert "inferred from the tensor names" in english(said)[0]


@pytest.mark.parametrize(
    "names", [[], ["a", "b.0.c"], LLAMA_NAMES[:3], [*LLAMA_NAMES, "model.layers.0.mlp.gate.weight"]]
)
def test_names_that_mark_no_family_choose_none(names: list[str]) -> None:
    definition, said = select({}, names)
    assert definition is None
    assert "no axis holds" in english(said)[0]


def test_a_model_type_nobody_defined_is_not_guessed_from_names() -> None:
    definition, said = select({"model_type": "llama-with-a-twist"}, LLAMA_NAMES)
    assert definition is None
    assert "llama-with-a-twist" in english(said)[0]


@pytest.mark.parametrize("stated", [None, 3, ["llama"], {"a": 1}, True])
def test_a_model_type_of_the_wrong_kind_counts_as_none(stated: object) -> None:
    definition, said = select({"model_type": stated}, LLAMA_NAMES)
    assert definition is not None
    assert "no configuration names the family" in english(said)[0]


GPT_NAMES = {
    "transformer.wpe.weight": (8, 4),
    "transformer.h.0.attn.c_attn.weight": (4, 12),
    "transformer.wte.weight": (9, 4),
}


def test_shapes_tell_two_families_of_the_same_names_apart() -> None:
    turned = {**GPT_NAMES, "transformer.h.0.attn.c_attn.weight": (12, 4)}
    chosen = [select({}, names)[0] for names in (GPT_NAMES, turned)]
    assert [found.family if found else None for found in chosen] == ["gpt2", "nanogpt"]
    assert select({}, list(GPT_NAMES))[0] is not None, "names alone lead to the published layout"
    assert select({"model_type": "gpt2"}, turned)[0].family == "gpt2", "a stated model type is believed"  # type: ignore[union-attr]


def test_the_names_of_the_published_originals_are_known_with_their_params_json(tmp_path: Path) -> None:
    rng = generator("tests/models/originals", 0)
    shapes = {"tok_embeddings.weight": (40, 16), "output.weight": (40, 16), "norm.weight": (16,)}
    for layer in range(2):
        shapes |= {
            f"layers.{layer}.attention.{n}.weight": (16 if n in ("wq", "wo") else 8, 16)
            for n in ("wq", "wk", "wv", "wo")
        }
        shapes |= {
            f"layers.{layer}.feed_forward.{n}.weight": (24, 16) if n != "w2" else (16, 24) for n in ("w1", "w2", "w3")
        }
        shapes |= {f"layers.{layer}.{n}.weight": (16,) for n in ("attention_norm", "ffn_norm")}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    write_safetensors(tmp_path / "model.safetensors", arrays)
    bare = open_checkpoint(tmp_path / "model.safetensors")
    assert (bare.family, bare.layers, bare.axis("neuron").permutation) == ("llama_own", 2, True)  # type: ignore[union-attr]
    assert not bare.axis("value").permutation, "no file says how many heads there are"  # type: ignore[union-attr]
    (tmp_path / "params.json").write_text('{"dim": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 40}')
    told = open_checkpoint(tmp_path / "model.safetensors")
    assert told.axis("value").permutation  # type: ignore[union-attr]
    assert not any("no config.json" in sentence for sentence in english(told.limits))
    assert not told.unclaimed
