"""Heads, experts, inner channels and every further axis that definitions prove exchangeable (decision 0021)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import forebear
from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.further import AXES, further_axes
from forebear.core.seeds import generator
from forebear.models.architecture.registry import index, shipped
from forebear.models.axes import negate, permute
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from
from tests.memory import MemoryContainer
from tests.protocols.families import small

Arrays = Mapping[str, NDArray[Any]]
LARGE = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 16, "intermediate_size": 24, "vocab_size": 31}
CLASSES: dict[str, tuple[str, str, dict[str, Any], set[str]]] = {
    "llama": ("LlamaForCausalLM", "LlamaConfig", small(**LARGE, num_key_value_heads=8), {"KV groups", "query heads"}),
    "bert": ("BertModel", "BertConfig", small(**LARGE), {"heads", "query and key dimensions"}),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"n_embd": 64, "n_head": 16, "n_layer": 4, "vocab_size": 31, "n_positions": 32}, {"heads"}),
    "mixtral": ("MixtralForCausalLM", "MixtralConfig", small(**LARGE, num_key_value_heads=8, num_local_experts=16),
                {"KV groups", "query heads", "experts"}),
    "jamba": ("JambaForCausalLM", "JambaConfig",
              small(**{**LARGE, "num_hidden_layers": 8}, num_key_value_heads=16, num_experts=16, attn_layer_period=2, attn_layer_offset=1,
                    expert_layer_period=2, expert_layer_offset=1, mamba_d_state=5, mamba_dt_rank=3),
              {"heads", "experts", "SSM inner channels"}),
    "qwen2-moe": ("Qwen2MoeForCausalLM", "Qwen2MoeConfig",
                  small(**LARGE, num_key_value_heads=8, num_experts=16, moe_intermediate_size=10, shared_expert_intermediate_size=24,
                        num_experts_per_tok=2), {"KV groups", "query heads", "experts", "neurons of shared experts"}),
    "deepseek-v2": ("DeepseekV2ForCausalLM", "DeepseekV2Config",
                    small(**LARGE, num_key_value_heads=16, kv_lora_rank=16, q_lora_rank=16, qk_nope_head_dim=4, qk_rope_head_dim=2,
                          v_head_dim=5, n_routed_experts=16, moe_intermediate_size=10, num_experts_per_tok=2, n_shared_experts=2,
                          n_group=4, topk_group=1, first_k_dense_replace=0, topk_method="group_limited_greedy"),
                    {"KV latents", "query latents", "neurons of shared experts", "experts"}),
}  # fmt: skip
"""Class, configuration, and axes of enough units in it; layers are too few for all."""


@cache
def shapes(name: str) -> tuple[dict[str, tuple[int, ...]], dict[str, Any]]:
    """Tensor shapes and configuration of a class of transformers."""
    import torch
    import transformers

    kind, config, settings, _ = CLASSES[name]
    made = getattr(transformers, config)(**settings)
    with torch.device("meta"):
        model = getattr(transformers, kind)(made)
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}, made.to_dict()


def drawn(name: str, seed: int) -> dict[str, NDArray[np.float32]]:
    rng = generator("tests/further", name, seed)
    return {key: rng.standard_normal(shape, dtype=np.float32) for key, shape in shapes(name)[0].items()}


def noisy(arrays: Arrays, noise: float = 1.0) -> dict[str, NDArray[np.float32]]:
    rng = generator("tests/further", "noise")
    return {key: a + np.float32(noise) * rng.standard_normal(a.shape, dtype=np.float32) for key, a in arrays.items()}


def opened(name: str, arrays: Arrays) -> Checkpoint:
    return open_checkpoint_from(MemoryContainer(arrays), shapes(name)[1])


def found(name: str, subject: Arrays, candidate: Arrays) -> list[Evidence]:
    sides = opened(name, subject), opened(name, candidate)
    pair = Pair(*sides, Allowance(sides[0].container, sides[1].container, None))
    count = sides[0].layers
    plain = LayerMap(tuple((k, k) for k in range(count)), np.zeros((count, count)), 1.0, False, {}, 2 * float(np.log10(count)), 0.0, 1)
    return further_axes(pair, plain, full=False)


def least(evidence: list[Evidence]) -> dict[str, float]:
    """The least log10 p of order on each axis."""
    out: dict[str, float] = {}
    for e in evidence:
        assert e.log10_p is not None
        if e.symmetry == "order":
            out[e.axis.value] = min(e.log10_p, out.get(e.axis.value, 0.0))
    return out


@pytest.mark.parametrize("name", CLASSES)
def test_units_that_keep_their_places_are_found_on_every_axis_and_decide_nothing(name: str) -> None:
    base = drawn(name, 1)
    evidence = found(name, noisy(base), base)
    p = least(evidence)
    wanted = CLASSES[name][3]
    assert wanted <= set(p)
    assert {axis: p[axis] for axis in wanted if p[axis] > -2} == {}
    assert not any(e.decides or e.withheld for e in evidence)
    assert all(e.assumption is not None and e.private for e in evidence)


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_is_found_between_models_drawn_apart(name: str) -> None:
    for seed in range(3):
        assert min(least(found(name, drawn(name, 10 + seed), drawn(name, 1))).values(), default=0.0) > -3


@pytest.mark.parametrize(("name", "axis", "called"), [
    ("llama", "kv_head", "KV groups"), ("bert", "kv_head", "heads"), ("bert", "qk", "query and key dimensions"),
    ("mixtral", "expert", "experts"), ("jamba", "inner", "SSM inner channels"), ("jamba", "expert", "experts"),
    ("qwen2-moe", "shared_neuron", "neurons of shared experts"), ("deepseek-v2", "kv_latent", "KV latents"),
])  # fmt: skip
def test_a_copy_in_another_order_is_not_found_on_that_axis(name: str, axis: str, called: str) -> None:
    """By the action that the proof of the definition uses: what is tested is the axis that was proved."""
    base = drawn(name, 1)
    copy: Arrays = base
    checkpoint = opened(name, base)
    rng = generator("tests/further", "order")
    for layer in range(checkpoint.layers):
        sizes = {p.size(axis) for p in checkpoint.pieces if p.layer == layer and p.has(axis)}
        if sizes:
            copy = permute(copy, checkpoint, axis, rng.permutation(sizes.pop()), layer=layer)
    evidence = found(name, copy, base)
    assert called in {e.axis.value for e in evidence}
    assert least(evidence)[called] > -3
    others = {k: v for k, v in least(found(name, base, base)).items() if k != called}
    kept = {k for k, v in least(evidence).items() if k in others and v < -2}
    assert kept or not {k for k, v in others.items() if v < -2} - {"query heads", "query and key dimensions"}


def test_signs_of_an_axis_that_may_be_negated_are_coins() -> None:
    base = drawn("bert", 1)
    checkpoint = opened("bert", base)
    rng = generator("tests/further", "signs")
    flipped: Arrays = base
    for layer in range(checkpoint.layers):
        for block in range(16):
            flipped = negate(flipped, checkpoint, "qk", rng.choice([-1, 1], size=4), layer=layer, block=block)
    p = {}
    for name, subject in (("copy", noisy(base)), ("flipped", noisy(flipped))):
        signs = [e.log10_p or 0.0 for e in found("bert", subject, base) if e.test == "sign"]
        assert len(signs) == 1
        p[name] = signs[0]
    assert p["copy"] < -9
    assert p["flipped"] > -3


def test_layers_drawn_with_one_key_are_withheld() -> None:
    base = drawn("mixtral", 1)
    one = {key: base[f"model.layers.0.{key.split('.', 3)[3]}"] if key.startswith("model.layers.") else a for key, a in base.items()}
    evidence = [e for e in found("mixtral", noisy(one), one) if e.axis.value == "experts"]
    assert evidence
    assert all(e.withheld and e.withheld[0].key == "audit.reason" for e in evidence)


def test_every_axis_a_layer_of_a_shipped_family_may_be_shuffled_on_has_a_test() -> None:
    own = {"channel", "neuron", "value"}
    within = {"rank": "lies between two maps inside a state-space layer: no matrix of the layer counts it first and reads the stream"}
    known = own | set(AXES) | set(within)
    left = {
        (axis.name, definition.family)
        for definition in (shipped(entry.family) for entry in index())
        for axis in definition.axes.values()
        if axis.permutation and "layer" in axis.scope and axis.name not in known and not axis.name.startswith("vision_")
    }
    assert left == set()


def test_a_verdict_is_what_it_was(tmp_path: Any) -> None:
    from tests.recipes.arrays import llama

    model = llama(3, layers=6, width=64, num_attention_heads=16, num_key_value_heads=8)
    model.save(tmp_path / "a")
    type(model)(noisy(model.arrays, 0.01), model.config).save(tmp_path / "b")
    document = forebear.compare(tmp_path / "b", tmp_path / "a")
    rows = [e for e in document["evidence"] if e["axis"] in ("KV groups", "query heads")]
    assert rows
    assert not any(e["decides"] or "corrected_log10_p" in e for e in rows)
    assert document["verdict"]["test"].split("/")[1] in ("channels", "neurons", "values")
