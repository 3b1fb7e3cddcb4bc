"""Encoders built from a vocabulary alone give the makers' ids, token by token, and run nothing a file supplies."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.tokens import sample
from forebear.tokens.charsmap import charsmap
from forebear.tokens.encoders import CannotEncodeError, encoder_of
from forebear.tokens.encoders.merging import SHORT, _merge_long, _merge_short, merge
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.rules import Rules
from forebear.tokens.scheme import OneEach
from forebear.tokens.vocabulary import Vocabulary
from tests.loaded import module_from
from tests.real import real_path
from tests.said import said
from tests.tokens.test_lineage import real

BYTES = tuple(bytes([byte]) for byte in range(256))


def test_the_best_pair_joins_first_and_the_leftmost_among_equals() -> None:
    ranks = {(1, 2): (5.0, 12), (2, 3): (1.0, 23), (3, 3): (2.0, 33), (23, 3): (0.5, 233)}

    def join(left: int, right: int) -> tuple[float, int] | None:
        return ranks.get((left, right))

    assert merge([1, 2, 3, 3], join) == [1, 233]
    assert merge([3, 3, 3], join) == [33, 3]


def test_the_quick_search_and_the_heap_agree(rng: np.random.Generator) -> None:
    table = {(a, b): (float(rng.integers(0, 40)), 10 * (1 + a) + b) for a in range(10) for b in range(10) if a != b}

    def join(left: int, right: int) -> tuple[float, int] | None:
        return table.get((left, right))

    for _ in range(60):
        row = [int(value) for value in rng.integers(0, 10, size=int(rng.integers(2, SHORT)))]
        assert _merge_short(list(row), join) == _merge_long(list(row), join)


def test_byte_pairs_by_rank_prefer_the_lower_rank() -> None:
    vocabulary = Vocabulary("tiktoken", (*BYTES, b"ab", b"bc", b"abc"), frozenset())
    encoder = encoder_of(vocabulary, cut="gpt2")
    assert encoder.encode("abc") == [258]
    assert encoder.encode("xbca") == [ord("x"), 257, ord("a")]
    assert encoder.restore(encoder.encode("ab c\u00e9")) == "ab c\u00e9"


def test_merges_and_not_ids_decide_where_the_file_lists_merges() -> None:
    merges = np.asarray([[98, 99], [97, 98]], dtype=np.int32)
    vocabulary = Vocabulary("bpe", (*BYTES, b"ab", b"bc"), frozenset(), merges=merges)
    assert encoder_of(vocabulary, cut="gpt2").encode("abc") == [97, 257]


def pieces(scores: dict[str, float], **options: Any) -> Vocabulary:
    tokens = (b"<unk>", *(piece.encode() for piece in scores))
    rules = Rules(options=(("surface", "pieces"), ("unk", 0), ("charsmap", b""), *options.items()))
    return Vocabulary("unigram", tokens, frozenset({0}), scores=np.asarray([0.0, *scores.values()]), rules=rules)


def test_unigram_takes_the_best_scoring_path_and_one_unknown_for_a_run() -> None:
    vocabulary = pieces({"a": -1.0, "b": -1.0, "ab": -1.5, "abc": -9.0, "c": -1.0, " ": -1.0})
    encoder = encoder_of(vocabulary)
    assert encoder.encode("abc") == [3, 5]
    assert encoder.encode("a漢字a") == [1, 0, 1]


def test_word_pieces_are_the_longest_from_the_left_and_a_word_that_cannot_be_spelt_is_unknown() -> None:
    tokens = (b"[UNK]", b" un", b" unable", b"able", b"##", b" .")
    vocabulary = Vocabulary("wordpiece", tokens, frozenset({0}))
    encoder = encoder_of(vocabulary)
    assert encoder.encode("Unable. unx") == [2, 5, 0]
    assert any("uncased" in note for note in said(encoder.assumed))


def test_a_trie_takes_the_longest_token_at_each_place() -> None:
    vocabulary = Vocabulary("trie", (None, b"a", b"ab", b"abcd", b"c", "é".encode()), frozenset())
    encoder = encoder_of(vocabulary)
    assert encoder.encode("ababcdabcé") == [2, 3, 2, 4, 5]


def test_the_reference_scheme_counts_symbols_digits_spaces_and_han_characters_one_by_one() -> None:
    scheme = OneEach()
    assert len(scheme.encode("词表2024 ok!")) == 2 + 4 + 1 + 1 + 1
    assert len(scheme.encode("   ")) == 3
    assert scheme.restore(scheme.encode("词 a1")) == "词 a1"


@pytest.mark.parametrize(
    "change",
    [
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}},
        {"pre_tokenizer": {"type": "Exec"}},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}},
        {"normalizer": {"type": "Unheard"}},
    ],
)
def test_an_expression_of_the_files_own_is_never_run_but_refused(change: dict[str, Any], tmp_path: Path) -> None:
    from forebear.tokens.surface import GPT2_ALPHABET

    found = {
        "model": {"type": "BPE", "vocab": {c: k for k, c in enumerate(GPT2_ALPHABET)}, "merges": []},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        **change,
    }
    if "pre_tokenizer" in change:
        found["decoder"] = {"type": "ByteLevel"}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(found))
    vocabulary = load_vocabulary(path, full=True)  # reading it is fine
    with pytest.raises(CannotEncodeError):
        encoder_of(vocabulary)


def test_a_table_of_characters_replaces_the_longest_key_and_a_damaged_one_is_refused() -> None:
    assert charsmap(b"")("ﬁ") == "ﬁ"
    from forebear.core.errors import RefusedError

    for table in (b"\x00", b"\xff\xff\xff\xff1234", (8).to_bytes(4, "little") + b"1234"):
        with pytest.raises(RefusedError):
            charsmap(table)


def blocks() -> list[str]:
    """The default text and what usually goes wrong."""
    found = [block for passage in (*sample.languages(), *sample.domains()) for block in passage.blocks]
    odd = ["", " ", "  lead", "a" * 300 + " " * 50 + "\n" * 5 + "漢" * 200, "x\x00y\x1cz ﬁ Ⅷ ﷺ é e\u0301 \u200d"]
    return found + odd


def oracle(name: str, vocabulary: Vocabulary, path: Path) -> Callable[[str], Sequence[int]]:
    """The maker's own program on the same file."""
    if path.suffix == ".json" and path.name == "tokenizer.json":
        tokenizers = pytest.importorskip("tokenizers")
        made = tokenizers.Tokenizer.from_file(str(path))
        made.no_truncation()
        made.no_padding()
        return lambda text: list(made.encode(text, add_special_tokens=False).ids)
    if ".model" in path.name:
        processor = pytest.importorskip("sentencepiece").SentencePieceProcessor(model_file=str(path))
        return lambda text: list(processor.encode(text))
    tiktoken = pytest.importorskip("tiktoken")
    pattern = vocabulary.rules.pattern if vocabulary.rules else None
    if pattern is None:  # the rank file of Qwen carries none; this is what its maker publishes
        pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # fmt: skip
    skip = vocabulary.special | vocabulary.added
    first = 1000 if name == "tekken" else 0
    ranks = {t: id_ - first for id_, t in enumerate(vocabulary.tokens) if t is not None and id_ not in skip}
    made = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: [id_ + first for id_ in made.encode_ordinary(text)]


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    [
        "gpt2",
        "p50k",
        "cl100k",
        "o200k",
        "qwen",
        "tekken",
        "llama3",
        "qwen3",
        "mistral1",
        "mistral3",
        "pangu40",
        "pangu128",
        "minilm",
    ],
)
def test_ids_are_the_makers_token_by_token_over_the_default_text(name: str) -> None:
    path = real(name)
    vocabulary = load_vocabulary(path, full=True)
    encoder = encoder_of(vocabulary, digest=hashlib.sha256(path.read_bytes()).hexdigest())
    theirs = oracle(name, vocabulary, path)
    for block in blocks():
        assert encoder.encode(block) == list(theirs(block)), block[:60]
    assert encoder.assumed == ()


@pytest.mark.real
def test_ids_of_the_trie_are_those_of_the_makers_program() -> None:
    spec = importlib.util.find_spec("rwkv")
    if spec is None or spec.origin is None:
        pytest.skip("the package rwkv is not installed")
    module = module_from(Path(spec.origin).with_name("rwkv_tokenizer.py"))  # alone: the package itself imports torch
    theirs = module.TRIE_TOKENIZER(str(real("rwkv")))
    encoder = encoder_of(load_vocabulary(real("rwkv"), full=True))
    for block in blocks():
        assert encoder.encode(block) == list(theirs.encode(block))


@pytest.mark.real
def test_ids_of_tekken_are_those_of_mistrals_package() -> None:
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    theirs = tekken.Tekkenizer.from_file(str(real("tekken")))
    encoder = encoder_of(load_vocabulary(real("tekken"), full=True))
    for block in blocks():
        assert encoder.encode(block) == list(theirs.encode(block, bos=False, eos=False))


@pytest.mark.real
def test_text_comes_back_from_byte_level_vocabularies_and_not_from_an_uncased_one() -> None:
    for name, lossless in (("gpt2", True), ("minilm", False)):
        encoder = encoder_of(load_vocabulary(real(name), full=True))
        text = "Ünïcode and CAPITALS, twice  spaced"
        assert (encoder.restore(encoder.encode(text)) == text) is lossless
    assert real_path("js-tiktoken").is_dir()
