"""The same tokens in another container, with other special tokens, or cut otherwise: what differs is told by name and id."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from forebear.core.documents import canonical_json, problems_of
from forebear.tokens.contrast import special_contrast
from forebear.tokens.kinship import kinship, prepare
from forebear.tokens.lineage import lineage
from forebear.tokens.placeholders import is_placeholder
from forebear.tokens.relation import relation_of
from forebear.tokens.surface import GPT2_ALPHABET
from forebear.tokens.vocabulary import Vocabulary
from tests.said import said
from tests.tokens.made import words

BASE = Path(__file__).resolve().parent.parent / "data" / "tried" / "tokenizers" / "base" / "tokenizer.json"
Json = dict[str, Any]
OWN_SPLIT = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UNREAD_SPLIT = r"(\w)\1+"


def changed(folder: Path, change: Callable[[Json], None], name: str = "changed") -> Path:
    """The tried tokenizer with one change, in a folder of its own."""
    found = copy.deepcopy(json.loads(BASE.read_text(encoding="utf-8")))
    change(found)
    (folder / name).mkdir()
    path = folder / name / "tokenizer.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def gap_before_added(found: Json) -> None:
    found["added_tokens"] += [{"id": 2500 + 7 * k, "content": f"<|x{k}|>", "special": True} for k in range(5)]


def holes(found: Json) -> None:
    vocab = found["model"]["vocab"]
    found["model"]["vocab"] = {token: id_ + (100 if id_ >= 1500 else 0) for token, id_ in vocab.items()}


def no_merges(found: Json) -> None:
    found["model"] |= {"merges": [], "ignore_merges": True}


def half_the_merges(found: Json) -> None:
    found["model"]["merges"] = found["model"]["merges"][:900]


def prepend(found: Json) -> None:
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    found["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]}


def compose(found: Json) -> None:
    found["normalizer"] = {"type": "NFC"}


def own_split(found: Json) -> None:
    split = {"type": "Split", "pattern": {"Regex": OWN_SPLIT}, "behavior": "Isolated", "invert": False}
    byte_level = dict(found["pre_tokenizer"]) | {"use_regex": False}
    found["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, byte_level]}


def unread_split(found: Json) -> None:
    """An expression with a reference back, which no grammar of ours reads."""
    own_split(found)
    found["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": UNREAD_SPLIT}


def each_digit(found: Json) -> None:
    digits = {"type": "Digits", "individual_digits": True}
    found["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [digits, found["pre_tokenizer"]]}


def same(found: Json) -> None:
    """Nothing is changed."""


@pytest.mark.parametrize(("change", "tokens", "highest"), [(gap_before_added, 2005, 2528), (holes, 2000, 2099)])
def test_tokens_are_counted_and_not_the_ids_that_have_none(
    tmp_path: Path, change: Callable[[Json], None], tokens: int, highest: int
) -> None:
    path = changed(tmp_path, change)
    found = forebear.inspect(path)["tokenizer"]
    assert (found["tokens"], found["highest_id"]) == (tokens, highest)
    about = lineage(path, [BASE])["subject"]
    assert (about["tokens"], about["ids"]) == (tokens, highest + 1)


@pytest.mark.parametrize(
    ("change", "step", "example"),
    [
        (no_merges, "merges", True),
        (half_the_merges, "merges", True),
        (prepend, "normalizer", True),
        (compose, "normalizer", True),
        (each_digit, "pre_tokenizer", True),
        (own_split, "pre_tokenizer", True),
        (unread_split, "pre_tokenizer", False),
    ],
)
def test_an_identical_vocabulary_that_cuts_otherwise_is_said_to_do_so(
    tmp_path: Path, change: Callable[[Json], None], step: str, example: bool
) -> None:
    document = lineage(changed(tmp_path, change), [BASE])
    assert problems_of(json.loads(canonical_json(document))) == []
    assert document["relation"] == "identical"
    cuts = document["cuts"]
    others = {"normalizer", "pre_tokenizer", "merges"} - {step}
    assert cuts[step]["state"] == "different"
    assert {cuts[key]["state"] for key in others} == {"same"}
    keys = [sentence["key"] for sentence in document["words"]]
    assert "lineage.steps_differ" in keys
    if example:
        assert 0 < cuts["differ"] <= cuts["texts"]
        assert "lineage.cuts_differ" in keys
        for shown in cuts["examples"]:
            first, second = (row["pieces"] for row in shown["rows"])
            assert first != second
    else:
        assert "lineage.cuts_unknown" in keys
        assert UNREAD_SPLIT in cuts["pre_tokenizer"]["subject"][0]


def test_a_copy_cuts_alike_and_has_the_same_special_tokens(tmp_path: Path) -> None:
    document = lineage(changed(tmp_path, same), [BASE])
    assert document["cuts"]["differ"] == 0
    assert [sentence["key"] for sentence in document["words"]] == ["lineage.identical", "lineage.cuts_same"]
    assert document["special_tokens"]["same"] == 1


def test_special_tokens_that_differ_are_named_with_their_ids(tmp_path: Path) -> None:
    def change(found: Json) -> None:
        found["added_tokens"] = [
            {"id": 2000, "content": "<|end|>", "special": True},
            {"id": 2001, "content": "<|begin|>", "special": True},
        ]

    document = lineage(changed(tmp_path, change), [BASE])
    found = document["special_tokens"]
    assert found["other_id"]["tokens"][0] == {"text": "<|end|>", "subject_id": 2000, "candidate_id": 0}
    assert [dict(entry) for entry in found["only_subject"]["tokens"]] == [{"id": 2001, "text": "<|begin|>"}]
    assert found["only_candidate"]["count"] == 0
    assert "1 only here; 1 under another id" in " ".join(said(document["words"]))


def test_the_same_vocabulary_in_another_container_is_identical_though_it_lists_special_tokens_as_ordinary(
    tmp_path: Path,
) -> None:
    def change(found: Json) -> None:
        start = len(found["model"]["vocab"])
        names = ["<|im_start|>", "<|im_end|>", *[f"<|reserved_special_token_{k}|>" for k in range(40)]]
        found["added_tokens"] += [{"id": start + k, "content": name, "special": True} for k, name in enumerate(names)]

    path = changed(tmp_path, change)
    found = json.loads(path.read_text(encoding="utf-8"))
    plain = found["model"]["vocab"] | {entry["content"]: entry["id"] for entry in found["added_tokens"]}
    (tmp_path / "plain").mkdir()
    other = tmp_path / "plain" / "vocab.json"
    other.write_text(json.dumps(plain), encoding="utf-8")
    for first, second in ((path, other), (other, path)):
        document = lineage(first, [second])
        assert document["relation"] == "identical"
        assert (document["counts"]["new"], document["counts"]["dropped"]) == (0, 0)
        places = document["special_tokens"]["placeholders"]
        assert places["subject"] == places["candidate"]
        assert places["subject"]["count"] == 40


def test_spare_places_that_one_side_added_do_not_hide_an_identity() -> None:
    tokens = words(61, 1500)
    spare = [b"[PAD%d]" % (1500 + k) for k in range(64)]
    ours = Vocabulary("bpe", (*tokens, *spare), frozenset())
    theirs = Vocabulary("bpe", tuple(tokens), frozenset())
    assert relation_of(kinship(prepare(ours), prepare(theirs))) == "identical"
    found = special_contrast(ours, theirs)
    assert found["placeholders"]["subject"] == {"count": 64, "first_id": 1500, "last_id": 1563, "example": "[PAD1500]"}
    assert found["placeholders"]["candidate"]["count"] == 0


@pytest.mark.parametrize(
    "spelling",
    ["[unused7]", " [unused99]", "<unused0>", "<|reserved_special_token_250|>", "<extra_id_99>", "<SPECIAL_12>", "[PAD151]",
     "<|extra_3|>", "<|placeholder_1|>", "<dummy00001>", "madeupword0003", "<｜place▁holder▁no▁5｜>", "<reserved_106>"],
)  # fmt: skip
def test_reserved_places_are_known_by_their_spelling(spelling: str) -> None:
    assert is_placeholder(spelling.encode())


@pytest.mark.parametrize(
    "spelling", ["<s>", "<|im_start|>", "<0x0A>", "[1]", "padding0", "arr[extra0]", "<fim_pad>", ">", ""]
)
def test_text_and_tokens_in_use_are_no_reserved_places(spelling: str) -> None:
    assert not is_placeholder(spelling.encode())


def test_a_hostile_spelling_costs_no_time() -> None:
    assert not is_placeholder(b"<" + b"pad_" * 5000 + b"1>")
    assert not is_placeholder(b"[" + b"_" * 20_000 + b"]")


def test_a_rank_file_is_not_said_to_have_lost_its_special_tokens(tmp_path: Path) -> None:
    import base64

    found = json.loads(BASE.read_text(encoding="utf-8"))
    back = {character: byte for byte, character in enumerate(GPT2_ALPHABET)}
    rows = [(id_, bytes(back[c] for c in token)) for token, id_ in found["model"]["vocab"].items() if id_]
    ranks = tmp_path / "base.tiktoken"
    ranks.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % id_ for id_, token in sorted(rows)))
    document = lineage(BASE, [ranks])
    assert document["relation"] == "identical"
    assert document["special_tokens"]["unlisted"] == ("candidate",)
    assert "its program has them" in " ".join(said(document["words"]))
    assert np.isclose(document["order_kept"], 1.0)
