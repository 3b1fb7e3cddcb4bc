"""One vocabulary in several containers is one: identical by lineage, and of the same cost in every language."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.tokens import sample
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.splitting import known_pattern

tokenizers = pytest.importorskip("tokenizers")
spm = pytest.importorskip("sentencepiece")
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")  # fmt: skip


def texts() -> list[str]:
    return ["\n".join(passage.blocks) for passage in sample.languages()]


def ranks(folder: Path) -> tuple[Path, Path]:
    """A byte-level tokenizer.json, and its tokens as a rank file under the name of its cut."""
    pre = tokenizers.pre_tokenizers
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    cut = pre.Split(tokenizers.Regex(CL100K), "isolated")
    model.pre_tokenizer = pre.Sequence([cut, pre.ByteLevel(add_prefix_space=False, use_regex=False)])
    alphabet = pre.ByteLevel.alphabet()
    model.train_from_iterator(texts(), tokenizers.trainers.BpeTrainer(vocab_size=3000, initial_alphabet=alphabet, show_progress=False))
    model.save(str(folder / "tokenizer.json"))
    assert known_pattern(CL100K) == "cl100k"
    lines = [f"{base64.b64encode(token or b'').decode()} {id_}\n" for id_, token in enumerate(load_vocabulary(folder / "tokenizer.json", full=True).tokens)]
    (folder / "cl100k_base.tiktoken").write_text("".join(lines))
    return folder / "tokenizer.json", folder / "cl100k_base.tiktoken"


def pieces(folder: Path, kind: str) -> tuple[Path, Path]:
    """A SentencePiece model, and the tokenizer.json that says the same."""
    (folder / "text").write_text("\n".join(texts()))
    spm.SentencePieceTrainer.train(
        input=str(folder / "text"), model_prefix=str(folder / "m"), vocab_size=5000, model_type=kind, byte_fallback=True, minloglevel=2,
        num_threads=1, normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.98,
    )  # fmt: skip
    read = spm.SentencePieceProcessor(model_file=str(folder / "m.model"))
    scores = [(read.id_to_piece(id_), read.get_score(id_)) for id_ in range(read.get_piece_size())]
    inner: Any = tokenizers.models.Unigram(scores, 0, True)
    if kind == "bpe":
        ids = {piece: id_ for id_, (piece, _) in enumerate(scores)}
        halves = [(ids[p[:at]], ids[p[at:]], p[:at], p[at:], score) for p, score in scores for at in range(1, len(p))
                  if p[:at] in ids and p[at:] in ids]  # fmt: skip
        merges = [(left, right) for _, _, left, right, _ in sorted(halves, key=lambda one: (-one[4], one[0], one[1]))]
        inner = tokenizers.models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    model = tokenizers.Tokenizer(inner)
    norm = tokenizers.normalizers
    model.normalizer = norm.Sequence([norm.Prepend("▁"), norm.Replace(" ", "▁")])
    model.add_special_tokens(["<unk>", "<s>", "</s>"])
    model.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json", folder / "m.model"


@pytest.mark.parametrize("kind", ["ranks", "unigram", "bpe"])
def test_it_is_identical_and_costs_the_same_in_every_language(kind: str, tmp_path: Path) -> None:
    one, other = ranks(tmp_path) if kind == "ranks" else pieces(tmp_path, kind)
    for subject, candidate in ((one, other), (other, one)):
        assert forebear.tokenizers_lineage(subject, [candidate])["relation"] == "identical"
    rows = forebear.tokenizers_cost([one, other])["rows"]
    names = {row["tokenizer"] for row in rows}
    counts = [{row["language"]: row["tokens"] for row in rows if row["tokenizer"] == name} for name in sorted(names)]
    assert len(counts) == 2
    assert len(counts[0]) >= 24
    assert counts[0] == counts[1]
