"""Byte pairs whose pieces are spelt with their place in a word (`continuing_subword_prefix`, `end_of_word_suffix`), as tokenizers has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.tokenizers.strings import strings
from forebear.tokens import sample
from forebear.tokens.audit import unreachable
from forebear.tokens.encoders import CannotEncodeError, encoder_of
from forebear.tokens.readers import load_vocabulary

tokenizers = pytest.importorskip("tokenizers")
pre, norm = tokenizers.pre_tokenizers, tokenizers.normalizers
PREFIX, SUFFIX = {"continuing_subword_prefix": "##"}, {"end_of_word_suffix": "</w>"}
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clip_cut() -> Any:
    split = pre.Split(tokenizers.Regex(CLIP), "removed", invert=True)
    return pre.Sequence([split, pre.ByteLevel(add_prefix_space=False, use_regex=False)])


KINDS: dict[str, tuple[dict[str, str], Callable[[], Any], Callable[[], Any] | None]] = {
    "the first GPT": (SUFFIX, pre.BertPreTokenizer, lambda: norm.BertNormalizer(lowercase=True)),
    "a suffix and white space": (SUFFIX, pre.WhitespaceSplit, None),
    "CLIP": (SUFFIX, clip_cut, lambda: norm.Sequence([norm.NFC(), norm.Replace(tokenizers.Regex(r"\s+"), " "), norm.Lowercase()])),
    "a prefix": (PREFIX, pre.Whitespace, None),
    "a prefix after BERT's cut": (PREFIX, pre.BertPreTokenizer, norm.BertNormalizer),
    "both": ({**SUFFIX, "continuing_subword_prefix": "@@"}, pre.WhitespaceSplit, None),
}


def made(kind: str, folder: Path, change: Callable[[dict[str, Any]], None] = lambda found: None) -> Path:
    marks, cut, normaliser = KINDS[kind]
    model = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>", **marks))
    model.pre_tokenizer = cut()
    if normaliser is not None:
        model.normalizer = normaliser()
    alphabet = pre.ByteLevel.alphabet() if kind == "CLIP" else []
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=6000, special_tokens=["<unk>"], initial_alphabet=alphabet, show_progress=False, **marks)
    model.train_from_iterator(["\n".join(passage.blocks) for passage in sample.languages()], trainer)
    found = json.loads(model.to_str())
    assert len(found["model"]["merges"]) > 1000
    change(found)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(found))
    return path


def whole_first(found: dict[str, Any]) -> None:
    found["model"].update(ignore_merges=True, merges=found["model"]["merges"][:100])


def fused(found: dict[str, Any]) -> None:
    found["model"]["fuse_unk"] = True


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [None, whole_first, fused], ids=["plain", "ignore_merges", "fuse_unk"])
def test_ids_are_the_references(kind: str, change: Callable[[dict[str, Any]], None] | None, tmp_path: Path) -> None:
    """A letter without a token is the unknown one, of bytes too: they were lost."""
    path = made(kind, tmp_path, change or (lambda found: None))
    theirs, ours = tokenizers.Tokenizer.from_file(str(path)), encoder_of(load_vocabulary(path, full=True))
    texts = [*strings(31, 500), "", "a", "Hello, World!", "don't STOP", "x=1\n\n\ty", "<|x|>", "a" * 60, "abc</w>", "##ing", "🙂é"]
    different = [text for text in texts if ours.encode(text) != theirs.encode(text, add_special_tokens=False).ids]
    assert not different


@pytest.mark.parametrize("kind", KINDS)
def test_no_token_is_called_unreachable_that_the_reference_gives(kind: str, tmp_path: Path) -> None:
    """Words' last tokens were all called unreachable, of CLIP the others: a mark was taken for text."""
    path = made(kind, tmp_path)
    theirs, vocabulary = tokenizers.Tokenizer.from_file(str(path)), load_vocabulary(path, full=True)
    lost, _ = unreachable(vocabulary, [])
    assert lost is not None
    given = {id_ for text in strings(32, 3000) for id_ in theirs.encode(text, add_special_tokens=False).ids}
    given |= {id_ for passage in sample.languages() for id_ in theirs.encode("\n".join(passage.blocks)).ids}
    assert not given & set(lost)
    assert len(lost) < 0.1 * len(vocabulary.tokens)


def bytes_beside(found: dict[str, Any]) -> None:
    vocab = found["model"]["vocab"]
    vocab |= {f"<0x{byte:02X}>": len(vocab) + byte for byte in range(256)}
    found["model"]["byte_fallback"] = True


@pytest.mark.parametrize("kind", ["a prefix", "a suffix and white space"])
def test_bytes_that_would_be_spelt_with_their_marks_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    with pytest.raises(CannotEncodeError, match=r"continuing_subword_prefix|end_of_word_suffix"):
        encoder_of(load_vocabulary(made(kind, tmp_path, bytes_beside), full=True))


@pytest.mark.parametrize(("dropout", "said"), [(0.1, True), (0.0, False), (None, False)])
def test_merges_that_are_left_out_at_random_are_said(dropout: float | None, said: bool, tmp_path: Path) -> None:
    path = made("a suffix and white space", tmp_path, lambda found: found["model"].update(dropout=dropout))
    keys = [one.key for one in encoder_of(load_vocabulary(path, full=True)).assumed]
    assert ("cut_at_random.dropout" in keys) is said
