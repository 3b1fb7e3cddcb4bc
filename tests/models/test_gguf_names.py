"""GGUF names, configuration and rearranged rows come back as published."""

from __future__ import annotations

import re
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf.constants import MODEL_ARCH, MODEL_ARCH_NAMES, MODEL_TENSORS, TENSOR_NAMES, GGMLQuantizationType

import forebear
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.models.architecture.registry import index
from forebear.models.checkpoint import open_checkpoint
from forebear.models.published.gguf_names import gguf_names
from tests.files.gguf_make import converter_rows, demo, finish, write_llama
from tests.said import said as english

DEMO = Path(forebear.__file__).parent / "demo_data"
BY_NAME = {name: arch for arch, name in MODEL_ARCH_NAMES.items()} | {"llama+experts": MODEL_ARCH.LLAMA}
ARCHITECTURES = sorted(name for entry in index() for name in entry.gguf)
FUSED_EXPERTS = re.compile(r"\.experts\.\{expert\}")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_name_of_the_table_is_the_one_the_converter_would_map(arch: str) -> None:
    names, theirs = gguf_names(arch), gguf.get_tensor_name_map(BY_NAME[arch], 8)
    known = {TENSOR_NAMES[kind].format(bid=3) for kind in MODEL_TENSORS[BY_NAME[arch]]}
    layers = {f"{names.start}3.{published}": f"blk.3.{stem}" for stem, published in names.layer.items()}
    for published, stem in {**{p: s for s, p in names.top.items()}, **layers}.items():
        merged = FUSED_EXPERTS.sub(".experts", published)
        if merged != published and "block_sparse_moe" in merged:
            merged = merged.replace("model.", "").replace("block_sparse_moe", "feed_forward")
        mapped = theirs.get_name(merged)
        if stem in known:  # a table may serve several architectures; some lack a tensor
            assert mapped == stem, published


@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_0", "Q5_0", "MXFP4"])
def test_a_llama_file_is_the_published_checkpoint_within_its_rounding(tmp_path: Path, kind: str) -> None:
    arrays, config = demo(DEMO / "base")
    path = write_llama(tmp_path / "m.gguf", arrays, config, GGMLQuantizationType[kind])
    checkpoint = open_checkpoint(path)
    assert checkpoint.family == "llama"
    assert (checkpoint.layers, checkpoint.width) == (config["num_hidden_layers"], config["hidden_size"])
    assert set(checkpoint.container.tensors) == set(arrays)
    assert not checkpoint.unclaimed
    worst = {"F32": 0.0, "F16": 1e-3, "Q8_0": 0.01, "Q4_0": 0.12, "Q5_0": 0.06, "MXFP4": 0.2}[kind]
    for name, array in arrays.items():
        got = checkpoint.container.read(name)
        assert got.shape == array.shape
        assert np.linalg.norm(got - array) <= worst * np.linalg.norm(array), name
    assert any("published order was put back" in sentence for sentence in english(checkpoint.limits))


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "Q5_0", "MXFP4"])
def test_a_quantised_copy_is_related_and_an_independent_is_not(tmp_path: Path, kind: str) -> None:
    arrays, config = demo(DEMO / "base")
    path = write_llama(tmp_path / "m.gguf", arrays, config, GGMLQuantizationType[kind])
    assert forebear.compare(path, [DEMO / "base"])["verdict"]["relation"] == "related"
    other = forebear.compare(path, [DEMO / "independent"])["verdict"]["relation"]
    assert other not in ("related", "identical")


def test_a_file_of_float32_is_identical_to_the_published_checkpoint(tmp_path: Path) -> None:
    arrays, config = demo(DEMO / "base")
    path = write_llama(tmp_path / "m.gguf", arrays, config, GGMLQuantizationType.F32)
    assert forebear.compare(path, [DEMO / "base"])["verdict"]["relation"] == "identical"


def test_wrongly_ordered_rows_would_be_noticed() -> None:
    weight = generator("tests/models/gguf", 0).normal(size=(24, 5)).astype(np.float32)
    assert not np.array_equal(converter_rows(weight, 2), weight)
    torchwise = weight.reshape(2, 2, 6, 5).swapaxes(1, 2).reshape(24, 5)  # the converter's own formula
    np.testing.assert_array_equal(converter_rows(weight, 2), torchwise)


def written(path: Path, arch: str, tensors: dict[str, np.ndarray], **heads: int):
    writer = gguf.GGUFWriter(path, arch)
    writer.add_block_count(1)
    for key, value in heads.items():
        getattr(writer, f"add_{key}")(value)
    for name, array in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(array, dtype=np.float32))
    finish(writer)
    return open_checkpoint(path)


def test_matrices_of_gpt2_are_turned_back(tmp_path: Path) -> None:
    weight = generator("tests/models/gguf", 1).normal(size=(8, 24)).astype(np.float32)
    checkpoint = written(tmp_path / "m.gguf", "gpt2", {"blk.0.attn_qkv.weight": weight.T, "token_embd.weight": weight})
    container = checkpoint.container
    np.testing.assert_array_equal(container.read("transformer.h.0.attn.c_attn.weight"), weight)
    np.testing.assert_array_equal(container.take("transformer.h.0.attn.c_attn.weight", [5, 1]), weight[[5, 1]])
    np.testing.assert_array_equal(container.read("transformer.wte.weight"), weight)
    assert container.tensors["transformer.h.0.attn.c_attn.weight"].dtype == "F32 (rearranged)"


def test_norm_gains_of_gemma_lose_the_one_that_was_added(tmp_path: Path) -> None:
    gain = generator("tests/models/gguf", 2).normal(size=16).astype(np.float32) * 0.1
    stored = {"blk.0.post_ffw_norm.weight": gain + 1, "output_norm.weight": gain + 1, "token_embd.weight": np.eye(4)}
    checkpoint = written(tmp_path / "m.gguf", "gemma2", stored)
    for name in ("model.layers.0.post_feedforward_layernorm.weight", "model.norm.weight"):
        np.testing.assert_allclose(checkpoint.container.read(name), gain, atol=1e-7)


def test_fused_rows_of_neox_come_back_by_head(tmp_path: Path) -> None:
    published = generator("tests/models/gguf", 3).normal(size=(3 * 12, 12)).astype(np.float32)  # 4 heads of 3
    by_kind = np.concatenate([published.reshape(4, 3, 3, 12)[:, kind].reshape(12, 12) for kind in range(3)])
    checkpoint = written(tmp_path / "m.gguf", "gptneox", {"blk.0.attn_qkv.weight": by_kind}, head_count=4)
    got = checkpoint.container.read("gpt_neox.layers.0.attention.query_key_value.weight")
    np.testing.assert_array_equal(got, published)


def test_a_stack_of_experts_is_shown_one_by_one(tmp_path: Path) -> None:
    stack = generator("tests/models/gguf", 4).normal(size=(3, 6, 4)).astype(np.float32)
    checkpoint = written(tmp_path / "m.gguf", "qwen3moe", {"blk.0.ffn_up_exps.weight": stack})
    for expert in range(3):
        name = f"model.layers.0.mlp.experts.{expert}.up_proj.weight"
        np.testing.assert_array_equal(checkpoint.container.read(name), stack[expert])
        np.testing.assert_array_equal(checkpoint.container.take(name, [4, 0]), stack[expert][[4, 0]])


def test_an_architecture_without_a_table_keeps_its_names_and_no_axis_holds(tmp_path: Path) -> None:
    checkpoint = written(tmp_path / "m.gguf", "nobody-knows", {"blk.0.attn_q.weight": np.eye(4)})
    assert list(checkpoint.container.tensors) == ["blk.0.attn_q.weight"]
    assert checkpoint.definition is None
    assert any("nobody-knows" in sentence for sentence in english(checkpoint.limits))


def tokens_of(path: Path, model: str, tokens: list[str], types: list[int]):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_tensor("w", np.zeros((2, 2), np.float32))
    finish(writer)
    return open_checkpoint(path).inner_vocabulary()


def test_the_tokenizer_inside_is_read_as_bytes(tmp_path: Path) -> None:
    spm = tokens_of(tmp_path / "a.gguf", "llama", ["<unk>", "<s>", "<0x0A>", "▁the", "ing"], [2, 3, 6, 1, 1])
    assert spm.tokens == (b"<unk>", b"<s>", b"\n", b" the", b"ing")
    assert spm.special == {0, 1}
    bpe = tokens_of(tmp_path / "b.gguf", "gpt2", ["<|end|>", "Ġthe", "Ã©", "<tool>"], [3, 1, 1, 4])
    assert bpe.tokens == (b"<|end|>", b" the", b"\xc3\xa9", b"<tool>")
    assert (bpe.special, bpe.added) == ({0}, {3})
    words = tokens_of(tmp_path / "c.gguf", "bert", ["[CLS]", "▁the", "ing"], [3, 1, 1])
    assert words.tokens == (b"[CLS]", b" the", b"ing")


def test_a_tokenizer_whose_lists_disagree_or_whose_kind_is_unknown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="holds 2 tokens and 1 token types"):
        tokens_of(tmp_path / "a.gguf", "gpt2", ["a", "b"], [1])
    with pytest.raises(RefusedError, match="tokenizer of kind 'runes'"):
        tokens_of(tmp_path / "b.gguf", "runes", ["a"], [1])
