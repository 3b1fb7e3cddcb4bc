"""Adapters that PEFT wrote give the model that PEFT merges them into (scripts/make_adapter_fixtures.py; recorded, no torch here)."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from forebear.core.errors import RefusedError
from forebear.core.patterns import Pattern, UnreadablePatternError, Work
from forebear.core.seeds import generator
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.models.adapter_patterns import ByModule
from forebear.models.checkpoint import open_checkpoint
from tests.said import said

ADAPTERS = Path(__file__).resolve().parent.parent / "data" / "adapters"
HEAD = "lm_head.weight"
FORMS = sorted(path.name for path in ADAPTERS.iterdir() if path.is_dir() and not path.name.startswith("base"))


@pytest.mark.parametrize("form", FORMS)
def test_an_adapter_gives_the_model_that_its_library_merges(form: str) -> None:
    kind = form.split("-")[0]
    under = ADAPTERS / (f"base-{kind}" if kind in ("gpt2", "qwen2", "tied") else "base")
    base = open_checkpoint(under).container
    both = open_checkpoint(ADAPTERS / form, base=under).container
    merged = SafetensorsContainer(ADAPTERS / f"{form}.merged.safetensors")
    assert len(merged.tensors) >= 1
    assert set(both.tensors) - {HEAD} == set(base.tensors) - {HEAD}
    for name in both.tensors:
        expected = (merged if name in merged.tensors else base).read(name)
        np.testing.assert_allclose(both.read(name), expected, atol=2e-6, err_msg=name)
        if expected.ndim == 2:
            np.testing.assert_allclose(both.take(name, [1, 0, 3]), expected[[1, 0, 3]], atol=2e-6)


@pytest.mark.parametrize(("form", "stated"), [("gpt2-square", False), ("gpt2-square", None), ("first-pattern-counts", True)])
def test_how_a_matrix_lies_is_the_base_s_and_not_what_the_adapter_states(tmp_path: Path, form: str, stated: bool | None) -> None:
    """PEFT goes by the module and overrides `fan_in_fan_out`; square matrices were turned as it was stated, silently."""
    config = json.loads((ADAPTERS / form / "adapter_config.json").read_text())
    del config["fan_in_fan_out"]
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | ({} if stated is None else {"fan_in_fan_out": stated})))
    (tmp_path / "adapter_model.safetensors").write_bytes((ADAPTERS / form / "adapter_model.safetensors").read_bytes())
    both = open_checkpoint(tmp_path, base=ADAPTERS / ("base-gpt2" if form.startswith("gpt2") else "base")).container
    merged = SafetensorsContainer(ADAPTERS / f"{form}.merged.safetensors")
    for name in merged.tensors:
        np.testing.assert_allclose(both.read(name), merged.read(name), atol=2e-6, err_msg=name)


@pytest.mark.parametrize("form", [form for form in FORMS if form.startswith("tied")])
def test_of_a_tied_pair_each_use_is_the_one_that_the_adapted_model_computes_with(form: str) -> None:
    """A head saved beside a tied base was read as tied, and an embedding saved alone changed the head too."""
    both = open_checkpoint(ADAPTERS / form, base=ADAPTERS / "base-tied")
    used = SafetensorsContainer(ADAPTERS / f"{form}.merged.safetensors")
    head, embedding = used.read(HEAD), used.read("model.embed_tokens.weight")
    untied = form != "tied-tokens"
    assert (HEAD in both.container.tensors) is untied
    assert (both.piece("head") is not None) is untied
    assert any("lm_head.weight is a matrix of its own here" in s for s in said(both.limits)) is untied
    assert np.array_equal(head, embedding) is (form in ("tied-tokens", "tied-both-kept-tied"))
    np.testing.assert_allclose(both.container.read(HEAD if untied else "model.embed_tokens.weight"), head, atol=2e-6)
    np.testing.assert_allclose(both.container.read("model.embed_tokens.weight"), embedding, atol=2e-6)
    assert not both.unclaimed


@pytest.mark.parametrize("config", [{}, {"trainable_token_indices": [3]}, {"trainable_token_indices": [3, 30, 32]},
                                    {"trainable_token_indices": {"wte": [3, 30, 31]}}])  # fmt: skip
def test_rows_whose_tokens_are_not_stated_are_refused(tmp_path: Path, config: dict[str, object]) -> None:
    found = json.loads((ADAPTERS / "tokens" / "adapter_config.json").read_text())
    del found["trainable_token_indices"]
    (tmp_path / "adapter_config.json").write_text(json.dumps({**found, **config}))
    (tmp_path / "adapter_model.safetensors").write_bytes(
        (ADAPTERS / "tokens" / "adapter_model.safetensors").read_bytes()
    )
    with pytest.raises(RefusedError, match=r"embed_tokens\.weight"):
        open_checkpoint(tmp_path, base=ADAPTERS / "base")


def stated(folder: Path, **config: object) -> Path:
    """The usual adapter with more stated in its configuration."""
    source = ADAPTERS / "first-pattern-counts"
    found = json.loads((source / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**found, **config}))
    (folder / "adapter_model.safetensors").write_bytes((source / "adapter_model.safetensors").read_bytes())
    return folder


@pytest.mark.parametrize("how", ["olora", "OLoRA", "pissa", "pissa_niter_16", "corda", "loftq", "lora_ga"])
def test_an_adapter_whose_library_takes_a_part_of_the_base_away_first_is_named(tmp_path: Path, how: str) -> None:
    """OLoRA held against PEFT 0.21: merged, q_proj differs from base + up @ down by up to 0.22."""
    with pytest.raises(RefusedError, match="takes a part of the base away") as refusal:
        open_checkpoint(stated(tmp_path, init_lora_weights=how), base=ADAPTERS / "base")
    assert "merge_and_unload" in refusal.value.todo


@pytest.mark.parametrize("how", [True, False, "gaussian", "eva", "orthogonal", "mica"])
def test_other_starts_leave_the_base_as_it_is(tmp_path: Path, how: object) -> None:
    both = open_checkpoint(stated(tmp_path, init_lora_weights=how), base=ADAPTERS / "base").container
    plain = open_checkpoint(ADAPTERS / "first-pattern-counts", base=ADAPTERS / "base").container
    name = "model.layers.1.self_attn.q_proj.weight"
    np.testing.assert_array_equal(both.read(name), plain.read(name))


@pytest.mark.parametrize(("key", "value", "todo"), [
    ("target_parameters", ["mlp.experts.gate_up_proj"], "merge_and_unload"), ("layer_replication", [[0, 2], [1, 3]], "merge_and_unload"),
    ("kasa_config", {"beta": 0.1}, "merge_and_unload"), ("use_bdlora", {"nblocks": 2}, "merge_and_unload"),
    ("alora_invocation_tokens", [5, 6], "without a base"), ("use_qalora", True, "without a base"), ("arrow_config", {"top_k": 2}, "without a base"),
])  # fmt: skip
def test_an_adapter_of_another_sum_is_named(tmp_path: Path, key: str, value: object, todo: str) -> None:
    with pytest.raises(RefusedError, match=f"states {key}") as refusal:
        open_checkpoint(stated(tmp_path, **{key: value}), base=ADAPTERS / "base")
    assert todo in refusal.value.todo
    assert open_checkpoint(tmp_path).container.tensors


KINDS = {
    "LOHA": {"hada_w1_a": (16, 2), "hada_w1_b": (2, 16), "hada_w2_a": (16, 2), "hada_w2_b": (2, 16)},
    "LOKR": {"lokr_w1": (4, 4), "lokr_w2": (4, 4)},
    "IA3": {"ia3_l": (16, 1)},
    "VERA": {"vera_lambda_b": (16,), "vera_lambda_d": (4,)},
    "OFT": {"oft_R.weight": (4, 6)},
    "BOFT": {"boft_R": (1, 4, 4, 4), "boft_s": (16, 1)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("told", [True, False])
def test_an_adapter_of_another_kind_is_named_and_never_taken_for_a_model(
    tmp_path: Path, kind: str, told: bool
) -> None:
    stem = "base_model.model.model.layers.0.self_attn.q_proj"
    save_file(
        {f"{stem}.{n}": np.ones(s, np.float32) for n, s in KINDS[kind].items()}, tmp_path / "adapter_model.safetensors"
    )
    if told:
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": kind}))
    alone = open_checkpoint(tmp_path)
    assert alone.definition is None
    assert any(f"an adapter of kind {kind}" in sentence for sentence in said(alone.limits))
    with pytest.raises(RefusedError, match=f"of kind '{kind}'") as refusal:
        open_checkpoint(tmp_path, base=ADAPTERS / "base")
    assert "merge_and_unload" in refusal.value.todo


def test_biases_that_are_not_applied_are_said(tmp_path: Path) -> None:
    stem = "base_model.model.model.layers.0.self_attn.q_proj"
    save_file({f"{stem}.lora_A.weight": np.ones((2, 16), np.float32), f"{stem}.lora_B.weight": np.ones((16, 2), np.float32),
               f"{stem}.lora_B.bias": np.ones(16, np.float32)}, tmp_path / "adapter_model.safetensors")  # fmt: skip
    both = open_checkpoint(tmp_path, base=ADAPTERS / "base")
    assert any("1 tensor of the adapter change biases" in sentence for sentence in said(both.limits))
    assert not [name for name in both.container.tensors if "lora" in name]


ATOMS = ["a", "b", ".", r"\.", "[ab]", "[^a]", r"\d", r"\w", "1", "(a|b)", "(?:ab)", "[0-9]", "q_proj", "layers", "x?", ".*", "a+",
         "(ab)*", "b{2}", "a{1,2}", "(a|1)+?", "^", "$", "[a-z_]+", "a{,2}", r"[\d_]", "b{2,}"]  # fmt: skip


def test_expressions_fit_what_the_library_of_the_language_fits() -> None:
    drawn = random.Random(str(generator("tests/models/adapters_of_peft", 0).integers(2**31)))
    fitted = 0
    for _ in range(20_000):
        text = "".join(drawn.choice(ATOMS) for _ in range(drawn.randint(1, 5)))
        text = f"{text}|{drawn.choice(ATOMS)}" if drawn.random() < 0.2 else text
        name = ".".join(
            drawn.choice(["a", "b", "ab", "layers", "1", "12", "q_proj", "ba", "x"]) for _ in range(drawn.randint(1, 4))
        )
        expected = re.match(rf"(.*\.)?({text})$", name) is not None
        begins = [at for at in range(len(name)) if at == 0 or name[at - 1] == "."]
        assert Pattern(text).fits_to_the_end(name, begins, Work(10**6)) is expected, (text, name)
        fitted += expected
    assert 1000 < fitted < 19_000


@pytest.mark.parametrize("text", ["(?=a)b", r"(a)\1", "(?i)a", "a(", "a)", "*a", "[a", "a**", r"\bq", "a{65}", "(" * 30 + "a" + ")" * 30,
                                  r"[z-a]", "a\\", "x" * 2000])  # fmt: skip
def test_an_expression_that_is_not_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnreadablePatternError):
        Pattern(text)
    if len(text) < 1000 and not re.fullmatch(r"[\w.-]*", text):
        with pytest.raises(RefusedError, match="alpha_pattern: the expression"):
            ByModule({text: 2}, "here", "alpha_pattern")
