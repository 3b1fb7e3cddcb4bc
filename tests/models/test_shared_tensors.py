"""One matrix for embedding and head: whichever name it is stored under, the model is the same; and NaN rows are said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import forebear
from forebear.core.seeds import generator
from tests.said import said

BASE = Path(__file__).resolve().parent.parent / "data" / "tried" / "base"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def saved(folder: Path, drop: str, metadata: dict[str, str] | None = None, prefix: str = "", **config: Any) -> Path:
    """The base with one matrix for both, stored under one of the names."""
    folder.mkdir()
    tensors = load_file(BASE / "model.safetensors")
    tensors[HEAD] = tensors[EMBEDDING]
    del tensors[drop]
    save_file(
        {prefix + name: value for name, value in tensors.items()}, folder / "model.safetensors", metadata=metadata
    )
    stated = json.loads((BASE / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**stated, "tie_word_embeddings": True, **config}))
    return folder


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module."])
def test_the_head_alone_gives_the_comparison_of_the_embedding_alone(tmp_path: Path, prefix: str) -> None:
    usual = forebear.compare(saved(tmp_path / "a", HEAD), BASE)
    found = forebear.compare(saved(tmp_path / "b", EMBEDDING, prefix=prefix), BASE)
    for key in ("verdict", "evidence", "effects", "audit"):
        assert found[key] == usual[key], key
    assert found["subject"]["parameters"] == usual["subject"]["parameters"]
    assert any("no embedding is stored: lm_head.weight" in sentence for sentence in said(found["limits"]))
    assert forebear.compare(tmp_path / "a", tmp_path / "b")["verdict"]["relation"] == "identical"
    assert forebear.inspect(tmp_path / "b")["width"] == 64


def test_metadata_that_names_what_was_dropped_is_believed(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", EMBEDDING, {EMBEDDING: HEAD}, tie_word_embeddings=False)
    assert any("no embedding is stored" in sentence for sentence in said(forebear.inspect(folder)["limits"]))


def test_a_head_that_is_not_tied_is_no_embedding(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", EMBEDDING, tie_word_embeddings=False)
    sentences = said(forebear.inspect(folder)["limits"])
    assert not any("no embedding is stored" in sentence for sentence in sentences)
    assert any("no tensor plays the part embedding" in sentence for sentence in sentences)


def test_a_model_with_both_is_left_as_it_is() -> None:
    assert not any("no embedding is stored" in sentence for sentence in said(forebear.inspect(BASE)["limits"]))


@pytest.mark.parametrize(("name", "rows", "value"), [
    ("model.layers.2.mlp.up_proj.weight", slice(0, 3), np.nan), ("model.embed_tokens.weight", slice(5, 9), np.nan),
    ("model.layers.1.self_attn.v_proj.weight", slice(4, 5), np.inf), ("model.layers.0.input_layernorm.weight", slice(7, 8), -np.inf),
])  # fmt: skip
@pytest.mark.parametrize("subject", [True, False])
def test_values_that_are_not_finite_are_said_of_their_side(
    tmp_path: Path, name: str, rows: slice, value: float, subject: bool
) -> None:
    tensors = load_file(BASE / "model.safetensors")
    random = generator("tests/models/shared_tensors", 0)
    tensors = {n: (a + 0.05 * a.std() * random.normal(size=a.shape)).astype(np.float32) for n, a in tensors.items()}
    tensors[name][rows] = value
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((BASE / "config.json").read_text())
    found = forebear.compare(tmp_path, BASE) if subject else forebear.compare(BASE, tmp_path)
    assert found["verdict"]["relation"] == "related"
    (one,) = [limit for limit in found["limits"] if limit["key"] == "limit.not_finite"]
    assert one["values"]["side"]["key"] == ("term.subject" if subject else "term.candidate")
    assert one["values"]["name"] == name
    assert one["values"]["rows"] == (1 if name.endswith("norm.weight") else rows.stop - rows.start)


def test_finite_values_are_not_remarked_upon(tmp_path: Path) -> None:
    tensors = {n: a * np.float32(1e30) for n, a in load_file(BASE / "model.safetensors").items()}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((BASE / "config.json").read_text())
    assert not [limit for limit in forebear.compare(tmp_path, BASE)["limits"] if limit["key"] == "limit.not_finite"]
