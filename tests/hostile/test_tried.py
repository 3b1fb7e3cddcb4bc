"""Inputs that once ended in a fault of ours, and the kinds they stand for: a command ends with 0 or 3, never 4."""

from __future__ import annotations

import copy
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from forebear import cli
from forebear.cli.application import app
from forebear.core.documents import canonical_json
from forebear.core.errors import RefusedError
from forebear.files.formats.gguf_header import GgufArray
from forebear.files.sources import open_container
from forebear.inspection.claims_of_size import arithmetic
from forebear.models.architecture.settings import parse_config
from forebear.models.published.gguf_tokens import inner_vocabulary
from forebear.tokens.audit import audit_vocabulary
from forebear.tokens.readers import read_vocabulary_bytes
from tests.said import said as english

TRIED = Path(__file__).resolve().parent.parent / "data" / "tried" / "safety"


def code_of(*words: object) -> int:
    return cli.guarded(lambda: app([str(word) for word in words], standalone_mode=False))


@pytest.mark.parametrize("name", ["tokenizer_type_unhashable", "wordpiece_max_chars", "tok-00c263cb", "tok-9f91f5cf"])
def test_a_tokenizer_that_was_a_fault_of_ours_is_refused_by_name(name, capsys):
    assert code_of("inspect", TRIED / name / "tokenizer.json", "--full") == 3
    said = capsys.readouterr().err
    assert "is dict, not str" in said or "is str, not int" in said or "not str" in said


def test_a_shard_named_by_half_a_surrogate_pair_is_refused(capsys):
    assert code_of("inspect", TRIED / "shard_surrogate") == 3
    assert r"\ud800.safetensors" in capsys.readouterr().err


MODELS: dict[str, Any] = {
    "bpe": {
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"], "unk_token": "a",
                  "byte_fallback": False, "ignore_merges": False, "fuse_unk": False, "continuing_subword_prefix": "",
                  "end_of_word_suffix": ""},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": False}]},
        "normalizer": {"type": "NFC"}, "decoder": {"type": "ByteLevel"},
        "added_tokens": [{"id": 3, "content": "<s>", "special": True}],
    },
    "wordpiece": {
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "##b": 2}},
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "normalizer": {"type": "BertNormalizer", "lowercase": True},
    },
    "unigram": {
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab": [["<unk>", 0.0], ["▁", -2.5], ["a", -3.0]]},
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}]},
        "pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "always"},
    },
    "tekken": {
        "config": {"pattern": "x", "default_num_special_tokens": 1, "default_vocab_size": 8},
        "vocab": [{"rank": 0, "token_bytes": "YQ=="}], "special_tokens": [{"rank": 0, "token_str": "<unk>"}],
    },
    "pieces": [{"piece": "<unk>", "score": 0.0}, {"piece": "a", "score": -1.0}],
    "vocab": {"a": 0, "b": 1},
}  # fmt: skip
OTHERS = (
    None,
    True,
    -1,
    3,
    2.5,
    1e308,
    2**63,
    "",
    "x",
    "\ud800",
    "\0",
    "\0 x",
    "①",
    [],
    [1],
    [["a", 1]],
    {},
    {"a": {"b": [1]}},
)


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [*([at] if at else []), *(place for key, value in inner for place in places(value, (*at, key)))]


@pytest.mark.parametrize("kind", MODELS)
def test_any_value_of_another_kind_anywhere_in_a_tokenizer_is_read_or_refused(kind):
    read = 0
    for place in places(MODELS[kind]):
        for other in OTHERS:
            found = copy.deepcopy(MODELS[kind])
            node = found
            for key in place[:-1]:
                node = node[key]
            node[place[-1]] = other
            try:
                data = json.dumps(found).encode()
                vocabulary = read_vocabulary_bytes(
                    data, Path("pieces.json" if kind == "pieces" else "tokenizer.json"), full=True
                )
                canonical_json(audit_vocabulary(vocabulary, None, digest="0" * 64))
                read += 1
            except RefusedError:
                continue
    assert read > 1


@pytest.mark.parametrize("unknown", [-1, 3, 55296, 2**40])
def test_an_unknown_token_outside_the_vocabulary_is_none(unknown):
    found = copy.deepcopy(MODELS["unigram"])
    found["model"]["unk_id"] = unknown
    vocabulary = read_vocabulary_bytes(json.dumps(found).encode(), Path("tokenizer.json"), full=True)
    assert vocabulary.rules is not None
    assert vocabulary.rules.option("unk") is None


LLAMA = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 2,
         "intermediate_size": 16, "vocab_size": 32, "tie_word_embeddings": False}  # fmt: skip


@pytest.mark.parametrize("key", LLAMA)
def test_any_value_of_another_kind_in_a_configuration_is_counted_or_refused(key):
    for other in (*OTHERS, 2**40, 2**64 - 1, -(2**63), [[0] * 50] * 3):
        changed = parse_config(json.dumps({**LLAMA, key: other}).encode(), where="config.json")
        for config, against in ((changed, None), (LLAMA, changed), (changed, LLAMA)):
            try:
                canonical_json(arithmetic(config, against))
            except RefusedError:
                continue


@pytest.mark.parametrize(
    "text",
    ['{"hidden_size": ' + "9" * 5000 + "}", '{"hidden_size": ' + "9" * 4000 + "}", '{"rope_theta": 1e999}',
     '{"a": ' + "[" * 900 + "]" * 900 + "}", '{"a": ' * 500 + "1" + "}" * 500],
    ids=["5000 digits", "4000 digits", "overflow", "nested lists", "nested objects"],
)  # fmt: skip
def test_a_configuration_of_absurd_numbers_or_depth_is_not_used_and_that_is_said(text, tmp_path, capsys):
    save_file({"a.weight": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(text)
    assert code_of("inspect", tmp_path, "--format", "json") == 0
    assert any("configuration was not used" in limit for limit in english(json.loads(capsys.readouterr().out)["limits"]))
    assert code_of("inspect", tmp_path / "config.json") == 3


def torch_file(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("m/data.pkl", pickled)
    return path


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQ"
SIZE = b"ctorch\nSize\n"


@pytest.mark.parametrize(
    "value",
    [
        b"K\x05K\x06R",  # a number called with a number
        REBUILD + b"(" + STORAGE + b"K\x00" + SIZE + b"K\x05R" + b")tR",  # a size whose arguments are a number
        REBUILD + b"(" + STORAGE + b"K\x00" + SIZE + b"(tR" + b")tR",  # a size without arguments
        REBUILD
        + b"("
        + STORAGE
        + b"\x8b"
        + struct.pack("<i", 3000)
        + b"\x7f" * 3000
        + b"))tR",  # an offset of 7,000 digits
        REBUILD + b"(K\x01K\x00))tR",
        REBUILD + b"K\x01R",
        b"U\x20torch._utils._rebuild_tensor_v2K\x01R",  # a text that is spelt like a name
        b"ctorch._utils\n_rebuild_parameter\n(K\x01tR",
        b"V\\ud800\n",
    ],
)
def test_a_pickle_whose_records_are_of_another_kind_is_refused(value, tmp_path):
    for key in (b"U\x01a", b"\x8b" + struct.pack("<i", 3000) + b"\x7f" * 3000, b"K\x01", b"V\\ud800\n", b"N", b")"):
        with pytest.raises(RefusedError):
            open_container(torch_file(tmp_path / "m.pt", b"\x80\x02}" + key + value + b"s."))


@pytest.mark.parametrize("root", [10**5000, "\ud800", [1] * 10, {10**4500: {"a": 1}}, ((),) * 3], ids=range(5))
def test_a_pickle_that_is_no_checkpoint_is_refused(root, tmp_path):
    with pytest.raises(RefusedError):
        open_container(torch_file(tmp_path / "m.pt", pickle.dumps(root, 2)))


@pytest.mark.parametrize("place", ["weights", "configuration", "tokenizer", "text", "definition", "adapter base"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to a pipe"])
def test_every_file_a_person_names_is_a_regular_file(place, kind, tmp_path, capsys):
    odd = tmp_path / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "device":
        odd.symlink_to("/dev/zero")
    elif kind == "folder":
        odd.mkdir()
    else:
        os.mkfifo(tmp_path / "inner")
        odd.symlink_to(tmp_path / "inner")
    good = tmp_path / "good"
    good.mkdir()
    save_file({"a.weight": np.ones((2, 2), np.float32)}, good / "model.safetensors")
    (tmp_path / "vocab.txt").write_text("[UNK]\na\n##b\n")
    words = {
        "weights": ("inspect", odd),
        "configuration": ("inspect", good, "--against", odd),
        "tokenizer": ("tokenizers", "lineage", tmp_path / "vocab.txt", odd),
        "text": ("tokenizers", "cost", tmp_path / "vocab.txt", "--text", odd),
        "definition": ("inspect", good, "--architecture", odd),
        "adapter base": ("inspect", good, "--base", odd),
    }[place]
    assert code_of(*words) in (2, 3)
    assert "Traceback" not in capsys.readouterr().err


def test_a_sparse_giant_is_judged_by_its_header(tmp_path):
    header = json.dumps({"a": {"dtype": "U8", "shape": [2**20, 2**20], "data_offsets": [0, 2**40]}}).encode()
    place = tmp_path / "m.safetensors"
    with place.open("wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        out.truncate(8 + len(header) + 2**40)
    container = open_container(place)
    assert container.rows("a", 2**20 - 1).shape == (1, 2**20)
    container.close()
    with place.open("r+b") as out:
        out.truncate(2**40)
    with pytest.raises(RefusedError, match="truncated"):
        open_container(place)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocab.txt", "a.toml", "a.txt"])
def test_a_small_file_that_is_a_sparse_giant_is_refused_at_once(name, tmp_path):
    save_file({"a.weight": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")
    with (tmp_path / name).open("wb") as out:
        out.truncate(2**40)
    words = {"a.toml": ("inspect", tmp_path, "--architecture", tmp_path / name),
             "a.txt": ("tokenizers", "cost", TRIED / "tok-9f91f5cf" / "tokenizer.json", "--text", tmp_path / name)}  # fmt: skip
    assert code_of(*words.get(name, ("inspect", tmp_path / name))) == 3


def array(kind: int, *items: Any) -> GgufArray:
    """An array of a GGUF file's metadata."""
    if kind == 8:
        raw = b"".join(struct.pack("<Q", len(item)) + item for item in items)
    else:
        raw = struct.pack(f"<{len(items)}{ {0: 'B', 1: 'b', 5: 'i', 6: 'f', 7: 'B', 10: 'Q', 12: 'd'}[kind] }", *items)
    return GgufArray(kind, len(items), memoryview(raw))


@pytest.mark.parametrize("model", ["gpt2", "llama", "t5", "bert", "gemma4"])
@pytest.mark.parametrize("key", ["tokens", "token_type", "scores", "merges", "precompiled_charsmap", "pre", "model",
                                 "add_space_prefix", "remove_extra_whitespaces"])  # fmt: skip
def test_any_kind_of_value_in_the_tokenizer_of_a_gguf_file_is_read_or_refused(model, key):
    good = {"model": model, "tokens": array(8, b"<unk>", b"a", b"\xff"), "token_type": array(5, 2, 1, 1), "scores": array(6, 0, -1, -2),
            "merges": array(8, b"a a"), "precompiled_charsmap": array(0, 4, 0, 0, 0, 0, 0, 0, 0, 0)}  # fmt: skip
    nan = float("nan")
    others = (array(8, b"x", b"a", b"a"), array(8), array(0, 1, 2, 3), array(1, -1, 0, 1), array(5, -1, 2**31 - 1, 0), array(6, nan, nan, nan),
              array(6, 3e38, -3e38, 0), array(7, 0, 1, 1), array(10, 2**64 - 1, 0, 1), array(12, 1e308, nan, -1e308), "a", 1, -1.5, nan, True)  # fmt: skip
    for other in others:
        values = {f"tokenizer.ggml.{name}": value for name, value in {**good, key: other}.items()}
        try:
            vocabulary = inner_vocabulary(values, "x.gguf", full=True)
            if vocabulary is not None:
                canonical_json(audit_vocabulary(vocabulary, None, digest="0" * 64))
        except RefusedError:
            continue
