"""Families that store what an audited family computes give the same figures after gauge fixing (decision 0023)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from bench.framed_align import framed
from bench.gauge_rows import held
from bench.shapes import SHAPES, initial
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from tests.protocols import published

TOKENIZER = (Path(forebear.__file__).parent / "demo_data" / "base" / "tokenizer.json").read_bytes()
CANDIDATE, INDEPENDENTS = 2310, range(2300, 2306)
"""Seeds of the held-out run; those after the first are slow."""
Arrays = dict[str, np.ndarray]
Stored = tuple[Arrays, dict[str, Any]]


def fused_gates(model: Model) -> Stored:
    """Gate and up in one tensor, as GLM stores them."""
    made = {name: array for name, array in model.arrays.items() if ".gate_proj." not in name and ".up_proj." not in name}
    for name, array in model.arrays.items():
        if ".gate_proj." in name:
            up = model.arrays[name.replace("gate_proj", "up_proj")]
            made[name.replace("gate_proj", "gate_up_proj")] = np.concatenate([array, up])
    head = model.config["hidden_size"] // model.config["num_attention_heads"]
    return made, {**model.config, "model_type": "glm", "architectures": ["GlmForCausalLM"], "head_dim": head}


def all_fused(model: Model) -> Stored:
    """Queries, keys and values in one tensor too, as Phi-3 stores them."""
    arrays, config = fused_gates(model)
    made = {name: array for name, array in arrays.items() if "self_attn" not in name or "o_proj" in name}
    for name in arrays:
        if ".q_proj." in name:
            parts = [arrays[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            made[name.replace("q_proj", "qkv_proj")] = np.concatenate(parts)
    return made, {**config, "model_type": "phi3", "architectures": ["Phi3ForCausalLM"]}


def stacked_experts(model: Model) -> Stored:
    """Experts in one tensor, as Granite stores them."""
    made = {name: array for name, array in model.arrays.items() if "block_sparse_moe" not in name}
    count = model.config["num_local_experts"]
    for layer in range(model.config["num_hidden_layers"]):
        start = f"model.layers.{layer}.block_sparse_moe."
        made[f"{start}router.layer.weight"] = model.arrays[f"{start}gate.weight"]
        w1, w2, w3 = (
            [model.arrays[f"{start}experts.{expert}.w{i}.weight"] for expert in range(count)] for i in (1, 2, 3)
        )
        made[f"{start}input_linear.weight"] = np.stack([np.concatenate(pair) for pair in zip(w1, w3, strict=True)])
        made[f"{start}output_linear.weight"] = np.stack(w2)
    return made, {**model.config, "model_type": "granitemoe", "architectures": ["GraniteMoeForCausalLM"]}


def neo(model: Model) -> Stored:
    """GPT-2's tensors as GPT-Neo stores them; its queries, keys and values have no biases."""
    made: Arrays = {}
    for name, array in model.arrays.items():
        if "c_attn" in name:
            parts = np.split(array, 3, axis=-1) if name.endswith("weight") else ()
            renamed = [name.replace("attn.c_attn", f"attn.attention.{part}_proj") for part in "qkv"]
            made |= {new: np.ascontiguousarray(part.T) for new, part in zip(renamed, parts, strict=False)}
        else:
            turned = array.T if array.ndim == 2 and ".c_" in name else array
            made[name.replace("attn.c_proj", "attn.attention.out_proj")] = np.ascontiguousarray(turned)
    config = model.config
    return made, {
        "model_type": "gpt_neo", "architectures": ["GPTNeoForCausalLM"], "hidden_size": config["n_embd"],
        "num_layers": config["n_layer"], "num_heads": config["n_head"], "intermediate_size": config["n_inner"],
        "max_position_embeddings": config["n_positions"], "vocab_size": config["vocab_size"],
        "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True,
        "attention_types": [[["global", "local"], config["n_layer"] // 2]],
    }  # fmt: skip


def original(layout: str, through: Callable[[Model], Stored] = lambda model: (model.arrays, model.config)) -> Any:
    """A layout of tests/protocols, reached through the class that proves it."""
    return lambda model: published.from_class(layout, *through(model))


LAYOUTS: dict[str, tuple[str, Callable[[Model], Stored]]] = {
    "llama_own": ("llama64", original("llama_own")), "glm": ("llama64", fused_gates),
    "chatglm": ("llama64", original("chatglm", fused_gates)), "granite_moe": ("moe-64", stacked_experts),
    "internlm2": ("llama64", original("internlm2")), "phi3": ("llama64", all_fused), "nanogpt": ("gpt2-64", original("nanogpt")), "gpt_neo": ("gpt2-64", neo),
}  # fmt: skip
"""Family → shape that the bench audits, and how the same values are stored."""


@cache
def model(shape: str, seed: int) -> Model:
    """Initial values of a shape."""
    return Model(initial(SHAPES[shape], seed), SHAPES[shape].config(), TOKENIZER)


@cache
def copy(shape: str) -> Model:
    """The candidate, every output-preserving move done to it."""
    return reparameterise(model(shape, CANDIDATE), 5)


@cache
def near(shape: str, seed: int) -> Model:
    """An independent brought as near to the candidate as the joint aligner brings it."""
    return framed(model(shape, seed), model(shape, CANDIDATE), "joint", seed)


def saved(stored: Stored, folder: Path) -> Path:
    """A folder with the model in it."""
    return Model(stored[0], stored[1], TOKENIZER).save(folder)


def own(made: Model) -> Stored:
    """As the bench stores it."""
    return made.arrays, made.config


def figures(subject: Stored, candidate: Stored, folder: Path) -> dict[str, Any]:
    """What gauge fixing finds."""
    row, _ = held(saved(subject, folder / "subject"), saved(candidate, folder / "candidate"))
    return {key: value for key, value in row.items() if key != "seconds"}


@pytest.mark.parametrize("family", LAYOUTS)
def test_a_pair_in_another_layout_gives_the_same_figures_number_by_number(family: str, tmp_path: Path) -> None:
    shape, store = LAYOUTS[family]
    candidate = model(shape, CANDIDATE)
    for name, subject, found in (("copy", copy(shape), True), ("independent", model(shape, INDEPENDENTS[0]), False)):
        audited = figures(own(subject), own(candidate), tmp_path / f"audited-{name}")
        stored = figures(store(subject), store(candidate), tmp_path / f"stored-{name}")
        assert audited["ran"]
        assert stored == audited, name
        assert stored["decided"] is found, name


@pytest.mark.parametrize("family", LAYOUTS)
@pytest.mark.parametrize("seed", [INDEPENDENTS[0], *(pytest.param(s, marks=pytest.mark.slow) for s in INDEPENDENTS[1:])])
def test_no_independent_in_another_layout_is_accused_framed_or_not(family: str, seed: int, tmp_path: Path) -> None:
    shape, store = LAYOUTS[family]
    candidate = saved(store(model(shape, CANDIDATE)), tmp_path / "candidate")
    independent = model(shape, seed)
    for name, subject in (("plain", independent), ("framed", near(shape, seed))):
        verdict = forebear.compare(saved(store(subject), tmp_path / name), [candidate])["verdict"]
        assert verdict["relation"] in ("no-evidence", "cannot-tell"), (name, verdict["relation"])
