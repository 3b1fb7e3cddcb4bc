"""Variants that compute what an audited class computes give the same figures after gauge fixing (decisions 0023, 0062)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from bench.family_audit import case_of, fresh, written
from bench.family_moves import framed, plain, rewritten
from bench.gauge_rows import held
from forebear.models.checkpoint import open_checkpoint

pytest.importorskip("torch")
pytest.importorskip("transformers")
CANDIDATE, INDEPENDENTS = 2410, range(2400, 2404)
"""Seeds; those of independents after the first are slow."""
Arrays = dict[str, np.ndarray]
Stored = tuple[Arrays, dict[str, Any]]


def _renamed(arrays: Arrays, names: dict[str, str]) -> Arrays:
    """Tensors under other names, those that no pair names left out; the first pair that fits is used."""
    found = {}
    for name, array in arrays.items():
        for old, new in names.items():
            if old in name:
                found[name.replace(old, new)] = array
                break
    return found


def _fused(arrays: Arrays, start: str, kind: str, heads: int) -> np.ndarray:
    """Queries, keys and values of one layer in one tensor, head by head."""
    parts = [arrays[f"{start}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
    each = [part.reshape(heads, -1, *part.shape[1:]) for part in parts]
    joined = np.concatenate(each, axis=1)
    return joined.reshape(-1, *joined.shape[2:])


def _falcon(config: dict[str, Any], **stated: Any) -> dict[str, Any]:
    kept = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
    whole = {key: config[key] for key in kept} | {"model_type": "falcon", "architectures": ["FalconForCausalLM"]}
    return whole | {"ffn_hidden_size": config["intermediate_size"], "tie_word_embeddings": False, **stated}


def phi_as_falcon_7b(arrays: Arrays, config: dict[str, Any]) -> Stored:
    """One norm before both branches, no gates."""
    made = _renamed(arrays, {
        "model.embed_tokens": "transformer.word_embeddings", "model.final_layernorm": "transformer.ln_f",
        "lm_head.weight": "lm_head.weight",
    })  # fmt: skip
    for layer in range(config["num_hidden_layers"]):
        old, new = f"model.layers.{layer}", f"transformer.h.{layer}"
        made |= _renamed(arrays, {
            f"{old}.input_layernorm": f"{new}.input_layernorm", f"{old}.self_attn.dense": f"{new}.self_attention.dense",
            f"{old}.mlp.fc1": f"{new}.mlp.dense_h_to_4h", f"{old}.mlp.fc2": f"{new}.mlp.dense_4h_to_h",
        })  # fmt: skip
        for kind in ("weight", "bias"):
            name = f"{new}.self_attention.query_key_value.{kind}"
            made[name] = _fused(arrays, old, kind, config["num_attention_heads"])
    return made, _falcon(config, multi_query=False, parallel_attn=True, bias=True)


def phi_as_falcon_11b(arrays: Arrays, config: dict[str, Any]) -> Stored:
    """The same under the names of the later layout."""
    made, stated = phi_as_falcon_7b(arrays, config)
    heads = config["num_attention_heads"]
    return made, stated | {"new_decoder_architecture": True, "num_kv_heads": heads, "num_ln_in_parallel_attn": 1}


def neox_as_falcon_40b(arrays: Arrays, config: dict[str, Any]) -> Stored:
    """Two norms next to each other, no gates."""
    names = {
        "gpt_neox.embed_in": "transformer.word_embeddings", "gpt_neox.final_layer_norm": "transformer.ln_f",
        "embed_out": "lm_head",
    }  # fmt: skip
    for layer in range(config["num_hidden_layers"]):
        old, new = f"gpt_neox.layers.{layer}.", f"transformer.h.{layer}."
        names |= {
            f"{old}input_layernorm": f"{new}ln_attn", f"{old}post_attention_layernorm": f"{new}ln_mlp",
            f"{old}attention": f"{new}self_attention", f"{old}mlp": f"{new}mlp",
        }  # fmt: skip
    heads = config["num_attention_heads"]
    return _renamed(arrays, names), _falcon(config, new_decoder_architecture=True, num_kv_heads=heads, bias=True)


def gpt2_as_falcon_rw(arrays: Arrays, config: dict[str, Any]) -> Stored:
    """One norm before each branch, no gates; matrices stored (out, in), no learnt positions."""
    names = {"transformer.wte": "transformer.word_embeddings", "transformer.ln_f": "transformer.ln_f", "lm_head": "lm_head"}
    made = _renamed(arrays, names)
    heads = config["n_head"]
    for layer in range(config["n_layer"]):
        for old, new in (
            ("ln_1", "input_layernorm"), ("ln_2", "post_attention_layernorm"), ("attn.c_proj", "self_attention.dense"),
            ("mlp.c_fc", "mlp.dense_h_to_4h"), ("mlp.c_proj", "mlp.dense_4h_to_h"),
        ):  # fmt: skip
            for kind in ("weight", "bias"):
                array = arrays[f"transformer.h.{layer}.{old}.{kind}"]
                made[f"transformer.h.{layer}.{new}.{kind}"] = array.T if array.ndim == 2 else array
        for kind in ("weight", "bias"):
            parts = np.split(arrays[f"transformer.h.{layer}.attn.c_attn.{kind}"], 3, axis=-1)
            joined = np.concatenate([p.T.reshape(heads, -1, *p.shape[:-1]) for p in parts], axis=1)
            made[f"transformer.h.{layer}.self_attention.query_key_value.{kind}"] = joined.reshape(-1, *joined.shape[2:])
    same = {"hidden_size": config["n_embd"], "num_hidden_layers": config["n_layer"], "num_attention_heads": heads}
    stated = {"multi_query": False, "parallel_attn": False, "alibi": True, "bias": True}
    tied = bool(config.get("tie_word_embeddings", True))
    whole = {**config, **same, "intermediate_size": config["n_inner"]}
    return made, _falcon(whole, **stated) | {"tie_word_embeddings": tied}


def cohere_as_stablelm_12b(arrays: Arrays, config: dict[str, Any]) -> Stored:
    """One norm before both branches, with gates."""
    made: Arrays = {}
    for name, array in arrays.items():
        if ".q_norm." in name or ".k_norm." in name:
            start, end = name.split("_norm.")
            made |= {f"{start}_layernorm.norms.{head}.{end}": row for head, row in enumerate(array)}
        else:
            made[name] = array
    kept = (
        "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size",
    )  # fmt: skip
    stated = {"use_parallel_residual": True, "qk_layernorm": True, "tie_word_embeddings": config.get("tie_word_embeddings", True)}
    return made, {key: config[key] for key in kept} | stated | {
        "model_type": "stablelm", "architectures": ["StableLmForCausalLM"],
    }  # fmt: skip


VARIANTS: dict[str, tuple[str, str, Callable[[Arrays, dict[str, Any]], Stored]]] = {
    "falcon-7b": ("falcon", "phi-2", phi_as_falcon_7b),
    "falcon-11b": ("falcon", "phi-2", phi_as_falcon_11b),
    "falcon-40b": ("falcon", "gpt-neox", neox_as_falcon_40b),
    "falcon-rw": ("falcon", "gpt2", gpt2_as_falcon_rw),
    "stablelm-12b": ("stablelm", "cohere", cohere_as_stablelm_12b),
}
"""Variant → its family, the case whose audit covers it, and how the same values are stored."""



@cache
def model(case: str, seed: int, root: Path) -> Path:
    """Initial values of the audited class, its gains and biases drawn besides."""
    import torch

    made = fresh(case_of(case), seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "norm" in name or ".ln_" in name:
                parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    folder = root / f"{case}-{seed}"
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("variants")


def figures(subject: Stored, candidate: Stored, folder: Path) -> dict[str, Any]:
    """What gauge fixing finds."""
    row, _ = held(written(*subject, folder / "subject"), written(*candidate, folder / "candidate"))
    return {key: value for key, value in row.items() if key != "seconds"}


def stored(folder: Path) -> Stored:
    """A model as its class stores it."""
    arrays, config, _ = plain(folder, 0)
    return arrays, config


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_pair_in_a_variant_gives_the_same_figures_number_by_number(variant: str, tmp_path: Path, root: Path) -> None:
    family, case, store = VARIANTS[variant]
    candidate = model(case, CANDIDATE, root)
    subjects = (("copy", candidate, True), ("independent", model(case, INDEPENDENTS[0], root), False))
    for name, source, found in subjects:
        subject = rewritten(source, 5)[:2]
        audited = figures(subject, stored(candidate), tmp_path / f"audited-{name}")
        variants = figures(store(*subject), store(*stored(candidate)), tmp_path / f"stored-{name}")
        assert audited["ran"]
        assert variants == audited, name
        assert variants["decided"] is found, name
    known = open_checkpoint(tmp_path / "stored-copy" / "subject")
    assert known.family == family
    known.close()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", [INDEPENDENTS[0], *(pytest.param(s, marks=pytest.mark.slow) for s in INDEPENDENTS[1:])])
def test_no_independent_in_a_variant_is_accused_framed_or_not(variant: str, seed: int, tmp_path: Path, root: Path) -> None:
    _, case, store = VARIANTS[variant]
    candidate, independent = model(case, CANDIDATE, root), model(case, seed, root)
    there = written(*store(*stored(candidate)), tmp_path / "candidate")
    near = framed(independent, candidate, seed, cooled=True)[:2]
    for name, subject in (("rewritten", rewritten(independent, seed)[:2]), ("framed", near)):
        verdict = forebear.compare(written(*store(*subject), tmp_path / name), [there])["verdict"]
        assert verdict["relation"] in ("no-evidence", "cannot-tell"), (name, verdict["relation"])
