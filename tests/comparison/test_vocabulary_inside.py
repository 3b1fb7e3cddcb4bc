"""Shared tokens are found by their bytes wherever the tokenizer is: in a GGUF file, an archive, or beside the weights."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType as Q

import forebear
from forebear.comparison.demo import demo_folder
from tests.comparison.variants import load, save
from tests.files import gguf_make
from tests.said import said

BASE, DESCENDANT = demo_folder() / "base", demo_folder() / "descendant"
NEW_TOKENS = 40
BY_TOKEN = ("model.embed_tokens.weight", "lm_head.weight")


def spellings() -> list[str]:
    """The base's tokens as its tokenizer.json spells them, by id."""
    table = json.loads((BASE / "tokenizer.json").read_text())["model"]["vocab"]
    return [token for token, _ in sorted(table.items(), key=lambda item: item[1])]


def reordered() -> tuple[dict[str, np.ndarray], list[str], dict[str, int]]:
    """The descendant with its tokens in another order and new ones among them: tensors, tokens by id, configuration."""
    generator = np.random.Generator(np.random.PCG64(11))
    tokens = [*spellings(), *(f"nieuw{i}" for i in range(NEW_TOKENS))]
    order = generator.permutation(len(tokens))
    arrays = load(DESCENDANT)
    for name in BY_TOKEN:
        new = generator.normal(0, arrays[name].std(), (NEW_TOKENS, arrays[name].shape[1])).astype(np.float32)
        arrays[name] = np.concatenate((arrays[name], new))[order]
    return arrays, [tokens[i] for i in order], json.loads((DESCENDANT / "config.json").read_text())


def written(path: Path, monkeypatch: pytest.MonkeyPatch, *, tokenizer: bool) -> Path:
    """The reordered descendant as a GGUF file."""
    arrays, tokens, config = reordered()
    if tokenizer:
        finish = gguf_make.finish

        def with_tokens(writer: gguf.GGUFWriter) -> None:
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre("gpt-2")
            writer.add_token_list(tokens)
            writer.add_token_types([3 if token == "<|endoftext|>" else 1 for token in tokens])
            finish(writer)

        monkeypatch.setattr(gguf_make, "finish", with_tokens)
    return gguf_make.write_llama(path, arrays, config, Q.F16)


def channels(document: Mapping[str, Any]) -> int:
    return next(e["matched"] for e in document["evidence"] if e["axis"] == "channels" and e["test"] == "deck")


def test_a_gguf_file_with_its_tokens_in_another_order_is_paired_by_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = forebear.compare(written(tmp_path / "m.gguf", monkeypatch, tokenizer=True), [BASE])
    tokens = document["alignment"]["tokens"]
    assert (tokens["paired_by"], tokens["shared"]) == ("bytes", 511)  # all but the special one
    assert (tokens["only_subject"], tokens["only_candidate"]) == (NEW_TOKENS + 1, 1)
    assert channels(document) == 64
    assert document["verdict"]["relation"] == "related"


def test_without_a_tokenizer_the_same_rows_are_paired_by_id_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = forebear.compare(written(tmp_path / "m.gguf", monkeypatch, tokenizer=False), [BASE])
    assert document["alignment"]["tokens"]["paired_by"] == "ids"
    assert any("no vocabulary beside: subject" in limit for limit in said(document["limits"]))
    assert channels(document) < 16


def test_a_wheel_brings_its_own_tokenizer_and_the_folder_it_lies_in_has_no_say(tmp_path: Path) -> None:
    arrays, tokens, _ = reordered()
    made = save(tmp_path / "made", arrays, DESCENDANT, {"vocab_size": len(tokens)}, tokenizer=False)
    own = json.loads((BASE / "tokenizer.json").read_text())
    own["model"]["vocab"] = {token: at for at, token in enumerate(tokens)}
    own["added_tokens"] = [t | {"id": tokens.index(t["content"])} for t in own["added_tokens"]]
    with zipfile.ZipFile(tmp_path / "model-1-py3-none-any.whl", "w") as wheel:
        for name in ("config.json", "model.safetensors"):
            wheel.write(made / name, f"model/{name}")
        wheel.writestr("model/tokenizer.json", json.dumps(own))
    (tmp_path / "tokenizer.json").write_text("not this one")
    document = forebear.compare(tmp_path / "model-1-py3-none-any.whl", [BASE])
    assert document["alignment"]["tokens"]["paired_by"] == "bytes"
    assert channels(document) == 64


def test_a_tokenizer_inside_that_is_damaged_is_told_and_ids_are_used(tmp_path: Path) -> None:
    made = save(tmp_path / "made", load(DESCENDANT), DESCENDANT, tokenizer=False)
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for name in ("config.json", "model.safetensors"):
            archive.write(made / name, name)
        archive.writestr("tokenizer.json", '{"model": {"type": "BPE", "vocab": {"a": -1}}}')
    document = forebear.compare(tmp_path / "m.zip", [BASE])
    assert document["alignment"]["tokens"]["paired_by"] == "ids"
    assert any("a vocabulary could not be read" in limit for limit in said(document["limits"]))
