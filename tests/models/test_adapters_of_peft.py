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
FORMS = sorted(path.name for path in ADAPTERS.iterdir() if path.is_dir() and path.name != "base")


@pytest.mark.parametrize("form", FORMS)
def test_an_adapter_gives_the_model_that_its_library_merges(form: str) -> None:
    base = open_checkpoint(ADAPTERS / "base").container
    both = open_checkpoint(ADAPTERS / form, base=ADAPTERS / "base").container
    merged = SafetensorsContainer(ADAPTERS / f"{form}.merged.safetensors")
    assert len(merged.tensors) >= 1
    assert set(both.tensors) == set(base.tensors)
    for name in base.tensors:
        expected = (merged if name in merged.tensors else base).read(name)
        np.testing.assert_allclose(both.read(name), expected, atol=2e-6, err_msg=name)
        if expected.ndim == 2:
            np.testing.assert_allclose(both.take(name, [1, 0, 3]), expected[[1, 0, 3]], atol=2e-6)


@pytest.mark.parametrize("config", [{}, {"trainable_token_indices": [3]}, {"trainable_token_indices": [3, 30, 32]},
                                    {"trainable_token_indices": {"wte": [3, 30, 31]}}])  # fmt: skip
def test_rows_whose_tokens_are_not_stated_are_refused(tmp_path: Path, config: dict[str, object]) -> None:
    stated = json.loads((ADAPTERS / "tokens" / "adapter_config.json").read_text())
    del stated["trainable_token_indices"]
    (tmp_path / "adapter_config.json").write_text(json.dumps({**stated, **config}))
    (tmp_path / "adapter_model.safetensors").write_bytes(
        (ADAPTERS / "tokens" / "adapter_model.safetensors").read_bytes()
    )
    with pytest.raises(RefusedError, match=r"embed_tokens\.weight"):
        open_checkpoint(tmp_path, base=ADAPTERS / "base")


KINDS = {
    "LOHA": {"hada_w1_a": (16, 2), "hada_w1_b": (2, 16), "hada_w2_a": (16, 2), "hada_w2_b": (2, 16)},
    "LOKR": {"lokr_w1": (4, 4), "lokr_w2": (4, 4)},
    "IA3": {"ia3_l": (16, 1)},
    "VERA": {"vera_lambda_b": (16,), "vera_lambda_d": (4,)},
    "OFT": {"oft_R.weight": (4, 6)},
    "BOFT": {"boft_R": (1, 4, 4, 4), "boft_s": (16, 1)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stated", [True, False])
def test_an_adapter_of_another_kind_is_named_and_never_taken_for_a_model(
    tmp_path: Path, kind: str, stated: bool
) -> None:
    stem = "base_model.model.model.layers.0.self_attn.q_proj"
    save_file(
        {f"{stem}.{n}": np.ones(s, np.float32) for n, s in KINDS[kind].items()}, tmp_path / "adapter_model.safetensors"
    )
    if stated:
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
