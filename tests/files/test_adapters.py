"""A low-rank adapter on its base is the model PEFT would merge; by itself it is a claim and its own weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import forebear
from forebear.cli.application import app
from forebear.core.errors import RefusedError, UsageError
from forebear.core.seeds import generator
from forebear.models.checkpoint import open_checkpoint
from forebear.reports.catalogue import catalogue
from tests.said import said

DEMO = Path(forebear.__file__).parent / "demo_data"
Q = "model.layers.1.self_attn.q_proj"


def adapter(folder: Path, tensors: dict[str, np.ndarray], **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    save_file({f"base_model.model.{name}": np.ascontiguousarray(a) for name, a in tensors.items()},
              folder / "adapter_model.safetensors")  # fmt: skip
    stated = {"peft_type": "LORA", "base_model_name_or_path": "forebear/demo", "lora_alpha": 6, **config}
    (folder / "adapter_config.json").write_text(json.dumps(stated))
    return folder


def halves(outputs: int, inputs: int, rank: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = generator("tests/files/adapters", 0)
    return rng.normal(size=(rank, inputs)).astype(np.float32), rng.normal(size=(outputs, rank)).astype(np.float32)


def test_the_change_is_added_row_by_row_and_the_rest_is_the_base(tmp_path: Path) -> None:
    down, up = halves(64, 64)
    path = adapter(tmp_path / "a", {f"{Q}.lora_A.weight": down, f"{Q}.lora_B.weight": up})
    base = open_checkpoint(DEMO / "base").container
    both = open_checkpoint(path, base=DEMO / "base")
    expected = base.read(f"{Q}.weight") + 6 / 3 * up @ down
    np.testing.assert_allclose(both.container.read(f"{Q}.weight"), expected, atol=1e-5)
    np.testing.assert_allclose(both.container.take(f"{Q}.weight", [40, 2]), expected[[40, 2]], atol=1e-5)
    assert both.family == "llama"
    assert both.container.tensors[f"{Q}.weight"].dtype.endswith("+ rank 3")
    for name in base.tensors:
        if name != f"{Q}.weight":
            np.testing.assert_array_equal(both.container.read(name), base.read(name))


@pytest.mark.parametrize(("config", "scale"), [
    ({"lora_alpha": 12}, 4.0), ({"lora_alpha": 12, "use_rslora": True}, 12 / 3**0.5),
    ({"alpha_pattern": {"q_proj": 3}}, 1.0), ({"alpha_pattern": {"v_proj": 3}}, 2.0),
])  # fmt: skip
def test_the_scale_follows_the_configuration(tmp_path: Path, config: dict[str, Any], scale: float) -> None:
    down, up = halves(64, 64)
    path = adapter(tmp_path / "a", {f"{Q}.lora_A.weight": down, f"{Q}.lora_B.weight": up}, **config)
    base = open_checkpoint(DEMO / "base").container.read(f"{Q}.weight")
    both = open_checkpoint(path, base=DEMO / "base").container.read(f"{Q}.weight")
    np.testing.assert_allclose(both, base + scale * up @ down, atol=1e-5)


def test_magnitudes_embeddings_and_whole_tensors_are_applied(tmp_path: Path) -> None:
    base = open_checkpoint(DEMO / "base").container
    down, up = halves(64, 64)
    tokens, width = base.tensors["model.embed_tokens.weight"].shape
    across, along = halves(width, tokens)
    rng = generator("tests/files/adapters", 1)
    magnitude, head = rng.uniform(1, 2, 64).astype(np.float32), rng.normal(size=(tokens, width)).astype(np.float32)
    path = adapter(tmp_path / "a", {
        f"{Q}.lora_A.weight": down, f"{Q}.lora_B.weight": up, f"{Q}.lora_magnitude_vector": magnitude,
        "model.embed_tokens.lora_embedding_A": across, "model.embed_tokens.lora_embedding_B": along,
        "lm_head.weight": head,
    })  # fmt: skip
    both = open_checkpoint(path, base=DEMO / "base").container
    changed = base.read(f"{Q}.weight") + 2 * up @ down
    for row in (0, 17, 63):
        expected = changed[row] * magnitude[row] / np.sqrt((changed[row] ** 2).sum())
        np.testing.assert_allclose(both.take(f"{Q}.weight", [row])[0], expected, rtol=1e-4)
    embedding = base.read("model.embed_tokens.weight") + 2 * (along @ across).T
    np.testing.assert_allclose(both.read("model.embed_tokens.weight"), embedding, atol=1e-4)
    np.testing.assert_array_equal(both.read("lm_head.weight"), head)


def test_an_adapter_by_itself_claims_its_base_and_no_axis_holds(tmp_path: Path) -> None:
    down, up = halves(64, 64)
    path = adapter(tmp_path / "a", {f"{Q}.lora_A.weight": down, f"{Q}.lora_B.weight": up})
    alone = open_checkpoint(path)
    assert alone.config["base_model"] == "forebear/demo"
    assert alone.definition is None
    assert any("weights of an adapter" in sentence for sentence in said(alone.limits))
    document = forebear.inspect(path)
    assert "configuration, base_model: forebear/demo" in said(document["claims"])
    again = adapter(tmp_path / "b", {f"{Q}.lora_A.weight": down, f"{Q}.lora_B.weight": up})
    assert forebear.compare(path, [again])["verdict"]["relation"] == "identical"
    other = adapter(tmp_path / "c", {f"{Q}.lora_A.weight": down[::-1], f"{Q}.lora_B.weight": up})
    assert forebear.compare(path, [other])["verdict"]["relation"] != "identical"


DEFECTS = {
    "half a pair": ({f"{Q}.lora_A.weight": np.zeros((3, 64))}, {}, "has only lora_A of its pair"),
    "ranks that differ": (
        {f"{Q}.lora_A.weight": np.zeros((3, 64)), f"{Q}.lora_B.weight": np.zeros((64, 4))}, {}, "do not meet in one rank"),
    "rank zero": (
        {f"{Q}.lora_A.weight": np.zeros((0, 64)), f"{Q}.lora_B.weight": np.zeros((64, 0))}, {}, "has rank 0"),
    "an unknown module": (
        {"model.layers.99.x.lora_A.weight": np.zeros((3, 64)), "model.layers.99.x.lora_B.weight": np.zeros((64, 3))}, {},
        "the base has no module 'model.layers.99.x'"),
    "another shape": (
        {f"{Q}.lora_A.weight": np.zeros((3, 32)), f"{Q}.lora_B.weight": np.zeros((64, 3))}, {}, "has shape (64, 32)"),
    "another kind": (
        {f"{Q}.lora_A.weight": np.zeros((3, 64)), f"{Q}.lora_B.weight": np.zeros((64, 3))}, {"peft_type": "IA3"},
        "of kind 'IA3'"),
    "a rank of five thousand": (
        {f"{Q}.lora_A.weight": np.zeros((5000, 64)), f"{Q}.lora_B.weight": np.zeros((64, 5000))}, {}, "has rank 5,000"),
    "a half that is no matrix": (
        {f"{Q}.lora_A.weight": np.zeros(64), f"{Q}.lora_B.weight": np.zeros((64, 3))}, {}, "has halves of shapes (64,)"),
    "an embedding of another size": (
        {"model.embed_tokens.lora_embedding_A": np.zeros((3, 9)), "model.embed_tokens.lora_embedding_B": np.zeros((64, 3))},
        {}, "has shape (64, 9)"),
    "prompts alone": ({"prompt_embeddings": np.zeros((8, 64))}, {"peft_type": "PROMPT_TUNING"}, "of kind 'PROMPT_TUNING'"),
    "magnitudes alone": ({f"{Q}.lora_magnitude_vector": np.ones(64)}, {}, "has a magnitude and no low-rank pair"),
    "magnitudes of other rows": (
        {f"{Q}.lora_A.weight": np.zeros((3, 64)), f"{Q}.lora_B.weight": np.zeros((64, 3)),
         f"{Q}.lora_magnitude_vector": np.ones(63)}, {}, "do not fit its rows"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_an_adapter_that_does_not_fit_its_base_is_refused(tmp_path: Path, defect: str) -> None:
    tensors, config, message = DEFECTS[defect]
    path = adapter(tmp_path / "a", {n: np.asarray(a, np.float32) for n, a in tensors.items()}, **config)
    with pytest.raises(RefusedError) as refusal:
        open_checkpoint(path, base=DEMO / "base")
    assert message in str(refusal.value)


def test_a_model_given_as_an_adapter_is_refused() -> None:
    with pytest.raises(RefusedError, match="holds no low-rank pair"):
        open_checkpoint(DEMO / "independent", base=DEMO / "base")


@pytest.mark.parametrize("form", ["lora", "rslora", "dora", "gpt2"])
def test_peft_merges_to_the_same_numbers(tmp_path: Path, form: str) -> None:
    torch, peft = pytest.importorskip("torch"), pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    if form == "gpt2":
        shape = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=64, n_positions=16)
        model, targets = transformers.GPT2LMHeadModel(shape), ["c_attn", "c_fc"]
    else:
        shape = transformers.LlamaConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=2, vocab_size=64,
                                         num_attention_heads=4, num_key_value_heads=2)  # fmt: skip
        model, targets = transformers.LlamaForCausalLM(shape), ["q_proj", "down_proj"]
    model.save_pretrained(tmp_path / "base")
    settings = peft.LoraConfig(r=4, lora_alpha=10, target_modules=targets, use_rslora=form == "rslora",
                               use_dora=form == "dora", fan_in_fan_out=form == "gpt2")  # fmt: skip
    wrapped = peft.get_peft_model(model, settings)
    made = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name and "magnitude" not in name:
                parameter.copy_(torch.randn(parameter.shape, generator=made) * 0.1)
    wrapped.save_pretrained(tmp_path / "adapter")
    wrapped.merge_and_unload().save_pretrained(tmp_path / "merged")
    expected = open_checkpoint(tmp_path / "merged").container
    both = open_checkpoint(tmp_path / "adapter", base=tmp_path / "base").container
    assert set(both.tensors) == set(expected.tensors)
    for name in expected.tensors:
        np.testing.assert_allclose(both.read(name), expected.read(name), atol=2e-5, err_msg=name)


def two_adapters(tmp_path: Path) -> tuple[Path, Path]:
    """An adapter of the demo's base, and a plain copy's folder that is none."""
    down, up = halves(64, 64)
    return adapter(tmp_path / "a", {f"{Q}.lora_A.weight": down, f"{Q}.lora_B.weight": up / 500}), DEMO / "descendant"


def test_compare_reads_an_adapter_as_its_base_changed_when_the_base_is_given(tmp_path: Path) -> None:
    path, descendant = two_adapters(tmp_path)
    document = forebear.compare(path, [descendant], base=DEMO / "base")
    assert document["verdict"]["relation"] == "related"
    assert document["subject"]["family"] == "llama"
    assert "--base" in document["reproduce"]
    assert catalogue().text(document["plain"]).startswith("a and descendant share weights")
    on_base = catalogue().text(forebear.compare(path, [DEMO / "base"], base=DEMO / "base")["plain"])
    assert "changed most: q by up to" in on_base
    alone = forebear.compare(path, [descendant])
    assert alone["verdict"]["relation"] == "cannot-tell"
    assert any("--base adds them" in limit for limit in said(alone["limits"]))


def test_an_adapter_of_a_stranger_shows_no_evidence(tmp_path: Path) -> None:
    path, _ = two_adapters(tmp_path)
    document = forebear.compare(path, [DEMO / "independent"], base=DEMO / "base")
    assert document["verdict"]["relation"] == "no-evidence"


def test_a_base_without_an_adapter_is_refused_and_several_candidates_may_be_either(tmp_path: Path) -> None:
    path, descendant = two_adapters(tmp_path)
    with pytest.raises(UsageError, match="neither side is an adapter"):
        forebear.compare(DEMO / "base", [descendant], base=DEMO / "base")
    matrix = forebear.compare(descendant, [path, DEMO / "independent"], base=DEMO / "base")
    assert [pair["relation"] for pair in matrix["pairs"]] == ["related", "no-evidence"]


def test_inspect_takes_the_base_too_and_the_command_line_passes_it_on(tmp_path: Path) -> None:
    path, _ = two_adapters(tmp_path)
    document = forebear.inspect(path, base=DEMO / "base")
    assert document["architecture"]["family"] == "llama"
    assert any("1 matrix changed by low rank" in limit for limit in said(document["limits"]))
    shown = CliRunner().invoke(app, ["inspect", str(path), "--base", str(DEMO / "base"), "--format", "json"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["architecture"]["family"] == "llama"
    with pytest.raises(RefusedError, match="no low-rank pair"):
        forebear.inspect(DEMO / "base", base=DEMO / "base")


def low_rank(folder: Path, *, size: float = 0.02, **config: Any) -> Path:
    """A rank-3 adapter of q and v in every layer of the demo's base."""
    rng = generator("tests/files/adapters", 1)
    tensors = {}
    for layer in range(4):
        for name, outputs in (("q_proj", 64), ("v_proj", 32)):
            module = f"model.layers.{layer}.self_attn.{name}"
            tensors[f"{module}.lora_A.weight"] = rng.normal(size=(3, 64)).astype(np.float32) / 8
            tensors[f"{module}.lora_B.weight"] = size * rng.normal(size=(outputs, 3)).astype(np.float32)
    return adapter(folder, tensors, r=3, target_modules=["q_proj", "v_proj"], **config)


def test_inspect_says_what_an_adapter_is(tmp_path: Path) -> None:
    document = forebear.inspect(low_rank(tmp_path / "a"))
    assert dict(document["adapter"]) == {
        "kind": "LORA", "ranks": (3,), "alpha": 6, "modules": ("q_proj", "v_proj"), "matrices": 8, "base": "forebear/demo",
    }  # fmt: skip
    assert "LoRA, rank 3, alpha 6: changes 8 matrices (q_proj, v_proj)" in document.text()
    assert "not recognised" not in document.text()
    assert not document["odd"]
    odd = forebear.inspect(low_rank(tmp_path / "b", lora_alpha=9) / "adapter_model.safetensors")
    assert odd["adapter"]["alpha"] == 9
    stated = json.loads((tmp_path / "a" / "adapter_config.json").read_text()) | {"r": 16}
    (tmp_path / "a" / "adapter_config.json").write_text(json.dumps(stated))
    assert any("states rank 16; its tensors have rank 3" in one for one in said(forebear.inspect(tmp_path / "a")["odd"]))
    assert "adapter" not in forebear.inspect(DEMO / "base")


def test_recipe_tells_what_an_adapter_changes_and_that_its_base_was_put_there(tmp_path: Path) -> None:
    path = low_rank(tmp_path / "a")
    document = forebear.recipe(path, DEMO / "base", base=DEMO / "base")
    assert [(step["op"], step["parameters"]["rank"], step["grade"]) for step in document["steps"]] == [("low-rank-merged", 3, "replayed")]
    assert any("shows nothing" in limit for limit in said(document["limits"]))
    assert document["reproduce"].endswith(f"--base {DEMO / 'base'}")
    alone = forebear.recipe(path, DEMO / "base")
    assert not alone["steps"]
    assert any("--base adds them" in limit for limit in said(alone["limits"]))
    stranger = forebear.recipe(path, DEMO / "independent", base=DEMO / "base")
    assert not stranger["steps"]
    assert not any("shows nothing" in limit for limit in said(stranger["limits"]))
    with pytest.raises(UsageError, match="adapters"):
        forebear.recipe(DEMO / "descendant", DEMO / "base", base=DEMO / "base")


def test_verify_compares_an_adapter_on_its_base_and_never_with_it(tmp_path: Path) -> None:
    path = low_rank(tmp_path / "a", size=1e-3)
    document = forebear.verify(path, against=[f"forebear/demo={DEMO / 'base'}", DEMO / "descendant", DEMO / "independent"])
    assert [row["relation"] for row in document["relatives"]] == [None, "related", "no-evidence"]
    assert any("names as its base" in limit for limit in said(document["limits"]))
    assert not any("--base adds them" in limit for limit in said(document["limits"]))
    assert [c["kind"] for c in document["claims"] if c["outcome"] == "borne-out"] == ["rank"]
    assert document["counts"]["contradicted"] == 0
    other = forebear.verify(path, against=[f"other/demo={DEMO / 'base'}"])
    assert [row["relation"] for row in other["relatives"]] == ["cannot-tell"]
    given = forebear.verify(path, against=DEMO / "descendant", base=DEMO / "base")
    assert [row["relation"] for row in given["relatives"]] == ["related"]
    with pytest.raises(UsageError, match="no adapter"):
        forebear.verify(DEMO / "descendant", against=DEMO / "base", base=DEMO / "base")


def test_a_library_prints_and_finds_an_adapter_on_its_base(tmp_path: Path) -> None:
    path, known = low_rank(tmp_path / "a"), tmp_path / "known"
    added = forebear.library_add([path, DEMO / "base", DEMO / "independent"], into=known, base=DEMO / "base")
    assert added["screens"] == 3
    assert dict(forebear.library_add([path], into=known, base=DEMO / "base")["outcomes"]) == {"known": 1}
    found = forebear.library_search(DEMO / "descendant", library=known, prove=True)
    assert {hit["name"]: hit["relation"] for hit in found["hits"]} == {"a": "related", "base": "related"}
    for given in ({"base": DEMO / "base"}, {}):  # the library remembers on which base it was added
        itself = forebear.library_search(path, library=known, prove=True, **given)
        assert [(hit["name"], hit["relation"]) for hit in itself["hits"]] == [("base", "related")]
        assert any("nothing of where the adapter is from" in limit for limit in said(itself["limits"]))
    tree = forebear.library_tree(library=known, prove=True)
    assert any("shows nothing" in limit for limit in said(tree["limits"]))
    with pytest.raises(UsageError, match="no adapter"):
        forebear.library_search(DEMO / "descendant", library=known, base=DEMO / "base")
    forebear.library_export(tmp_path / "known.fbl", library=known)
    assert str(DEMO).encode() not in (tmp_path / "known.fbl").read_bytes()


def test_a_library_refuses_a_base_for_models_of_which_none_is_an_adapter(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none of the models is an adapter"):
        forebear.library_add([DEMO / "base"], into=tmp_path / "library", base=DEMO / "base")
    assert not (tmp_path / "library").exists()


def test_an_adapter_without_its_base_has_no_screen_and_counts_for_none(tmp_path: Path) -> None:
    added = forebear.library_add([low_rank(tmp_path / "a"), DEMO / "base"], into=tmp_path / "known")
    assert (added["models"], added["screens"]) == (2, 1)
    assert "The library has 2 models, 1 of them with a screen." in added.text()
    found = forebear.library_search(DEMO / "descendant", library=tmp_path / "known")
    assert found["searched"]["screens"] == 1
    assert forebear.library_verify(library=tmp_path / "known")["items"] == ()


def test_an_adapter_of_a_library_whose_base_is_gone_is_not_at_hand(tmp_path: Path) -> None:
    path, base = low_rank(tmp_path / "a"), tmp_path / "base"
    shutil.copytree(DEMO / "base", base)
    forebear.library_add([path], into=tmp_path / "known", base=base)
    shutil.rmtree(base)
    found = forebear.library_search(DEMO / "descendant", library=tmp_path / "known", prove=True)
    assert [hit["proved"] for hit in found["hits"]] == [False]
