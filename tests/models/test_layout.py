"""Placing names and shapes: stacked experts, routing groups, withheld axes, and anything hostile."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebear.core.errors import RefusedError
from forebear.models.architecture.layout import Layout, place
from forebear.models.architecture.registry import index, shipped
from forebear.models.architecture.settings import Settings
from forebear.models.axes import permute
from forebear.models.checkpoint import open_checkpoint_from
from tests.memory import MemoryContainer
from tests.models.builders import LLAMA
from tests.said import said as english
from tests.said import text

AT = "model.layers.0.mlp."
MIXTRAL = {**LLAMA, "model_type": "mixtral", "num_local_experts": 3, "num_hidden_layers": 1}


def stacked(rng: np.random.Generator) -> dict[str, Any]:
    """The expert tensors of one layer, stacked: 3 experts of 10 neurons, width 12."""
    return {
        f"{AT}experts.gate_up_proj": rng.standard_normal((3, 20, 12)).astype(np.float32),
        f"{AT}experts.down_proj": rng.standard_normal((3, 12, 10)).astype(np.float32),
        f"{AT}gate.weight": rng.standard_normal((3, 12)).astype(np.float32),
    }


def test_every_expert_of_a_stack_is_a_piece_of_its_own(rng: np.random.Generator) -> None:
    arrays = stacked(rng)
    layout = place({name: array.shape for name, array in arrays.items()}, MIXTRAL, shipped("mixtral"))
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), MIXTRAL)
    assert not layout.fits
    assert checkpoint.definition is None
    up = layout.find("up", "matrix", "main", 0, 2)
    assert up is not None
    assert (up.expert, up.shape, up.atoms) == (2, (1, 10, 12), ((), ("neuron",), ("channel",)))
    assert [span.start for span in up.spans] == [2, 10, 0]
    assert layout.axes["expert"].permutation


def test_a_stacked_expert_is_read_alone(rng: np.random.Generator) -> None:
    arrays = {**stacked(rng), "model.layers.0.self_attn.q_proj.weight": np.ones((12, 12), dtype=np.float32)}
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), MIXTRAL)
    up, down = checkpoint.piece("up", 0, expert=1), checkpoint.piece("down", 0, expert=1)
    assert up is not None
    assert down is not None
    before = checkpoint.container.bytes_read
    np.testing.assert_array_equal(checkpoint.units(up, "neuron"), arrays[f"{AT}experts.gate_up_proj"][1:2, 10:])
    assert checkpoint.container.bytes_read - before == 20 * 12 * 4
    np.testing.assert_array_equal(checkpoint.units(down, "neuron")[0], arrays[f"{AT}experts.down_proj"][1].T)


def test_experts_change_places_with_their_router_rows(rng: np.random.Generator) -> None:
    arrays = stacked(rng)
    layout = place({name: array.shape for name, array in arrays.items()}, MIXTRAL, shipped("mixtral"))
    after = permute(arrays, layout, "expert", [2, 0, 1], layer=0)
    for name in arrays:
        np.testing.assert_array_equal(after[name], arrays[name][[2, 0, 1]])


def test_a_stack_of_more_experts_than_anyone_has_is_left_aside() -> None:
    shapes = {f"{AT}experts.down_proj": (5000, 12, 10)}
    layout = place(shapes, MIXTRAL, shipped("mixtral"))
    assert layout.unclaimed == tuple(shapes)
    assert any("5,000 experts" in limit for limit in english(layout.limits))


def test_an_order_that_does_not_fit_the_experts_is_refused(rng: np.random.Generator) -> None:
    arrays = stacked(rng)
    layout = place({name: array.shape for name, array in arrays.items()}, MIXTRAL, shipped("mixtral"))
    with pytest.raises(RefusedError, match="does not fit 3 experts"):
        permute(arrays, layout, "expert", [1, 0], layer=0)


@pytest.mark.parametrize(
    ("family", "config", "axis", "reason"),
    [
        ("bert", {"position_embedding_type": "relative_key"}, "qk", "relative positions"),
        ("bert", {"position_embedding_type": "alibi"}, "kv_head", "ALiBi"),
        ("falcon", {"alibi": True}, "kv_head", "ALiBi"),
        ("falcon", {"alibi": True}, "group", "ALiBi"),
        ("baichuan", {}, "kv_head", "13B"),
        ("baichuan", {"max_position_embeddings": 4096, "num_hidden_layers": 40}, "kv_head", "13B"),
        ("stablelm", {"qk_layernorm": True}, "kv_head", "norms of its own"),
        ("clip", {"model_type": "clip_text_model"}, "joint", "not in the file"),
        ("bloom", {}, "kv_head", "ALiBi"),
        ("whisper", {}, "encoder_channel", "sinusoids"),
        ("mamba", {}, "state", "log 1..N"),
        ("llama", {}, "rope", "rotary"),
    ],
)
def test_an_axis_is_withheld_where_it_must_be_and_says_why(
    family: str, config: dict[str, Any], axis: str, reason: str
) -> None:
    definition = shipped(family)
    held = [definition.axes[axis].withheld]
    held += [w.reason for w in definition.withholdings if axis in w.axes and w.when.holds(Settings(config))]
    assert any(reason in text(said) for said in held if said is not None)


@pytest.mark.parametrize(
    ("family", "config", "axis"),
    [
        ("bert", {}, "kv_head"), ("bert", {"position_embedding_type": "absolute"}, "qk"), ("falcon", {}, "kv_head"),
        ("falcon", {"alibi": False}, "kv_head"), ("stablelm", {"qk_layernorm": False}, "kv_head"),
        ("baichuan", {"max_position_embeddings": 4096, "num_hidden_layers": 32}, "kv_head"),
        ("clip", {"model_type": "clip"}, "joint"),
    ],
)  # fmt: skip
def test_an_axis_is_not_withheld_without_a_cause(family: str, config: dict[str, Any], axis: str) -> None:
    definition = shipped(family)
    assert definition.axes[axis].withheld is None
    assert not [w for w in definition.withholdings if axis in w.axes and w.when.holds(Settings(config))]


@pytest.mark.parametrize(
    ("family", "config", "axis", "signs"),
    [("t5", {}, "neuron", False), ("t5", {"feed_forward_proj": "gated-gelu"}, "neuron", True),
     ("chatglm", {"rmsnorm": False}, "channel", False), ("chatglm", {}, "channel", True)],
)  # fmt: skip
def test_a_sign_is_lost_where_the_configuration_says_so_and_the_order_stays_free(
    family: str, config: dict[str, Any], axis: str, signs: bool
) -> None:
    shapes = {"encoder.block.0.layer.1.DenseReluDense.wo.weight": (4, 6),
              "transformer.encoder.layers.0.mlp.dense_4h_to_h.weight": (4, 6)}  # fmt: skip
    rule = place(shapes, config, shipped(family)).axes[axis]
    assert rule.permutation
    assert rule.sign is signs
    assert bool(rule.sign_parts) is (signs and axis == "neuron")


OLDER = {
    "bert": ({"num_attention_heads": 2}, {
        "bert.encoder.layer.0.attention.self.query.weight": (4, 4), "bert.encoder.layer.0.output.dense.weight": (4, 6),
        "bert.embeddings.LayerNorm.gamma": (4,), "bert.embeddings.LayerNorm.beta": (4,),
        "bert.encoder.layer.0.output.LayerNorm.gamma": (4,), "bert.embeddings.position_ids": (1, 512)}),
    "gpt2": ({"n_head": 2}, {
        "h.0.attn.c_attn.weight": (4, 12), "h.0.mlp.c_proj.weight": (6, 4), "wte.weight": (9, 4),
        "h.0.attn.bias": (1, 1, 8, 8), "h.0.attn.masked_bias": ()}),
    "llama": ({"num_attention_heads": 2}, {
        "model.embed_tokens.weight": (9, 4), "model.layers.0.mlp.down_proj.weight": (4, 6),
        "model.layers.0.self_attn.rotary_emb.inv_freq": (1,)}),
    "t5": ({"num_heads": 2, "d_kv": 2}, {
        "shared.weight": (9, 4), "encoder.embed_tokens.weight": (9, 4), "decoder.embed_tokens.weight": (9, 4),
        "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": (32, 2)}),
    "deepseek": ({"num_attention_heads": 2, "n_routed_experts": 4, "n_group": 2, "kv_lora_rank": 3, "qk_rope_head_dim": 2}, {
        "model.layers.61.embed_tokens.weight": (9, 4), "model.layers.61.eh_proj.weight": (4, 8),
        "model.layers.61.enorm.weight": (4,), "model.layers.61.hnorm.weight": (4,),
        "model.layers.61.shared_head.norm.weight": (4,), "model.layers.61.shared_head.head.weight": (9, 4),
        "model.layers.61.mlp.gate.e_score_correction_bias": (4,)}),
    "gpt_neox": ({"num_attention_heads": 2, "hidden_size": 4}, {
        "gpt_neox.layers.0.attention.bias": (1, 1, 8, 8), "gpt_neox.layers.0.attention.masked_bias": (),
        "gpt_neox.layers.0.attention.rotary_emb.inv_freq": (1,), "gpt_neox.embed_in.weight": (9, 4)}),
    "opt": ({"num_attention_heads": 2, "hidden_size": 4}, {
        "decoder.embed_tokens.weight": (9, 4), "decoder.layer_norm.weight": (4,), "decoder.layer_norm.bias": (4,)}),
}  # fmt: skip


@pytest.mark.parametrize("family", OLDER)
def test_names_that_only_older_or_larger_files_have_are_claimed(family: str) -> None:
    config, shapes = OLDER[family]
    assert place(shapes, config, shipped(family)).unclaimed == ()


def test_two_hundred_thousand_tensors_are_placed_in_seconds() -> None:
    shapes = {f"model.layers.{layer}.mlp.experts.{expert}.{part}_proj.weight": (64, 64)
              for layer in range(260) for expert in range(256) for part in ("gate", "up", "down")}  # fmt: skip
    started = time.process_time()
    layout = place(shapes, {"num_hidden_layers": 260}, shipped("qwen_moe"))
    assert len(layout.pieces) == len(shapes) == 199_680
    assert time.process_time() - started < 30


_NAMES = sorted({name.replace("{prefix}", "").replace("{layer}", "0").replace("{expert}", "1").replace("{index}", "2")
                 for entry in index() for rule in shipped(entry.family).tensors for name in rule.names})  # fmt: skip
_VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 70), st.integers(), st.floats(), st.text(max_size=3),
                    st.lists(st.integers(), max_size=2))  # fmt: skip
_KEYS = st.sampled_from(["num_attention_heads", "num_key_value_heads", "hidden_size", "head_dim", "n_head", "n_group",
                         "num_hidden_layers", "n_routed_experts", "multi_query", "text_config", "d_kv", "alibi"])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([entry.family for entry in index()]),
    st.dictionaries(st.sampled_from(_NAMES), st.lists(st.integers(0, 70), max_size=4), max_size=25),
    st.dictionaries(_KEYS, st.one_of(_VALUES, st.dictionaries(_KEYS, _VALUES, max_size=2)), max_size=8),
)
def test_no_names_shapes_and_configuration_are_a_crash(family: str, shapes: Any, config: Any) -> None:
    layout = place({name: tuple(shape) for name, shape in shapes.items()}, config, shipped(family))
    assert isinstance(layout, Layout)
    for piece in layout.pieces:
        shape = shapes[piece.tensor]
        assert all(span.positions().max() < size for span, size in zip(piece.spans, shape, strict=True) if size)
        for atoms, sizes, span in zip(piece.atoms, piece.sizes, piece.spans, strict=True):
            assert len(atoms) == len(sizes)
            assert not atoms or 0 in sizes or int(np.prod(sizes)) == span.count
