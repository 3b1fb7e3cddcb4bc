"""The tokenizer inside a GGUF file: llama.cpp's ids on llama.cpp's own vectors, and through every verb that takes a tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebear.models.published.gguf_tokens import load_tokenizer
from forebear.tokens import sample
from forebear.tokens.encoders import CannotEncodeError, encoder_of
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.rules import gguf_rules
from forebear.tokens.splitting import names, split
from forebear.tokens.vocabulary import Vocabulary
from tests.real import real_path
from tests.said import said
from tests.tokens.test_lineage import real

BYTES = tuple(bytes([byte]) for byte in range(256))
VECTORS = ("bert-bge", "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2", "llama-bpe", "llama-spm", "mpt",
           "phi-3", "qwen2", "qwen35", "refact", "starcoder")  # fmt: skip


def test_a_pre_tokeniser_we_know_has_cuts_and_another_is_refused_when_text_is_to_be_cut() -> None:
    known = gguf_rules("gpt2", "qwen2", {})
    assert known is not None
    assert known.option("cut") == ("qwen",)
    unknown = Vocabulary("bpe", BYTES, frozenset(), rules=gguf_rules("gpt2", "unheard-of", {}))
    with pytest.raises(CannotEncodeError, match="unheard-of"):
        encoder_of(unknown)


@pytest.mark.parametrize("name", names())
def test_every_way_of_cutting_gives_the_text_back(name: str) -> None:
    text = "It's 12345 cents;  naïve\u0301 漢字かな한글 \t\n\n  x=$3^2`|~ «ok»… 🙂\u200d end  "
    assert "".join(split(text, name)) == text


def test_cuts_of_several_steps_are_those_stated_by_llama_cpp() -> None:
    def cut(text: str, steps: tuple[str, ...]) -> list[str]:
        pieces = [text]
        for step in steps:
            pieces = [part for piece in pieces for part in split(piece, step)]
        return pieces

    assert cut("a 12345, b`c", ("signs-and-ticks", "gpt2", "three-digits")) == [
        "a",
        " ",
        "123",
        "45",
        ",",
        " b",
        "`",
        "c",
    ]
    assert cut("a 12345, b`c", ("each-digit", "gpt2"))[:6] == ["a", " ", "1", "2", "3", "4"]


def test_what_a_maker_added_is_taken_out_whole_and_the_longest_first() -> None:
    tokens = (*BYTES, b"  ", b"    ", b"<tool>", b"<end>")
    made = Vocabulary(
        "bpe", tokens, frozenset({259}), frozenset({256, 257, 258, 259}), rules=gguf_rules("gpt2", "gpt-2", {})
    )
    assert encoder_of(made).encode("a      b") == [97, 257, 256, 98]
    assert encoder_of(made).encode("<tool>") == [258]
    assert len(encoder_of(made).encode("<end>")) == 5  # a control token in text is text


def test_a_token_spelt_outside_the_byte_alphabet_is_joined_from_no_bytes() -> None:
    import numpy as np

    tokens = (*BYTES, b"ab", b"ab")
    merges = np.asarray([[97, 98]], dtype=np.int32)
    made = Vocabulary(
        "bpe", tokens, frozenset(), merges=merges, rules=gguf_rules("gpt2", "gpt-2", {}), foreign=frozenset({256})
    )
    assert encoder_of(made).encode("ab") == [257]


@pytest.mark.real
@pytest.mark.parametrize("name", VECTORS)
def test_ids_are_those_llama_cpp_ships_as_test_vectors(name: str) -> None:
    path = real_path("llama-cpp-vocabularies") / f"ggml-vocab-{name}.gguf"
    encoder = encoder_of(load_tokenizer(path, full=True))
    texts = Path(f"{path}.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
    wanted = [[int(word) for word in line.split()] for line in Path(f"{path}.out").read_text().split("\n")]
    assert len(texts) >= 46
    for text, ids in zip(texts, wanted, strict=False):
        assert encoder.encode(text) == ids, text[:60]


@pytest.mark.real
@pytest.mark.parametrize(("name", "same"), [("gpt-2", "gpt2"), ("qwen2", "qwen"), ("llama-bpe", "llama3")])
def test_a_gguf_vocabulary_and_the_makers_own_file_give_the_same_ids_over_the_default_text(
    name: str, same: str
) -> None:
    inner = encoder_of(load_tokenizer(real_path("llama-cpp-vocabularies") / f"ggml-vocab-{name}.gguf", full=True))
    own = encoder_of(load_vocabulary(real(same), full=True), cut={"qwen": "qwen"}.get(same))
    for passage in (*sample.languages(), *sample.domains()):
        for block in passage.blocks:
            assert inner.encode(block) == own.encode(block), block[:60]


@pytest.mark.real
def test_the_verbs_take_a_gguf_file_as_they_take_a_tokenizer() -> None:
    import forebear

    path = real_path("llama-cpp-vocabularies") / "ggml-vocab-gpt-2.gguf"
    document = forebear.tokenizers_lineage(path, [real("gpt2"), real("cl100k")])
    assert (document["relation"], document["parents"][0]["name"]) == ("identical", "gpt2")
    assert any("out of a checkpoint" in sentence for sentence in said(document["limits"]))
    rows = forebear.tokenizers_cost([path, real("gpt2")])["rows"]
    ours, theirs = (
        [r["tokens"] for r in rows if r["tokenizer"] == name] for name in dict.fromkeys(r["tokenizer"] for r in rows)
    )
    assert ours == theirs


def test_a_gguf_file_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    from forebear.core.errors import RefusedError

    empty = tmp_path / "model.gguf"
    empty.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
    with pytest.raises(RefusedError, match="holds no tokenizer"):
        load_tokenizer(empty)
