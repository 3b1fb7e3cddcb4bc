"""A model saved with its adapter beside every base layer is read as base plus update, as the libraries compute it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forebear.models.checkpoint import open_checkpoint
from forebear.models.unmerged import is_whole, merged
from tests.memory import MemoryContainer
from tests.models.builders import LLAMA, llama_arrays
from tests.said import said as english

RANK = 2


def unmerged(rng, prefix="base_model.model.", layer=".base_layer", adapters=("default",), embedding=False):
    """Arrays of a Llama-like model whose q_proj carry pairs, and the arrays that they add up to at alpha 8."""
    plain = llama_arrays(rng)
    stored, whole = {}, {}
    for name, value in plain.items():
        whole[name] = value
        if "q_proj" not in name:
            stored[prefix + name] = value
            continue
        stem = name.removesuffix(".weight")
        stored[f"{prefix}{stem}{layer}.weight"] = value
        for adapter in adapters:
            a = rng.standard_normal((RANK, value.shape[1])).astype(np.float32)
            b = rng.standard_normal((value.shape[0], RANK)).astype(np.float32)
            end = f".{adapter}.weight" if adapter else ""
            stored[f"{prefix}{stem}.lora_A{end}"], stored[f"{prefix}{stem}.lora_B{end}"] = a, b
            if adapter in ("default", ""):
                whole[name] = value + (8 / RANK) * b @ a
    return stored, whole


def write(folder: Path, arrays, adapter_config=None):
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(LLAMA))
    if adapter_config is not None:
        (folder / "adapter_config.json").write_text(json.dumps(adapter_config))
    return folder


@pytest.mark.parametrize(
    ("prefix", "layer", "adapters"),
    [
        ("base_model.model.", ".base_layer", ("default",)),
        ("base_model.model.", ".base_layer", ("default", "other")),
        ("base_model.model.", "", ("default",)),
        ("", ".base_layer", ("default",)),
        ("module.base_model.model.", ".base_layer", ("default",)),
        ("", "", ("",)),
    ],
)
def test_base_and_update_add_up_under_the_published_names(tmp_path, rng, prefix, layer, adapters):
    stored, whole = unmerged(rng, prefix, layer, adapters)
    opened = open_checkpoint(write(tmp_path, stored))
    assert (opened.family, opened.layers) == ("llama", 2)
    assert set(opened.container.tensors) == set(whole)
    for name, value in whole.items():
        np.testing.assert_allclose(opened.container.read(name), value, rtol=1e-6, atol=1e-6)
    assert any("alpha 8" in said for said in english(opened.limits))


def test_the_scale_beside_the_model_is_used(tmp_path, rng):
    stored, _ = unmerged(rng)
    opened = open_checkpoint(write(tmp_path, stored, {"peft_type": "LORA", "r": RANK, "lora_alpha": 1}))
    name = "model.layers.0.self_attn.q_proj"
    pair = [stored[f"base_model.model.{name}.lora_{half}.default.weight"] for half in "BA"]
    wanted = stored[f"base_model.model.{name}.base_layer.weight"] + pair[0] @ pair[1] / RANK
    np.testing.assert_allclose(opened.container.read(f"{name}.weight"), wanted, rtol=1e-5, atol=1e-6)
    assert not any("alpha 8" in said for said in english(opened.limits))


def test_two_adapters_without_a_default_add_nothing_and_it_is_said(rng):
    stored, _ = unmerged(rng, adapters=("french", "german"))
    container, said = merged(MemoryContainer(stored), Path("nowhere"))
    name = "model.layers.0.self_attn.q_proj.weight"
    np.testing.assert_array_equal(container.read(name), stored[f"base_model.model.{name[:-7]}.base_layer.weight"])
    assert "french, german" in english(said)[0]


def test_a_module_saved_whole_takes_the_place_of_the_base_s(rng):
    stored, _ = unmerged(rng)
    head = stored.pop("base_model.model.lm_head.weight")
    stored["base_model.model.lm_head.original_module.weight"] = head
    stored["base_model.model.lm_head.modules_to_save.default.weight"] = head + 1
    container, _ = merged(MemoryContainer(stored), Path("nowhere"))
    np.testing.assert_array_equal(container.read("lm_head.weight"), head + 1)


def test_what_is_read_is_counted_once(tmp_path, rng):
    stored, _ = unmerged(rng)
    opened = open_checkpoint(write(tmp_path, stored))
    for name in opened.container.tensors:
        opened.container.read(name)
    assert opened.container.bytes_read <= 2 * sum(value.nbytes for value in stored.values())
    assert opened.container.paths == (tmp_path / "model.safetensors",)


def test_an_adapter_alone_is_no_whole_model(rng):
    stored, _ = unmerged(rng)

    def whole(part: str = "", without: str = "no name") -> bool:
        return is_whole(MemoryContainer({n: v for n, v in stored.items() if part in n and without not in n}))

    assert whole()
    assert not whole(".lora_")
    assert not whole(without="layers.1.self_attn.q_proj.base_layer")


def test_peft_holds_the_same_numbers(tmp_path):
    """A model under peft, saved without merging, against the same model merged by peft."""
    peft, torch, transformers = (pytest.importorskip(name) for name in ("peft", "torch", "transformers"))
    from safetensors.torch import save_file

    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=31, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    settings = peft.LoraConfig(r=3, lora_alpha=7, target_modules=["q_proj", "down_proj"], modules_to_save=["lm_head"])
    model = peft.get_peft_model(model, settings)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    folder = tmp_path / "whole"
    folder.mkdir()
    save_file({name: value.contiguous().clone() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    config.save_pretrained(folder)
    model.peft_config["default"].save_pretrained(folder)
    wanted = {name: value.numpy() for name, value in model.merge_and_unload().state_dict().items()}
    opened = open_checkpoint(folder)
    assert set(opened.container.tensors) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(opened.container.read(name), value, rtol=1e-5, atol=1e-6)
