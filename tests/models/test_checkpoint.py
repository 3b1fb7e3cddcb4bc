"""A checkpoint tells what its tensors mean, reads units along axes, and says what it could not place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.models.checkpoint import Checkpoint, open_checkpoint, open_checkpoint_from
from tests.memory import MemoryContainer
from tests.models.builders import GPT2, LLAMA, gpt2_arrays, llama_arrays
from tests.said import said as english
from tests.said import text


def llama(rng: np.random.Generator, **config: Any) -> Checkpoint:
    return open_checkpoint_from(MemoryContainer(llama_arrays(rng)), {**LLAMA, **config})


def test_a_llama_is_known_in_full(rng: np.random.Generator) -> None:
    checkpoint = llama(rng)
    assert (checkpoint.family, checkpoint.layers, checkpoint.width) == ("llama", 2, 12)
    assert list(checkpoint.unclaimed) == []
    assert checkpoint.limits == []
    piece = checkpoint.piece("o", 1)
    assert piece is not None
    assert piece.atoms == (("channel",), ("kv_head", "group", "value"))
    assert piece.sizes == ((12,), (2, 2, 3))
    assert checkpoint.piece("o", 2) is None


def test_units_are_the_slices_a_reader_would_cut_by_hand(rng: np.random.Generator) -> None:
    arrays = llama_arrays(rng)
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), LLAMA)

    def units(part: str, axis: str, **more: Any) -> Any:
        piece = checkpoint.piece(part, 1)
        assert piece is not None
        return checkpoint.units(piece, axis, **more)

    at = "model.layers.1."
    up, down = arrays[f"{at}mlp.up_proj.weight"], arrays[f"{at}mlp.down_proj.weight"]
    np.testing.assert_array_equal(units("up", "neuron"), up[None])
    np.testing.assert_array_equal(units("down", "neuron"), down.T[None])
    np.testing.assert_array_equal(units("down", "channel"), down[None])
    np.testing.assert_array_equal(units("up", "neuron", select=np.array([7, 2])), up[None, [7, 2]])
    np.testing.assert_array_equal(units("down", "neuron", select=np.array([7, 2])), down.T[None, [7, 2]])
    v, o = arrays[f"{at}self_attn.v_proj.weight"], arrays[f"{at}self_attn.o_proj.weight"]
    np.testing.assert_array_equal(units("v", "value"), v.reshape(2, 3, 12))
    by_hand = np.stack([[o.reshape(12, 2, 2, 3)[:, head, :, at].ravel() for at in range(3)] for head in range(2)])
    np.testing.assert_array_equal(units("o", "value"), by_hand)
    np.testing.assert_array_equal(units("v", "kv_head"), v.reshape(1, 2, 36))
    np.testing.assert_array_equal(units("o", "value", only={"kv_head": np.array([1])}), by_hand[1:])


def test_a_fused_tensor_is_read_piece_by_piece(rng: np.random.Generator) -> None:
    arrays = gpt2_arrays(rng)
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), GPT2)
    value = checkpoint.piece("v", 0)
    assert value is not None
    by_hand = arrays["transformer.h.0.attn.c_attn.weight"][:, 16:].T.reshape(2, 4, 8)
    np.testing.assert_array_equal(checkpoint.units(value, "value"), by_hand)
    bias = checkpoint.piece("k", 0, kind="bias")
    assert bias is not None
    by_hand = arrays["transformer.h.0.attn.c_attn.bias"][8:16].reshape(2, 4, 1)
    np.testing.assert_array_equal(checkpoint.units(bias, "qk"), by_hand)


def test_only_the_selected_rows_are_read_when_the_axis_leads(rng: np.random.Generator) -> None:
    checkpoint = llama(rng)
    embedding = checkpoint.piece("embedding")
    assert embedding is not None
    before = checkpoint.container.bytes_read
    rows = checkpoint.units(embedding, "channel", only={"token": np.array([5, 1])})
    assert rows.shape == (1, 12, 2)
    assert checkpoint.container.bytes_read - before == 2 * 12 * 4


@pytest.mark.parametrize(
    ("part", "axis", "count"),
    [("up", "neuron", 3), ("up", "neuron", None), ("down", "neuron", 3), ("v", "value", 2), ("o", "value", 2),
     ("up", "channel", 5), ("o", "channel", 5)],
)  # fmt: skip
def test_the_cost_foretold_is_the_cost_paid(rng: np.random.Generator, part: str, axis: str, count: int | None) -> None:
    checkpoint = llama(rng)
    piece = checkpoint.piece(part, 1)
    assert piece is not None
    before = checkpoint.container.bytes_read
    checkpoint.units(piece, axis, None if count is None else np.arange(count))
    assert checkpoint.container.bytes_read - before == checkpoint.cost(piece, axis, count)


def test_a_column_axis_is_read_in_blocks_and_gives_the_same(rng: np.random.Generator, monkeypatch: Any) -> None:
    checkpoint = llama(rng)
    down = checkpoint.piece("down", 0)
    assert down is not None
    whole = checkpoint.units(down, "neuron")
    monkeypatch.setattr("forebear.models.reading.READ_BLOCK_BYTES", 100)
    np.testing.assert_array_equal(checkpoint.units(down, "neuron"), whole)
    np.testing.assert_array_equal(checkpoint.units(down, "neuron", np.array([9, 0])), whole[:, [9, 0]])


@pytest.mark.parametrize("select", [[10], [-1], [[0]]])
def test_an_index_outside_the_axis_is_refused(rng: np.random.Generator, select: Any) -> None:
    checkpoint = llama(rng)
    piece = checkpoint.piece("up", 0)
    assert piece is not None
    with pytest.raises(RefusedError, match=r"outside 0\.\.9"):
        checkpoint.units(piece, "neuron", np.array(select))
    with pytest.raises(RefusedError, match="no axis 'value'"):
        checkpoint.units(piece, "value")


def test_an_unknown_family_has_tensors_and_no_axis(rng: np.random.Generator) -> None:
    checkpoint = open_checkpoint_from(MemoryContainer(llama_arrays(rng)), {"model_type": "strange"})
    assert (checkpoint.family, checkpoint.definition, checkpoint.layers, checkpoint.width) == ("unknown", None, 0, 0)
    assert checkpoint.axis("channel") is None
    assert len(checkpoint.unclaimed) == 21
    assert "no axis holds" in english(checkpoint.limits)[0]


def test_without_a_configuration_heads_are_unknown_and_what_needs_them_is_withheld(rng: np.random.Generator) -> None:
    checkpoint = open_checkpoint_from(MemoryContainer(llama_arrays(rng)), {})
    assert (checkpoint.family, checkpoint.layers, checkpoint.width) == ("llama", 2, 12)
    assert "inferred" in english(checkpoint.limits)[0]
    value, neuron, channel = (checkpoint.axis(name) for name in ("value", "neuron", "channel"))
    assert value is not None
    assert not value.permutation
    assert not value.sign
    assert "not known" in text(value.withheld)
    assert neuron is not None
    assert neuron.permutation
    assert channel is not None
    assert channel.sign
    v = checkpoint.piece("v", 0)
    assert v is not None
    with pytest.raises(RefusedError, match="unknown"):
        checkpoint.units(v, "value")
    assert checkpoint.units(v, "channel").shape == (1, 12, 6)


def test_a_configuration_of_another_family_fits_nothing(rng: np.random.Generator) -> None:
    checkpoint = open_checkpoint_from(MemoryContainer(llama_arrays(rng)), {**LLAMA, "model_type": "bert"})
    assert checkpoint.definition is None
    assert any("not those of bert" in limit for limit in english(checkpoint.limits))


def test_a_layer_count_that_the_tensors_contradict_is_said(rng: np.random.Generator) -> None:
    checkpoint = llama(rng, num_hidden_layers=80)
    assert checkpoint.layers == 2
    assert english(checkpoint.limits) == ["the configuration says 80 layers, the tensors show 2"]


def test_widths_that_the_tensors_contradict_are_said_and_the_tensors_believed(rng: np.random.Generator) -> None:
    checkpoint = llama(rng, hidden_size=16, intermediate_size=99, vocab_size=7)
    assert checkpoint.width == 12
    assert sorted(english(checkpoint.limits)) == [
        "the configuration gives channel size 16, the tensors 12",
        "the configuration gives neuron size 99, the tensors 10 in layer 0",
    ]


def test_heads_that_do_not_divide_leave_attention_unclaimed_and_said(rng: np.random.Generator) -> None:
    checkpoint = llama(rng, num_key_value_heads=4)
    assert checkpoint.piece("v", 0) is None
    assert checkpoint.piece("up", 0) is not None
    assert any("self_attn.k_proj.weight" in limit and "left aside" in limit for limit in english(checkpoint.limits))


def test_a_tensor_of_the_wrong_shape_is_left_aside_and_the_rest_is_used(rng: np.random.Generator) -> None:
    arrays = llama_arrays(rng)
    arrays["model.layers.1.mlp.up_proj.weight"] = arrays["model.layers.1.mlp.up_proj.weight"][:, :5]
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), LLAMA)
    assert list(checkpoint.unclaimed) == ["model.layers.1.mlp.up_proj.weight"]
    assert checkpoint.piece("up", 0) is not None
    assert any("up_proj.weight counts channel = 12 along a dimension of 5" in limit for limit in english(checkpoint.limits))


def test_missing_layers_and_missing_embedding_are_said(rng: np.random.Generator) -> None:
    arrays = llama_arrays(rng)
    arrays = {n: a for n, a in arrays.items() if "embed" not in n and n != "model.layers.0.mlp.down_proj.weight"}
    limits = open_checkpoint_from(MemoryContainer(arrays), LLAMA).limits
    assert any("no tensor plays the part embedding" in limit for limit in english(limits))
    assert any("1 of 2 layers has no {prefix}layers.{layer}.mlp.down_proj.weight" in limit for limit in english(limits))


def test_two_tensors_never_play_one_part(rng: np.random.Generator) -> None:
    arrays = llama_arrays(rng)
    arrays["language_model.lm_head.weight"] = arrays["lm_head.weight"] * 2
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), LLAMA)
    assert list(checkpoint.unclaimed) == ["lm_head.weight"]
    assert any("another tensor already plays" in limit for limit in english(checkpoint.limits))


@pytest.mark.parametrize("value", [None, -1, 0, 1.5, True, "12", [12], {"a": 12}, 10**30, float("inf"), 2**40])
@pytest.mark.parametrize(
    "key", ["num_attention_heads", "num_key_value_heads", "hidden_size", "head_dim", "num_hidden_layers", "vocab_size"]
)
def test_no_value_in_a_configuration_is_a_crash(rng: np.random.Generator, key: str, value: Any) -> None:
    checkpoint = llama(rng, **{key: value})
    assert checkpoint.piece("up", 0) is not None
    assert checkpoint.width == 12


@pytest.mark.parametrize(
    "name", ["model.layers.999999999999999999999.mlp.up_proj.weight", "model.layers.-1.mlp.up_proj.weight",
             "model.layers.01.mlp.up_proj.weight", "model.layers.١.mlp.up_proj.weight",
             "model.layers..mlp.up_proj.weight", "x" * 100_000, ".", "", "model.layers.0.mlp.up_proj.weight\x00"],
)  # fmt: skip
def test_a_strange_name_is_claimed_by_nobody(rng: np.random.Generator, name: str) -> None:
    arrays = {**llama_arrays(rng), name: np.ones((10, 12), dtype=np.float32)}
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), LLAMA)
    assert list(checkpoint.unclaimed) == [name]
    assert checkpoint.layers == 2
    assert all(limit.isprintable() and len(limit) < 500 for limit in english(checkpoint.limits))


def test_a_tensor_with_an_empty_dimension_is_left_aside(rng: np.random.Generator) -> None:
    arrays = {**llama_arrays(rng), "model.layers.0.mlp.up_proj.weight": np.ones((0, 12), dtype=np.float32)}
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), LLAMA)
    assert any("empty dimension" in limit for limit in english(checkpoint.limits))


def test_a_family_of_the_users_own_is_read_from_a_file(rng: np.random.Generator, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'family = "mine"\ntitle = "Mine"\nsource = "me"\nmodel_types = []\n[stacks]\nmain = "depth"\n'
        '[axes.unit]\nscope = ["layer"]\npermutation = true\nsource = "me"\n'
        '[axes.channel]\nscope = ["model"]\nnever = "unknown"\nsource = "me"\n'
        '[[tensor]]\nname = "block.{layer}.w.weight"\npart = "up"\ndims = [["unit"], ["channel"]]\n'
        'required = true\nsource = "me"\n'
    )
    write(tmp_path, {"block.0.w.weight": np.ones((3, 4), dtype=np.float32)}, {})
    checkpoint = open_checkpoint(tmp_path, architecture=tmp_path / "mine.toml")
    assert (checkpoint.family, checkpoint.layers) == ("mine", 1)
    assert list(checkpoint.axes) == ["unit", "channel"]
    (tmp_path / "bad.toml").write_text("colour = 1\n" + (tmp_path / "mine.toml").read_text())
    with pytest.raises(RefusedError, match="unknown keys: colour"):
        open_checkpoint(tmp_path, architecture=tmp_path / "bad.toml")
    with pytest.raises(RefusedError, match=r"not a \.toml file"):
        open_checkpoint(tmp_path, architecture=tmp_path / "mine.json")


@pytest.mark.parametrize(
    "config", [b"", b"[]", b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"[" * 100_000, b"\xff", b"null", b'"llama"'],
    ids=["empty", "list", "cut", "twice", "nan", "deep", "bytes", "null", "text"],
)  # fmt: skip
def test_a_configuration_that_is_no_configuration_is_said_and_the_names_are_used(
    rng: np.random.Generator, tmp_path: Path, config: bytes
) -> None:
    write(tmp_path, llama_arrays(rng), {})
    (tmp_path / "config.json").write_bytes(config)
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.family == "llama"
    assert "the configuration was not used" in english(checkpoint.limits)[0]


def test_a_file_is_opened_with_the_configuration_beside_it(rng: np.random.Generator, tmp_path: Path) -> None:
    write(tmp_path, llama_arrays(rng), LLAMA)
    checkpoint = open_checkpoint(tmp_path / "model.safetensors")
    assert checkpoint.limits == []
    assert checkpoint.folder == tmp_path
    (tmp_path / "config.json").unlink()
    assert "there is no config.json beside the weights" in english(open_checkpoint(tmp_path).limits)


def write(folder: Path, arrays: dict[str, Any], config: dict[str, Any]) -> None:
    """A safetensors file by its published layout, and a configuration unless it is empty."""
    header, data, offset = {}, b"", 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + len(raw)]}
        data, offset = data + raw, offset + len(raw)
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    if config:
        (folder / "config.json").write_text(json.dumps(config))
