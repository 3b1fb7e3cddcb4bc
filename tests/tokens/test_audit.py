"""One tokenizer by itself: what is wrong with it is said, and a sound one is left in peace."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from forebear.models.published.gguf_tokens import load_tokenizer
from forebear.tokens.audit import audit, odd_special
from forebear.tokens.kinship import prepare
from forebear.tokens.known import matches, set_digest
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.rows import fates, undertrained_in
from forebear.tokens.structure import structure
from forebear.tokens.vocabulary import Vocabulary
from tests.real import real_path
from tests.said import said, text
from tests.tokens.made import vocabulary, words
from tests.tokens.test_lineage import real

BYTES = [bytes([byte]) for byte in range(256)]


def ranks(path: Path, extra: list[bytes]) -> Path:
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % at for at, t in enumerate([*BYTES, *extra])))
    return path


def test_a_token_that_nothing_joins_into_is_an_orphan_and_cannot_be_reached(tmp_path: Path) -> None:
    found = audit(ranks(tmp_path / "a.tiktoken", [b"ab", b"xyz", b"abc"]))
    assert [row["id"] for row in found["orphans"]["examples"]] == [257]
    # whole pieces are looked up first, so "xyz" alone is still reached
    assert found["unreachable"]["count"] == 0


def test_a_token_across_a_cut_is_unreachable_and_those_within_are_not(tmp_path: Path) -> None:
    found = audit(ranks(tmp_path / "a.tiktoken", [b"ab", b"b c", b"12", b"1234"]))
    assert {row["id"] for row in found["unreachable"]["examples"]} == {257, 259}
    assert any("as in cl100k" in note for note in said(found["limits"]))


def test_merges_that_list_every_split_are_told_from_those_that_were_learnt() -> None:
    tokens = (*BYTES, b"ab", b"bc", b"abc")
    learnt = Vocabulary("bpe", tokens, frozenset(), merges=np.asarray([[97, 98], [98, 99], [256, 99]]))
    expanded = Vocabulary("bpe", tokens, frozenset(), merges=np.asarray([[97, 98], [98, 99], [256, 99], [97, 257]]))
    assert structure(learnt).artefacts == []
    assert structure(learnt).orphans == ()
    assert structure(expanded).reexpanded == 1
    assert "every split" in text(structure(expanded).artefacts[0])


def test_a_merge_that_makes_no_token_and_a_token_no_merge_makes_are_counted() -> None:
    merges = np.asarray([[97, 98], [120, 121]], dtype=np.int32)
    found = structure(Vocabulary("bpe", (*BYTES, b"ab", b"cd"), frozenset(), merges=merges))
    assert (found.broken, found.orphans) == (1, (257,))


def test_odd_special_tokens_are_named_and_usual_ones_are_not() -> None:
    made = Vocabulary("bpe", (b"<|end|>", b"password", b" the", b"<s>", b"<pad>"), frozenset({0, 1, 4}))
    assert {row["id"]: text(row["why"]) for row in odd_special(made)} == {
        1: "special, but spelt like a word",
        3: "spelt like a control token, but ordinary text",
    }


def test_labels_beside_the_tokenizer_that_contradict_it_are_said(tmp_path: Path) -> None:
    found = {
        "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "normalizer": {"type": "BertNormalizer"},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(found))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2TokenizerFast"}))
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": 2}))
    labels = said(audit(tmp_path)["labels"])
    assert any("GPT2TokenizerFast" in sentence for sentence in labels)
    assert any("1 id has no row" in sentence for sentence in labels)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": 3}))
    assert audit(tmp_path)["labels"] == []


def test_an_unknown_vocabulary_matches_none_that_is_known() -> None:
    assert matches(prepare(vocabulary(words(77, 4000)))) == []


@pytest.mark.real
def test_published_vocabularies_are_known_by_sight_with_their_kin() -> None:
    found = {m.name: m.how for m in matches(prepare(load_vocabulary(real("qwen3"))))}
    assert found["Qwen"] == "same tokens and order"
    assert found["cl100k"] == "order kept in a sample"
    assert "o200k" not in found
    assert [m.name for m in matches(prepare(load_vocabulary(real("mistral3"))))] == ["Mistral v1"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("item", "file", "name"),
    [
        ("llama-cpp-vocabularies", "ggml-vocab-llama-spm.gguf", "Llama 2"),
        ("llama-cpp-vocabularies", "ggml-vocab-phi-3.gguf", "Llama 2"),
        ("llama2", "tokenizer.json", "Mistral v1"),  # published under the name Llama 2
        ("gemma1", "tokenizer.json", "Gemma 1"),  # published under the name Gemini
        ("deepseek_v4", "tokenizer.json", "DeepSeek V3"),
        ("claude-json", "tokenizer.json", "Claude (first)"),
        ("gptoss", "tokenizer.json", "o200k"),
        ("llama-cpp-vocabularies", "ggml-vocab-mpt.gguf", "GPT-NeoX"),
        ("llama-models-3", "tokenizer.model", "Llama 3"),
    ],
)
def test_a_published_file_is_known_by_its_content_whatever_its_name(item: str, file: str, name: str) -> None:
    found = [m.name for m in matches(prepare(load_tokenizer(real_path(item) / file))) if m.how.startswith("same")]
    assert found == [name]


def test_reserved_places_count_nowhere_in_what_a_vocabulary_is_known_by() -> None:
    plain, more = vocabulary(words(5, 400)), vocabulary([*words(5, 400), b" [unused3]", b"<unused12>"])
    assert set_digest(prepare(plain)) == set_digest(prepare(more))
    assert set_digest(prepare(plain)) != set_digest(prepare(vocabulary([*words(5, 400), b"unused3"])))


@pytest.mark.real
def test_tokens_of_several_digits_cannot_be_reached_where_digits_are_cut_one_by_one() -> None:
    found = audit(real("qwen"))
    assert found["limits"] == []
    assert found["unreachable"]["count"] > 1000
    assert audit(real("gpt2"))["unreachable"]["count"] == 0


def test_rows_that_training_hardly_touched_are_found_and_ordinary_rows_are_not(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(2000, 32)).astype(np.float32)
    start = rng.normal(size=32) * 0.02
    rows[1500:1540] = start + rng.normal(size=(40, 32)) * 0.001
    assert undertrained_in(lambda: iter([rows])).tolist() == list(range(1500, 1540))
    whole = rng.normal(size=(2000, 32)).astype(np.float32)
    assert undertrained_in(lambda: iter([whole])).size == 0


def test_fates_of_embedding_rows_tell_kept_from_new(rng: np.random.Generator) -> None:
    old = rng.normal(size=(300, 16)).astype(np.float32)
    new = np.concatenate(
        [old[:200] + 0.01 * rng.normal(size=(200, 16)), np.tile(old[:200].mean(axis=0), (50, 1))]
    ).astype(np.float32)
    new[:20] = old[:20]
    ids = np.arange(200)
    found = fates(new, old, ids, ids)
    assert (found.kept, found.new, found.dropped, found.equal) == (200, 50, 100, 20)
    assert found.kept_cosine is not None
    assert found.kept_cosine[0] > 0.99
    assert found.new_to_mean is not None
    assert found.new_to_mean > 0.8
    none = fates(old, old, np.arange(300), rng.permutation(300))
    assert none.kept_cosine is not None
    assert abs(none.kept_cosine[1]) < 0.1
    assert none.norm_ratio is None
