"""Vocabularies become byte strings by one convention, and hostile ones are refused in one line."""

from __future__ import annotations

import base64
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.vocabulary import Vocabulary, find_vocabulary_file, same_vocabulary_file, shared_tokens


def wordpiece(words: list[str], **extra: Any) -> dict[str, Any]:
    vocab = {word: id_ for id_, word in enumerate(words)}
    return {"model": {"type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]"}, "added_tokens": [], **extra}


def byte_level(tokens: dict[str, int], **extra: Any) -> dict[str, Any]:
    model = {"type": "BPE", "vocab": tokens, "merges": []}
    return {"model": model, "pre_tokenizer": {"type": "ByteLevel"}, "added_tokens": [], **extra}


def write(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def sentencepiece(pieces: list[tuple[bytes, float, int]]) -> bytes:
    out = b""
    for text, score, kind in pieces:
        body = b"\x0a" + bytes([len(text)]) + text + b"\x15" + struct.pack("<f", score)
        body += b"\x18" + bytes([kind]) if kind != 1 else b""
        out += b"\x0a" + bytes([len(body)]) + body
    return out + b"\x12\x02\x18\x01"


def text_tokens(vocabulary: Vocabulary) -> list[bytes]:
    return [t for id_, t in enumerate(vocabulary.tokens) if t is not None and id_ not in vocabulary.special]


EVERY_KIND = {
    "tokenizer.json": byte_level({"Ġthe": 0, "Ã©": 1, "Ċ": 2}),
    "vocab.txt": "the\né\n##é\n",
    "tokenizer.model": sentencepiece(
        [(b"<unk>", 0, 2), ("▁the".encode(), -1.0, 1), ("é".encode(), -2.0, 1), (b"<0x0A>", 0, 6)]
    ),
    "ranks.tiktoken": b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate([b" the", b"\xc3\xa9", b"\n"])),
    "ranks.js": b'export default {"pat_str":"","special_tokens":{"<|end|>":3},"bpe_ranks":"! 0 IHRoZQ== w6k= Cg=="};',
    "trie.txt": b"1 ' the' 4\n2 '\\xe9' 2\n3 '\\n' 1\n",
    "pieces.json": [{"piece": "<s>", "score": 0}, {"piece": "▁the", "score": -1}, {"piece": "é", "score": -2}],
    "tekken.json": {"config": {"default_vocab_size": 12, "default_num_special_tokens": 10}, "vocab": [
        {"rank": 0, "token_bytes": "IHRoZQ==", "token_str": " the"},
        {"rank": 1, "token_bytes": "w6k=", "token_str": "é"},
        {"rank": 2, "token_bytes": "Cg==", "token_str": "beyond the ids in use"}]},
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY_KIND)
def test_the_same_words_are_the_same_bytes_in_every_container(name: str, tmp_path: Path) -> None:
    content = EVERY_KIND[name]
    path = write(tmp_path / name, content.encode() if isinstance(content, str) else content)
    found = text_tokens(load_vocabulary(path))
    assert {b" the", "é".encode()} <= set(found)
    assert set(found) <= {b" the", "é".encode(), b"\n", " é".encode()}


def test_a_word_piece_that_begins_a_word_keeps_its_space_and_one_that_continues_has_none(tmp_path: Path) -> None:
    path = write(tmp_path / "tokenizer.json", wordpiece(["[PAD]", "ing", "##ing", "[unused3]"]))
    vocabulary = load_vocabulary(path)
    assert vocabulary.tokens == (b"[PAD]", b" ing", b"ing", b"[unused3]")
    assert vocabulary.special == {0, 3}


def test_shared_tokens_are_found_by_bytes_wherever_their_ids_are(tmp_path: Path) -> None:
    a = load_vocabulary(write(tmp_path / "a.json", byte_level({"Ġone": 0, "Ġtwo": 1, "Ġthree": 2})))
    b = load_vocabulary(write(tmp_path / "b.json", wordpiece(["[CLS]", "three", "zero", "one"])))
    left, right = shared_tokens(a, b)
    assert left.tolist() == [0, 2]
    assert right.tolist() == [3, 1]
    assert left.dtype == np.intp


def test_shared_tokens_leave_out_specials_and_bytes_that_two_ids_stand_for() -> None:
    a = Vocabulary("bpe", (b"<s>", b" x", b" x", b" y"), frozenset({0}))
    b = Vocabulary("bpe", (b"<s>", b" y", b" x", None), frozenset({0}))
    left, right = shared_tokens(a, b)
    assert (left.tolist(), right.tolist()) == ([3], [1])


def test_vocabularies_with_nothing_in_common_share_nothing() -> None:
    left, right = shared_tokens(Vocabulary("bpe", (b"a",), frozenset()), Vocabulary("bpe", (b"b",), frozenset()))
    assert len(left) == len(right) == 0


def test_identical_files_are_the_same_vocabulary_and_one_byte_makes_them_not(tmp_path: Path) -> None:
    for side in "abc":
        (tmp_path / side).mkdir()
    write(tmp_path / "a/tokenizer.json", wordpiece(["x", "y"]))
    write(tmp_path / "b/tokenizer.json", wordpiece(["x", "y"]))
    write(tmp_path / "c/tokenizer.json", wordpiece(["y", "x"]))
    assert same_vocabulary_file(tmp_path / "a", tmp_path / "b")
    assert not same_vocabulary_file(tmp_path / "a", tmp_path / "c")


def test_a_folder_is_read_by_its_tokenizer_json_before_its_vocab_txt(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("stale\n")
    write(tmp_path / "tokenizer.json", wordpiece(["fresh"]))
    assert find_vocabulary_file(tmp_path) == tmp_path / "tokenizer.json"
    assert load_vocabulary(tmp_path).tokens == (b" fresh",)


def test_a_folder_without_a_tokenizer_is_refused_and_has_no_vocabulary_file(tmp_path: Path) -> None:
    assert find_vocabulary_file(tmp_path) is None
    with pytest.raises(RefusedError, match="no tokenizer file"):
        load_vocabulary(tmp_path)


def test_a_gap_in_the_ids_is_no_token_and_no_error(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write(tmp_path / "tokenizer.json", byte_level({"a": 0, "b": 5})))
    assert vocabulary.tokens == (b"a", None, None, None, None, b"b")


def test_merges_and_scores_are_read_when_asked_for(tmp_path: Path) -> None:
    found = byte_level({"a": 0, "b": 1, "ab": 2})
    found["model"]["merges"] = ["a b"]
    path = write(tmp_path / "tokenizer.json", found)
    assert load_vocabulary(path).merges is None
    merges = load_vocabulary(path, full=True).merges
    assert merges is not None
    assert merges.tolist() == [[0, 1]]


TERABYTE = 10**12
HOSTILE = {
    "an id of a terabyte": byte_level({"a": 0, "b": TERABYTE}),
    "a negative id": byte_level({"a": 0, "b": -1}),
    "an id that is text": byte_level({"a": 0, "b": "1"}),  # type: ignore[dict-item]
    "an id given twice": byte_level({"a": 1, "b": 1}),
    "an added token far away": byte_level({"a": 0}, added_tokens=[{"id": TERABYTE, "content": "x"}]),
    "an added token without text": byte_level({"a": 0}, added_tokens=[{"id": 1}]),
    "half a surrogate pair": b'{"model":{"type":"BPE","vocab":{"\\ud800":0},"merges":[]}}',
    "invalid UTF-8": b'{"model":{"type":"BPE","vocab":{"\xff":0},"merges":[]}}',
    "a key twice": b'{"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}}',
    "brackets without end": b"[" * 500_000,
    "ten million values": b'{"model":{"type":"BPE","merges":[' + b"0," * 10_000_000 + b"0]}}",
    "NaN": b'{"model":{"type":"BPE","vocab":{"a":NaN},"merges":[]}}',
    "a number of five thousand digits": b'{"model":{"type":"BPE","vocab":{"a":' + b"9" * 5000 + b"}}}",
    "a model of no known type": {"model": {"type": "Exec", "vocab": {}}},
    "nothing but JSON": {"hello": "world"},
    "a very long token": byte_level({"a" * 100_000: 0}),
    "cut in the middle": json.dumps(byte_level({"a": 0})).encode()[:30],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_tokenizer_json_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    path = write(tmp_path / "tokenizer.json", HOSTILE[what])
    with pytest.raises(RefusedError) as caught:
        load_vocabulary(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tiktoken", b"YQ== 0\nYg== 999999999999\n"),
        ("a.tiktoken", b"YQ== 0\nYg== 9999999999\n"),
        ("a.tiktoken", b"YQ== 0\nYg== 0\n"),
        ("a.tiktoken", b"not*base64 0\n"),
        ("a.tiktoken", b"YQ==\n"),
        ("a.js", b'export default {"bpe_ranks":"! 99999999999 YQ=="};'),
        ("a.js", b"while (true) {}"),
        ("trie.txt", b"1 'a' 1\n2 __import__('os') 1\n"),
        ("trie.txt", b"1 'a' 7\n"),
        ("vocab.txt", b"\xff\xfe\x00"),
        ("tokenizer.model", b"\x0a\xff\xff\xff\xff\x7fabc"),
        ("tokenizer.model", b"\x0a" + b"\xff" * 40),
        ("tokenizer.model", b"\x0a\x00\x07"),
        ("tokenizer.model", sentencepiece([(b"<0xZZ>", 0.0, 6)])),
        ("empty.json", b""),
        ("pieces.json", [{"piece": 3}]),
        ("noise.bin", bytes(range(128, 256))),
    ],
)
def test_other_hostile_files_are_refused_in_one_line(name: str, content: Any, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        load_vocabulary(write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


def test_a_pipe_and_a_missing_file_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokenizer.json")
    with pytest.raises(RefusedError, match="not a regular file"):
        load_vocabulary(tmp_path / "tokenizer.json")
    with pytest.raises(RefusedError, match="no such file"):
        load_vocabulary(tmp_path / "absent.json")


@pytest.mark.parametrize("count", [1, 1000])
def test_an_id_far_past_the_number_of_tokens_is_refused_before_anything_is_laid_out(tmp_path, count):
    tokens = {f"t{i}": i for i in range(count)}
    for name, raw in (
        ("vocab.json", tokens | {"far": 4_194_303}),
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": tokens | {"far": 4_194_303}, "merges": []}}),
    ):
        path = tmp_path / name
        path.write_text(json.dumps(raw))
        with pytest.raises(RefusedError, match="ids a token"):
            load_vocabulary(path)


PROSE = {
    "lines": "A plain text has spaces in its lines.\nIt is no vocabulary.\n",
    "one word": "hello\n",
    "a dictionary of fairseq": "".join(f"word{n} {n}\n" for n in range(40)),
    "paragraphs": "First, something is said.\n\n\nThen nothing\n\nand more.\n",
    "one line without end": "x" * 100_000,
}


@pytest.mark.parametrize("kind", PROSE)
def test_a_text_is_refused_as_a_text_and_not_read_as_a_vocabulary(kind: str, tmp_path: Path) -> None:
    """It was inspected as a vocabulary of as many tokens as it has lines."""
    with pytest.raises(RefusedError, match=r"is a text \(lines: \d+; with spaces inside: \d+\), not a list of one token a line"):
        load_vocabulary(write(tmp_path / "notes.txt", PROSE[kind].encode()))


def test_a_list_with_a_slip_in_it_and_a_list_of_one_special_token_are_still_lists(tmp_path: Path) -> None:
    slip = "".join(f"word{n}\n" for n in range(20)) + "two words\n"
    assert load_vocabulary(write(tmp_path / "vocab.txt", slip.encode())).count == 21
    assert load_vocabulary(write(tmp_path / "one.txt", b"[UNK]\n")).count == 1


def test_the_list_that_spm_train_writes_beside_its_model_is_read_with_its_scores(tmp_path: Path) -> None:
    """Tab and score were part of every token."""
    pieces = [("<unk>", "0"), ("<s>", "0"), ("\u2581the", "-2.85632"), ("s", "-3.1e-05"), ("\t", "-7"), ("1", "-9.5")]
    lines = "".join(f"{piece}\t{score}\n" for piece, score in pieces)
    found = load_vocabulary(write(tmp_path / "m.vocab", lines.encode()), full=True)
    assert (found.kind, found.tokens) == ("pieces", (b"<unk>", b"<s>", b" the", b"s", b"\t", b"1"))
    assert found.scores is not None
    assert found.scores[2] == -2.85632


def test_texts_of_tokens_alone_are_named_for_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="as CTranslate2 keeps a vocabulary"):
        load_vocabulary(write(tmp_path / "vocabulary.json", b'[\n  "<s>",\n  "a"\n]'))
